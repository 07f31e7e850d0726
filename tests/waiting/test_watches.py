"""WatchPort: the decider itself, and its form over NATS, keep one contract."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from firmus.broker.connection import connect
from firmus.decider.watching import Watches
from firmus.eventlog.port import AppendConflict
from firmus.ports import Unavailable, Watch, WatchPort
from firmus.transport.watching import RemoteWatches, WatchServer
from tests.gateway.ports import World
from tests.waiting.family import Family, until

SHARDS = 4
LONG_S = 60.0


@pytest.fixture
async def family() -> Family:
    return await Family.of(World())


@pytest.fixture(params=["local", pytest.param("nats", marks=pytest.mark.nats)])
async def port(family: Family, request: pytest.FixtureRequest) -> AsyncIterator[WatchPort]:
    if request.param == "local":
        yield family.decider
        return
    url = request.getfixturevalue("nats_url")
    here, there = await connect(url, name="decider"), await connect(url, name="gateway")
    server = WatchServer(here, family.decider)
    await server.own(range(SHARDS))
    await here.flush()
    yield RemoteWatches(there, shards=SHARDS)
    await server.stop()
    await there.close()
    await here.close()


async def test_a_commit_that_matters_tells_the_waiter_and_others_do_not(
    family: Family, port: WatchPort
) -> None:
    started = await family.start("works")
    telling = asyncio.create_task(port.changed(await family.watch(started, "b"), timeout_s=LONG_S))
    await family.watched(1)
    await family.update(started, "a")
    assert not telling.done()
    await family.update(started, "b")
    assert await telling is True
    await family.watched(0)


async def test_what_was_not_seen_is_told_at_once(family: Family, port: WatchPort) -> None:
    started = await family.start("works")
    old = Watch(workflow_id=started, seen=1)
    assert await port.changed(old, timeout_s=LONG_S) is True


async def test_a_workflow_may_be_watched_before_it_is_born(family: Family, port: WatchPort) -> None:
    parent = await family.start("parent")
    row = (await family.state(parent)).task("s")
    assert row is not None
    assert row.child_id
    unborn = Watch(workflow_id=row.child_id)
    telling = asyncio.create_task(port.changed(unborn, timeout_s=LONG_S))
    await family.watched(1)
    assert await family.bear(parent, "s", "child") == row.child_id
    assert await telling is True


async def test_when_the_time_is_up_the_answer_is_no(family: Family, port: WatchPort) -> None:
    started = await family.start("works")
    assert await port.changed(await family.watch(started), timeout_s=0.01) is False
    await family.watched(0)


async def test_all_waiters_of_a_workflow_are_told(family: Family, port: WatchPort) -> None:
    started = await family.start("waits")
    watch = await family.watch(started)
    telling = [asyncio.create_task(port.changed(watch, timeout_s=LONG_S)) for _ in range(5)]
    await family.watched(5)
    await family.update(started, "w")
    assert await asyncio.gather(*telling) == [True] * 5


async def test_a_waiter_that_leaves_is_forgotten(family: Family) -> None:
    started = await family.start("works")
    telling = asyncio.create_task(
        family.decider.changed(await family.watch(started), timeout_s=LONG_S)
    )
    await family.watched(1)
    telling.cancel()
    await family.watched(0)


async def test_there_is_room_for_so_many_waiters_and_no_more() -> None:
    watches = Watches(watches_max=1)
    watches.add("x", ())
    with pytest.raises(Unavailable, match="1 waiters"):
        watches.add("y", ())


async def test_commits_of_another_decider_are_told_when_they_are_found(family: Family) -> None:
    """Ours learns of them by a conflict: then every waiter of the workflow looks again."""
    started = await family.start("works")
    telling = asyncio.create_task(
        family.decider.changed(await family.watch(started), timeout_s=LONG_S)
    )
    await family.watched(1)
    append, family.world.log.append = family.world.log.append, _conflicting  # type: ignore[method-assign]  # one append of somebody else's
    updating = asyncio.create_task(family.update(started, "a"))
    assert await telling is True
    family.world.log.append = append  # type: ignore[method-assign]  # as it was
    await updating


async def _conflicting(*_: object, **__: object) -> None:
    await asyncio.sleep(0)
    raise AppendConflict


@pytest.mark.nats
async def test_a_decider_that_gives_a_shard_away_sends_its_waiters_on(
    family: Family, nats_url: str
) -> None:
    here, there = await connect(nats_url, name="decider"), await connect(nats_url, name="gateway")
    first, second = WatchServer(here, family.decider), WatchServer(here, family.decider)
    await first.own(range(SHARDS))
    await here.flush()
    started = await family.start("works")
    remote = RemoteWatches(there, shards=SHARDS)
    telling = asyncio.create_task(remote.changed(await family.watch(started), timeout_s=LONG_S))
    await family.watched(1)
    await first.own(())
    assert await telling is True
    await family.watched(0)
    with pytest.raises(Unavailable, match="no decider"):
        await remote.changed(await family.watch(started), timeout_s=LONG_S)
    await second.own(range(SHARDS))
    await here.flush()
    again = asyncio.create_task(remote.changed(await family.watch(started), timeout_s=LONG_S))
    await family.watched(1)
    await family.update(started, "a", "FAILED_WITH_TERMINAL_ERROR")
    assert await again is True
    await second.stop()
    await there.close()
    await here.close()


@pytest.mark.nats
async def test_the_successor_of_a_decider_that_died_calls_its_waiters(
    family: Family, nats_url: str
) -> None:
    gone, here = await connect(nats_url, name="dead"), await connect(nats_url, name="decider")
    there = await connect(nats_url, name="gateway")
    started = await family.start("works")
    silent = WatchServer(gone, _Silent())
    await silent.own(range(SHARDS))
    await gone.flush()
    remote = RemoteWatches(there, shards=SHARDS)
    telling = asyncio.create_task(remote.changed(await family.watch(started), timeout_s=LONG_S))
    await _Silent.asked.wait()
    await gone.close()
    successor = WatchServer(here, family.decider)
    await successor.own(range(SHARDS))
    assert await telling is True
    await successor.stop()
    await there.close()
    await here.close()


class _Silent:
    """A decider that is never heard of again."""

    asked = asyncio.Event()

    async def changed(self, watch: Watch, *, timeout_s: float) -> bool:
        self.asked.set()
        raise Unavailable(f"{watch.workflow_id}, {timeout_s}")


async def test_nothing_is_kept_of_a_workflow_that_nobody_waits_for(family: Family) -> None:
    started = await family.start("works")
    await family.update(started, "a")
    await until(lambda: not len(family.decider.watches))
