"""Long polls over REST, which end with their client."""

import msgspec

from firmus.broker.polldata import PollTable
from firmus.edge import polling
from firmus.edge.polling import Queue
from firmus.gateway.presence import Presence
from firmus.gateway.reading import Request
from firmus.ports import Clock, QueuesPort
from firmus.returning import Returns


class Polls(polling.Polls):
    """The polls of one gateway."""

    def __init__(
        self, queues: QueuesPort, clock: Clock, seen: PollTable, returns: Returns | None = None
    ) -> None:
        super().__init__(queues, clock, seen)
        self.presence = Presence()
        self._returns = returns

    async def wait(
        self, req: Request, queue: Queue, *, worker_id: str, count: int, timeout_s: float
    ) -> list[msgspec.Raw]:
        """The same for a client that may leave while it waits; then nothing more is begun.

        Answers with nothing when the client has left or the gateway stops.
        """
        if self.presence.closing:
            return []
        work = self.take(queue, worker_id=worker_id, count=count, timeout_s=timeout_s)
        return await self.presence.unless_gone(req, work) or []

    def deliverable(self, req: Request, tasks: list[msgspec.Raw]) -> list[msgspec.Raw]:
        """The tasks of an answer; none when its client has left, then they go to the next poll."""
        if tasks and req.left and self._returns is not None:
            self._returns.give_back(tasks)
            return []
        return tasks
