"""Commands that were refused, by workflow: for people who ask why nothing happened.

They take no version of the workflow and are no part of its log, so they are recorded without
waiting, and lost rather than in anybody's way.
"""

from collections import OrderedDict, deque
from typing import Protocol

import msgspec

from firmus.broker.wire import JetStreamWire, StreamRefused, Unanswered
from firmus.ports import Unavailable
from firmus_contracts.ids import is_workflow_id
from firmus_contracts.subjects import REJECTED_STREAM, rejected_subject

MESSAGE_MAX = 2000
PENDING_MAX_BYTES = 1024 * 1024
_PER_WORKFLOW_MAX = 1000
_WORKFLOWS_MAX = 10_000


class Rejection(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A refused command. `kind` is the command's type, `code` a key of `errors.ERRORS`."""

    command_id: str
    kind: str
    code: str
    message: str
    time_ms: int
    actor: str = ""


class Rejections(Protocol):
    def record(self, workflow_id: str, rejection: Rejection) -> bool:
        """Records without waiting; False when it was dropped: no workflow can have that id, there
        is no connection, or too much waits to be sent. Long messages are cut.
        """
        ...

    async def of(self, workflow_id: str) -> list[Rejection]:
        """What is kept of a workflow's rejections, oldest first. Raises Unavailable."""
        ...


class JetStreamRejections:
    """In the bounded stream REJECTED, which exists already. `dropped` counts what was lost here."""

    def __init__(self, wire: JetStreamWire) -> None:
        self._wire = wire
        self.dropped = 0

    def record(self, workflow_id: str, rejection: Rejection) -> bool:
        connection = self._wire.connection
        if (
            not is_workflow_id(workflow_id)
            or not connection.is_connected
            or connection.pending_data_size > PENDING_MAX_BYTES
        ):
            self.dropped += 1
            return False
        data = msgspec.json.encode(_cut(rejection))
        subject = rejected_subject(workflow_id).encode()
        connection.send(b"PUB %b %d\r\n%b\r\n" % (subject, len(data), data))
        return True

    async def of(self, workflow_id: str) -> list[Rejection]:
        if not is_workflow_id(workflow_id):
            return []
        try:
            found = await self._wire.history(REJECTED_STREAM, rejected_subject(workflow_id))
        except (Unanswered, StreamRefused) as fault:
            raise Unavailable(f"rejections cannot be read: {fault}") from fault
        return [msgspec.json.decode(stored.data, type=Rejection) for stored in found]


class MemoryRejections:
    """The newest ones of the workflows that were refused something last."""

    def __init__(self) -> None:
        self._by_workflow: OrderedDict[str, deque[Rejection]] = OrderedDict()

    def record(self, workflow_id: str, rejection: Rejection) -> bool:
        if not is_workflow_id(workflow_id):
            return False
        kept = self._by_workflow.setdefault(workflow_id, deque(maxlen=_PER_WORKFLOW_MAX))
        kept.append(_cut(rejection))
        self._by_workflow.move_to_end(workflow_id)
        if len(self._by_workflow) > _WORKFLOWS_MAX:
            self._by_workflow.popitem(last=False)
        return True

    async def of(self, workflow_id: str) -> list[Rejection]:
        return list(self._by_workflow.get(workflow_id, ()))


def _cut(rejection: Rejection) -> Rejection:
    if len(rejection.message) <= MESSAGE_MAX:
        return rejection
    return msgspec.structs.replace(rejection, message=rejection.message[:MESSAGE_MAX] + "…")
