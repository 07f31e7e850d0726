"""Long polls over REST, which end with their client."""

import msgspec

from firmus.broker.polldata import PollTable
from firmus.edge import polling
from firmus.edge.polling import Queue
from firmus.gateway.presence import Presence
from firmus.gateway.reading import Request
from firmus.ports import Clock, QueuesPort


class Polls(polling.Polls):
    """The polls of one gateway."""

    def __init__(self, queues: QueuesPort, clock: Clock, seen: PollTable) -> None:
        super().__init__(queues, clock, seen)
        self.presence = Presence()

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
