"""Leases in a bucket whose entries expire: who may do a thing, for as long as they keep saying so.

Time is the server's: an entry that is not renewed disappears after the bucket's TTL. A holder
counts from the moment it asked for its last renewal, so it stops at the same time or before. A
lease is an optimisation, never what correctness rests on (design, Shards).
"""

import asyncio
import secrets
from collections.abc import Callable

import msgspec

from firmus.broker.streams import LEASES_BUCKET
from firmus.broker.wire import JetStreamWire, StreamRefused, Unanswered, WrongLastSequence

_FIRST_PAUSE_S = 0.02
_RENEW_AGAIN_S = 0.05
_NANOS = 1_000_000_000
_DELETED = {"KV-Operation": "DEL"}


class LeaseEntry(msgspec.Struct, frozen=True):
    """What stands under a lease's key. `nonce` tells apart two leases of one holder."""

    holder: str
    nonce: str


class _Config(msgspec.Struct):
    max_age: int


class _Info(msgspec.Struct):
    config: _Config


async def bucket_ttl_s(wire: JetStreamWire, bucket: str = LEASES_BUCKET) -> float:
    """How long an entry of the bucket lives. Raises Unanswered, StreamRefused; ValueError when its
    entries live for ever.
    """
    answer = await wire.api(f"STREAM.INFO.KV_{bucket}")
    max_age = msgspec.json.decode(answer, type=_Info).config.max_age
    if max_age <= 0:
        raise ValueError(f"bucket {bucket} keeps its entries for ever: no lease would ever end")
    return max_age / _NANOS


class Lease:
    """One key of the bucket, held by one holder at a time and renewed every third of the TTL.

    `on_lost` is called when the lease ends without `release`; then `lost` is set too.
    """

    def __init__(
        self,
        wire: JetStreamWire,
        key: str,
        *,
        holder: str,
        ttl_s: float,
        bucket: str = LEASES_BUCKET,
        on_lost: Callable[[], None] | None = None,
    ) -> None:
        self.lost = asyncio.Event()
        self._wire = wire
        self._stream = f"KV_{bucket}"
        self._subject = f"$KV.{bucket}.{key}"
        self._value = msgspec.json.encode(LeaseEntry(holder, secrets.token_hex(8)))
        self._ttl_s = ttl_s
        self._on_lost = on_lost
        self._revision = 0
        self._valid_until = 0.0
        self._keeper: asyncio.Task[None] | None = None

    @property
    def held(self) -> bool:
        return self._keeper is not None and asyncio.get_running_loop().time() < self._valid_until

    async def try_acquire(self) -> bool:
        """Takes the lease if it is free. False also when the server does not answer."""
        if self._keeper is not None:
            return self.held
        try:
            last = await self._wire.last(self._stream, self._subject, leader=True)
            if last is not None and last.data and last.data != self._value:
                return False
            await self._write(0 if last is None else last.sequence)
        except (Unanswered, StreamRefused):
            return False
        self.lost.clear()
        self._keeper = asyncio.create_task(self._keep())
        return True

    async def acquire(self) -> None:
        """Waits until the lease is held. A release by its holder wakes the waiting at once."""
        freed = asyncio.Event()

        def on_write(subject: bytes, reply: bytes, data: bytes, header: bytes | None) -> None:
            del subject, reply, header
            if not data:
                freed.set()

        watch = await self._wire.connection.open_lane(self._subject, on_write)
        pause_s = _FIRST_PAUSE_S
        try:
            while not await self.try_acquire():
                pause_s = await nap(freed, pause_s, self._ttl_s / 3)
        finally:
            await self._wire.connection.close_lane(watch)

    async def release(self) -> None:
        """Lets go at once. If the server cannot be told, the entry expires."""
        keeper, self._keeper = self._keeper, None
        if keeper is None:
            return
        keeper.cancel()
        await asyncio.wait({keeper})
        try:
            try:
                await self._delete()
            except WrongLastSequence:
                # A renewal was under way when it was cancelled.
                if await self._still_ours():
                    await self._delete()
        except (Unanswered, StreamRefused):
            return

    async def _keep(self) -> None:
        try:
            while True:
                await asyncio.sleep(self._ttl_s / 3)
                async with asyncio.timeout_at(self._valid_until):
                    if not await self._renew():
                        break
        except TimeoutError:
            pass
        self._keeper = None
        self.lost.set()
        if self._on_lost is not None:
            self._on_lost()

    async def _renew(self) -> bool:
        """False once somebody else has the key, or nobody. Goes on asking a silent server."""
        while True:
            try:
                await self._write(self._revision)
            except WrongLastSequence:
                try:
                    if not await self._still_ours():
                        return False
                except Unanswered:
                    await asyncio.sleep(_RENEW_AGAIN_S)
            except Unanswered:
                await asyncio.sleep(_RENEW_AGAIN_S)
            except StreamRefused:
                return False
            else:
                return True

    async def _write(self, expected: int) -> None:
        asked_at = asyncio.get_running_loop().time()
        self._revision = await self._wire.publish(self._subject, self._value, expected=expected)
        self._valid_until = asked_at + self._ttl_s

    async def _delete(self) -> None:
        await self._wire.publish(self._subject, b"", expected=self._revision, headers=_DELETED)

    async def _still_ours(self) -> bool:
        """True when a write of ours was stored after all; takes over its revision."""
        last = await self._wire.last(self._stream, self._subject, leader=True)
        if last is None or not last.data or last.data != self._value:
            return False
        self._revision = last.sequence
        return True


async def release_all(wire: JetStreamWire, holder: str, bucket: str = LEASES_BUCKET) -> None:
    """Ends the leases that an earlier process of the same name left behind when it was killed.

    Should that process still run, it loses them as if they had run out. What cannot be ended
    expires.
    """
    try:
        entries = await wire.last_of_each(f"KV_{bucket}", [f"$KV.{bucket}.>"])
        for entry in entries:
            if not entry.data or _holder_of(entry.data) != holder:
                continue
            try:
                await wire.publish(entry.subject, b"", expected=entry.sequence, headers=_DELETED)
            except WrongLastSequence:
                continue
    except (Unanswered, StreamRefused):
        return


def _holder_of(data: bytes) -> str | None:
    try:
        return msgspec.json.decode(data, type=LeaseEntry).holder
    except msgspec.MsgspecError:
        return None


async def nap(signal: asyncio.Event, pause_s: float, longest_s: float) -> float:
    """Waits for the signal, at most `pause_s`; returns the next pause.

    A signal may come before the write it tells of can be read, so the pauses after it are short.
    """
    try:
        await asyncio.wait_for(signal.wait(), pause_s)
    except TimeoutError:
        return min(pause_s * 2, longest_s)
    signal.clear()
    return _FIRST_PAUSE_S
