"""Starts with an idempotency key: the real decider, keys in memory and on a nats-server."""

import asyncio
import os
import random
import signal
import sys

import pytest
from tests.gateway.ports import World

from firmus.broker.keys import (
    JetStreamKeyStore,
    KeyLedger,
    MemoryKeyStore,
    Strategy,
    Verdict,
    decide,
)
from firmus.broker.starting import Starts
from firmus.broker.streams import prepare
from firmus.ports import Started, Unavailable
from firmus_contracts import ids
from firmus_contracts.commands import Rejected, StartWorkflow, TerminateWorkflow
from firmus_contracts.definitions import WorkflowDef, WorkflowTask

FAIL, RETURN, ON_RUNNING = Strategy.FAIL, Strategy.RETURN_EXISTING, Strategy.FAIL_ON_RUNNING


@pytest.mark.parametrize(
    ("strategy", "running", "verdict"),
    [
        (FAIL, True, Verdict.REFUSE),
        (FAIL, False, Verdict.REFUSE),
        (RETURN, True, Verdict.RETURN),
        (RETURN, False, Verdict.RETURN),
        (ON_RUNNING, True, Verdict.REFUSE),
        (ON_RUNNING, False, Verdict.REPLACE),
        (FAIL, None, Verdict.REPEAT),
        (RETURN, None, Verdict.REPEAT),
        (ON_RUNNING, None, Verdict.REPEAT),
    ],
)
def test_the_strategy_decides(strategy, running, verdict):
    assert decide(strategy, running) is verdict


@pytest.fixture
def memory():
    return MemoryKeyStore()


@pytest.fixture
def jetstream(wire, bucket):
    return JetStreamKeyStore(wire, bucket)


@pytest.fixture(params=["memory", pytest.param("jetstream", marks=pytest.mark.nats)])
def keys(request):
    return request.getfixturevalue(request.param)


class Engine:
    """Starters of two processes over one log."""

    def __init__(self, keys):
        world = World()
        self.worlds = [world, World(beside=world)]
        self.starts = [Starts(world.door, keys) for world in self.worlds]
        self._serial = 0

    async def begin(self):
        definition = WorkflowDef(
            name="flow",
            tasks=[WorkflowTask(name="h", task_reference_name="h", type="HUMAN")],
        )
        await self.worlds[0].definitions.put_workflow(definition, overwrite=True)

    def command(self, key="k", name="flow", number=None):
        self._serial += 1
        now_ms = self.worlds[0].clock.now_ms()
        workflow_id = ids.mint_workflow_id(now_ms, number or self._serial)
        return StartWorkflow(
            command_id=f"c{self._serial}",
            workflow_id=workflow_id,
            name=name,
            idempotency_key=key,
        )

    async def start(self, strategy, command=None, at=0):
        return await self.starts[at].start(command or self.command(), strategy)

    async def race(self, strategy):
        """What twenty who start at once are answered."""
        starts = (self.start(strategy, at=n % 2) for n in range(20))
        return await asyncio.gather(*starts)

    async def end(self, workflow_id):
        command = TerminateWorkflow(command_id="end", workflow_id=workflow_id)
        await self.worlds[0].decider.submit(command)

    async def workflows(self):
        """How many there are."""
        log = self.worlds[0].log
        found = set()
        async for batch in log.follow(after=0):
            found |= {record.workflow_id for record in batch}
            if batch[-1].position == await log.end():
                break
        return len(found)


@pytest.fixture
async def engine(keys):
    engine = Engine(keys)
    await engine.begin()
    return engine


def came_first(answers):
    return [a for a in answers if isinstance(a, Started) and not a.existing]


def refused(answers):
    return [a for a in answers if isinstance(a, Rejected) and a.code == "CONFLICT"]


@pytest.mark.parametrize("strategy", [FAIL, ON_RUNNING])
async def test_of_twenty_starters_one_succeeds(engine, strategy):
    answers = await engine.race(strategy)
    assert (len(came_first(answers)), len(refused(answers))) == (1, 19)
    assert await engine.workflows() == 1


async def test_twenty_starters_are_given_the_same_workflow(engine):
    answers = await engine.race(RETURN)
    assert len({answer.workflow_id for answer in answers}) == 1
    assert len(came_first(answers)) == 1
    assert await engine.workflows() == 1


@pytest.mark.parametrize("strategy", list(Strategy))
async def test_twenty_starters_heal_a_start_that_was_lost_and_one_of_them_came_first(
    engine, keys, strategy
):
    """The key was taken, then its process was killed: the state that is left is the key alone."""
    lost = engine.command()
    await KeyLedger(keys).claim("flow", "k", lost.workflow_id)
    answers = await engine.race(strategy)
    (first,) = came_first(answers)
    assert first.workflow_id == lost.workflow_id
    assert len(refused(answers)) == (0 if strategy is RETURN else 19)
    assert await engine.workflows() == 1


async def test_twenty_starters_after_an_ended_run_start_one_more(engine):
    earlier = await engine.start(ON_RUNNING)
    assert isinstance(await engine.start(ON_RUNNING), Rejected)
    await engine.end(earlier.workflow_id)
    answers = await engine.race(ON_RUNNING)
    assert (len(came_first(answers)), len(refused(answers))) == (1, 19)
    assert await engine.workflows() == 2


@pytest.mark.parametrize("strategy", [FAIL, RETURN])
async def test_a_key_is_used_up_for_ever(engine, strategy):
    first = await engine.start(strategy)
    await engine.end(first.workflow_id)
    again = await engine.start(strategy)
    expected = Started(first.workflow_id, existing=True) if strategy is RETURN else "CONFLICT"
    assert (again if strategy is RETURN else again.code) == expected


@pytest.mark.parametrize("strategy", list(Strategy))
@pytest.mark.parametrize("lost", [False, True])
async def test_the_same_start_repeated_is_answered_as_before(engine, keys, strategy, lost):
    """Also by another process, after more commands than a workflow remembers, and when it made up
    for a lost start.
    """
    command = engine.command()
    if lost:
        await KeyLedger(keys).claim("flow", "k", engine.command().workflow_id)
    first = await engine.start(strategy, command)
    for number in range(300):
        late = TerminateWorkflow(command_id=str(number), workflow_id=first.workflow_id)
        await engine.worlds[0].decider.submit(late)
    assert await engine.start(strategy, command, at=1) == first
    assert not first.existing


async def test_an_answer_that_was_lost_is_found_in_the_log(engine):
    engine.worlds[0].door.loses_answers = True
    first = await engine.start(FAIL)
    assert first == Started(first.workflow_id)
    assert isinstance(await engine.start(FAIL, at=1), Rejected)


async def test_a_decider_that_is_away_is_not_taken_for_a_start(engine):
    engine.worlds[0].door.shut = True
    command = engine.command()
    with pytest.raises(Unavailable):
        await engine.start(FAIL, command)
    assert await engine.start(FAIL, at=1) == Started(command.workflow_id)


HOSTILE = ["", ".", "a.b", "*", ">", "a b", "žluť", "%", "%sha256-1", "x" * 199, "x" * 5000]


async def test_keys_and_definitions_may_be_any_text_and_do_not_meet(keys):
    ledger = KeyLedger(keys)
    for definition in HOSTILE:
        for key in HOSTILE:
            fresh = f"{definition}|{key}"
            assert await ledger.claim(definition, key, fresh) == fresh


async def test_a_start_without_a_key_needs_no_place_for_keys():
    engine = Engine(None)
    await engine.begin()
    assert isinstance(await engine.start(None, engine.command(key=None)), Started)
    assert (await engine.start(None)).code == "NOT_IMPLEMENTED"


@pytest.mark.nats
async def test_keys_live_in_the_declared_bucket(wire):
    await prepare(wire)
    engine = Engine(JetStreamKeyStore(wire))
    await engine.begin()
    key = f"k{random.random()}"
    assert isinstance(await engine.start(FAIL, engine.command(key)), Started)
    assert isinstance(await engine.start(FAIL, engine.command(key)), Rejected)


@pytest.mark.nats
async def test_without_the_bucket_a_start_with_a_key_is_unavailable(wire):
    engine = Engine(JetStreamKeyStore(wire, "NO_SUCH_BUCKET"))
    with pytest.raises(Unavailable):
        await engine.start(FAIL)


STARTER = """
import asyncio, os, signal, sys
from firmus.broker.connection import connect
from firmus.broker.keys import JetStreamKeyStore
from firmus.broker.starting import Starts
from firmus.broker.wire import JetStreamWire
from firmus_contracts.commands import StartWorkflow

class Killed:
    async def submit(self, command):
        os.kill(os.getpid(), signal.SIGKILL)

async def main(url, bucket, workflow_id):
    wire = await JetStreamWire.open(await connect(url, name="killed"))
    command = StartWorkflow(
        command_id="killed", workflow_id=workflow_id, name="flow", idempotency_key="k"
    )
    await Starts(Killed(), JetStreamKeyStore(wire, bucket)).start(command)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.nats
@pytest.mark.parametrize("strategy", list(Strategy))
async def test_a_starter_killed_between_key_and_start_is_made_up_for(
    wire, bucket, nats_url, strategy
):
    engine = Engine(JetStreamKeyStore(wire, bucket))
    await engine.begin()
    lost = engine.command().workflow_id
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", STARTER, nats_url, bucket, lost),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert await process.wait() == -signal.SIGKILL
    (first,) = came_first(await engine.race(strategy))
    assert (first.workflow_id, await engine.workflows()) == (lost, 1)
