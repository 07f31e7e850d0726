"""`firmus up` with its read model in PostgreSQL: the projection is killed, the database goes away."""

import asyncio
import os
import random
import signal
from pathlib import Path

import aiohttp
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from firmus.console.rest import RestClient
from firmus.embedded.datadir import read_note
from firmus.embedded.processes import ProcessRecord
from firmus.projection.postgres.models import PostgresModels
from firmus.projection.postgres.schema import schema_of
from firmus.projection.views import TASK_COLUMNS, WORKFLOW_COLUMNS, Row
from firmus.transport.search import RemoteSearch
from tests.e2e.ledger import Ledger, check_events, check_rows, stored_events
from tests.e2e.load import FLOW, Load, task_definitions, workflow_definitions
from tests.e2e.system import System, running_up
from tests.e2e.test_kill import FINISH_S, finished, reading, shown, until
from tests.projection.gate import GateApart, gate_apart
from tests.projection.stores import needs_postgres, opened

LOAD_S = 1.0
pytestmark = [
    needs_postgres, pytest.mark.e2e, pytest.mark.nats, pytest.mark.timeout(3 * FINISH_S)
]  # fmt: skip


async def test_workflows_are_found_whatever_is_killed_or_away(tmp_path: Path) -> None:
    ledger = Ledger()
    with opened("postgres", tmp_path) as models:
        assert isinstance(models, PostgresModels)
        at = {name: str(given) for name, given in conninfo_to_dict(models._url).items()}
        with gate_apart(at["host"], int(at["port"])) as gate:
            way = f"postgresql://{at['user']}:{at['password']}@127.0.0.1:{gate.port}/{at['dbname']}"
            with running_up(tmp_path, FIRMUS_READ_MODEL=way) as system:
                load = await under_fire(system, gate, ledger)
                await check_search(system, load)
        with psycopg.connect(models._url, autocommit=True) as database:
            schema = schema_of(models.current() or 0)
            check_rows(
                stored(database, f"{schema}.workflows", WORKFLOW_COLUMNS),
                stored(database, f"{schema}.tasks", TASK_COLUMNS),
                ledger,
            )
    assert at["password"] not in (tmp_path / "up.log").read_text()


async def under_fire(system: System, gate: GateApart, ledger: Ledger) -> Load:
    """The load of a run in which the projection was killed and the database was away."""
    rest = RestClient(system.url)
    rest.register_tasks(task_definitions())
    for definition in workflow_definitions():
        rest.register_workflow(definition)
    load = Load(system.api, system.nats_url, random.Random(5))
    async with reading(system.nats_url) as (connection, log), asyncio.TaskGroup() as group:
        running = group.create_task(load.run())
        following = group.create_task(ledger.follow(log))
        await asyncio.sleep(LOAD_S)
        await kill_projection(system)
        await asyncio.sleep(LOAD_S)
        gate.shut()
        await asyncio.sleep(LOAD_S)
        await until("a search that is not answered", lambda: refused(system))
        await kill_projection(system)
        await asyncio.sleep(LOAD_S)
        gate.open()
        load.stop_starting()
        try:
            await until("the end of all workflows", lambda: finished(log, ledger, load))
        finally:
            load.stop()
            following.cancel()
        await running
        search = RemoteSearch(connection)
        await until("a projection at the end", lambda: shown(search, ledger.position))
        events = await stored_events(connection, len(ledger.published))
    check_events(events, ledger.published)
    return load


async def kill_projection(system: System) -> None:
    record = read_note(system.data / "run" / "projection.json", ProcessRecord)
    assert record is not None
    os.kill(record.pid, signal.SIGKILL)


async def refused(system: System) -> bool:
    async with aiohttp.ClientSession() as session, session.get(found(system, "*")) as answer:
        return answer.status == 503


def found(system: System, text: str) -> str:
    query = f"workflowType={FLOW} AND status=COMPLETED"
    return f"{system.api}/workflow/search?query={query}&freeText={text}&atLeast=latest&size=1"


async def check_search(system: System, load: Load) -> None:
    """All that was accepted is found, each by a word, which is its id."""
    async with aiohttp.ClientSession() as session:

        async def total(text: str) -> int:
            async with session.get(found(system, text)) as answer:
                return int((await answer.json()).get("totalHits", -1))

        await until("all are found", lambda: at_least(total("*"), len(load.accepted)))
        for workflow_id in load.accepted[:3]:
            await until("its words", lambda it=workflow_id: at_least(total(it), 1))


async def at_least(total, wanted: int) -> bool:
    return await total >= wanted


def stored(database: psycopg.Connection, table: str, columns: tuple[str, ...]) -> list[Row]:
    shown = ", ".join("CAST(summary AS text)" if it == "summary" else it for it in columns)
    return database.execute(f"SELECT {shown} FROM {table}").fetchall()
