"""Records of slots in memory and on a nats-server: one contract."""

import asyncio
from uuid import uuid4

import pytest
from tests.broker_keys.conftest import until

from firmus.broker.gate_records import JetStreamGateRecords, MemoryGateRecords
from firmus.broker.slots import GrantLedger, SlotLedger
from firmus.clock import FixedClock
from firmus.workflow.grants import Grants, Hands
from firmus.workflow.slots import Entry, Slots, View
from firmus_contracts import ids
from firmus_contracts.events import TaskLimits

NOW = 1_700_000_000_000
SHARDS = 4
IDS = [ids.mint_workflow_id(NOW, number << 8) for number in range(20)]


@pytest.fixture
def memory():
    return MemoryGateRecords()


@pytest.fixture
async def bucket(wire):
    name = f"TEST_{uuid4().hex}"
    config = {
        "name": f"KV_{name}",
        "subjects": [f"$KV.{name}.>"],
        "storage": "memory",
        "max_msgs_per_subject": 1,
        "allow_msg_ttl": True,
        "allow_direct": True,
    }
    await wire.api(f"STREAM.CREATE.KV_{name}", config)
    return name


@pytest.fixture
async def jetstream(wire, bucket):
    return JetStreamGateRecords(wire, "workflow", Slots, bucket)


@pytest.fixture(params=["memory", pytest.param("wire", marks=pytest.mark.nats)])
def grants(request):
    if request.param == "memory":
        return GrantLedger(MemoryGateRecords(), FixedClock(NOW))
    wire, bucket = (request.getfixturevalue(name) for name in ("wire", "bucket"))
    return GrantLedger(JetStreamGateRecords(wire, "task", Grants, bucket), FixedClock(NOW))


@pytest.fixture(params=["memory", pytest.param("jetstream", marks=pytest.mark.nats)])
def store(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def ledger(store):
    return SlotLedger(store, FixedClock(NOW))


def everything(*, running=(), ended=(), **lines) -> View:
    return View(shard_count=SHARDS, shards=range(SHARDS), running=running, ended=ended, lines=lines)


async def test_of_many_at_once_as_many_hold_as_there_are_slots(ledger):
    entries = await asyncio.gather(*(ledger.enter("g", one, 3, queue=True) for one in IDS))
    assert entries.count(Entry.HOLDS) == 3
    assert entries.count(Entry.WAITS) == len(IDS) - 3


async def test_one_that_asks_again_gets_the_same_answer(ledger):
    for _ in range(2):
        assert await ledger.enter("g", IDS[0], 1, queue=False) is Entry.HOLDS
        assert await ledger.enter("g", IDS[1], 1, queue=False) is Entry.REFUSED


async def test_one_that_leaves_makes_room(ledger):
    await ledger.enter("g", IDS[0], 1, queue=False)
    await ledger.leave("g", IDS[0])
    assert await ledger.enter("g", IDS[1], 1, queue=False) is Entry.HOLDS


async def test_gates_of_any_name_are_apart(ledger, store):
    names = ["g", "g.", "g/*", "g/>", "Grün/ß", "g/" + "x" * 500, "g/" + "x" * 501, ""]
    for name in names:
        assert await ledger.enter(name, IDS[0], 1, queue=False) is Entry.HOLDS
    assert [(await store.get(name))[0].gate for name in names] == names


async def test_a_record_that_nobody_needs_is_forgotten_and_may_come_again(ledger, store):
    await ledger.enter("g", IDS[0], 1, queue=False)
    await ledger.settle("g", 1, everything(ended=(IDS[0],)))
    assert (await store.get("g"))[0] is None
    assert await ledger.enter("g", IDS[1], 1, queue=False) is Entry.HOLDS


async def test_an_expectation_that_is_not_met_stores_nothing(store):
    slots = Slots(gate="g", limit=1, holders={IDS[0]: NOW})
    assert await store.put(slots, expected=0)
    assert not await store.put(slots, expected=0)
    found, revision = await store.get("g")
    assert (found, await store.put(slots, expected=revision)) == (slots, True)


async def test_what_is_stored_is_heard_of(ledger, store):
    heard = []
    stop = await store.watch(heard.append)
    await ledger.enter("g", IDS[0], 2, queue=False)
    await until(lambda: heard)
    assert heard[0].holders == {IDS[0]: NOW}
    await stop()


TASKS = [ids.task_id(one, 1) for one in IDS]
THREE = TaskLimits(concurrent=3)


def told(held=(), left=(), shards=range(SHARDS)) -> Hands:
    return Hands(shard_count=SHARDS, shards=tuple(shards), held=held, left=left)


async def test_of_many_tasks_at_once_as_many_are_let_in_as_the_limit_allows(grants):
    assert (await grants.take("g", TASKS, THREE, SHARDS))[1] == []
    for shard in range(SHARDS):
        await grants.report("g", told(shards=[shard]), THREE)
    asked = await asyncio.gather(*(grants.take("g", [one], THREE, SHARDS) for one in TASKS))
    let_in = [one for _, some in asked for one in some]
    assert len(let_in) == 3
    await grants.report("g", told(held=let_in[1:], left=let_in[:1]), THREE)
    assert len((await grants.take("g", TASKS, THREE, SHARDS))[1]) == 3


async def test_a_rate_is_kept_by_whoever_asks(grants):
    rate = TaskLimits(hand_outs=4, window_s=60)
    await grants.report("g", told(), rate)
    asked = await asyncio.gather(*(grants.take("g", [one], rate, SHARDS) for one in TASKS))
    assert sum(len(some) for _, some in asked) == 4
