"""The task queues over core NATS, for gateways and workers in other processes.

A scheduler says once when a queue gets work (`firmus.ready.<domain>.<type>`); a gateway with a
waiting poll then asks it (`firmus.poll.<instance>`). An answer with less than was asked for ends
that knowledge on both sides, so an idle or empty poll costs no message.
"""

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import Callable, Sequence

import msgspec
from nats.aio.subscription import Subscription

from firmus.broker.connection import Connection
from firmus.broker.polldata import Polled, tell
from firmus.broker.wire import status_of
from firmus.clock import SystemClock
from firmus.ports import Clock, QueueSize, QueuesPort
from firmus.returning import Returns
from firmus.transport.census import Census
from firmus.transport.delivery import Receipts
from firmus.transport.queue_wire import (
    PROBE,
    Ask,
    Background,
    Key,
    decode_count,
    decode_part,
    decode_sizes,
    encode,
    encode_requeue,
    send,
    when_back,
)
from firmus_contracts import subjects

ANSWER_WITHIN_S = 6.0
SIZES_WITHIN_S = 2.0
REQUEUED_WITHIN_S = 30.0
RESYNC_S = 10.0
NOTICE_EVERY_MS = 2_000
NOTICES_MAX = 10_000


class PollNotices:
    """Says who polls what: at first sight, then every two seconds at most."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._said_ms: dict[tuple[str, str | None, str], int] = {}

    def seen(self, task_type: str, domain: str | None, worker_id: str) -> None:
        now_ms = self._clock.now_ms()
        key = (task_type, domain, worker_id)
        if now_ms - self._said_ms.get(key, 0) < NOTICE_EVERY_MS:
            return
        if len(self._said_ms) >= NOTICES_MAX:
            old_ms = now_ms - NOTICE_EVERY_MS
            self._said_ms = {k: at for k, at in self._said_ms.items() if at > old_ms}
        polled = Polled(
            task_type=task_type, domain=domain, worker_id=worker_id or None, last_poll_time=now_ms
        )
        if tell(self._connection, polled):
            self._said_ms[key] = now_ms


class NotedQueues:
    """Queues of this process, whose polls are noticed by the deciders of other processes too."""

    def __init__(self, queues: QueuesPort, notices: PollNotices) -> None:
        self._queues = queues
        self._notices = notices

    async def poll(
        self, task_type: str, *, domain: str | None, worker_id: str, count: int, timeout_s: float
    ) -> list[msgspec.Raw]:
        self._notices.seen(task_type, domain, worker_id)
        return await self._queues.poll(
            task_type, domain=domain, worker_id=worker_id, count=count, timeout_s=timeout_s
        )

    async def sizes(self) -> list[QueueSize]:
        return await self._queues.sizes()

    async def requeue(self, task_type: str, *, actor: str = "") -> int:
        return await self._queues.requeue(task_type, actor=actor)


class _Waiter(msgspec.Struct, eq=False):
    """A poll. `asked`: a question is on its way for it, whose answer has to be awaited."""

    future: "asyncio.Future[list[msgspec.Raw]]"
    worker_id: str
    count: int
    asked: bool = False
    late: bool = False

    def give_up(self) -> None:
        self.late = True
        if not self.asked:
            self.answer([])

    def answer(self, tasks: list[msgspec.Raw]) -> None:
        if not self.future.done():
            self.future.set_result(tasks)


class _Queue(msgspec.Struct, eq=False):
    """What is known of one queue: polls in line, and who announced work, as which announcement."""

    line: OrderedDict[int, _Waiter] = msgspec.field(default_factory=OrderedDict)
    hints: dict[str, int] = {}
    asking: bool = False


class _Question(msgspec.Struct, eq=False):
    key: Key
    instance: str
    hint: int
    waiters: list[_Waiter]
    answers: list[list[msgspec.Raw]]
    timer: asyncio.TimerHandle


class RemoteQueues:
    """Implements ports.QueuesPort for a process without a scheduler. `noted`: its polls are a
    worker's, to be shown and to count for the choice of a domain; firmus' own are not (spec 9.2).
    `returns` takes the tasks of polls that were cancelled on their way.
    """

    def __init__(
        self,
        connection: Connection,
        clock: Clock | None = None,
        *,
        noted: bool = True,
        returns: Returns | None = None,
    ) -> None:
        clock = clock or SystemClock()
        self._connection = connection
        self._notices = PollNotices(connection, clock) if noted else None
        self._returns = returns
        self._inbox = f"{connection.new_inbox()}."
        self._serial = itertools.count(1)
        self._queues: dict[Key, _Queue] = {}
        self._questions: dict[bytes, _Question] = {}
        self._census = Census(connection)
        self._lanes: list[Subscription] = []
        self._background = Background()
        self._receipts = Receipts(connection)
        self._resync: asyncio.TimerHandle | None = None
        self._polled = False
        self._forget_loss: Callable[[], None] | None = None

    async def start(self) -> None:
        open_lane = self._connection.open_lane
        self._lanes.append(await open_lane(f"{self._inbox}*", self._on_reply))
        self._lanes.append(await open_lane(subjects.READY_ALL, self._on_ready))
        await self._census.start()
        self._forget_loss = self._connection.on_loss(self._on_loss)

    async def stop(self) -> None:
        """Answers all polls with nothing."""
        if self._forget_loss is not None:
            self._forget_loss()
            self._forget_loss = None
        for token in list(self._questions):
            self._finish(token, empty=True)
        for queue in self._queues.values():
            for waiter in queue.line.values():
                waiter.answer([])
        self._queues.clear()
        if self._resync is not None:
            self._resync.cancel()
            self._resync = None
        await self._census.stop()
        for lane in self._lanes:
            await self._connection.close_lane(lane)
        self._lanes.clear()
        self._receipts.stop()  # no answer can come any more, so nothing is left to be told later
        await self._background.cancel()

    async def poll(
        self, task_type: str, *, domain: str | None, worker_id: str, count: int, timeout_s: float
    ) -> list[msgspec.Raw]:
        """See QueuesPort.poll. Without a scheduler to ask, a poll ends with nothing."""
        if count < 1 or not self._lanes:
            return []
        if self._notices is not None:
            self._notices.seen(task_type, domain or None, worker_id)
        key: Key = (domain or None, task_type)
        queue = self._queue(key)
        loop = asyncio.get_running_loop()
        waiter = _Waiter(loop.create_future(), worker_id, count)
        number = next(self._serial)
        queue.line[number] = waiter
        timer = loop.call_later(timeout_s, waiter.give_up)
        if queue.hints:
            self._ask_soon(key, queue)
        try:
            return await waiter.future
        except asyncio.CancelledError:
            if waiter.future.done() and not waiter.future.cancelled():
                self._give_back(waiter.future.result())
            raise
        finally:
            timer.cancel()
            queue.line.pop(number, None)

    async def sizes(self) -> list[QueueSize]:
        """Of all shards. Raises Unavailable when a scheduler does not answer."""
        found: dict[Key, QueueSize] = {}
        for told in await self._census.ask(subjects.QUEUE_SIZES, b"", SIZES_WITHIN_S):
            for size in decode_sizes(told):
                key = (size.domain, size.task_type)
                known = found.get(key)
                found[key] = size if known is None else _sum(known, size)
        return list(found.values())

    async def requeue(self, task_type: str, *, actor: str = "") -> int:
        asked = encode_requeue(task_type, actor)
        told = await self._census.ask(subjects.REQUEUE, asked, REQUEUED_WITHIN_S)
        return sum(map(decode_count, told))

    def _queue(self, key: Key) -> _Queue:
        """What is known of a queue; at first sight schedulers are asked whether it has work."""
        self._polled = True
        if self._resync is None:
            self._resync = asyncio.get_running_loop().call_later(RESYNC_S, self._on_resync)
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = _Queue()
            self._ask_for_announcement(key)
        return queue

    def _on_resync(self) -> None:
        """An announcement may be lost with a connection: now and then, while somebody polls, all
        are asked for again. Queues that nobody waits for are forgotten.
        """
        self._resync = None
        self._queues = {key: queue for key, queue in self._queues.items() if queue.line}
        if self._polled:
            self._polled = False
            self._ask_for_announcements()
            self._resync = asyncio.get_running_loop().call_later(RESYNC_S, self._on_resync)

    def _ask_for_announcements(self) -> None:
        send(self._connection, subjects.ANNOUNCE, b"")

    def _ask_for_announcement(self, key: Key) -> None:
        send(self._connection, subjects.ANNOUNCE, encode((key[1], key[0])))

    def _on_ready(self, subject: bytes, reply: bytes, data: bytes, header: object) -> None:
        del reply, header
        _, _, domain, task_type = subject.decode().split(".")
        key = (subjects.untoken(domain) or None, subjects.untoken(task_type))
        queue = self._queues.get(key)
        if queue is not None:
            queue.hints[data.decode()] = next(self._serial)
            self._ask_soon(key, queue)

    def _ask_soon(self, key: Key, queue: _Queue) -> None:
        """One question for all polls of this loop tick."""
        if not queue.asking:
            queue.asking = True
            asyncio.get_running_loop().call_soon(self._ask, key, queue)

    def _ask(self, key: Key, queue: _Queue) -> None:
        queue.asking = False
        waiters = [w for w in queue.line.values() if not (w.asked or w.future.done())]
        if not waiters or not queue.hints:
            return
        instance, hint = next(iter(queue.hints.items()))
        del queue.hints[instance]
        queue.hints[instance] = hint
        token = b"%d" % next(self._serial)
        ask = Ask(key[1], key[0], [(w.worker_id, w.count) for w in waiters])
        subject = subjects.poll_subject(instance)
        if not send(self._connection, subject, encode(ask), self._inbox + token.decode()):
            return
        for waiter in waiters:
            waiter.asked = True
        timer = asyncio.get_running_loop().call_later(ANSWER_WITHIN_S, self._give_up, token)
        answers: list[list[msgspec.Raw]] = [[] for _ in waiters]
        self._questions[token] = _Question(key, instance, hint, waiters, answers, timer)

    def _on_reply(self, subject: bytes, reply: bytes, data: bytes, header: bytes | None) -> None:
        token = subject[len(self._inbox) :]
        question = self._questions.get(token)
        if status_of(header):
            if question is not None:
                self._finish(token, empty=True)
            return
        if data == PROBE:
            self._receipts.probed(reply)
            return
        part = decode_part(data)
        if question is None:  # its polls were answered with nothing when they had waited too long
            self._give_back([task for _, task in part.tasks])
        else:
            for index, task in part.tasks:
                question.answers[index].append(task)
            if not part.more:
                self._finish(token, empty=False)
        if reply:
            self._receipts.had(reply)

    def _give_up(self, token: bytes) -> None:
        """The scheduler, if it lives, takes what it announced for known here."""
        key = self._questions[token].key
        self._finish(token, empty=True)
        self._ask_for_announcement(key)

    def _finish(self, token: bytes, empty: bool) -> None:
        """Answers polls, puts those without tasks back in line. `empty`: nobody answered."""
        question = self._questions.pop(token)
        question.timer.cancel()
        short = empty
        for waiter, tasks in zip(question.waiters, question.answers, strict=True):
            waiter.asked = False
            short = short or len(tasks) < waiter.count
            if waiter.future.cancelled():
                self._give_back(tasks)
            elif tasks or waiter.late:
                waiter.answer(tasks)
        queue = self._queues.get(question.key)
        if queue is None:
            return
        if short and queue.hints.get(question.instance) == question.hint:
            del queue.hints[question.instance]
        if queue.hints:
            self._ask_soon(question.key, queue)

    def _give_back(self, tasks: Sequence[msgspec.Raw]) -> None:
        if self._returns is not None:
            self._returns.give_back(tasks)

    def _on_loss(self) -> None:
        for token in list(self._questions):
            self._finish(token, empty=True)
        for queue in self._queues.values():
            queue.hints.clear()
        self._background.start(when_back(self._connection, self._ask_for_announcements))


def _sum(one: QueueSize, other: QueueSize) -> QueueSize:
    return msgspec.structs.replace(
        one,
        waiting=one.waiting + other.waiting,
        in_flight=one.in_flight + other.in_flight,
        handing=one.handing + other.handing,
    )
