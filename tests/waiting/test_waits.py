"""Waiting until a workflow has ended or blocks, here or in a sub-workflow (spec 8.4.1)."""

import asyncio

import msgspec
import pytest

from firmus.ports import Unavailable, Watch, WatchPort
from firmus.waiting import Waited, Waits
from firmus_contracts.definitions import WorkflowDef
from firmus_contracts.errors import Refusal
from tests.gateway.ports import World
from tests.waiting.family import Family
from tests.waiting.test_blocking import fork, sub

LONG_S = 60.0


@pytest.fixture
async def family() -> Family:
    return await Family.of(World())


def waiting(family: Family, workflow_id: str, *refs: str) -> "asyncio.Task[Waited | None]":
    return asyncio.create_task(family.waits.until_blocked(workflow_id, refs=refs, timeout_s=LONG_S))


def told(waited: Waited | None) -> tuple[str, str | None, bool]:
    """Status of the target, the blocking task, and whether the time was up."""
    assert waited is not None
    blocking = None
    if waited.blocking is not None:
        blocking = f"{waited.blocking.state.name}.{waited.blocking.row.ref}"
    return waited.target.status.value, blocking, waited.timed_out


async def test_what_blocks_already_is_told_at_once(family: Family) -> None:
    started = await family.start("waits")
    assert told(await waiting(family, started)) == ("RUNNING", "waits.w", False)
    assert len(family.decider.watches) == 0


async def test_a_wait_ends_with_the_workflow_or_with_a_named_task(family: Family) -> None:
    started = await family.start("works")
    ended, named = waiting(family, started), waiting(family, started, "nobody", "a")
    await family.watched(2)
    await family.update(started, "a")
    assert told(await named) == ("RUNNING", "works.a", False)
    assert not ended.done()
    await family.update(started, "b")
    assert told(await ended) == ("COMPLETED", None, False)
    assert len(family.decider.watches) == 0


async def test_when_the_time_is_up_the_state_of_then_is_told(family: Family) -> None:
    started = await family.start("works")
    for timeout_s in (0.02, 0, -1):
        waited = await family.waits.until_blocked(started, timeout_s=timeout_s)
        assert told(waited) == ("RUNNING", None, True)
    assert await family.waits.until_blocked(started[:-12] + "ffffff000000", timeout_s=0) is None


async def test_a_block_down_in_a_sub_workflow_ends_the_wait(family: Family) -> None:
    top = await family.start("grand")
    wait = waiting(family, top)
    await family.watched(1)
    middle = await family.bear(top, "s", "parent")
    await family.watched(2)
    await family.bear(middle, "s", "child")
    assert told(await wait) == ("RUNNING", "child.cw", False)
    assert len(family.decider.watches) == 0


async def test_children_are_searched_in_the_order_of_their_tasks(family: Family) -> None:
    top = await family.start("two")
    await family.bear(top, "s1", "works")
    second = await family.bear(top, "s2", "child")
    assert told(await waiting(family, top)) == ("RUNNING", "child.cw", False)
    found = await family.waits.to_signal(top)
    assert found is not None
    assert found.state.workflow_id == second


async def test_a_signal_prefers_the_workflows_own_wait(family: Family) -> None:
    top = await family.start("parent")
    assert await family.waits.to_signal(top) is None
    child = await family.bear(top, "s", "child")
    found = await family.waits.to_signal(top)
    assert found is not None
    assert (found.state.workflow_id, found.row.ref) == (child, "cw")
    await family.update(child, "cw")
    assert await family.waits.to_signal(top) is None


async def test_parents_that_stand_for_each_other_have_no_wait_to_signal(family: Family) -> None:
    """Idempotency keys lead each of them to the other."""
    ring = [await family.start("grand"), await family.start("grand")]
    await family.adopt(ring[0], "s", ring[1])
    await family.adopt(ring[1], "s", ring[0])
    assert await family.waits.to_signal(ring[0]) is None
    waited = await family.waits.until_blocked(ring[0], timeout_s=0)
    assert told(waited) == ("RUNNING", None, True)


async def test_a_workflow_that_is_removed_is_waited_for_no_more(family: Family) -> None:
    started = await family.start("works")
    wait = waiting(family, started)
    await family.watched(1)
    await family.remove(started)
    assert await wait is None


async def test_a_child_that_is_removed_is_passed_over(family: Family) -> None:
    top = await family.start("two")
    first = await family.bear(top, "s1", "works")
    wait = waiting(family, top)
    await family.watched(2)
    await family.remove(first)
    await family.watched(1)
    await family.bear(top, "s2", "child")
    assert told(await wait) == ("RUNNING", "child.cw", False)


class Unsteady:
    """Watches whose decider is away the first times; then it is asked as ever."""

    def __init__(self, family: Family, away: int) -> None:
        self._family = family
        self.away = away

    async def changed(self, watch: Watch, *, timeout_s: float) -> bool:
        if self.away:
            self.away -= 1
            raise Unavailable("restarting")
        return await self._family.decider.changed(watch, timeout_s=timeout_s)


async def test_a_decider_that_is_away_for_a_while_is_asked_again(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firmus.waiting.PAUSE_S", 0.001)
    unsteady = Unsteady(family, away=3)
    started = await family.start("works")
    waits = Waits(family.world.door, unsteady)
    wait = asyncio.create_task(waits.until_blocked(started, refs=["a"], timeout_s=LONG_S))
    await family.watched(1)
    await family.update(started, "a")
    assert told(await wait) == ("RUNNING", "works.a", False)
    assert unsteady.away == 0


async def test_nobody_to_ask_until_the_time_is_up_is_said(family: Family) -> None:
    started = await family.start("works")
    family.world.door.shut = True
    with pytest.raises(Unavailable):
        await family.waits.until_blocked(started, timeout_s=0.01)


async def test_a_waiter_that_leaves_leaves_nothing(family: Family) -> None:
    top = await family.start("two")
    for ref in ("s1", "s2"):
        await family.bear(top, ref, "works")
    wait = waiting(family, top)
    await family.watched(3)
    wait.cancel()
    await family.watched(0)


async def test_places_are_limited_and_given_back(family: Family) -> None:
    waits = Waits(family.world.door, family.decider, waiting_max=1)
    with waits.place(), pytest.raises(Refusal) as refused, waits.place():
        pytest.fail("there was one place too many")
    assert refused.value.code == "TOO_MANY_REQUESTS"
    with waits.place():
        assert len(waits) == 1
    assert len(waits) == 0


async def test_of_many_children_the_one_that_blocks_tells(family: Family) -> None:
    refs = [f"s{n}" for n in range(50)]
    tasks = fork(*([sub(ref)] for ref in refs))
    definition = msgspec.convert({"name": "wide", "tasks": tasks}, WorkflowDef)
    await family.world.definitions.put_workflow(definition, overwrite=True)
    top = await family.start("wide")
    wait = waiting(family, top)
    for ref in refs[:-1]:
        await family.bear(top, ref, "works")
    await family.watched(len(refs))
    await family.bear(top, refs[-1], "child")
    assert told(await wait) == ("RUNNING", "child.cw", False)
    await family.watched(0)


class Broken:
    """A watch that fails as nobody foresaw, the first time."""

    def __init__(self, watches: WatchPort) -> None:
        self._watches = watches
        self.broken = 0

    async def changed(self, watch: Watch, *, timeout_s: float) -> bool:
        if not self.broken:
            self.broken += 1
            raise RuntimeError("nobody foresaw this")
        return await self._watches.changed(watch, timeout_s=timeout_s)


async def test_a_watch_that_fails_unforeseen_is_taken_up_again(family: Family) -> None:
    started = await family.start("works")
    broken = Broken(family.decider)
    waits = Waits(family.world.door, broken)
    waiter = asyncio.create_task(waits.until_blocked(started, refs=["a"], timeout_s=LONG_S))
    await family.watched(1)
    assert broken.broken == 1
    await family.update(started, "a")
    assert told(await waiter) == ("RUNNING", "works.a", False)
