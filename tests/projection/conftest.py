"""A projection over a log in memory, with and without a real EVENTS stream."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.projection.histories import Definitions

from firmus.broker.connection import connect
from firmus.broker.streams import prepare
from firmus.broker.wire import JetStreamWire
from firmus.eventlog.memory import MemoryLog
from firmus.ports import RebuildProgress, SearchRequest
from firmus.projection.folder import ReadModelFolder
from firmus.projection.publisher import EventsPublisher
from firmus.projection.service import ProjectionService

WAIT_S = 20.0


class OpenLease:
    """Held by whoever asks first; the others wait. `take_away` ends it as an expiry would."""

    def __init__(self, gate: asyncio.Lock | None = None) -> None:
        self._gate = gate or asyncio.Lock()
        self.lost = asyncio.Event()
        self.held = False

    async def acquire(self) -> None:
        await self._gate.acquire()
        self.lost.clear()
        self.held = True

    async def release(self) -> None:
        if self.held:
            self.held = False
            self._gate.release()

    def take_away(self) -> None:
        self.held = False
        self._gate.release()
        self.lost.set()


async def until(what: str, holds: Callable[[], Any]) -> Any:
    """The first true value of a condition, plain or awaitable."""
    async with asyncio.timeout(WAIT_S):
        while True:
            found = holds()
            if isinstance(found, Awaitable):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.005)
    raise AssertionError(what)


class EventsStream:
    """The EVENTS stream as a subscriber sees it."""

    def __init__(self, wire: JetStreamWire) -> None:
        self.wire = wire

    async def messages(self) -> list[tuple[str, dict[str, str], dict[str, Any]]]:
        found = []
        last = (await self.wire.stream_state("EVENTS")).last_seq
        js = self.wire.connection.jetstream()
        for sequence in range(1, last + 1):
            with suppress(Exception):
                message = await js.get_msg("EVENTS", sequence)
                found.append(
                    (message.subject, message.headers, msgspec.json.decode(message.data or b"{}"))
                )
        return found

    async def ids(self) -> list[str]:
        return [headers["ce-id"] for _, headers, _ in await self.messages()]

    async def count(self) -> int:
        return (await self.wire.stream_state("EVENTS")).messages


@asynccontextmanager
async def running(service: ProjectionService) -> AsyncIterator[ProjectionService]:
    task = asyncio.create_task(service.run())
    try:
        yield service
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def rows_at(service: ProjectionService, position: int) -> None:
    """Waits until the read model reflects a log position."""

    async def reached() -> bool:
        if not service.active.is_set():
            return False
        with suppress(Exception):
            return (await find(service)).position >= position
        return False

    await until(f"rows at {position}", reached)


async def find(service: ProjectionService, query: str = "", what: str = "workflows", **more: Any):
    return await service.local_search.search(SearchRequest(what=what, query=query, **more))


async def status_is(service: ProjectionService, **wanted: Any) -> None:
    """Waits until the projection is as `wanted` says."""

    async def reached() -> bool:
        now = await service.status()
        return all(getattr(now, key) == it for key, it in wanted.items())

    await until(f"a projection with {wanted}", reached)


async def rebuild_is(service: ProjectionService, **wanted: Any) -> RebuildProgress:
    """Waits until the last rebuild, or what follows a rollback, is as `wanted` says."""

    async def reached() -> RebuildProgress | None:
        now = (await service.status()).rebuild
        fits = now is not None and all(getattr(now, key) == it for key, it in wanted.items())
        return now if fits else None

    found = await until(f"a rebuild with {wanted}", reached)
    assert isinstance(found, RebuildProgress)
    return found


async def names(service: ProjectionService, query: str = "", **more: Any) -> list[str]:
    page = await find(service, query, **more)
    return [msgspec.json.decode(row)["workflowType"] for row in page.results]


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
async def wire(fresh_streams: str) -> AsyncIterator[JetStreamWire]:
    connection = await connect(fresh_streams, name="test")
    wire = await JetStreamWire.open(connection)
    await prepare(wire)
    yield wire
    await wire.close()
    await connection.close()


@pytest.fixture
def events(wire: JetStreamWire) -> EventsStream:
    return EventsStream(wire)


@pytest.fixture
async def publisher(wire: JetStreamWire) -> AsyncIterator[EventsPublisher]:
    publisher = await EventsPublisher.open(wire)
    yield publisher
    await publisher.close()


@pytest.fixture
def make(log: MemoryLog, tmp_path: Path) -> Callable[..., ProjectionService]:
    def service(folder: Path = tmp_path / "projection", **more: Any) -> ProjectionService:
        given = {
            "log": log,
            "models": ReadModelFolder(folder),
            "definitions": Definitions(),
            "lease": OpenLease(),
            "publisher": None,
            **more,
        }
        return ProjectionService(**given)

    return service
