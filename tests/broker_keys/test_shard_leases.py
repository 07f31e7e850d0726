import pytest
from tests.broker_keys.conftest import TTL_S, until

from firmus.broker.connection import connect
from firmus.broker.shard_leases import ShardLeases
from firmus.broker.wire import JetStreamWire

pytestmark = pytest.mark.nats

SHARDS = 8


class Instance:
    """One process of a role, with a connection of its own."""

    def __init__(self, wire, bucket, name, role="decider"):
        self.wire = wire
        self.told: set[int] = set()
        self.log: list[tuple[str, int]] = []
        self.fault_on: int | None = None
        self.leases = ShardLeases(
            wire,
            role,
            name,
            shards=SHARDS,
            ttl_s=TTL_S,
            on_gained=self._gained,
            on_lost=self._lost,
            bucket=bucket,
        )
        self.leases.start()

    async def _gained(self, shard):
        if shard == self.fault_on:
            raise LookupError(shard)
        self.told.add(shard)
        self.log.append(("gained", shard))

    async def _lost(self, shard):
        self.told.discard(shard)
        self.log.append(("lost", shard))

    @property
    def held(self):
        return self.leases.held

    async def crash(self) -> None:
        """The connection is gone and nothing is said."""
        await self.wire.connection.close()


@pytest.fixture
async def start(nats_url, leases_bucket):
    made: list[Instance] = []

    async def make(name, role="decider") -> Instance:
        connection = await connect(nats_url, name=name)
        instance = Instance(await JetStreamWire.open(connection), leases_bucket, name, role)
        made.append(instance)
        return instance

    yield make
    for instance in made:
        await instance.leases.stop()
        await instance.wire.close()
        await instance.wire.connection.close()


def spread(*instances) -> list[int]:
    """How many shards each holds, if together they hold each shard once; else nothing."""
    held = [shard for instance in instances for shard in instance.held]
    if sorted(held) != list(range(SHARDS)):
        return []
    return sorted(len(instance.held) for instance in instances)


async def test_one_instance_holds_every_shard_and_is_told(start):
    only = await start("a")
    await until(lambda: len(only.told) == SHARDS)
    assert only.held == only.told == set(range(SHARDS))


async def test_three_instances_share_fairly(start):
    instances = [await start(name) for name in "abc"]
    await until(lambda: spread(*instances) == [2, 3, 3])
    await until(lambda: all(i.told == i.held for i in instances))


async def test_a_clean_stop_hands_over(start):
    first, second = await start("a"), await start("b")
    await until(lambda: spread(first, second) == [4, 4])
    await first.leases.stop()
    assert first.held == first.told == set()
    await until(lambda: second.told == set(range(SHARDS)))


async def test_after_a_crash_the_shards_go_to_the_living(start):
    first, second = await start("a"), await start("b")
    await until(lambda: spread(first, second) == [4, 4])
    await first.crash()
    await until(lambda: second.told == set(range(SHARDS)))
    await until(lambda: first.told == set())
    assert first.held == set()


async def test_roles_do_not_see_each_other(start):
    decider, scheduler = await start("a", "decider"), await start("a", "scheduler")
    await until(lambda: spread(decider) == spread(scheduler) == [SHARDS])


async def test_a_shard_is_told_lost_before_somebody_else_gains_it(start):
    first = await start("a")
    await until(lambda: len(first.told) == SHARDS)
    overlaps: list[int] = []
    second = await start("b")
    original = second.leases._on_gained

    async def watch(shard):
        if shard in first.told:
            overlaps.append(shard)
        await original(shard)

    second.leases._on_gained = watch
    await until(lambda: spread(first, second) == [4, 4])
    assert overlaps == []


async def test_a_shard_that_an_instance_cannot_work_on_is_given_back_and_tried_again(start):
    bad = await start("a")
    bad.fault_on = 3
    await until(lambda: bad.told == set(range(SHARDS)) - {3})
    assert 3 not in bad.held
    bad.fault_on = None
    await until(lambda: bad.told == set(range(SHARDS)))
