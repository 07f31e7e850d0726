"""Workflows: the write side, starts, and waiting for a change."""

from typing import Protocol

import msgspec

from firmus.workflow.state import WorkflowState
from firmus_contracts.commands import Answer, Command, Rejected, StartWorkflow
from firmus_contracts.envelope import Record


class DeciderPort(Protocol):
    """The write side of workflows, and reads that are never behind it."""

    async def submit(self, command: Command) -> Answer:
        """Answers after the commit (or the refusal). Raises Unavailable."""
        ...

    async def read(self, workflow_id: str) -> WorkflowState | None:
        """The committed state of a workflow; None when it never existed. One that was removed is
        there (`workflow.state.present` is what users see of it). Raises Unavailable.
        """
        ...

    async def history(self, workflow_id: str) -> list[Record]:
        """All commits of a workflow, from the log. Raises Unavailable."""
        ...


class Started(msgspec.Struct, frozen=True):
    """The workflow that a start led to. `existing`: it was there before, nothing was started."""

    workflow_id: str
    existing: bool = False


class StartsPort(Protocol):
    """Starts of workflows, for everybody who asks for one."""

    async def start(
        self, command: StartWorkflow, strategy: str | None = None
    ) -> Started | Rejected:
        """Starts a workflow once for `command.idempotency_key`, or once for the command without.

        `command.workflow_id` is an id of the caller's own, fresh or derived from what asks; a
        repeated call for the same thing has the same command id, and the same answer. `strategy`
        is IdempotencyStrategy, None for FAIL: what a key means that was used before (spec 4.13):
        FAIL and FAIL_ON_RUNNING refuse with CONFLICT, RETURN_EXISTING gives that workflow. A key
        whose workflow never came to be starts it now. Raises Unavailable, after which the same
        call is safe.
        """
        ...


class Watch(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a waiter has seen of a workflow, and what it waits for.

    `seen` is the version that it has read, 0 while there is no such workflow. `refs` are the tasks
    whose end it waits for.
    """

    workflow_id: str
    seen: int = 0
    refs: tuple[str, ...] = ()


class WatchPort(Protocol):
    """Tells waiters that a workflow is worth another look. Costs nothing while nobody waits."""

    async def changed(self, watch: Watch, *, timeout_s: float) -> bool:
        """True once the workflow is not at the version `seen` any more, or one of its commits may
        have ended a wait (`workflow.blocking.ends_a_wait`); False when the time is up. True may
        come without a reason: the waiter reads the workflow again. Raises Unavailable.
        """
        ...
