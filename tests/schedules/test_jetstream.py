import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from firmus.broker.connection import connect
from firmus.broker.streams import SCHEDULE_EVENTS_KEPT, prepare
from firmus.broker.wire import JetStreamWire
from firmus.clock import FixedClock
from firmus.schedules.records import KEPT
from firmus.schedules.store import Schedules, jetstream_schedules
from firmus_contracts.subjects import SCHEDULE_RUNS_STREAM
from tests.schedules.contract import SchedulesContract, claimed
from tests.schedules.samples import schedule

pytestmark = pytest.mark.nats


@asynccontextmanager
async def instance(url: str, clock: FixedClock) -> AsyncIterator[tuple[Schedules, JetStreamWire]]:
    """One process's worth of store: its own connections."""
    connection = await connect(url, name="schedules test")
    wire = await JetStreamWire.open(connection)
    await prepare(wire)
    store = jetstream_schedules(wire=wire, servers=url, clock=clock)
    yield store, wire
    await store.close()
    await wire.close()
    await connection.close()


@pytest.fixture
async def both(fresh_streams, clock):
    async with instance(fresh_streams, clock) as made:
        yield made


@pytest.fixture
def schedules(both):
    return both[0]


class TestJetStreamSchedules(SchedulesContract):
    pass


async def test_what_one_instance_saves_another_sees_at_once(schedules, fresh_streams, clock):
    async with instance(fresh_streams, clock) as (other, _):
        assert await other.schedules() == []
        await schedules.save(schedule())
        await other.pause("nightly", "by the other")
        assert (await schedules.schedule("nightly")).paused_reason == "by the other"


async def test_two_instances_that_write_one_schedule_lose_nothing(schedules, fresh_streams, clock):
    await schedules.save(schedule())
    async with instance(fresh_streams, clock) as (other, _):
        stores = (schedules, other)
        await asyncio.gather(*(stores[n % 2].pause("nightly", str(n)) for n in range(20)))
    await schedules.resume("nightly")


async def test_of_two_that_claim_the_same_runs_one_succeeds(schedules, fresh_streams, clock):
    async with instance(fresh_streams, clock) as (other, _):
        stores = (schedules, other)
        won = await asyncio.gather(*(s.runs.record([claimed("a", 1)]) for s in stores))
        assert sorted(won) == [False, True]


async def test_the_stream_of_runs_does_not_grow_with_them(both):
    schedules, wire = both
    for n in range(SCHEDULE_EVENTS_KEPT + 20):
        await schedules.runs.record([claimed("a", n + 1), claimed("b", n + 1)])
    state = await wire.stream_state(SCHEDULE_RUNS_STREAM)
    assert state.messages == 2 * SCHEDULE_EVENTS_KEPT
    assert len(await schedules.executions("scheduleName IN (a)", "")) == KEPT
