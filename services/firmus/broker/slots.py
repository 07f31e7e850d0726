"""Who holds the slots of workflows that share a limit: one record for each gate, in a bucket.

A record is changed by whoever needs it changed, with the expectation that it is still the one that
was read: several deciders and schedulers never give one slot twice. What the log shows counts more
than a record, so one that is lost or wrong is put right by the schedulers (`workflow/slots.py`).
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from firmus.broker.connection import Connection
from firmus.broker.streams import SLOTS_BUCKET
from firmus.broker.wire import JetStreamWire, StreamRefused, Unanswered, WrongLastSequence
from firmus.ports import Clock, Unavailable
from firmus.workflow.slots import Entry, Slots, View, entered, settled, without
from firmus_contracts.subjects import token

_TOKEN_MAX = 200
_TRIES = 100
_TOMBSTONE_TTL = "60s"

Listener = Callable[[Slots | None], None]
"""Gets a record that was stored; None when some may have been missed."""

_RECONNECT_PATIENCE_S = 60.0


class SlotStore(Protocol):
    """Records by gate. An idle one (nobody holds, nobody waits) may be forgotten."""

    async def get(self, gate: str) -> tuple[Slots | None, int]:
        """The record and its revision, (None, 0) without one. Raises Unavailable."""
        ...

    async def put(self, slots: Slots, *, expected: int) -> bool:
        """False when the record has another revision. Raises Unavailable."""
        ...

    async def watch(self, listener: Listener) -> Callable[[], Awaitable[None]]:
        """Calls `listener` with every record stored from now on; what is returned ends that."""
        ...


class SlotLedger:
    """`ports.SlotsPort` for deciders, and `settle` for schedulers."""

    def __init__(self, store: SlotStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def enter(self, gate: str, workflow_id: str, limit: int, *, queue: bool) -> Entry:
        """See ports.SlotsPort."""

        def ask(slots: Slots) -> Slots:
            return entered(slots, workflow_id, limit, self._clock.now_ms())[0]

        after = await self._change(gate, limit, ask)
        if workflow_id in after.holders:
            return Entry.HOLDS
        return Entry.WAITS if queue else Entry.REFUSED

    async def leave(self, gate: str, workflow_id: str) -> None:
        """See ports.SlotsPort."""
        await self._change(gate, 1, lambda slots: without(slots, workflow_id))

    async def watch(self, listener: Listener) -> Callable[[], Awaitable[None]]:
        """See SlotStore.watch."""
        return await self._store.watch(listener)

    async def settle(self, gate: str, limit: int, view: View) -> Slots:
        """Brings the record to what a scheduler knows; `limit` counts where there is no record.

        Raises Unavailable, after which the same call is safe.
        """
        return await self._change(
            gate, limit, lambda slots: settled(slots, view, self._clock.now_ms())
        )

    async def _change(self, gate: str, limit: int, change: Callable[[Slots], Slots]) -> Slots:
        for _ in range(_TRIES):
            found, revision = await self._store.get(gate)
            before = found or Slots(gate=gate, limit=limit)
            after = change(before)
            if after == before or await self._store.put(after, expected=revision):
                return after
        raise Unavailable(f"slots of {gate}: others came first {_TRIES} times")


class JetStreamSlotStore:
    """Records in the SLOTS bucket, which exists already."""

    def __init__(self, wire: JetStreamWire, bucket: str = SLOTS_BUCKET) -> None:
        self._wire = wire
        self._bucket = bucket

    async def get(self, gate: str) -> tuple[Slots | None, int]:
        try:
            found = await self._wire.last(f"KV_{self._bucket}", self._subject(gate), leader=True)
        except (Unanswered, StreamRefused) as fault:
            raise Unavailable(f"the slots of {gate} cannot be read: {fault}") from fault
        if found is None:
            return None, 0
        return (_decode(found.data) if found.data else None), found.sequence

    async def put(self, slots: Slots, *, expected: int) -> bool:
        """An idle record becomes a tombstone that expires: keys come and go."""
        data, headers = msgspec.json.encode(slots), None
        if slots.idle:
            data, headers = b"", {"KV-Operation": "DEL", "Nats-TTL": _TOMBSTONE_TTL}
        try:
            await self._wire.publish(
                self._subject(slots.gate), data, expected=expected, headers=headers
            )
        except WrongLastSequence:
            return False
        except (Unanswered, StreamRefused) as fault:
            raise Unavailable(f"the slots of {slots.gate} may not be stored: {fault}") from fault
        return True

    async def watch(self, listener: Listener) -> Callable[[], Awaitable[None]]:
        def on_write(subject: bytes, reply: bytes, data: bytes, header: bytes | None) -> None:
            del subject, reply, header
            if data:
                listener(_decode(data))

        connection: Connection = self._wire.connection
        lane = await connection.open_lane(f"$KV.{self._bucket}.>", on_write)
        waiting: set[asyncio.Task[None]] = set()

        def on_loss() -> None:
            task = asyncio.get_running_loop().create_task(_when_back(connection, listener))
            waiting.add(task)
            task.add_done_callback(waiting.discard)

        forget_loss = connection.on_loss(on_loss)

        async def stop() -> None:
            forget_loss()
            for task in waiting:
                task.cancel()
            await connection.close_lane(lane)

        return stop

    def _subject(self, gate: str) -> str:
        written = token(gate)
        if len(written) > _TOKEN_MAX:
            written = f"%sha256-{hashlib.sha256(written.encode()).hexdigest()}"
        return f"$KV.{self._bucket}.{written}"


async def _when_back(connection: Connection, listener: Listener) -> None:
    while not await connection.connected(_RECONNECT_PATIENCE_S):
        if connection.is_closed:
            return
    listener(None)


_decode = msgspec.json.Decoder(Slots).decode


class MemorySlotStore:
    """The same in memory, forgotten with the object."""

    def __init__(self) -> None:
        self._records: dict[str, tuple[Slots, int]] = {}
        self._listeners: list[Listener] = []

    def gates(self) -> list[str]:
        """Those whose record is not idle."""
        return [gate for gate, (slots, _) in self._records.items() if not slots.idle]

    def forget(self) -> None:
        """Loses everything, as a bucket that was deleted."""
        self._records.clear()

    async def get(self, gate: str) -> tuple[Slots | None, int]:
        slots, revision = self._records.get(gate, (None, 0))
        return (None if slots is None or slots.idle else slots), revision

    async def put(self, slots: Slots, *, expected: int) -> bool:
        _, revision = await self.get(slots.gate)
        if revision != expected:
            return False
        self._records[slots.gate] = (slots, revision + 1)
        for listener in list(self._listeners):
            listener(slots)
        return True

    async def watch(self, listener: Listener) -> Callable[[], Awaitable[None]]:
        self._listeners.append(listener)

        async def stop() -> None:
            self._listeners.remove(listener)

        return stop
