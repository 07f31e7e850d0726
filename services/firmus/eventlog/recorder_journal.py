"""Aggregates' events in one stream, for code that runs in an event loop: written through the
eventsourcing library, read as a fold that is brought up to the stream's end when it is asked.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeVar

from eventsourcing.persistence import (
    DataError,
    EventStore,
    IntegrityError,
    InterfaceError,
    OperationalError,
)

from firmus.broker.access import Servers
from firmus.broker.wire import JetStreamWire, StreamRefused, Unanswered
from firmus.eventlog.recorder import JetStreamApplicationRecorder
from firmus.eventlog.recorder_mapper import struct_mapper
from firmus.eventlog.recorder_stream import EventStream
from firmus.eventlog.recorder_thread import NatsThread
from firmus.ports import Unavailable
from firmus_contracts.errors import Refusal

_CATCH_UP_S = 5.0
_PAGE = 500
_WRITE_TRIES = 100

_E = TypeVar("_E")


class Fold(Protocol):
    """What the events of a stream come to; `position` is the last one it knows."""

    position: int

    def apply(self, position: int, event: Any) -> None: ...


class Journal(Protocol):
    """Where the events of aggregates are kept."""

    async def catch_up(self, fold: Fold) -> None:
        """Applies what was recorded before this call; one call at a time. Raises Unavailable."""
        ...

    async def record(self, events: Sequence[Any]) -> bool:
        """All of them or none. False when an aggregate has another event of that version already.
        Raises Unavailable, Refusal PAYLOAD_TOO_LARGE.
        """
        ...

    async def lasts(self, identities: Sequence[str], *, sure: bool) -> list[Any]:
        """The last event of each aggregate that has one. Raises Unavailable."""
        ...

    async def close(self) -> None: ...


class Writer:
    """Decides and records, again after each conflict; one write at a time."""

    def __init__(self, journal: Journal, fresh: Callable[[], Awaitable[None]]) -> None:
        self._journal = journal
        self._fresh = fresh
        self._writing = asyncio.Lock()

    async def write(self, identity: str, decide: Callable[[], _E | None]) -> _E | None:
        """What `decide` made of the newest state, once it is recorded; None when there was nothing
        to do. Raises what `decide` raises, Unavailable, Refusal PAYLOAD_TOO_LARGE.
        """
        async with self._writing:
            for _ in range(_WRITE_TRIES):
                await self._fresh()
                event = decide()
                if event is None or await self._journal.record([event]):
                    return event
        raise Unavailable(f"{identity}: other writers came first {_WRITE_TRIES} times")


class StreamJournal:
    """`stream` exists already and holds `subjects` (`firmus.definitions.>`); `what` is how its
    content is called in errors.

    `wire` belongs to the running loop and reads. The first write opens a thread with a connection
    of its own to `servers`; `close` ends it. Writes are one at a time.
    """

    def __init__(
        self, wire: JetStreamWire, servers: Servers, *, stream: str, subjects: str, what: str
    ) -> None:
        self._wire = wire
        self._servers = servers
        self._name = stream
        self._prefix = subjects.removesuffix(".>")
        self._what = what
        self._stream = EventStream(wire.connection, stream, self._prefix)
        self._mapper = struct_mapper()
        self._thread: NatsThread | None = None
        self._store: EventStore[str] | None = None
        self._writing = asyncio.Lock()

    async def close(self) -> None:
        thread, self._thread, self._store = self._thread, None, None
        if thread is not None:
            await asyncio.to_thread(thread.close)

    async def catch_up(self, fold: Fold) -> None:
        """Applies what was recorded before this call; one call at a time. Raises Unavailable."""
        try:
            async with asyncio.timeout(_CATCH_UP_S):
                end = (await self._wire.stream_state(self._name)).last_seq
                if end < fold.position:
                    raise Unavailable(f"the {self._name} stream was replaced: restart the service")
                while fold.position < end:
                    await self._apply_page(fold)
        except (TimeoutError, OperationalError, Unanswered, StreamRefused) as fault:
            raise Unavailable(f"{self._what}s cannot be read: {fault!r}") from fault

    async def record(self, events: Sequence[Any]) -> bool:
        """All of them or none. False when an aggregate has another event of that version already.
        Raises Unavailable, Refusal PAYLOAD_TOO_LARGE.
        """
        try:
            async with self._writing:
                await asyncio.to_thread(self._put, events)
        except IntegrityError:
            return False
        except DataError as fault:
            raise Refusal("PAYLOAD_TOO_LARGE", f"The {self._what} is too large: {fault}") from fault
        except (OperationalError, InterfaceError) as fault:
            raise Unavailable(f"the {self._what} may not be stored: {fault}") from fault
        return True

    async def lasts(self, identities: Sequence[str], *, sure: bool) -> list[Any]:
        """The last event of each aggregate that has one; `sure`: as the stream's leader has it,
        asked one by one. Raises Unavailable.
        """
        try:
            if not sure:
                found = await self._stream.last_of_each(identities)
            else:
                found = [
                    event
                    for identity in identities
                    for event in await self._stream.read(identity, desc=True, limit=1)
                ]
        except OperationalError as fault:
            raise Unavailable(f"{self._what}s cannot be read: {fault!r}") from fault
        return [self._mapper.to_domain_event(event) for event in found]

    def _put(self, events: Sequence[Any]) -> None:
        """Blocks; one call at a time."""
        if self._thread is None:
            self._thread = NatsThread(self._servers, name=f"firmus-{self._what}")
        if self._store is None:
            stream = EventStream(self._thread.nc, self._name, self._prefix)
            self._store = EventStore(
                self._mapper, JetStreamApplicationRecorder(self._thread, stream)
            )
        self._store.put(events)

    async def _apply_page(self, fold: Fold) -> None:
        page = await self._stream.page(start=fold.position + 1, limit=_PAGE)
        for stored in page:
            fold.apply(stored.id, self._mapper.to_domain_event(stored))
        if not page:
            await asyncio.sleep(0.01)  # a replica that lags behind the leader answered


class SharedCheck:
    """A check whose rounds are shared: a call waits for the first round begun after it."""

    def __init__(self, check: Callable[[], Awaitable[None]]) -> None:
        self._check = check
        self._running: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None

    async def __call__(self) -> None:
        if self._next is None:
            self._next = asyncio.create_task(self._round(self._running))
            self._next.add_done_callback(_retrieve)
        # A caller that gives up must not end the round for the others.
        await asyncio.shield(self._next)

    async def _round(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait({before})
        self._running, self._next = self._next, None
        await self._check()


def _retrieve(task: asyncio.Task[None]) -> None:
    """An error that no caller is left to see is not reported as lost."""
    if not task.cancelled():
        task.exception()
