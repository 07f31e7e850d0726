"""The cache of task outputs in a bucket whose entries expire one by one.

Nothing depends on it: what cannot be read is no hit, what cannot be stored is not there next time.
"""

import msgspec
import structlog

from firmus.broker.connection import BrokerUnsuitable
from firmus.broker.streams import CACHE_BUCKET
from firmus.broker.wire import JetStreamWire, StreamRefused, Unanswered
from firmus.ports import Cached, Clock

ENTRY_MAX_BYTES = 1024 * 1024
"""Larger outputs are not cached."""

_log = structlog.get_logger(__name__)


class JetStreamCache:
    """`ports.CachePort` in the CACHE bucket, which exists already."""

    def __init__(self, wire: JetStreamWire, bucket: str = CACHE_BUCKET) -> None:
        self._wire = wire
        self._bucket = bucket

    async def get(self, key: str) -> Cached | None:
        try:
            found = await self._wire.last(f"KV_{self._bucket}", self._subject(key))
            if found is None or not found.data:
                return None
            return msgspec.json.decode(found.data, type=Cached)
        except (Unanswered, StreamRefused, msgspec.MsgspecError) as fault:
            _log.warning("cache.unreadable", key=key, problem=str(fault))
            return None

    async def put(self, key: str, entry: Cached, ttl_s: int) -> None:
        data = msgspec.json.encode(entry)
        if len(data) > ENTRY_MAX_BYTES:
            _log.info("cache.too_large", key=key, size=len(data))
            return
        headers = {"Nats-TTL": f"{ttl_s}s"}
        try:
            await self._wire.publish(self._subject(key), data, headers=headers)
        except (Unanswered, StreamRefused, BrokerUnsuitable) as fault:
            _log.warning("cache.not_stored", key=key, problem=str(fault))

    def _subject(self, key: str) -> str:
        return f"$KV.{self._bucket}.{key}"


class MemoryCache:
    """The same in memory, forgotten with the object."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[str, tuple[Cached, int]] = {}

    async def get(self, key: str) -> Cached | None:
        found = self._entries.get(key)
        if found is None or found[1] <= self._clock.now_ms():
            return None
        return found[0]

    async def put(self, key: str, entry: Cached, ttl_s: int) -> None:
        self._entries[key] = (entry, self._clock.now_ms() + ttl_s * 1000)
