"""Handing out tasks to pollers of this process: pop, begin (a commit), answer.

A poll that finds nothing waits in line; the first in line gets the next due task. A refused task
(superseded, cancelled) makes way for the next one.
"""

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence

import msgspec

from firmus.ports import Clock, DeciderPort, QueueSize, Unavailable
from firmus.returning import Returns
from firmus.scheduler.parking import Key
from firmus.scheduler.queues import Queues, Taken
from firmus_contracts.commands import Accepted, BeginTask
from firmus_contracts.errors import ERRORS

AGAIN_AFTER_UNAVAILABLE_MS = 1_000
AGAIN_AFTER_REFUSAL_MS = 5_000
"""The log removes a refused task at once; this is for a refusal that leaves no trace there."""

LetIn = Callable[[Sequence[Taken]], Awaitable[list[Taken]]]
"""Which of these may be handed out now. Raises Unavailable."""

ReadyListener = Callable[[str, str | None], None]


class _Waiter(msgspec.Struct, eq=False):
    """A poll in line. Its future yields tasks already taken for it, or none when time is up."""

    future: "asyncio.Future[list[Taken]]"
    count: int

    def give_up(self) -> None:
        if not self.future.done():
            self.future.set_result([])


class HandOut:
    """`changed` is called when tasks went back to the queues outside of the fold. `let_in` asks for
    limited tasks where other schedulers hand them out too.
    """

    def __init__(
        self,
        queues: Queues,
        decider: DeciderPort,
        clock: Clock,
        *,
        instance: str,
        changed: Callable[[], None],
        let_in: LetIn | None = None,
    ) -> None:
        self._queues = queues
        self._decider = decider
        self._clock = clock
        self._instance = instance
        self._returns = Returns(decider)
        self._changed = changed
        self._let_in = let_in
        self._serial = itertools.count()
        self._lines: dict[Key, OrderedDict[int, _Waiter]] = {}
        self._listeners: list[ReadyListener] = []
        self._open = False
        self.begun = 0
        self.refused = 0

    def open(self) -> None:
        """From now on tasks are handed out: the fold has reached the end of the log."""
        self._open = True

    def close(self) -> None:
        """Answers all waiting polls with nothing, and those to come."""
        self._open = False
        for line in self._lines.values():
            for waiter in line.values():
                waiter.give_up()

    def on_ready(self, listener: ReadyListener) -> None:
        """Calls `listener(task_type, domain)` when due tasks wait that no poll here wanted."""
        self._listeners.append(listener)

    def ready_queues(self) -> list[tuple[str, str | None]]:
        """(task type, domain) of the queues with due tasks."""
        if not self._open:
            return []
        return [(task_type, domain) for domain, task_type in self._queues.ready_keys()]

    def has_ready(self, task_type: str, domain: str | None) -> bool:
        return self._open and self._queues.has_ready((domain, task_type))

    async def poll(
        self,
        task_type: str,
        *,
        domain: str | None,
        worker_id: str,
        count: int,
        timeout_s: float,
    ) -> list[msgspec.Raw]:
        """See QueuesPort.poll."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + timeout_s
        key: Key = (domain or None, task_type)
        tasks: list[msgspec.Raw] = []
        taken = self._take(key, count)
        while True:
            if taken:
                tasks += await self._begin_all(taken, worker_id, tasks)
                if len(tasks) >= count:
                    return tasks
                taken = self._take(key, count - len(tasks))
                if taken:
                    continue
            remaining_s = give_up_at - loop.time()
            if tasks or remaining_s <= 0 or count < 1:
                return tasks
            taken = await self._wait(key, count, remaining_s)
            if not taken:
                return tasks

    def dispatch(self, now_ms: int) -> None:
        """Gives tasks that have become due to polls in line, and tells of those left over."""
        woken = self._queues.woken
        if not self._open or not woken:
            return
        for key in self._queues.by_age(woken):
            line = self._lines.get(key)
            while line and self._queues.has_ready(key):
                _, waiter = line.popitem(last=False)
                if not waiter.future.done():
                    waiter.future.set_result(self._queues.take(key, waiter.count, now_ms))
            if self._listeners and self._queues.has_ready(key):
                for listener in self._listeners:
                    listener(key[1], key[0])
        woken.clear()

    def sizes(self) -> list[QueueSize]:
        return [
            QueueSize(
                task_type=task_type,
                domain=domain,
                waiting=lane.waiting,
                in_flight=lane.in_flight + lane.handing,
                handing=lane.handing,
            )
            for (domain, task_type), lane in self._queues.lanes.items()
        ]

    def _take(self, key: Key, count: int) -> list[Taken]:
        return self._queues.take(key, count, self._clock.now_ms()) if self._open else []

    async def _wait(self, key: Key, count: int, timeout_s: float) -> list[Taken]:
        loop = asyncio.get_running_loop()
        waiter = _Waiter(loop.create_future(), count)
        number = next(self._serial)
        self._lines.setdefault(key, OrderedDict())[number] = waiter
        timer = loop.call_later(timeout_s, waiter.give_up)
        try:
            return await waiter.future
        except asyncio.CancelledError:
            if waiter.future.done() and not waiter.future.cancelled():
                self._give_back(waiter.future.result())
            raise
        finally:
            timer.cancel()
            line = self._lines.get(key)
            if line is not None:
                line.pop(number, None)
                if not line:
                    del self._lines[key]

    async def _begin_all(
        self, taken: list[Taken], worker_id: str, before: Sequence[msgspec.Raw]
    ) -> list[msgspec.Raw]:
        """The tasks, begun. Should the poll be cancelled, they and those `before` go back."""
        try:
            if self._let_in is not None and self._queues.limited:
                taken = await self._passed(taken, self._let_in)
            if len(taken) == 1:
                task = await self._begin(taken[0], worker_id)
                return [] if task is None else [task]
            return await self._begin_several(taken, worker_id)
        except BaseException:
            self._returns.give_back(before)
            raise

    async def _begin_several(self, taken: list[Taken], worker_id: str) -> list[msgspec.Raw]:
        begins = [asyncio.ensure_future(self._begin(one, worker_id)) for one in taken]
        try:
            tasks = await asyncio.gather(*begins)
        except BaseException:
            for begin in begins:
                begin.cancel()
            ended = await asyncio.gather(*begins, return_exceptions=True)
            self._returns.give_back(each for each in ended if isinstance(each, msgspec.Raw))
            never = zip(taken, begins, strict=True)
            self._give_back([one for one, begin in never if begin.cancelled()])
            raise
        return [task for task in tasks if task is not None]

    async def _passed(self, taken: list[Taken], let_in: LetIn) -> list[Taken]:
        """Those that may be handed out as far as other schedulers go; the rest waits again."""
        try:
            passed = await let_in(taken)
        except Unavailable:
            self._give_back(taken, AGAIN_AFTER_UNAVAILABLE_MS)
            return []
        except BaseException:
            self._give_back(taken)
            raise
        self._give_back([one for one in taken if one not in passed])
        return passed

    async def _begin(self, taken: Taken, worker_id: str) -> msgspec.Raw | None:
        """The task, begun; None when it was refused or nobody knows, then it waits again."""
        row = taken[0]
        command = BeginTask(
            command_id=f"{row.task_id}/begin/{self._instance}.{next(self._serial)}",
            workflow_id=row.workflow_id,
            actor=worker_id,
            task_id=row.task_id,
            worker_id=worker_id,
        )
        try:
            answer = await self._decider.submit(command)
        except Unavailable:
            self._give_back([taken], AGAIN_AFTER_UNAVAILABLE_MS)
            return None
        except BaseException:
            # Whether it was begun shows in the log, which then takes it out of the queue.
            self._give_back([taken], AGAIN_AFTER_UNAVAILABLE_MS)
            self._returns.take_back(command)
            raise
        if isinstance(answer, Accepted):
            self.begun += 1
            return answer.result
        self.refused += 1
        problem = ERRORS.get(answer.code)
        retryable = problem is not None and problem.retryable
        self._give_back(
            [taken], AGAIN_AFTER_UNAVAILABLE_MS if retryable else AGAIN_AFTER_REFUSAL_MS
        )
        return None

    def _give_back(self, taken: Iterable[Taken], after_ms: int = 0) -> None:
        due_ms = self._clock.now_ms() + after_ms if after_ms else None
        for one in taken:
            self._queues.give_back(one, due_ms)
        self._changed()
