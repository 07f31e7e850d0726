"""The definitions store: writes are aggregates' events, reads a fold of their stream.

Before each answer the fold is brought up to the stream's last sequence, so a registration answered
anywhere is seen everywhere at once. Callers at the same time share one such check: one that begins
after a call began covers it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from eventsourcing.persistence import (
    DataError,
    EventStore,
    IntegrityError,
    InterfaceError,
    OperationalError,
)

from firmus.broker.wire import JetStreamWire, StreamRefused, Unanswered
from firmus.definitions import aggregate as aggregates
from firmus.definitions.aggregate import Aggregate, Event
from firmus.definitions.catalogue import Catalogue
from firmus.definitions.pins import Pins
from firmus.eventlog.port import BlobStore
from firmus.eventlog.recorder import JetStreamApplicationRecorder
from firmus.eventlog.recorder_mapper import struct_mapper
from firmus.eventlog.recorder_stream import EventStream
from firmus.eventlog.recorder_thread import NatsThread
from firmus.ports import Clock, Pinned, Unavailable
from firmus.workflow.blueprint import Blueprint
from firmus_contracts.definitions import TaskDef, WorkflowDef
from firmus_contracts.errors import Refusal
from firmus_contracts.subjects import DEFINITIONS_STREAM, DEFINITIONS_SUBJECTS

_WRITE_TRIES = 100
_CATCH_UP_S = 5.0
_PAGE = 500
_PREFIX = DEFINITIONS_SUBJECTS.removesuffix(".>")


class Journal(Protocol):
    """Where the events are kept."""

    async def catch_up(self, catalogue: Catalogue) -> None:
        """Applies what was recorded before this call; one call at a time. Raises Unavailable."""
        ...

    async def record(self, event: Event) -> bool:
        """False when the aggregate has another event of that version already. Raises Unavailable,
        Refusal PAYLOAD_TOO_LARGE.
        """
        ...


class Definitions:
    """`ports.DefinitionsPort` over a journal."""

    def __init__(self, journal: Journal, blobs: BlobStore, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._catalogue = Catalogue()
        self._pins = Pins(blobs)
        self._fresh = SharedCheck(self._catch_up)
        self._writing = asyncio.Lock()

    async def workflow(self, name: str, version: int | None = None) -> WorkflowDef | None:
        await self._fresh()
        return self._catalogue.workflow(name, version)

    async def workflows(self) -> list[WorkflowDef]:
        await self._fresh()
        return self._catalogue.workflows()

    async def task(self, name: str) -> TaskDef | None:
        await self._fresh()
        return self._catalogue.task(name)

    async def tasks(self) -> list[TaskDef]:
        await self._fresh()
        return self._catalogue.tasks()

    async def pin(self, name: str, version: int | None = None) -> Pinned | None:
        await self._fresh()
        return await self._pins.pin(self._catalogue, name, version)

    async def pin_inline(self, definition: WorkflowDef) -> Pinned:
        await self._fresh()
        return await self._pins.pin_inline(self._catalogue, definition)

    async def pinned(self, sha256: str) -> Blueprint:
        return await self._pins.pinned(sha256)

    async def put_workflow(self, definition: WorkflowDef, *, overwrite: bool) -> None:
        await self._write(
            aggregates.workflow_id(definition.name),
            lambda found, now_ms: aggregates.put_workflow(
                found, definition, overwrite=overwrite, now_ms=now_ms
            ),
        )

    async def delete_workflow(self, name: str, version: int) -> bool:
        return await self._write(
            aggregates.workflow_id(name),
            lambda found, now_ms: aggregates.delete_workflow(found, name, version, now_ms=now_ms),
        )

    async def put_task(self, definition: TaskDef, *, must_exist: bool = False) -> None:
        await self._write(
            aggregates.task_id(definition.name),
            lambda found, now_ms: aggregates.put_task(
                found, definition, must_exist=must_exist, now_ms=now_ms
            ),
        )

    async def delete_task(self, name: str) -> bool:
        return await self._write(
            aggregates.task_id(name),
            lambda found, now_ms: aggregates.delete_task(found, name, now_ms=now_ms),
        )

    async def _write(self, identity: str, decide: Callable[[Aggregate, int], Event | None]) -> bool:
        """Decides and records, again after each conflict; False when there was nothing to do."""
        async with self._writing:
            for _ in range(_WRITE_TRIES):
                await self._fresh()
                event = decide(self._catalogue.aggregate(identity), self._clock.now_ms())
                if event is None:
                    return False
                if await self._journal.record(event):
                    return True
        raise Unavailable(f"{identity}: other writers came first {_WRITE_TRIES} times")

    async def _catch_up(self) -> None:
        await self._journal.catch_up(self._catalogue)


class JetStreamDefinitions(Definitions):
    """Definitions in the DEFINITIONS stream, which exists already.

    `wire` belongs to the running loop and reads. The first write opens a thread with a connection
    of its own to `servers`; `close` ends it.
    """

    def __init__(
        self, *, wire: JetStreamWire, servers: str, blobs: BlobStore, clock: Clock
    ) -> None:
        journal = JetStreamJournal(wire, servers)
        super().__init__(journal, blobs, clock)
        self.close = journal.close


class JetStreamJournal:
    def __init__(self, wire: JetStreamWire, servers: str) -> None:
        self._wire = wire
        self._servers = servers
        self._stream = EventStream(wire.connection, DEFINITIONS_STREAM, _PREFIX)
        self._mapper = struct_mapper()
        self._thread: NatsThread | None = None
        self._store: EventStore[str] | None = None

    async def close(self) -> None:
        thread, self._thread, self._store = self._thread, None, None
        if thread is not None:
            await asyncio.to_thread(thread.close)

    async def catch_up(self, catalogue: Catalogue) -> None:
        try:
            async with asyncio.timeout(_CATCH_UP_S):
                end = (await self._wire.stream_state(DEFINITIONS_STREAM)).last_seq
                if end < catalogue.position:
                    raise Unavailable("the DEFINITIONS stream was replaced: restart the service")
                while catalogue.position < end:
                    await self._apply_page(catalogue)
        except (TimeoutError, OperationalError, Unanswered, StreamRefused) as fault:
            raise Unavailable(f"definitions cannot be read: {fault!r}") from fault

    async def record(self, event: Event) -> bool:
        try:
            await asyncio.to_thread(self._put, event)
        except IntegrityError:
            return False
        except DataError as fault:
            raise Refusal("PAYLOAD_TOO_LARGE", f"The definition is too large: {fault}") from fault
        except (OperationalError, InterfaceError) as fault:
            raise Unavailable(f"the definition may not be stored: {fault}") from fault
        return True

    def _put(self, event: Event) -> None:
        """Blocks; one call at a time."""
        if self._thread is None:
            self._thread = NatsThread(self._servers, name="firmus-definitions")
        if self._store is None:
            stream = EventStream(self._thread.nc, DEFINITIONS_STREAM, _PREFIX)
            self._store = EventStore(
                self._mapper, JetStreamApplicationRecorder(self._thread, stream)
            )
        self._store.put([event])

    async def _apply_page(self, catalogue: Catalogue) -> None:
        page = await self._stream.page(start=catalogue.position + 1, limit=_PAGE)
        for stored in page:
            catalogue.apply(stored.id, self._mapper.to_domain_event(stored))
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
