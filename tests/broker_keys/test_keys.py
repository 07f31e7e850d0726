import asyncio
import random

import pytest

from firmus.broker.keys import (
    IdempotencyKeys,
    JetStreamKeyStore,
    MemoryKeyStore,
    Strategy,
    Verdict,
    decide,
)
from firmus.broker.streams import prepare
from firmus.ports import Unavailable
from firmus_contracts.errors import Refusal

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


class Engine:
    """Workflows as the decider has them: an id starts once."""

    def __init__(self):
        self.running: dict[str, bool] = {}

    async def is_running(self, workflow_id) -> bool | None:
        await asyncio.sleep(0)
        return self.running.get(workflow_id)

    def start(self, workflow_id) -> bool:
        if workflow_id in self.running:
            return False
        self.running[workflow_id] = True
        return True


@pytest.fixture
def memory():
    return IdempotencyKeys(MemoryKeyStore())


@pytest.fixture
async def jetstream(wire, bucket):
    return IdempotencyKeys(JetStreamKeyStore(wire, bucket))


@pytest.fixture(params=["memory", pytest.param("jetstream", marks=pytest.mark.nats)])
def keys(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def engine():
    return Engine()


async def start(keys, engine, strategy, fresh, key="k") -> str | None:
    """What a gateway does: the id of the workflow that answers, None when refused."""
    try:
        claim = await keys.claim("flow", key, strategy, fresh, engine.is_running)
    except Refusal as refusal:
        return None if refusal.code == "CONFLICT" else refusal.code
    await asyncio.sleep(random.random() * 0.003)
    if claim.existing or engine.start(claim.workflow_id):
        return claim.workflow_id
    return claim.workflow_id if strategy is RETURN else None


async def race(keys, engine, strategy) -> list[str]:
    """The answers of twenty who start at once, refused ones left out."""
    starts = (start(keys, engine, strategy, f"w{n}") for n in range(20))
    return [answer for answer in await asyncio.gather(*starts) if answer]


@pytest.mark.parametrize("strategy", [FAIL, ON_RUNNING])
async def test_of_twenty_starters_one_succeeds(keys, engine, strategy):
    assert len(await race(keys, engine, strategy)) == 1
    assert len(engine.running) == 1


async def test_twenty_starters_are_given_the_same_workflow(keys, engine):
    answers = await race(keys, engine, RETURN)
    assert len(answers) == 20
    assert set(answers) == set(engine.running)


async def test_twenty_starters_after_an_ended_run_start_one_more(keys, engine):
    await start(keys, engine, ON_RUNNING, "earlier")
    engine.running["earlier"] = False
    assert len(await race(keys, engine, ON_RUNNING)) == 1
    assert len(engine.running) == 2


async def test_a_key_is_used_up_for_ever_under_fail(keys, engine):
    assert await start(keys, engine, FAIL, "w1") == "w1"
    engine.running["w1"] = False
    assert await start(keys, engine, FAIL, "w2") is None


async def test_an_ended_run_is_still_returned(keys, engine):
    await start(keys, engine, RETURN, "w1")
    engine.running["w1"] = False
    assert await start(keys, engine, RETURN, "w2") == "w1"


@pytest.mark.parametrize("strategy", list(Strategy))
async def test_a_crash_before_the_start_is_healed_by_the_next_try(keys, engine, strategy):
    await keys.claim("flow", "k", strategy, "lost", engine.is_running)
    assert await start(keys, engine, strategy, "w2") == "lost"
    assert engine.running == {"lost": True}


@pytest.mark.parametrize("strategy", list(Strategy))
async def test_the_same_start_repeated_gets_its_own_claim_again(keys, engine, strategy):
    first = await keys.claim("flow", "k", strategy, "w1", engine.is_running)
    engine.start("w1")
    assert await keys.claim("flow", "k", strategy, "w1", engine.is_running) == first


HOSTILE = [
    "",
    ".",
    "a.b",
    "*",
    ">",
    "a b",
    "žluť",
    "%",
    "%sha256-1",
    "x" * 199,
    "x" * 5000,
    "x" * 5001,
]


async def test_keys_and_definitions_may_be_any_text_and_do_not_meet(keys, engine):
    for definition in HOSTILE:
        for key in HOSTILE:
            fresh = f"{definition}|{key}"
            claim = await keys.claim(definition, key, FAIL, fresh, engine.is_running)
            assert claim.workflow_id == fresh


@pytest.mark.nats
async def test_keys_live_in_the_declared_bucket(wire, engine):
    await prepare(wire)
    keys = IdempotencyKeys(JetStreamKeyStore(wire))
    key = f"k{random.random()}"
    assert await start(keys, engine, FAIL, "w1", key) == "w1"
    assert await start(keys, engine, FAIL, "w2", key) is None


@pytest.mark.nats
async def test_without_the_bucket_a_claim_is_unavailable(wire, engine):
    keys = IdempotencyKeys(JetStreamKeyStore(wire, "NO_SUCH_BUCKET"))
    with pytest.raises(Unavailable):
        await start(keys, engine, FAIL, "w1")
