"""Search over NATS behaves as it does in one process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from nats.aio.msg import Msg
from tests.projection.conftest import OpenLease, find, rows_at, running, until
from tests.projection.histories import finished

from firmus.eventlog.memory import MemoryLog
from firmus.ports import SearchRequest, Unavailable
from firmus.projection import service as service_module
from firmus.projection.service import ProjectionService
from firmus.transport import search as transport
from firmus.transport.search import RemoteSearch, SearchServer
from firmus_contracts.errors import Refusal
from firmus_contracts.subjects import SEARCH

pytestmark = pytest.mark.nats
ALL = SearchRequest(what="workflows")


@asynccontextmanager
async def serving(wire, service: ProjectionService) -> AsyncIterator[RemoteSearch]:
    import asyncio
    from contextlib import suppress

    server = asyncio.create_task(SearchServer(wire.connection, service).run())
    try:
        async with running(service):
            yield RemoteSearch(wire.connection)
    finally:
        server.cancel()
        with suppress(asyncio.CancelledError):
            await server


async def test_a_search_gives_the_same_page_as_in_one_process(wire, make, log: MemoryLog) -> None:
    async with serving(wire, make()) as remote:
        history = await finished(log, 1)

        async def shown() -> bool:
            return (await remote.search(ALL)).position == history.position

        await until("rows", shown)
        page = await remote.search(SearchRequest(what="workflows", query="status=COMPLETED"))
        assert (page.total_hits, page.lag) == (1, 0)
        assert b'"workflowType":"flow"' in bytes(page.results[0])


async def test_refusals_come_back_as_refusals(wire, make) -> None:
    async with serving(wire, make()) as remote:
        with pytest.raises(
            Refusal, match=r"^Incorrectly formatted query string: gibberish$"
        ) as found:
            await remote.search(SearchRequest(what="workflows", query="gibberish"))
        assert found.value.code == "INVALID"
        with pytest.raises(Refusal, match="Please use pagination"):
            await remote.search(SearchRequest(what="workflows", size=5001))
        with pytest.raises(Refusal, match="negative"):
            await remote.search(SearchRequest(what="tasks", start=-1))
        with pytest.raises(Refusal, match="known are workflows and tasks"):
            await remote.search(SearchRequest(what="things"))


async def test_nobody_there_is_unavailable(wire, monkeypatch) -> None:
    monkeypatch.setattr(transport, "NO_RESPONDER_WAIT_S", 0.0)
    with pytest.raises(Unavailable, match="no projection is active"):
        await RemoteSearch(wire.connection).search(ALL)


async def test_only_the_active_projection_answers(wire, make, log, tmp_path) -> None:
    lease = OpenLease()
    waiting = make(lease=OpenLease(lease._gate), folder=tmp_path / "other")
    active = make(lease=lease)
    async with serving(wire, active) as remote:
        await active.active.wait()
        async with serving(wire, waiting):
            await rows_at(active, (await finished(log, 1)).position)
            for _ in range(5):
                assert (await remote.search(ALL)).total_hits == 1
            lease.take_away()
            await waiting.active.wait()
            await rows_at(waiting, await log.end())
            assert (await remote.search(ALL)).total_hits == 1


@asynccontextmanager
async def nobody(_wire) -> AsyncIterator[None]:
    """The active projection was killed."""
    yield


@asynccontextmanager
async def silent(wire) -> AsyncIterator[None]:
    """The active projection is frozen: it is there and takes what it is asked."""

    async def taken(_message: Msg) -> None:
        """No answer."""

    subscription = await wire.connection.subscribe(SEARCH, cb=taken)
    yield
    await subscription.unsubscribe()


@pytest.mark.parametrize("the_active_one", [nobody, silent])
async def test_a_standby_answers_while_no_active_one_does(
    wire, make, log, monkeypatch, the_active_one
) -> None:
    monkeypatch.setattr(service_module, "STANDBY_AFTER_S", 0.0)
    monkeypatch.setattr(transport, "PATIENCE_S", 0.01)
    lease = OpenLease()
    await lease.acquire()
    standby = make(lease=OpenLease(lease._gate))
    async with the_active_one(wire), serving(wire, standby) as remote:
        history = await finished(log, 1)
        impatient = RemoteSearch(wire.connection, timeout_s=0.2)

        async def shown() -> bool:
            with suppress(Unavailable):
                return (await impatient.search(ALL)).position == history.position
            return False

        await until("the standby's rows", shown)
        page = await remote.search(ALL)
        assert (page.total_hits, page.lag) == (1, 0)
        with pytest.raises(Refusal, match="gibberish"):
            await remote.search(SearchRequest(what="workflows", query="gibberish"))
        assert not standby.serving


async def test_what_the_active_one_takes_its_time_for_is_its_answer_all_the_same(
    wire, make, log, monkeypatch
) -> None:
    """Where no standby is: asking for one does not cut the active one off."""
    monkeypatch.setattr(transport, "PATIENCE_S", 0.0)
    service = make()
    async with serving(wire, service) as remote:
        await rows_at(service, (await finished(log, 1)).position)
        asked = SearchRequest(what="workflows", at_least=10**6, wait_s=0.2)
        assert (await remote.search(asked)).total_hits == 1


async def test_a_rebuild_is_asked_for_and_followed_over_nats(wire, make, log) -> None:
    service = make()
    async with serving(wire, service) as remote:
        await service.active.wait()
        await rows_at(service, (await finished(log, 1)).position)
        model = (await remote.rebuild()).model

        async def done() -> bool:
            rebuild = (await remote.status()).rebuild
            return rebuild is not None and (rebuild.model, rebuild.state) == (model, "done")

        await until("done", done)
        assert (await find(service)).total_hits == 1


async def test_a_page_too_large_for_a_message_is_refused(wire, make, log) -> None:
    service = make()
    async with serving(wire, service) as remote:
        for number in range(1, 3):
            last = await finished(log, number, name="n", correlation_id="c" * 5_000_000)
        await rows_at(service, last.position)
        with pytest.raises(Refusal, match="smaller size") as found:
            await remote.search(ALL)
        assert found.value.code == "PAYLOAD_TOO_LARGE"
        assert len((await remote.search(SearchRequest(what="workflows", size=1))).results) == 1
