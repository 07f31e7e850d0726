"""How tasks leave through an edge, and what is remembered of a hand-out.

All of it may be lost: the memory only saves a look-up, and a task that reached nobody is handed
out again by its response timeout.
"""

from collections import deque

import msgspec

from firmus.broker.polldata import Polled, PollTable
from firmus.ports import Clock, QueuesPort

_HANDED_OUT_MAX = 65_536
_SHELF_MAX = 1_024


class Queue(msgspec.Struct, frozen=True):
    """A queue as workers name it."""

    task_type: str
    domain: str | None


class _Begun(msgspec.Struct, rename="camel"):
    task_id: str


_BEGUN = msgspec.json.Decoder(_Begun)


class Polls:
    """The polls of one edge."""

    def __init__(self, queues: QueuesPort, clock: Clock, seen: PollTable) -> None:
        self._queues = queues
        self._clock = clock
        self._seen = seen
        self._handed_out: dict[str, Queue] = {}
        self._shelf: dict[Queue, deque[msgspec.Raw]] = {}
        self._shelved = 0

    async def take(
        self, queue: Queue, *, worker_id: str, count: int, timeout_s: float
    ) -> list[msgspec.Raw]:
        """Up to `count` begun tasks, waiting `timeout_s` at most for one. Raises Unavailable."""
        self._saw(queue, worker_id)
        if count < 1:
            return []
        tasks = self._unshelve(queue, count) if self._shelved else []
        if not tasks:
            tasks = await self._queues.poll(
                queue.task_type,
                domain=queue.domain,
                worker_id=worker_id,
                count=count,
                timeout_s=timeout_s,
            )
        for task in tasks:
            self._handed(_BEGUN.decode(task).task_id, queue)
        return tasks

    def queue_of(self, task_id: str) -> Queue | None:
        """Where a task was handed out from, if it was here and lately."""
        return self._handed_out.get(task_id)

    def forget(self, task_id: str) -> None:
        self._handed_out.pop(task_id, None)

    def shelve(self, queue: Queue, tasks: list[msgspec.Raw]) -> None:
        """Keeps begun tasks that could not be delivered for the next poll of their queue."""
        shelf = self._shelf.setdefault(queue, deque())
        for task in tasks[: _SHELF_MAX - self._shelved]:
            shelf.append(task)
            self._shelved += 1

    def _saw(self, queue: Queue, worker_id: str) -> None:
        """Our own polls are known at once and exactly, those of others as they tell of them."""
        now_ms = self._clock.now_ms()
        self._seen.record(
            Polled(
                task_type=queue.task_type,
                domain=queue.domain,
                worker_id=worker_id or None,
                last_poll_time=now_ms,
            )
        )

    def _handed(self, task_id: str, queue: Queue) -> None:
        if len(self._handed_out) >= _HANDED_OUT_MAX:
            del self._handed_out[next(iter(self._handed_out))]
        self._handed_out[task_id] = queue

    def _unshelve(self, queue: Queue, count: int) -> list[msgspec.Raw]:
        shelf = self._shelf.get(queue)
        if shelf is None:
            return []
        taken = [shelf.popleft() for _ in range(min(count, len(shelf)))]
        self._shelved -= len(taken)
        if not shelf:
            del self._shelf[queue]
        return taken
