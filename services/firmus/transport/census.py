"""Asking all schedulers one thing: each answers for its shards, and the answers together are good
once every shard is covered.
"""

import asyncio
import itertools

import msgspec
from nats.aio.subscription import Subscription

from firmus.broker.connection import Connection
from firmus.ports import Unavailable
from firmus.transport.queue_wire import decode_told, send


class _Count(msgspec.Struct, eq=False):
    """Answers being collected; `missing` is None while nobody said how many shards there are."""

    missing: set[int] | None
    told: list[bytes]
    done: "asyncio.Future[None]"


class Census:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._inbox = f"{connection.new_inbox()}."
        self._serial = itertools.count(1)
        self._counts: dict[bytes, _Count] = {}
        self._lane: Subscription | None = None

    async def start(self) -> None:
        self._lane = await self._connection.open_lane(f"{self._inbox}*", self._on_reply)

    async def stop(self) -> None:
        if self._lane is not None:
            await self._connection.close_lane(self._lane)
            self._lane = None

    async def ask(self, subject: str, data: bytes, within_s: float) -> list[bytes]:
        """One JSON value of each scheduler. Raises Unavailable when some shard has none in time."""
        token = b"%d" % next(self._serial)
        count = _Count(None, [], asyncio.get_running_loop().create_future())
        self._counts[token] = count
        try:
            send(self._connection, subject, data, self._inbox + token.decode())
            async with asyncio.timeout(within_s):
                await count.done
        except TimeoutError:
            missing = "all" if count.missing is None else sorted(count.missing)
            raise Unavailable(f"no scheduler answered {subject} for shards: {missing}") from None
        finally:
            del self._counts[token]
        return count.told

    def _on_reply(self, subject: bytes, reply: bytes, data: bytes, header: bytes | None) -> None:
        del reply, header
        count = self._counts.get(subject[len(self._inbox) :])
        if count is None or not data:
            return
        told = decode_told(data)
        if count.missing is None:
            count.missing = set(range(told.shard_count))
        if not count.missing.issuperset(told.shards):
            return
        count.missing -= set(told.shards)
        count.told.append(bytes(told.value))
        if not count.missing and not count.done.done():
            count.done.set_result(None)
