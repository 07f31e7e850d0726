"""Several schedulers keep one limit between them (spec 4.9)."""

import asyncio
import random
from typing import Any

import pytest

from firmus.scheduler.service import Scheduler
from firmus.workflow.grants import Grants, Hands
from firmus_contracts import commands as cmd
from firmus_contracts import events as ev
from firmus_contracts import ids
from firmus_contracts.events import TaskLimits
from tests.scheduler.conftest import World, until
from tests.scheduler.test_limits import WORKFLOWS, complete, in_progress, poll
from tests.scheduler.world import SHARDS, child_row, scheduled, workflow_id

LAYOUTS = [((0, 1), (2, 3)), ((0,), (1,), (2, 3))]


@pytest.fixture
def shared(world: World) -> World:
    world.alone = False
    return world


async def work(world: World, schedulers: list[Scheduler], left: set[str], seed: int) -> None:
    """A worker that asks any scheduler until all tasks of `left` are done."""
    chance = random.Random(seed)
    while left:
        scheduler = chance.choice(schedulers)
        for task_id in await poll(scheduler, chance.randint(1, 3), timeout_s=0.02):
            await asyncio.sleep(0)
            await complete(world, task_id)
            left.discard(task_id)


@pytest.mark.parametrize("layout", LAYOUTS, ids=len)
async def test_never_more_than_the_limit_in_progress_over_all_of_them(
    shared: World, layout: tuple[tuple[int, ...], ...]
) -> None:
    shared.limits["work"] = TaskLimits(concurrent=3)
    for workflow in WORKFLOWS:
        await shared.start(workflow, scheduled(1), scheduled(2))
    schedulers = [await shared.scheduler(shards=shards) for shards in layout]
    left = {ids.task_id(workflow, n) for workflow in WORKFLOWS for n in (1, 2)}
    await asyncio.gather(*(work(shared, schedulers, left, seed) for seed in range(6)))
    counts = await in_progress(shared)
    assert (max(counts), counts[-1]) == (3, 0)


async def told(world: World, name: str = "work") -> bool:
    record, _ = await world.grants.get(name)
    return record is not None and record.complete(SHARDS)


async def held(world: World) -> set[str]:
    record, _ = await world.grants.get("work")
    return set(record.holders) if record is not None else set()


async def test_a_slot_that_is_freed_in_one_opens_the_gate_of_the_other(shared: World) -> None:
    shared.limits["work"] = TaskLimits(concurrent=1)
    for workflow in WORKFLOWS:
        await shared.start(workflow, scheduled(1))
    one = await shared.scheduler(shards=(0, 1))
    other = await shared.scheduler(shards=(2, 3))
    (first,) = await poll(one, timeout_s=10)
    waiting = asyncio.ensure_future(poll(other, timeout_s=30))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    await complete(shared, first)
    assert len(await waiting) == 1
    assert max(await in_progress(shared)) == 1


async def test_a_scheduler_that_dies_leaves_its_tasks_counted(shared: World) -> None:
    shared.limits["work"] = TaskLimits(concurrent=2)
    for workflow in WORKFLOWS:
        await shared.start(workflow, scheduled(1))
    one = await shared.scheduler(shards=(0, 1))
    other = await shared.scheduler(shards=(2, 3))
    begun = await poll(one, 2, timeout_s=10)
    await shared.kill(one)
    again = await shared.scheduler(shards=(0, 1))
    assert [await poll(again, 5), await poll(other, 5)] == [[], []]
    for task_id in begun:
        await complete(shared, task_id)
    assert len(await poll(other, 5, timeout_s=10)) + len(await poll(again, 5)) >= 1
    assert max(await in_progress(shared)) == 2


async def test_what_was_granted_to_a_dead_one_and_never_begun_is_free_after_a_while(
    shared: World,
) -> None:
    shared.limits["work"] = TaskLimits(concurrent=1)
    for workflow in WORKFLOWS:
        await shared.start(workflow, scheduled(1))
    both = [await shared.scheduler(shards=half) for half in ((0, 1), (2, 3))]
    await until(lambda: told(shared))
    mine = next(one for one in WORKFLOWS if ids.shard_of(one, SHARDS) in (0, 1))
    ledger = both[0]._sharing._records
    assert ledger is not None
    task_id = ids.task_id(mine, 1)
    await ledger.take("work", [task_id], shared.limits["work"], SHARDS)
    await shared.kill(both[0])
    shared.clock.advance(15_000)
    await shared.scheduler(shards=(0, 1))
    assert len(await poll(both[1], timeout_s=10)) == 1


class Slow:
    """Records that are told only once `go` is set; who stood in them after the first time."""

    def __init__(self, records: Any) -> None:
        self.holders: asyncio.Future[set[str]] = asyncio.get_running_loop().create_future()
        self.take, self.watch, self._report = records.take, records.watch, records.report
        self.go = asyncio.Event()
        self.telling = asyncio.Event()

    async def report(self, gate: str, hands: Hands, limits: TaskLimits) -> Grants:
        self.telling.set()
        await self.go.wait()
        told_now: Grants = await self._report(gate, hands, limits)
        if not self.holders.done():
            self.holders.set_result(set(told_now.holders))
        return told_now


async def test_a_task_that_is_taken_again_while_its_return_is_told_stays_counted(
    shared: World,
) -> None:
    shared.limits["work"] = TaskLimits(concurrent=1)
    one = await shared.scheduler(shards=(0, 1))
    other = await shared.scheduler(shards=(2, 3))
    halves = [
        [w for w in WORKFLOWS if ids.shard_of(w, SHARDS) in half] for half in ((0, 1), (2, 3))
    ]
    await shared.start(halves[0][0], scheduled(1))
    await until(lambda: told(shared))
    one._sharing._records = slow = Slow(one._sharing._records)
    shared.decider.refusals[cmd.BeginTask] = [cmd.Rejected(code="CONFLICT", message="not now")]
    assert await poll(one, timeout_s=0.05) == []
    await slow.telling.wait()
    shared.clock.advance(5_000)
    one.tick()
    again = asyncio.ensure_future(poll(one, timeout_s=10))
    await shared.start(halves[1][0], scheduled(1))
    waiting = asyncio.ensure_future(poll(other, timeout_s=10))
    await asyncio.wait((again, waiting), timeout=0.1)
    begun = set(again.result() if again.done() else ())
    slow.go.set()
    assert begun <= await slow.holders
    await complete(shared, *await again)
    await complete(shared, *await waiting)
    assert max(await in_progress(shared)) == 1


async def test_a_task_on_its_way_is_not_told_of_before_the_record_was_asked(shared: World) -> None:
    shared.limits["work"] = TaskLimits(concurrent=1)
    one = await shared.scheduler(shards=(0, 1))
    other = await shared.scheduler(shards=(2, 3))
    for half in ((0, 1), (2, 3)):
        mine = next(one for one in WORKFLOWS if ids.shard_of(one, SHARDS) in half)
        await shared.start(mine, scheduled(1))
    await until(lambda: told(shared))
    taken = other._handout._queues.take((None, "work"), 1, shared.clock.now_ms())
    assert len(taken) == 1
    other._sharing._stir("work")
    await until(lambda: asyncio.sleep(0, "work" not in other._sharing._busy))
    assert await held(shared) == set()
    (first,) = await poll(one, timeout_s=10)
    assert await other._sharing.let_in(taken) == []
    other._handout._give_back(taken)
    await complete(shared, first)
    (second,) = await poll(other, timeout_s=10)
    assert await held(shared) == {second}
    assert max(await in_progress(shared)) == 1


async def test_a_lost_record_is_made_anew_before_anything_is_handed_out(shared: World) -> None:
    shared.limits["work"] = TaskLimits(concurrent=2)
    for workflow in WORKFLOWS:
        await shared.start(workflow, scheduled(1))
    one = await shared.scheduler(shards=(0, 1))
    other = await shared.scheduler(shards=(2, 3))
    begun = await poll(one, 2, timeout_s=10)
    assert len(begun) == 2
    shared.grants.forget()
    assert await poll(other, 5, timeout_s=0.05) == []
    await complete(shared, begun[0])
    await until(lambda: told(shared))
    assert len(await poll(other, 5, timeout_s=10)) == 1
    assert max(await in_progress(shared)) == 2


async def test_so_many_within_a_window_over_all_of_them(shared: World) -> None:
    shared.limits["work"] = TaskLimits(hand_outs=2, window_s=60)
    for workflow in WORKFLOWS:
        await shared.start(workflow, scheduled(1))
    both = [await shared.scheduler(shards=half) for half in ((0, 1), (2, 3))]
    await until(lambda: told(shared))
    begun = [await poll(one, 1, timeout_s=5) for one in both]
    assert [len(some) for some in begun] == [1, 1]
    assert [await poll(one, 5, timeout_s=0.02) for one in both] == [[], []]
    shared.clock.advance(60_000)
    for one in both:
        one.tick()
    assert len(await poll(both[0], 5, timeout_s=5)) == 2


async def test_sub_workflows_are_started_by_all_of_them_within_one_limit(shared: World) -> None:
    shared.limits["kids"] = TaskLimits(concurrent=2)
    for number, workflow in enumerate(WORKFLOWS, start=30):
        await shared.start(workflow, child_row(1, workflow_id(number), task_def_name="kids"))
    for half in ((0, 1), (2, 3)):
        await shared.scheduler(shards=half)
    begun = shared.decider.sent
    await until(lambda: len(begun(cmd.ReportChildStarted)) == 2)
    first = begun(cmd.ReportChildStarted)[0].child_id
    await shared.decider.happens(first, ev.WorkflowCompleted())
    await until(lambda: len(begun(cmd.ReportChildStarted)) == 3)
    assert max(await in_progress(shared, "SUB_WORKFLOW")) == 2
