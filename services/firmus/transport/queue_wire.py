"""What schedulers and gateways say to each other about task queues, and how they say it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from firmus.broker.connection import Connection
from firmus.ports import QueueSize

Key = tuple[str | None, str]
"""(domain, task type)."""

_RECONNECT_PATIENCE_S = 60.0


class Ask(msgspec.Struct, frozen=True, array_like=True):
    """Polls of one queue: worker id and count of each."""

    task_type: str
    domain: str | None
    pollers: list[tuple[str, int]]


class Part(msgspec.Struct, frozen=True, array_like=True):
    """Begun tasks, each with the index of its poller. `more`: another part follows."""

    tasks: list[tuple[int, msgspec.Raw]]
    more: bool


class Told(msgspec.Struct, frozen=True, array_like=True):
    """What one scheduler says for its shards, out of `shard_count`."""

    shard_count: int
    shards: list[int]
    value: msgspec.Raw


encode = msgspec.json.encode
decode_ask = msgspec.json.Decoder(Ask).decode
decode_part = msgspec.json.Decoder(Part).decode
decode_told = msgspec.json.Decoder(Told).decode
decode_sizes = msgspec.json.Decoder(list[QueueSize]).decode
decode_count = msgspec.json.Decoder(int).decode
_SEPARATOR = b"\x00"

PROBE = encode(Part([], more=True))
"""Sent after an answer of which no word came."""
HAD, LOST = b"", b"lost"
"""Words about an answer: its tasks were passed on; a probe came, and they had never come."""


def encode_requeue(task_type: str, actor: str) -> bytes:
    return _SEPARATOR.join((task_type.encode(), actor.encode()))


def decode_requeue(data: bytes) -> tuple[str, str]:
    """(task type, who asks). Gateways of before sent the type alone."""
    task_type, found, actor = data.rpartition(_SEPARATOR)
    return (task_type.decode(), actor.decode()) if found else (data.decode(), "")


def send(connection: Connection, subject: str, data: bytes, reply: str = "") -> bool:
    """Queues a message for the next write; False, and nothing happens, while not connected."""
    if not connection.is_connected:
        return False
    connection.send(b"PUB %b %b %d\r\n%b\r\n" % (subject.encode(), reply.encode(), len(data), data))
    return True


class Background:
    """Tasks in the background that end with their owner."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """Waits for what was started."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self.finish()


async def when_back(connection: Connection, then: Callable[[], None]) -> None:
    """Calls `then` once the lost connection is there again; never when it was closed."""
    while not await connection.connected(_RECONNECT_PATIENCE_S):
        if connection.is_closed:
            return
    then()
