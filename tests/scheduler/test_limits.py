"""A scheduler keeps the limits of task definitions, whatever happens to it (spec 4.9)."""

import asyncio
import random

import pytest

from firmus.scheduler.service import Scheduler
from firmus_contracts import commands as cmd
from firmus_contracts import events as ev
from firmus_contracts import ids
from firmus_contracts.events import TaskLimits, Timeouts
from tests.scheduler.conftest import World, ids_of, until
from tests.scheduler.world import child_row, scheduled, workflow_id

WORKFLOWS = [workflow_id(number) for number in range(1, 13)]


async def in_progress(world: World, task_type: str = "work") -> list[int]:
    """How many tasks of the type were in workers' hands after each event of the log."""
    counts, busy = [0], set()
    types: dict[tuple[str, int], str] = {}
    async with asyncio.timeout(10):
        async for batch in world.log.follow(after=0):
            for record in batch:
                for event in record.commit.events:
                    row = (record.workflow_id, getattr(event, "ordinal", 0))
                    match event:
                        case ev.TaskScheduled():
                            types[row] = event.task_type
                        case ev.TaskBegun() if types[row] == task_type:
                            busy.add(row)
                        case ev.TaskCompleted() | ev.TaskTimedOut() | ev.TaskUpdated():
                            busy.discard(row)
                    counts.append(len(busy))
            if batch[-1].position == await world.log.end():
                return counts
    raise AssertionError


async def poll(scheduler: Scheduler, count: int = 1, timeout_s: float = 0) -> list[str]:
    tasks = await scheduler.poll(
        "work", domain=None, worker_id="w", count=count, timeout_s=timeout_s
    )
    return ids_of(tasks)


async def complete(world: World, task_id: str) -> None:
    command = cmd.UpdateTask(
        command_id=f"{task_id}/done", workflow_id=ids.workflow_of(task_id), task_id=task_id
    )
    await world.decider.submit(command)


@pytest.mark.parametrize("seed", range(5))
async def test_never_more_than_the_limit_in_progress_under_many_pollers(
    world: World, seed: int
) -> None:
    world.limits["work"] = TaskLimits(concurrent=3)
    for workflow in WORKFLOWS:
        await world.start(workflow, scheduled(1), scheduled(2), scheduled(3))
    scheduler = await world.scheduler()
    left = 3 * len(WORKFLOWS)
    chance = random.Random(seed)

    async def worker() -> None:
        nonlocal left
        while left > 0:
            for task_id in await poll(scheduler, chance.randint(1, 4), timeout_s=0.05):
                await asyncio.sleep(0)
                await complete(world, task_id)
                left -= 1

    await asyncio.gather(*(worker() for _ in range(8)))
    counts = await in_progress(world)
    assert (max(counts), counts[-1]) == (3, 0)
    gate = scheduler._fold.gates.by_name["work"]
    await until(lambda: (gate.hands, gate.handing) == (set(), 0))


async def test_a_freed_slot_goes_to_the_poll_in_line_at_once(world: World) -> None:
    world.limits["work"] = TaskLimits(concurrent=1)
    await world.start(WORKFLOWS[0], scheduled(1), scheduled(2))
    scheduler = await world.scheduler()
    (first,) = await poll(scheduler, 5)
    waiting = asyncio.ensure_future(poll(scheduler, timeout_s=30))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    await complete(world, first)
    assert await waiting == [ids.task_id(WORKFLOWS[0], 2)]


async def test_a_restart_knows_who_holds_slots_and_a_timeout_frees_them(world: World) -> None:
    world.limits["work"] = TaskLimits(concurrent=2)
    rows = [scheduled(n, timeouts=Timeouts(response_s=60)) for n in (1, 2, 3)]
    await world.start(WORKFLOWS[0], *rows)
    first = await world.scheduler()
    assert len(await poll(first, 5)) == 2
    await world.kill(first)
    second = await world.scheduler()
    assert await poll(second, 5) == []
    world.advance(second, 60_000)
    await until(lambda: second.has_ready("work", None))
    assert await poll(second, 5) == [ids.task_id(WORKFLOWS[0], 3)]
    assert max(await in_progress(world)) == 2


async def test_limits_that_a_workflow_brought_along_survive_a_checkpoint(world: World) -> None:
    one = TaskLimits(concurrent=1)
    await world.start(WORKFLOWS[0], *(scheduled(n, limits=one) for n in (1, 2)))
    first = await world.scheduler()
    assert len(await poll(first, 5)) == 1
    await first.stop()
    second = await world.scheduler()
    assert await poll(second, 5) == []


@pytest.mark.parametrize("clean", [True, False])
async def test_a_window_stays_closed_over_a_restart(world: World, clean: bool) -> None:
    world.limits["work"] = TaskLimits(hand_outs=2, window_s=60)
    await world.start(WORKFLOWS[0], *(scheduled(n) for n in range(1, 5)))
    first = await world.scheduler()
    begun = await poll(first, 5)
    for task_id in begun:
        await complete(world, task_id)
    await (first.stop() if clean else world.kill(first))
    second = await world.scheduler()
    world.advance(second, 59_999)
    assert (len(begun), await poll(second, 5)) == (2, [])
    waiting = asyncio.ensure_future(poll(second, 5, timeout_s=30))
    world.advance(second, 1)
    assert len(await waiting) == 2


async def test_a_changed_registration_counts_at_once(world: World) -> None:
    world.limits["work"] = TaskLimits(concurrent=1)
    await world.start(WORKFLOWS[0], *(scheduled(n) for n in range(1, 5)))
    scheduler = await world.scheduler()
    assert len(await poll(scheduler, 5)) == 1
    waiting = asyncio.ensure_future(poll(scheduler, 5, timeout_s=30))
    world.limits["work"] = TaskLimits(concurrent=3)
    await scheduler.learn_limits()
    assert len(await waiting) == 2
    world.limits.clear()
    await scheduler.learn_limits()
    assert len(await poll(scheduler, 5)) == 1


async def test_a_limit_that_is_registered_late_counts_what_is_under_way(world: World) -> None:
    await world.start(WORKFLOWS[0], *(scheduled(n) for n in range(1, 5)))
    scheduler = await world.scheduler()
    begun = await poll(scheduler, 2)
    world.limits["work"] = TaskLimits(concurrent=2)
    await scheduler.learn_limits()
    assert await poll(scheduler, 5) == []
    await complete(world, begun[0])
    await until(lambda: scheduler.has_ready("work", None))
    assert len(await poll(scheduler, 5)) == 1


async def test_sub_workflows_are_limited_by_their_task_definition(world: World) -> None:
    """They are started by the scheduler itself, behind the same gate as a worker's tasks."""
    world.limits["kids"] = TaskLimits(concurrent=2)
    children = [workflow_id(number) for number in range(20, 24)]
    rows = (child_row(n, child, task_def_name="kids") for n, child in enumerate(children, start=1))
    await world.start(WORKFLOWS[0], *rows)
    await world.scheduler()
    await until(lambda: len(world.decider.sent(cmd.ReportChildStarted)) == 2)
    await world.decider.happens(children[0], ev.WorkflowCompleted())
    await until(lambda: len(world.decider.sent(cmd.ReportChildStarted)) == 3)
    assert max(await in_progress(world, "SUB_WORKFLOW")) == 2
