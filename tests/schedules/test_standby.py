"""Several instances on one broker: one works, the others take over."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from firmus.broker.connection import connect
from firmus.broker.leases import Lease, bucket_ttl_s
from firmus.broker.streams import prepare
from firmus.broker.wire import JetStreamWire
from firmus.schedules.service import ScheduleService
from firmus.schedules.store import jetstream_schedules
from tests.schedules.desk import Desk
from tests.schedules.samples import SECOND, schedule

pytestmark = pytest.mark.nats


class Place:
    """A desk on a real broker."""

    def __init__(self, url: str, wire: JetStreamWire) -> None:
        self.wire = wire
        self.desk = Desk(lambda clock: jetstream_schedules(wire=wire, servers=url, clock=clock))

    async def lease(self, holder: str) -> Lease:
        ttl_s = await bucket_ttl_s(self.wire)
        return Lease(self.wire, "schedules", holder=holder, ttl_s=ttl_s)


@pytest.fixture
async def place(fresh_streams: str) -> AsyncIterator[Place]:
    connection = await connect(fresh_streams, name="schedules test")
    wire = await JetStreamWire.open(connection)
    await prepare(wire)
    found = Place(fresh_streams, wire)
    await found.desk.prepare()
    await found.desk.store.save(schedule(cron="* * * * * *"))
    yield found
    await found.desk.store.close()
    await wire.close()
    await connection.close()


async def test_a_standby_works_as_soon_as_the_first_one_stops(place: Place) -> None:
    desk = place.desk
    async with desk.running(turns=await place.lease("one")) as one:
        desk.at(SECOND)
        await desk.records(1)
        async with desk.running(turns=await place.lease("two")) as two:
            desk.at(2 * SECOND)
            await counted(one, 2)
            assert two.executed == 0
    async with desk.running(turns=await place.lease("three")) as three:
        desk.at(3 * SECOND)
        await counted(three, 1)
    assert len(await desk.started()) == 3


async def counted(service: ScheduleService, runs: int) -> None:
    while service.executed < runs:
        await asyncio.sleep(0.001)
