"""The projection over PostgreSQL: as over SQLite, and whatever happens to the database."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from functools import partial

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from tests.projection.conftest import OpenLease, find, names, rebuild_is, rows_at, running, until
from tests.projection.gate import Gate, gate_to
from tests.projection.histories import EVENTS_OF_FINISHED, Definitions, finished
from tests.projection.stores import needs_postgres, opened
from tests.projection.test_rebuild import write_all_kinds

from firmus.eventlog.memory import MemoryLog
from firmus.ports import LATEST, SearchRequest, Unavailable
from firmus.projection import service as service_module
from firmus.projection.postgres.models import PostgresModels
from firmus.projection.service import ProjectionService

pytestmark = needs_postgres
Make = Callable[..., ProjectionService]


@pytest.fixture
def url(tmp_path) -> Iterator[str]:
    with opened("postgres", tmp_path) as models:
        assert isinstance(models, PostgresModels)
        yield models._url


@pytest.fixture
async def gate(url: str) -> AsyncIterator[Gate]:
    given = conninfo_to_dict(url)
    async with gate_to(str(given["host"]), int(given["port"] or 0)) as gate:
        yield gate


@pytest.fixture
def project(log: MemoryLog, url: str) -> Make:
    def service(through: Gate | None = None, **more) -> ProjectionService:
        way = url if through is None else make_conninfo(url, host="127.0.0.1", port=through.port)
        given = {"log": log, "models": PostgresModels(way), "definitions": Definitions(),
                 "lease": OpenLease(), "publisher": None, **more}  # fmt: skip
        return ProjectionService(**given)

    return service


async def test_rows_follow_the_log_over_restarts_and_rebuilds(project: Make, log) -> None:
    async with running(project()) as service:
        await rows_at(service, await write_all_kinds(log))
        before = sorted(await names(service))
    async with running(project()) as service:
        last = await finished(log, 77, name="later")
        await rows_at(service, last.position)
        await (service.upkeep()).rebuild("strict")
        progress = await rebuild_is(service, state="done")
        assert progress.comparison is not None
        assert progress.comparison.unexplained == 0
        assert sorted(await names(service)) == sorted([*before, "later"])
        assert (await find(service, free_text="lat*", at_least=LATEST, wait_s=10)).total_hits == 1


async def test_a_database_that_is_away_delays_rows_and_loses_none(
    project: Make, log, gate: Gate
) -> None:
    async with running(project(gate)) as service:
        await rows_at(service, (await finished(log, 1)).position)
        await gate.shut()
        with pytest.raises(Unavailable):
            await find(service)
        last = await finished(log, 2)

        async def told() -> str:
            return (await service.status()).problem

        await until("a problem is told", told)
        await gate.open()
        await rows_at(service, last.position)
        assert len(await names(service)) == 2
        assert await told() == ""


async def test_a_database_that_is_away_at_the_start_is_waited_for(
    project: Make, log, gate: Gate
) -> None:
    await gate.shut()
    history = await finished(log, 1)
    service = project(gate)
    async with running(service):
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await find(service)
        await gate.open()
        await rows_at(service, history.position)


@pytest.mark.nats
async def test_events_go_on_while_the_database_is_away(
    project: Make, log, gate: Gate, publisher, events
) -> None:
    async with running(project(gate, publisher=publisher)) as service:
        await rows_at(service, (await finished(log, 1)).position)
        await gate.shut()
        last = await finished(log, 2)

        async def out() -> bool:
            return await events.count() == 2 * EVENTS_OF_FINISHED

        await until("both are published", out)
        with pytest.raises(Unavailable):
            await find(service)
        await gate.open()
        await rows_at(service, last.position)
        assert len(await names(service)) == 2
    assert await events.count() == 2 * EVENTS_OF_FINISHED
    assert len(set(await events.ids())) == 2 * EVENTS_OF_FINISHED


async def test_two_that_both_believe_to_be_active_write_each_row_once(project: Make, log) -> None:
    first, second = project(), project()
    async with running(first), running(second):
        for number in range(1, 30):
            last = await finished(log, number)
            await asyncio.sleep(0.02)
        for service in (first, second):
            await rows_at(service, last.position)
            assert await until("all are shown", partial(shown, service, "workflows")) == 29
            assert await until("all are shown", partial(shown, service, "tasks")) == 29


async def test_a_standby_reads_what_the_active_one_writes_and_takes_over(
    project: Make, log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "STANDBY_AFTER_S", 0.0)
    monkeypatch.setattr(service_module, "LOOK_S", 0.01)
    lease = OpenLease()
    active, standby = project(lease=lease), project(lease=OpenLease(lease._gate))
    async with running(active):
        await rows_at(active, (await finished(log, 1)).position)
        async with running(standby):
            await until("a first look", partial(seen, standby, 1))
            await active.upkeep().rebuild("strict")
            model = (await rebuild_is(active, state="done")).model
            await rows_at(active, (await finished(log, 2)).position)
            await until("the new model", partial(seen, standby, 2))
            lease.take_away()
            await standby.active.wait()
            await rows_at(standby, (await finished(log, 3)).position)
            now = await standby.status()
            assert (await seen(standby, 3), now.current and now.current.model) == (True, model)


async def seen(service: ProjectionService, workflows: int) -> bool:
    with suppress(Unavailable):
        page = await service.standby_search.search(SearchRequest(what="workflows"))
        return (page.total_hits, page.lag) == (workflows, 0)
    return False


async def shown(service: ProjectionService, what: str) -> int:
    """0 while it starts again because the other one has written."""
    with suppress(Unavailable):
        return (await find(service, what=what)).total_hits
    return 0


async def test_a_database_that_holds_another_log_is_built_anew(project: Make) -> None:
    one, other = MemoryLog(), MemoryLog()
    await finished(one, 1, name="old")
    async with running(project(log=one)) as service:
        await rows_at(service, await one.end())
    history = await finished(other, 2, name="new")
    async with running(project(log=other)) as service:
        await rows_at(service, history.position)
        assert await names(service) == ["new"]


async def test_a_model_of_another_schema_is_built_anew_and_kept(project: Make, log, url) -> None:
    history = await finished(log, 1, name="first")
    async with running(project()) as service:
        await rows_at(service, history.position)
    with psycopg.connect(url) as database:
        database.execute("UPDATE firmus_rm.models SET schema_version = 99")
    async with running(project()) as service:
        await rows_at(service, history.position)
        assert await names(service) == ["first"]
        status = await service.status()
        assert (status.current.model, status.kept.model) == (2, 1)


async def test_a_schema_that_is_no_read_model_is_left_alone(
    project: Make, log, url, caplog
) -> None:
    with psycopg.connect(url) as database:
        database.execute("CREATE SCHEMA firmus_rm_1; CREATE TABLE firmus_rm_1.mine (it text)")
    await finished(log, 1)
    async with running(project()) as service:
        await until("it is told", lambda: "that is no read model" in caplog.text)
        with pytest.raises(Unavailable):
            await find(service)
    with psycopg.connect(url) as database:
        assert database.execute("SELECT count(*) FROM firmus_rm_1.mine").fetchone() == (0,)


@pytest.mark.parametrize(
    "url",
    ["postgresql://me:open/sesame@127.0.0.1/db", "postgresql://me:open#sesame@127.0.0.1:1/db",
     "postgresql://me:open-sesame@127.0.0.1:1/db", "postgresql://me:open@sesame@127.0.0.1:1/db",
     "postgresql://me:open sesame@[/db"],
)  # fmt: skip
async def test_a_password_is_told_to_nobody(project: Make, log, caplog, url: str) -> None:
    service = project(models=PostgresModels(url))
    async with running(service):
        await until("it is tried", lambda: "starts again" in caplog.text)
        with pytest.raises(Unavailable) as found:
            await service._live.current()
    for piece in ("open", "sesame"):
        assert piece not in caplog.text + str(found.value)
