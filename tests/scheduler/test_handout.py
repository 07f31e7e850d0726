"""Polling a scheduler of this process (spec 9.2)."""

import asyncio

import pytest

from firmus.scheduler.service import Scheduler
from firmus_contracts import commands as cmd
from firmus_contracts import events as ev
from firmus_contracts import ids
from tests.scheduler.conftest import World, ids_of, until
from tests.scheduler.world import scheduled, workflow_id

W, W2, W3 = (workflow_id(n) for n in (1, 2, 3))
T1, T2 = ids.task_id(W, 1), ids.task_id(W, 2)


def polling(
    scheduler: Scheduler, *, count: int = 1, timeout_s: float = 30.0, worker: str = "w"
) -> "asyncio.Task[list]":
    poll = scheduler.poll("work", domain=None, worker_id=worker, count=count, timeout_s=timeout_s)
    return asyncio.ensure_future(poll)


async def in_line(scheduler: Scheduler, count: int) -> None:
    lines = scheduler._handout._lines
    await until(lambda: sum(map(len, lines.values())) == count)


async def waiting(scheduler: Scheduler) -> tuple[int, int]:
    sizes = await scheduler.sizes()
    return sum(s.waiting for s in sizes), sum(s.in_flight for s in sizes)


async def test_a_poll_begins_tasks_and_answers_with_them(world: World) -> None:
    await world.start(W, scheduled(1), scheduled(2))
    scheduler = await world.scheduler()
    tasks = await polling(scheduler, count=5, worker="me")
    assert ids_of(tasks) == [T1, T2]
    state = await world.decider.read(W)
    assert [(row.status, row.worker_id) for row in state.rows()] == [("IN_PROGRESS", "me")] * 2


async def test_a_waiting_poll_gets_the_task_that_comes(world: World) -> None:
    scheduler = await world.scheduler()
    poll = polling(scheduler)
    await in_line(scheduler, 1)
    await world.start(W, scheduled(1))
    assert ids_of(await poll) == [T1]


async def test_polls_in_line_are_served_in_turn(world: World) -> None:
    scheduler = await world.scheduler()
    polls = []
    for number in range(3):
        polls.append(polling(scheduler, worker=f"w{number}"))
        await in_line(scheduler, number + 1)
    await world.start(W, scheduled(1), scheduled(2))
    served = [ids_of(await poll) for poll in polls[:2]]
    assert served == [[T1], [T2]]
    assert not polls[2].done()
    polls[2].cancel()


async def test_an_empty_poll_ends_with_nothing_and_no_command(world: World) -> None:
    scheduler = await world.scheduler()
    assert await polling(scheduler, timeout_s=0) == []
    assert await polling(scheduler, timeout_s=0.01) == []
    assert await polling(scheduler, count=0) == []
    assert world.decider.commands == []


async def test_a_refused_task_makes_way_for_the_next_one(world: World) -> None:
    await world.start(W, scheduled(1), scheduled(2))
    scheduler = await world.scheduler()
    world.decider.refusals[cmd.BeginTask] = [cmd.Rejected(code="CONFLICT", message="gone")]
    assert ids_of(await polling(scheduler)) == [T2]


async def test_a_task_that_could_not_be_begun_goes_back(world: World) -> None:
    await world.start(W, scheduled(1))
    scheduler = await world.scheduler()
    world.decider.down = True
    assert await polling(scheduler, timeout_s=0) == []
    assert await waiting(scheduler) == (1, 0)
    world.decider.down = False
    poll = polling(scheduler)
    await in_line(scheduler, 1)
    world.advance(scheduler, 1_000)
    assert ids_of(await poll) == [T1]


async def test_a_cancelled_poll_in_line_takes_nothing(world: World) -> None:
    scheduler = await world.scheduler()
    poll = polling(scheduler)
    await in_line(scheduler, 1)
    poll.cancel()
    await asyncio.gather(poll, return_exceptions=True)
    await world.start(W, scheduled(1))
    assert ids_of(await polling(scheduler)) == [T1]


async def test_tasks_popped_for_a_poll_that_is_cancelled_go_back_and_to_the_next(
    world: World,
) -> None:
    scheduler = await world.scheduler()
    first = polling(scheduler, worker="first")
    await in_line(scheduler, 1)
    second = polling(scheduler, worker="second")
    await in_line(scheduler, 2)
    scheduler._handout.dispatch = _cancelling(first, scheduler._handout.dispatch)
    await world.start(W, scheduled(1))
    assert ids_of(await second) == [T1]
    assert [c.worker_id for c in world.decider.sent(cmd.BeginTask)] == ["second"]


def _cancelling(poll: "asyncio.Task", dispatch):
    """Cancels the poll in the very moment in which it was given tasks."""

    def wrapped(now_ms: int) -> None:
        dispatch(now_ms)
        poll.cancel()

    return wrapped


async def test_a_poll_cancelled_while_it_begins_leaves_no_task_behind(world: World) -> None:
    """Whether it was begun shows in the log; if not, the task waits again."""
    await world.start(W, scheduled(1))
    scheduler = await world.scheduler()
    held = asyncio.Event()
    submit = world.decider.submit

    async def never(command):
        held.set()
        await asyncio.Event().wait()

    world.decider.submit = never
    poll = polling(scheduler)
    await held.wait()
    poll.cancel()
    await asyncio.gather(poll, return_exceptions=True)
    world.decider.submit = submit
    again = polling(scheduler)
    await in_line(scheduler, 1)
    world.advance(scheduler, 1_000)
    assert ids_of(await again) == [T1]


async def test_nothing_is_handed_out_before_the_end_of_the_log_was_read(world: World) -> None:
    """The task of the first commit was begun in a later one."""
    await world.start(W, scheduled(1))
    for number in range(2_500):
        await world.start(workflow_id(10 + number))
    await world.decider.happens(W, ev.TaskBegun(ordinal=1))
    await world.start(W2, scheduled(1))
    scheduler = world.new()
    early = polling(scheduler)
    running = asyncio.ensure_future(scheduler.run())
    assert ids_of(await early) == [ids.task_id(W2, 1)]
    await scheduler.stop()
    await running
    assert world.decider.sent(cmd.BeginTask)[0].workflow_id == W2


async def test_an_update_in_progress_is_handed_out_again_after_its_callback(world: World) -> None:
    await world.start(W, scheduled(1))
    scheduler = await world.scheduler()
    assert len(await polling(scheduler)) == 1
    await world.decider.happens(W, ev.TaskUpdated(ordinal=1, callback_after_s=5))
    await until(lambda: scheduler.counters()["tasks_waiting"] == 1)
    assert await polling(scheduler, timeout_s=0) == []
    poll = polling(scheduler)
    await in_line(scheduler, 1)
    world.advance(scheduler, 5_000)
    assert ids_of(await poll) == [T1]
    assert len({c.command_id for c in world.decider.sent(cmd.BeginTask)}) == 2


async def test_two_schedulers_on_one_shard_hand_a_task_out_once(world: World) -> None:
    await world.start(W, scheduled(1))
    one, two = await world.scheduler(), await world.scheduler()
    polls = [polling(one, timeout_s=0.05), polling(two, timeout_s=0.05)]
    assert sum([len(await poll) for poll in polls]) == 1


async def test_stopping_answers_waiting_polls_with_nothing(world: World) -> None:
    scheduler = await world.scheduler()
    poll = polling(scheduler)
    await in_line(scheduler, 1)
    await scheduler.stop()
    assert await poll == []


@pytest.mark.parametrize("begun", [0, 1])
async def test_sizes_tell_waiting_and_in_flight(world: World, begun: int) -> None:
    await world.start(W, scheduled(1), scheduled(2, delay_ms=9_000))
    scheduler = await world.scheduler()
    await polling(scheduler, count=begun, timeout_s=0)
    await until(lambda: scheduler.counters()["tasks_in_flight"] == begun)
    assert await waiting(scheduler) == (2 - begun, begun)
