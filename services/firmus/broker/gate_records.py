"""Small records, one for each gate, that several processes change: in a bucket, and in memory.

A record is stored with the expectation that it is still the one that was read.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

import msgspec

from firmus.broker.connection import Connection
from firmus.broker.streams import SLOTS_BUCKET
from firmus.broker.wire import JetStreamWire, StreamRefused, Unanswered, WrongLastSequence
from firmus.ports import Unavailable
from firmus_contracts.subjects import token

_TOKEN_MAX = 200
_TRIES = 100
_TOMBSTONE_TTL = "60s"
_RECONNECT_PATIENCE_S = 60.0


class GateRecord(Protocol):
    @property
    def gate(self) -> str: ...

    @property
    def idle(self) -> bool:
        """Whether it says nothing that its absence would not."""
        ...


R = TypeVar("R", bound=GateRecord)
Listener = Callable[[R | None], None]
"""Gets a record that was stored; None when some may have been missed."""


class GateRecords(Protocol[R]):
    """Records by gate. An idle one may be forgotten."""

    async def get(self, gate: str) -> tuple[R | None, int]:
        """The record and its revision. Raises Unavailable."""
        ...

    async def put(self, record: R, *, expected: int) -> bool:
        """False when the record has another revision (0: there is none). Raises Unavailable."""
        ...

    async def watch(self, listener: Listener[R]) -> Callable[[], Awaitable[None]]:
        """Calls `listener` with every record stored from now on; what is returned ends that."""
        ...


async def changed(records: GateRecords[R], gate: str, change: Callable[[R | None], R]) -> R:
    """The record after `change`, which is asked again while others come first. One that says the
    same is not stored. Raises Unavailable.
    """
    for _ in range(_TRIES):
        before, revision = await records.get(gate)
        after = change(before)
        if after == before or await records.put(after, expected=revision):
            return after
    raise Unavailable(f"the record of {gate}: others came first {_TRIES} times")


class JetStreamGateRecords(Generic[R]):
    """Records of one type in the SLOTS bucket, which exists already; `kind` is a subject token."""

    def __init__(
        self, wire: JetStreamWire, kind: str, type_: type[R], bucket: str = SLOTS_BUCKET
    ) -> None:
        self._wire = wire
        self._bucket = bucket
        self._prefix = f"$KV.{bucket}.{kind}."
        self._decode = msgspec.json.Decoder(type_).decode

    async def get(self, gate: str) -> tuple[R | None, int]:
        try:
            found = await self._wire.last(f"KV_{self._bucket}", self._subject(gate), leader=True)
        except (Unanswered, StreamRefused) as fault:
            raise Unavailable(f"the record of {gate} cannot be read: {fault}") from fault
        if found is None:
            return None, 0
        return (self._decode(found.data) if found.data else None), found.sequence

    async def put(self, record: R, *, expected: int) -> bool:
        """An idle record becomes a tombstone that expires: gates come and go."""
        data, headers = msgspec.json.encode(record), None
        if record.idle:
            data, headers = b"", {"KV-Operation": "DEL", "Nats-TTL": _TOMBSTONE_TTL}
        try:
            await self._wire.publish(
                self._subject(record.gate), data, expected=expected, headers=headers
            )
        except WrongLastSequence:
            return False
        except (Unanswered, StreamRefused) as fault:
            raise Unavailable(f"the record of {record.gate} may not be stored: {fault}") from fault
        return True

    async def watch(self, listener: Listener[R]) -> Callable[[], Awaitable[None]]:
        def on_write(subject: bytes, reply: bytes, data: bytes, header: bytes | None) -> None:
            del subject, reply, header
            if data:
                listener(self._decode(data))

        connection: Connection = self._wire.connection
        lane = await connection.open_lane(f"{self._prefix}>", on_write)
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
        return f"{self._prefix}{written}"


async def _when_back(connection: Connection, listener: Callable[[None], None]) -> None:
    while not await connection.connected(_RECONNECT_PATIENCE_S):
        if connection.is_closed:
            return
    listener(None)


class MemoryGateRecords(Generic[R]):
    """The same in memory, forgotten with the object."""

    def __init__(self) -> None:
        self._records: dict[str, tuple[R, int]] = {}
        self._listeners: list[Listener[R]] = []

    def gates(self) -> list[str]:
        """Those whose record is not idle."""
        return [gate for gate, (record, _) in self._records.items() if not record.idle]

    def forget(self) -> None:
        """Loses everything, as a bucket that was deleted."""
        self._records.clear()

    async def get(self, gate: str) -> tuple[R | None, int]:
        found = self._records.get(gate)
        if found is None:
            return None, 0
        return (None if found[0].idle else found[0]), found[1]

    async def put(self, record: R, *, expected: int) -> bool:
        _, revision = await self.get(record.gate)
        if revision != expected:
            return False
        self._records[record.gate] = (record, revision + 1)
        for listener in list(self._listeners):
            listener(record)
        return True

    async def watch(self, listener: Listener[R]) -> Callable[[], Awaitable[None]]:
        self._listeners.append(listener)

        async def stop() -> None:
            self._listeners.remove(listener)

        return stop
