"""Two projections as processes: the active one is killed, or freezes and wakes up again."""

import asyncio
import json
import os
import random
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from functools import partial
from pathlib import Path

import pytest

from firmus.broker.connection import connect
from firmus.broker.streams import LEASES_BUCKET, stream_configs
from firmus.broker.wire import JetStreamWire
from firmus.ports import SearchRequest, Unavailable
from firmus.projection.folder import ReadModelFolder
from firmus.transport.search import RemoteSearch
from tests.e2e import processes
from tests.e2e.ledger import Ledger, check_events, check_read_model, stored_events
from tests.e2e.load import Load
from tests.e2e.processes import Child, firmus
from tests.e2e.system import Services, running_services
from tests.e2e.test_kill import FINISH_S, finished, reading, register, shown, until
from tests.nats_server import NatsServer

LOAD_S = 1.0
LEASE_S = 5
ASK_S = 2.0
"""How long a question waits that went to a process which is frozen."""
FOLDERS = ("readmodel", "readmodel-2")
pytestmark = [pytest.mark.e2e, pytest.mark.nats, pytest.mark.timeout(3 * FINISH_S)]


async def shorter_leases(url: str) -> None:
    """Makes the bucket of leases, whose time to live all take from it, before any process does."""
    age = dict.fromkeys(("max_age", "duplicate_window"), LEASE_S * 1_000_000_000)
    connection = await connect(url, name="standby test")
    wire = await JetStreamWire.open(connection)
    try:
        for config in stream_configs(replicas=1, durability="process"):
            if config["name"] == f"KV_{LEASES_BUCKET}":
                await wire.api(f"STREAM.CREATE.{config['name']}", config | age)
    finally:
        await wire.close()
        await connection.close()


def second(services: Services, folder: Path) -> Child:
    """A projection that is told of the same data folder as the first one."""
    command = services.children["projection"].command
    at = command.index("--instance")
    rest = [*command[command.index("serve") : at], "--instance", "e2e-2", *command[at + 2 :]]
    return Child("second", firmus(*rest), folder / "second.log")


async def active(search: RemoteSearch) -> str:
    with suppress(Unavailable):
        return (await search.status()).instance
    return ""


@asynccontextmanager
async def loaded(services: Services, ledger: Ledger) -> AsyncIterator[RemoteSearch]:
    """Workflows run during the block; afterwards all have ended, are published and shown."""
    system = services.system
    load = Load(system.api, system.nats_url, random.Random(7))
    async with reading(system.nats_url) as (connection, log), asyncio.TaskGroup() as group:
        search = RemoteSearch(connection, timeout_s=ASK_S)
        running = group.create_task(load.run())
        following = group.create_task(ledger.follow(log))
        try:
            yield search
            load.stop_starting()
            await until("the end of all workflows", lambda: finished(log, ledger, load))
        finally:
            load.stop()
            following.cancel()
        await running
        await until("a projection at the end", lambda: shown(search, ledger.position))
        await until("both read models", partial(both_at, services, ledger.position))
        stored = await stored_events(connection, len(ledger.published))
    check_events(stored, ledger.published)


@asynccontextmanager
async def two(services: Services, folder: Path) -> AsyncIterator[dict[str, Child]]:
    """The two processes by their instances."""
    other = second(services, folder)
    other.start()
    beside = services.system.data / "readmodel-2" / "current"
    try:
        await asyncio.to_thread(processes.until, "its own read model", beside.exists)
        yield {"projection-e2e": services.children["projection"], "projection-e2e-2": other}
    finally:
        with suppress(ProcessLookupError, AssertionError):
            os.kill(other.pid, signal.SIGCONT)
        other.stop()


async def test_who_is_killed_or_frozen_is_replaced_and_joins_again_doing_nothing_twice(
    own_server: NatsServer, tmp_path: Path
) -> None:
    ledger = Ledger()
    await shorter_leases(own_server.url)
    with running_services(tmp_path, own_server.url) as services:
        await asyncio.to_thread(register, services)
        async with two(services, tmp_path) as both, loaded(services, ledger) as search:
            await until("an active projection", partial(active, search))
            await asyncio.sleep(LOAD_S)
            first = await active(search)
            (other,) = both.keys() - {first}
            both[first].kill()
            assert (await search.search(SearchRequest(what="workflows"))).total_hits
            await until("the other one", partial(is_active, search, other))
            await asyncio.sleep(LOAD_S)
            both[first].start()
            os.kill(both[other].pid, signal.SIGSTOP)
            await until("the first one again", partial(is_active, search, first))
            await asyncio.sleep(LOAD_S)
            os.kill(both[other].pid, signal.SIGCONT)
            await asyncio.sleep(LOAD_S)
            assert await active(search) == first
    for folder in FOLDERS:
        check_read_model(services.system.data / folder, ledger)


def rows_at(folder: Path) -> int:
    """The log position of the rows of a folder that a process has open."""
    models = ReadModelFolder(folder)
    number = models.current()
    if number is None:
        return 0
    with closing(sqlite3.connect(models.file(number))) as rows:
        found = rows.execute("SELECT value FROM progress WHERE key = 'rows'").fetchone()
    return json.loads(found[0])["position"] if found else 0


async def both_at(services: Services, position: int) -> bool:
    return min(rows_at(services.system.data / folder) for folder in FOLDERS) >= position


async def is_active(search: RemoteSearch, instance: str) -> bool:
    return await active(search) == instance
