"""Task queues, and the slots of workflows that share a limit."""

from typing import Protocol

import msgspec

from firmus.workflow.slots import Entry


class QueueSize(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Tasks waiting (delayed ones included) and handed out but not ended; of these `handing` are on
    their way to a worker.
    """

    task_type: str
    domain: str | None
    waiting: int
    in_flight: int
    handing: int = 0


class QueuesPort(Protocol):
    """The task queues, held by the schedulers."""

    async def poll(
        self,
        task_type: str,
        *,
        domain: str | None,
        worker_id: str,
        count: int,
        timeout_s: float,
    ) -> list[msgspec.Raw]:
        """Up to `count` tasks, begun (committed) and whole as REST shows them; waits up to
        `timeout_s` for the first. An empty poll costs no message to another process. When the
        caller is cancelled no further task is begun.
        """
        ...

    async def sizes(self) -> list[QueueSize]: ...

    async def requeue(self, task_type: str, *, actor: str = "") -> int:
        """Offers begun tasks of a worker's type once more, in all domains, for `actor`; how many
        open ones wait now (spec 9.4). Raises Unavailable.
        """
        ...


class SlotsPort(Protocol):
    """Slots of workflows that share a limit (`workflow/slots.py`)."""

    async def enter(self, gate: str, workflow_id: str, limit: int, *, queue: bool) -> Entry:
        """Asks for a slot for a workflow about to start. Where none is free it is to wait with
        `queue`, and to be refused without. Asking again changes nothing. Raises Unavailable.
        """
        ...

    async def leave(self, gate: str, workflow_id: str) -> None:
        """The start came to nothing after all. Raises Unavailable."""
        ...
