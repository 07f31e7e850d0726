"""Waiting for a workflow's next commit over core NATS: `firmus.watch.<shard>`, request and reply.

The decider of the shard answers when the waiter should look again, or when the waiter's time is
up. A decider that stops or loses the shard answers all its waiters at once. One that dies is
silent: its successor says on `firmus.watched` that it has the shard now, and the waiters look
again and ask it. Should that be lost too, a waiter looks again by itself when its time is up.
"""

import asyncio
from collections.abc import Iterable

import msgspec
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from firmus.ports import Unavailable, Watch, WatchPort
from firmus_contracts import ids, subjects

log = structlog.get_logger(__name__)

QUEUE_GROUP = "deciders"
ANSWER_PATIENCE_S = 1.0
"""How much longer than its own time a waiter waits for the decider to say that it is up."""


class _Question(msgspec.Struct, frozen=True, array_like=True):
    watch: Watch
    timeout_s: float


_encode = msgspec.json.encode
_questions = msgspec.json.Decoder(_Question)
_answers = msgspec.json.Decoder(bool)
_shards = msgspec.json.Decoder(list[int])


class WatchServer:
    """Answers waiters of some shards for a decider in this process."""

    def __init__(self, connection: Client, watches: WatchPort) -> None:
        self._connection = connection
        self._watches = watches
        self._subscriptions: dict[int, Subscription] = {}
        self._waiting: dict[asyncio.Task[None], str] = {}

    async def own(self, shards: Iterable[int]) -> None:
        """Answers exactly these shards from now on; waiters of others are sent away."""
        wanted = set(shards)
        for shard in self._subscriptions.keys() - wanted:
            await self._subscriptions.pop(shard).unsubscribe()
            subject = subjects.watch_subject(shard)
            for task, asked in self._waiting.items():
                if asked == subject:
                    task.cancel()
        gained = sorted(wanted - self._subscriptions.keys())
        for shard in gained:
            subject = subjects.watch_subject(shard)
            self._subscriptions[shard] = await self._connection.subscribe(
                subject, queue=QUEUE_GROUP, cb=self._received
            )
        if gained:
            await self._connection.publish(subjects.WATCHED, _encode(gained))

    async def stop(self) -> None:
        await self.own(())
        while self._waiting:
            await asyncio.wait(self._waiting)

    async def _received(self, message: Msg) -> None:
        task = asyncio.create_task(self._answer(message))
        self._waiting[task] = message.subject
        task.add_done_callback(self._waiting.pop)

    async def _answer(self, message: Msg) -> None:
        try:
            question = _questions.decode(message.data)
            answer = await self._watches.changed(question.watch, timeout_s=question.timeout_s)
        except Unavailable:
            return  # the waiter looks again when its time is up
        except Exception:
            log.exception("a watch was not answered", subject=message.subject)
            return
        except asyncio.CancelledError:
            answer = True
        await message.respond(_encode(answer))


class RemoteWatches:
    """Implements ports.WatchPort for a process without a decider of its own."""

    def __init__(self, connection: Client, *, shards: int) -> None:
        self._connection = connection
        self._shards = shards
        self._moved: dict[int, asyncio.Event] = {}
        self._listens = False

    async def changed(self, watch: Watch, *, timeout_s: float) -> bool:
        """See WatchPort. A decider that does not answer counts as "no"."""
        await self._listen()
        shard = ids.shard_of(watch.workflow_id, self._shards)
        moved = self._moved.setdefault(shard, asyncio.Event())
        asking = asyncio.create_task(self._ask(shard, _Question(watch, timeout_s)))
        moving = asyncio.create_task(moved.wait())
        try:
            await asyncio.wait((asking, moving), return_when=asyncio.FIRST_COMPLETED)
            return asking.result() if asking.done() else True
        finally:
            asking.cancel()
            moving.cancel()

    async def _ask(self, shard: int, question: _Question) -> bool:
        timeout_s = question.timeout_s + ANSWER_PATIENCE_S
        subject = subjects.watch_subject(shard)
        try:
            reply = await self._connection.request(subject, _encode(question), timeout=timeout_s)
        except TimeoutError:
            return False
        except NatsError as problem:
            raise Unavailable(f"no decider to wait at: {problem!r}") from problem
        return _answers.decode(reply.data)

    async def _listen(self) -> None:
        """Hears which shards have a new decider, from the first wait to the connection's end."""
        if not self._listens:
            self._listens = True
            try:
                await self._connection.subscribe(subjects.WATCHED, cb=self._on_gained)
            except NatsError as problem:
                self._listens = False
                raise Unavailable(f"no connection: {problem!r}") from problem

    async def _on_gained(self, message: Msg) -> None:
        for shard in _shards.decode(message.data):
            moved = self._moved.pop(shard, None)
            if moved is not None:
                moved.set()
