"""A scheduler's task queues, offered to other processes over core NATS.

It says once when a queue gets work that no poll of its own process wanted, and answers whoever
asks. An answer with less than was asked for ends that announcement: the next work is announced
anew.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec
from nats.aio.subscription import Subscription

from firmus.broker.connection import Connection
from firmus.ports import QueueSize, Unavailable
from firmus.returning import Returns
from firmus.transport.delivery import Deliveries
from firmus.transport.queue_wire import (
    Ask,
    Background,
    Key,
    Told,
    decode_ask,
    decode_requeue,
    encode,
    send,
    when_back,
)
from firmus_contracts import subjects

_log = logging.getLogger(__name__)


class ServedQueues(Protocol):
    """What a scheduler offers: ports.QueuesPort, and when there is work."""

    instance: str
    shards: tuple[int, ...]
    shard_count: int

    async def poll(
        self, task_type: str, *, domain: str | None, worker_id: str, count: int, timeout_s: float
    ) -> list[msgspec.Raw]: ...

    async def sizes(self) -> list[QueueSize]: ...

    async def requeue(self, task_type: str, *, actor: str = "") -> int: ...

    def on_ready(self, listener: Callable[[str, str | None], None]) -> None: ...

    def ready_queues(self) -> list[tuple[str, str | None]]: ...

    def has_ready(self, task_type: str, domain: str | None) -> bool: ...


class QueuesServer:
    """Offers a scheduler's queues to other processes. `returns` takes tasks that reach nobody."""

    def __init__(self, connection: Connection, queues: ServedQueues, returns: Returns) -> None:
        self._connection = connection
        self._queues = queues
        self._deliveries = Deliveries(connection, returns)
        self._announced: set[Key] = set()
        self._lanes: list[Subscription] = []
        self._background = Background()
        self._watch = Background()
        self._forget_loss: Callable[[], None] | None = None

    async def start(self) -> None:
        instance = self._queues.instance
        open_lane = self._connection.open_lane
        await self._deliveries.start()
        self._lanes.append(await open_lane(subjects.poll_subject(instance), self._on_ask))
        self._lanes.append(await open_lane(subjects.ANNOUNCE, self._on_announce))
        self._lanes.append(await open_lane(subjects.QUEUE_SIZES, self._on_sizes))
        self._lanes.append(await open_lane(subjects.REQUEUE, self._on_requeue))
        self._forget_loss = self._connection.on_loss(self._on_loss)
        self._queues.on_ready(self._announce)
        self._announce_all()

    async def stop(self) -> None:
        """Takes no more questions and answers those it has."""
        if self._forget_loss is not None:
            self._forget_loss()
            self._forget_loss = None
        for lane in self._lanes:
            await self._connection.close_lane(lane)
        self._lanes.clear()
        await self._watch.cancel()
        await self._background.finish()
        await self._deliveries.stop()

    def _announce(self, task_type: str, domain: str | None) -> None:
        key = (domain, task_type)
        if key not in self._announced and self._lanes and self._say_ready(key):
            self._announced.add(key)

    def _announce_all(self) -> None:
        for task_type, domain in self._queues.ready_queues():
            self._announce(task_type, domain)

    def _say_ready(self, key: Key) -> bool:
        subject = subjects.ready_subject(*key)
        return send(self._connection, subject, self._queues.instance.encode())

    def _on_loss(self) -> None:
        self._announced.clear()
        self._watch.start(when_back(self._connection, self._announce_all))

    def _on_announce(self, subject: bytes, reply: bytes, data: bytes, header: object) -> None:
        """Somebody does not know what was announced: of one queue, or of all."""
        del subject, reply, header
        if not data:
            self._announced.clear()
            self._announce_all()
            return
        task_type, domain = msgspec.json.decode(data, type=tuple[str, str | None])
        self._announced.discard((domain, task_type))
        if self._queues.has_ready(task_type, domain):
            self._announce(task_type, domain)

    def _on_ask(self, subject: bytes, reply: bytes, data: bytes, header: object) -> None:
        del subject, header
        self._background.start(self._answer(reply.decode(), decode_ask(data)))

    async def _answer(self, reply: str, ask: Ask) -> None:
        polls = [self._poll(ask, worker_id, count) for worker_id, count in ask.pollers]
        found = await asyncio.gather(*polls)
        short = any(
            len(tasks) < count for tasks, (_, count) in zip(found, ask.pollers, strict=True)
        )
        if short:
            self._announced.discard((ask.domain, ask.task_type))
        self._deliveries.send(reply, found)
        if short and self._queues.has_ready(ask.task_type, ask.domain):
            self._announce(ask.task_type, ask.domain)

    async def _poll(self, ask: Ask, worker_id: str, count: int) -> list[msgspec.Raw]:
        try:
            return await self._queues.poll(
                ask.task_type, domain=ask.domain, worker_id=worker_id, count=count, timeout_s=0
            )
        except Exception:  # noqa: BLE001 - the others of this answer are begun and must arrive
            _log.exception("a poll of %s failed", ask.task_type)
            return []

    def _on_sizes(self, subject: bytes, reply: bytes, data: bytes, header: object) -> None:
        del subject, data, header
        self._background.start(self._tell(reply.decode(), self._queues.sizes()))

    def _on_requeue(self, subject: bytes, reply: bytes, data: bytes, header: object) -> None:
        del subject, header
        task_type, actor = decode_requeue(data)
        asked = self._queues.requeue(task_type, actor=actor)
        self._background.start(self._tell(reply.decode(), asked))

    async def _tell(self, reply: str, found: Awaitable[Any]) -> None:
        """Answers for our shards; who asks goes without when that cannot be said."""
        try:
            value = msgspec.Raw(encode(await found))
        except Unavailable as error:
            _log.warning("a question about queues goes unanswered: %s", error)
            return
        queues = self._queues
        told = Told(queues.shard_count, list(queues.shards), value)
        send(self._connection, reply, encode(told))
