"""Who polled for which tasks last: heard on a core subject, kept in memory.

Gateways tell of a poll on first sight and every 2 s at most, so after a restart the table fills
again by itself. Deciders choose domains by it; REST shows it (spec 8.5), and for that a gateway
keeps what it knows (`keep`), so that workers which vanished before a restart are still to be seen.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec

from firmus.broker.connection import Connection
from firmus.broker.streams import META_BUCKET
from firmus.broker.wire import JetStreamWire, StreamRefused, Unanswered
from firmus_contracts.executions import PollData
from firmus_contracts.subjects import POLLED

ENTRIES_MAX = 100_000
KEPT_MAX = 10_000
KEEP_EVERY_S = 30.0
_KEPT = f"$KV.{META_BUCKET}.polls"

_log = logging.getLogger(__name__)


class Polled(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One poll, as it travels. `last_poll_time` in epoch milliseconds."""

    task_type: str
    domain: str | None = None
    worker_id: str | None = None
    last_poll_time: int


class PollTable:
    """The last poll of each (task type, domain); beyond ENTRIES_MAX the longest silent are
    forgotten.
    """

    def __init__(self) -> None:
        self._last: dict[tuple[str, str | None], Polled] = {}
        self._changes = 0

    @property
    def changes(self) -> int:
        """How many polls were recorded so far."""
        return self._changes

    def newest(self, count: int) -> list[Polled]:
        """The last polls of so many queues, the oldest first."""
        return list(self._last.values())[-count:]

    def record(self, polled: Polled) -> None:
        """An older poll than the one known changes nothing."""
        key = (polled.task_type, polled.domain or None)
        known = self._last.get(key)
        if known is not None:
            if known.last_poll_time > polled.last_poll_time:
                return
            del self._last[key]
        elif len(self._last) >= ENTRIES_MAX:
            del self._last[next(iter(self._last))]
        self._last[key] = polled
        self._changes += 1

    def last_poll_ms(self, task_type: str, domain: str | None) -> int:
        """When a worker of that domain (None: of no domain) asked last; 0: never heard of."""
        found = self._last.get((task_type, domain or None))
        return 0 if found is None else found.last_poll_time

    def of(self, task_type: str) -> list[PollData]:
        """All domains of one task type."""
        return [entry for entry in self.all() if entry.queue_name == task_type]

    def all(self) -> list[PollData]:
        """By task type and domain."""
        found = [
            PollData(
                queue_name=task_type,
                domain=domain,
                worker_id=polled.worker_id,
                last_poll_time=polled.last_poll_time,
            )
            for (task_type, domain), polled in self._last.items()
        ]
        return sorted(found, key=lambda entry: (entry.queue_name, entry.domain or ""))


_decode = msgspec.json.Decoder(Polled).decode
_decode_all = msgspec.json.Decoder(list[Polled]).decode


def tell(connection: Connection, polled: Polled) -> bool:
    """Tells every table of a poll, without waiting; False when there is no connection."""
    if not connection.is_connected:
        return False
    data = msgspec.json.encode(polled)
    connection.send(b"PUB %b %d\r\n%b\r\n" % (POLLED.encode(), len(data), data))
    return True


async def listen(connection: Connection, table: PollTable) -> Callable[[], Awaitable[None]]:
    """Feeds the table from now on; what is returned ends that. A message that cannot be read is
    logged and left out.
    """

    def on_polled(subject: bytes, reply: bytes, data: bytes, header: bytes | None) -> None:
        del subject, reply, header
        table.record(_decode(data))

    subscription = await connection.open_lane(POLLED, on_polled)

    async def stop() -> None:
        await connection.close_lane(subscription)

    return stop


async def restore(wire: JetStreamWire, table: PollTable) -> None:
    """What was kept; nothing, when that cannot be read just now."""
    try:
        found = await wire.last(f"KV_{META_BUCKET}", _KEPT, leader=True)
    except (Unanswered, StreamRefused) as fault:
        _log.warning("poll data not restored: %s", fault)
        return
    for polled in _decode_all(found.data) if found is not None and found.data else ():
        table.record(polled)


async def keep(wire: JetStreamWire, table: PollTable, *, every_s: float = KEEP_EVERY_S) -> None:
    """Writes the table now and then, while polls come, until cancelled. A write that fails is made
    up for by the next one.
    """
    written = 0
    while True:
        await asyncio.sleep(every_s)
        if table.changes == written:
            continue
        changes, data = table.changes, msgspec.json.encode(table.newest(KEPT_MAX))
        try:
            await wire.publish(_KEPT, data)
        except (Unanswered, StreamRefused) as fault:
            _log.warning("poll data not kept: %s", fault)
            continue
        written = changes
