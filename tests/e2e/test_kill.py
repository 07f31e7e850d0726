"""Everything is killed again and again, in any order; nothing that was accepted is lost or done twice."""

import asyncio
import os
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from firmus.broker.connection import Connection, connect
from firmus.broker.streams import prepare
from firmus.broker.wire import JetStreamWire
from firmus.console.rest import RestClient
from firmus.eventlog.blobs import JetStreamBlobs
from firmus.eventlog.jetstream import JetStreamLog
from firmus.ports import Unavailable
from firmus.transport.search import RemoteSearch
from firmus_contracts.statuses import WorkflowStatus
from tests.e2e.ledger import Ledger, check_events, check_read_model, stored_events
from tests.e2e.load import Load, task_definitions, workflow_definitions
from tests.e2e.processes import Child
from tests.e2e.system import Services, System, running_services
from tests.nats_server import NatsServer

KILL_S = float(os.environ.get("FIRMUS_KILL_S") or (22 if os.environ.get("CI") == "true" else 12))
SEED = int(os.environ.get("FIRMUS_KILL_SEED") or random.SystemRandom().randrange(1 << 32))
FINISH_S = 90.0
VICTIMS = (
    "decider",
    "scheduler",
    "projection",
    "gateway",
    "intake",
    "system-worker",
    "nats-server",
)
EXPECTED_END = "no NATS server answers"

pytestmark = [pytest.mark.e2e, pytest.mark.nats, pytest.mark.timeout(KILL_S + 2 * FINISH_S)]


class Chaos:
    """Kills in an order that the seed decides, and starts again what has ended."""

    def __init__(self, server: NatsServer, children: dict[str, Child], rng: random.Random) -> None:
        self.kills: Counter[str] = Counter()
        self.gave_up: list[str] = []
        self._server = server
        self._children = children
        self._rng = rng

    async def run(self, for_s: float) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + for_s
        order: list[str] = []
        while loop.time() < until:
            await asyncio.sleep(self._rng.uniform(0.3, 1.2))
            self.start_again()
            if not order:
                order = self._rng.sample(VICTIMS, len(VICTIMS))
            await self._kill(order.pop())

    async def _kill(self, name: str) -> None:
        self.kills[name] += 1
        if name == "nats-server":
            self._server.kill()
            await asyncio.to_thread(self._server.start)
        else:
            self._children[name].kill()
            self._children[name].start()

    def start_again(self) -> None:
        for child in self._children.values():
            if not child.runs:
                self.gave_up.append(f"{child.name}: {child.said()[-1000:]}")
                child.start()


@asynccontextmanager
async def reading(url: str) -> AsyncIterator[tuple[Connection, JetStreamLog]]:
    connection = await connect(url, name="kill test")
    wire = await JetStreamWire.open(connection)
    layout = await prepare(wire)
    try:
        yield connection, JetStreamLog(wire, JetStreamBlobs(wire), shards=layout.shards)
    finally:
        await wire.close()
        await connection.close()


async def until(what: str, done, patience_s: float = FINISH_S) -> None:
    try:
        async with asyncio.timeout(patience_s):
            while not await done():
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"never came: {what}") from None


async def finished(log: JetStreamLog, ledger: Ledger, load: Load) -> bool:
    """Whether the log was read to its end, and everything in it has ended."""
    ends = await log.end()
    started = {state.input.get("key") for state in ledger.states.values()}
    told = started.issuperset(load.published) and ledger.states.keys() >= set(load.accepted)
    return told and ledger.position == ends and not ledger.open


async def shown(search: RemoteSearch, position: int) -> bool:
    with suppress(Unavailable):
        status = await search.status()
        return status.active and min(status.position, status.published) >= position
    return False


async def under_fire(system: System, chaos: Chaos, ledger: Ledger) -> Load:
    """The load of a run whose chaos is over and whose workflows have all ended."""
    load = Load(system.api, system.nats_url, random.Random(SEED))
    async with reading(system.nats_url) as (connection, log), asyncio.TaskGroup() as group:
        running = group.create_task(load.run())
        await chaos.run(KILL_S)
        chaos.start_again()
        load.stop_starting()
        following = group.create_task(ledger.follow(log))
        try:
            await until("the end of all workflows", lambda: finished(log, ledger, load))
        finally:
            load.stop()
            following.cancel()
        await running
        search = RemoteSearch(connection)
        await until("a projection at the end", lambda: shown(search, ledger.position))
        stored = await stored_events(connection, len(ledger.published))
    check_events(stored, ledger.published)
    return load


def check_answers(load: Load, ledger: Ledger) -> None:
    """Whatever a client was told is so."""
    assert load.surprises == []
    assert len(set(load.accepted)) == len(load.accepted)
    assert ledger.states.keys() >= set(load.accepted)
    by_key: defaultdict[object, list[str]] = defaultdict(list)
    for state in ledger.states.values():
        assert state.status is WorkflowStatus.COMPLETED
        by_key[state.input.get("key")].append(state.workflow_id)
    assert {key: by_key[key] for key in load.keyed} == {k: [it] for k, it in load.keyed.items()}
    assert [len(by_key[key]) for key in load.published] == [1] * len(load.published)


async def test_nothing_accepted_is_lost_or_done_twice(
    own_server: NatsServer, tmp_path: Path
) -> None:
    print(f"seed {SEED}: FIRMUS_KILL_SEED={SEED} repeats the order")
    ledger = Ledger()
    with running_services(tmp_path, own_server.url) as services:
        await asyncio.to_thread(register, services)
        chaos = Chaos(own_server, services.children, random.Random(SEED))
        load = await under_fire(services.system, chaos, ledger)
    print(f"{len(load.accepted)} workflows, {load.updates} updates, {load.unanswered} unanswered,")
    print(f"{len(load.published)} start events; kills {dict(chaos.kills)}")
    assert len(chaos.kills) == len(VICTIMS)
    assert [text for text in chaos.gave_up if EXPECTED_END not in text] == []
    ledger.check_histories()
    ledger.check_children()
    check_answers(load, ledger)
    check_read_model(services.system.data / "readmodel", ledger)


def register(services: Services) -> None:
    rest = RestClient(services.system.url)
    rest.register_tasks(task_definitions())
    for definition in workflow_definitions():
        rest.register_workflow(definition)
