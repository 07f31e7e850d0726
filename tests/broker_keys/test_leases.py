import asyncio

import pytest
from tests.broker_keys.conftest import TTL_S, declare_bucket, until

from firmus.broker.connection import connect
from firmus.broker.leases import Lease, bucket_ttl_s, release_all
from firmus.broker.streams import LEASE_TTL_S, prepare
from firmus.broker.wire import JetStreamWire

pytestmark = pytest.mark.nats


@pytest.fixture
async def lease_of(wire, leases_bucket):
    made: list[Lease] = []

    def make(holder, key="cursor") -> Lease:
        lease = Lease(wire, key, holder=holder, ttl_s=TTL_S, bucket=leases_bucket)
        made.append(lease)
        return lease

    yield make
    for lease in made:
        await lease.release()


async def crash(lease: Lease) -> None:
    """Stops renewing without a word, as a killed process does."""
    lease._keeper.cancel()
    await asyncio.wait({lease._keeper})


async def test_only_one_holds_a_lease(lease_of):
    first, second = lease_of("a"), lease_of("b")
    assert await first.try_acquire()
    assert not await second.try_acquire()
    assert (first.held, second.held) == (True, False)


async def test_of_twenty_who_try_at_once_one_gets_it(lease_of):
    leases = [lease_of(f"i{n}") for n in range(20)]
    won = await asyncio.gather(*(lease.try_acquire() for lease in leases))
    assert won.count(True) == 1


async def test_two_leases_of_one_holder_exclude_each_other(lease_of):
    assert await lease_of("same").try_acquire()
    assert not await lease_of("same").try_acquire()


async def test_a_release_wakes_who_waits(lease_of):
    first, second = lease_of("a"), lease_of("b")
    await first.acquire()
    waiting = asyncio.create_task(second.acquire())
    await asyncio.sleep(0)
    assert not waiting.done()
    await first.release()
    await waiting
    assert (first.held, second.held) == (False, True)
    assert not first.lost.is_set()


async def test_a_released_lease_can_be_taken_again(lease_of):
    lease = lease_of("a")
    for _ in range(3):
        assert await lease.try_acquire()
        await lease.release()
        assert not lease.held


async def test_a_lease_is_renewed_for_longer_than_its_ttl(lease_of):
    lease, other = lease_of("a"), lease_of("b")
    await lease.acquire()
    first = lease._revision
    await until(lambda: lease._revision >= first + 4)
    assert lease.held
    assert not await other.try_acquire()


async def test_after_a_crash_the_lease_is_free_once_its_ttl_has_passed(lease_of):
    crashed, waiting = lease_of("a"), lease_of("b")
    await crashed.acquire()
    await crash(crashed)
    assert not await waiting.try_acquire()
    await waiting.acquire()
    assert waiting.held
    assert not crashed.held


async def test_a_holder_that_was_replaced_is_told(lease_of, wire, leases_bucket):
    lease = lease_of("a")
    await lease.acquire()
    await wire.publish(f"$KV.{leases_bucket}.cursor", b"taken by force")
    await lease.lost.wait()
    assert not lease.held


async def test_a_renewal_whose_answer_was_lost_is_recognised(lease_of, wire, leases_bucket):
    lease = lease_of("a")
    await lease.acquire()
    stored = await wire.publish(f"$KV.{leases_bucket}.cursor", lease._value)
    await until(lambda: lease._revision > stored)
    assert lease.held


async def test_a_holder_cut_off_from_the_server_stops_by_itself(own_server):
    connection = await connect(own_server.url, name="lease test")
    wire = await JetStreamWire.open(connection)
    bucket = await declare_bucket(wire, ttl_s=TTL_S)
    lease = Lease(wire, "cursor", holder="a", ttl_s=TTL_S, bucket=bucket)
    await lease.acquire()
    own_server.kill()
    await lease.lost.wait()
    assert not lease.held
    assert not await lease.try_acquire()
    await wire.close()
    await connection.close()


async def test_the_ttl_is_the_servers(wire, leases_bucket, bucket):
    assert await bucket_ttl_s(wire, leases_bucket) == TTL_S
    with pytest.raises(ValueError, match="for ever"):
        await bucket_ttl_s(wire, bucket)
    await prepare(wire)
    assert await bucket_ttl_s(wire) == LEASE_TTL_S


async def test_what_a_killed_process_held_is_free_for_its_next_life(lease_of, wire, leases_bucket):
    left, others = lease_of("a", "cursor"), lease_of("b", "shard.1")
    assert await left.try_acquire()
    assert await others.try_acquire()
    await crash(left)
    await release_all(wire, "a", leases_bucket)
    assert await lease_of("a", "cursor").try_acquire()
    assert not await lease_of("a", "shard.1").try_acquire()
