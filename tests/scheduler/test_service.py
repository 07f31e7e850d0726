"""A scheduler's timers and errands, and its restarts (spec 3.6.14, 4.3, 4.7; design 5.1)."""

import asyncio

from firmus.scheduler.service import Scheduler
from firmus_contracts import commands as cmd
from firmus_contracts import events as ev
from firmus_contracts import ids
from firmus_contracts.events import Timeouts
from firmus_contracts.statuses import TaskStatus
from tests.scheduler.conftest import World, ids_of, until
from tests.scheduler.world import SHARDS, child_row, scheduled, workflow_id

W, CHILD, HANDLER = (workflow_id(n) for n in (1, 2, 3))
T1 = ids.task_id(W, 1)


async def status_of(world: World, workflow: str, ordinal: int = 1) -> str:
    state = await world.decider.read(workflow)
    return str(state.tasks[ordinal].status) if state else ""


async def settled(world: World, workflow: str, status: str) -> None:
    async def reached() -> bool:
        state = await world.decider.read(workflow)
        return state is not None and state.status == status

    await until(reached)


async def test_a_deadline_fires_when_it_has_passed_and_not_before(world: World) -> None:
    await world.start(W, scheduled(1, timeouts=Timeouts(poll_s=5)))
    scheduler = await world.scheduler()
    world.advance(scheduler, 4_999)
    assert world.decider.sent(cmd.FireTimer) == []
    world.advance(scheduler, 1)
    await until(lambda: _is(world, W, TaskStatus.TIMED_OUT))
    (fired,) = world.decider.sent(cmd.FireTimer)
    assert (fired.workflow_id, fired.task_id) == (W, T1)
    await until(lambda: scheduler.counters()["timers_pending"] == 0)


async def _is(world: World, workflow: str, status: TaskStatus) -> bool:
    return await status_of(world, workflow) == status


async def test_the_clock_itself_wakes_the_scheduler(world: World) -> None:
    """A timer of the event loop, not a poll: nobody calls tick here."""
    running = TaskStatus.IN_PROGRESS
    wait = scheduled(1, "WAIT", queued=False, status=running, deadline_ms=world.clock.now_ms() + 9)
    await world.start(W, wait)
    await world.scheduler()
    world.clock.advance(9)
    await until(lambda: _is(world, W, TaskStatus.TIMED_OUT))


async def test_an_unanswered_timer_comes_again_under_another_id(world: World) -> None:
    await world.start(W, scheduled(1, timeouts=Timeouts(poll_s=5)))
    scheduler = await world.scheduler()
    world.decider.down = True
    world.advance(scheduler, 5_000)
    await until(lambda: world.decider.sent(cmd.FireTimer))
    world.decider.down = False
    world.advance(scheduler, 2_000)
    await until(lambda: _is(world, W, TaskStatus.TIMED_OUT))
    first, second = world.decider.sent(cmd.FireTimer)
    assert first.command_id != second.command_id


async def test_a_thousand_deadlines_at_once_all_fire(world: World) -> None:
    rows = [scheduled(n, timeouts=Timeouts(poll_s=5)) for n in range(1, 1_001)]
    await world.start(W, *rows)
    world.decider.down = True
    scheduler = await world.scheduler()
    world.advance(scheduler, 5_000)
    await until(lambda: len(world.decider.sent(cmd.FireTimer)) == 1_000)
    assert len({c.task_id for c in world.decider.sent(cmd.FireTimer)}) == 1_000


async def test_a_child_is_started_its_parent_told_and_its_end_reported(world: World) -> None:
    await world.start(W, child_row(1, CHILD), correlation_id="corr")
    await world.scheduler()
    await until(lambda: _is(world, W, TaskStatus.IN_PROGRESS))
    child = await world.decider.read(CHILD)
    assert (child.input, child.correlation_id) == ({"a": 1}, "corr")
    assert (child.parent_workflow_id, child.parent_task_id) == (W, T1)
    await world.decider.happens(CHILD, ev.WorkflowCompleted(output={"o": 1}))
    await until(lambda: _is(world, W, TaskStatus.COMPLETED))
    assert (await world.decider.read(W)).tasks[1].output == {"o": 1}


async def test_a_refused_child_fails_its_task(world: World) -> None:
    refusal = cmd.Rejected(code="NOT_FOUND", message="no such definition")
    world.decider.refusals[cmd.StartWorkflow] = [refusal]
    await world.start(W, child_row(1, CHILD))
    await world.scheduler()
    await until(lambda: _is(world, W, TaskStatus.FAILED))
    assert (await world.decider.read(W)).tasks[1].reason == "no such definition"


async def test_a_child_is_started_later_when_nobody_answers(world: World) -> None:
    await world.start(W, child_row(1, CHILD))
    world.decider.down = True
    scheduler = await world.scheduler()
    await until(lambda: world.decider.sent(cmd.StartWorkflow))
    world.decider.down = False
    await until(lambda: _advanced(world, scheduler))
    assert {c.command_id for c in world.decider.sent(cmd.StartWorkflow)} == {f"{CHILD}/start"}


async def _advanced(world: World, scheduler: Scheduler) -> bool:
    world.advance(scheduler, 1_000)
    return await _is(world, W, TaskStatus.IN_PROGRESS)


async def test_children_end_with_their_parent(world: World) -> None:
    await world.start(W, child_row(1, CHILD))
    await world.scheduler()
    await until(lambda: _is(world, W, TaskStatus.IN_PROGRESS))
    await world.decider.happens(
        W, ev.TaskCanceled(ordinal=1), ev.WorkflowTerminated(reason="enough")
    )
    await settled(world, CHILD, "TERMINATED")
    child = await world.decider.read(CHILD)
    assert child.reason == "Parent workflow has been terminated with reason: enough"
    (stop,) = world.decider.sent(cmd.TerminateWorkflow)
    assert stop.by_parent


async def test_a_child_whose_parent_ended_during_its_start_is_stopped(world: World) -> None:
    await world.start(W, child_row(1, CHILD))
    scheduler = world.new()
    submit = world.decider.submit

    async def parent_ends_first(command):
        if isinstance(command, cmd.StartWorkflow):
            ended = ev.WorkflowTerminated(reason="enough")
            await world.decider.happens(W, ev.TaskCanceled(ordinal=1), ended)
            await until(lambda: world.decider.sent(cmd.TerminateWorkflow))
        return await submit(command)

    world.decider.submit = parent_ends_first
    running = asyncio.ensure_future(scheduler.run())
    await settled(world, CHILD, "TERMINATED")
    await scheduler.stop()
    await running


async def test_a_failure_workflow_is_started_with_its_input(world: World) -> None:
    await world.start(W, input={"x": 1})
    await world.scheduler()
    target = ev.FailureWorkflow(workflow_id=HANDLER, name="handler")
    await world.decider.happens(W, ev.WorkflowFailed(reason="broke", failure_workflow=target))
    await until(lambda: world.decider.read(HANDLER))
    handler = await world.decider.read(HANDLER)
    assert handler.input == {"x": 1, "workflowId": W, "reason": "broke"}


async def test_a_split_decision_goes_on(world: World) -> None:
    scheduler = await world.scheduler()
    await world.start(W)
    await world.decider.happens(W, ev.DecisionSplit())
    await until(lambda: world.decider.sent(cmd.Continue))
    await until(lambda: scheduler.counters()["effects_owed"] == 0)
    assert (await world.decider.read(W)).variables == {"went": "on"}


async def test_an_owed_effect_is_repeated_until_it_is_answered(world: World) -> None:
    scheduler = await world.scheduler()
    await world.start(W)
    world.decider.down = True
    await world.decider.happens(W, ev.DecisionSplit())
    await until(lambda: world.decider.sent(cmd.Continue))
    world.decider.down = False
    await until(lambda: scheduler.counters()["effects_owed"] == 0)
    assert len({c.command_id for c in world.decider.sent(cmd.Continue)}) == 1


async def test_a_killed_scheduler_is_replaced_without_loss_or_repetition(world: World) -> None:
    """Killed after the child's start, before its parent was told."""
    await world.start(W, child_row(1, CHILD))
    submit = world.decider.submit
    reached = asyncio.Event()

    async def stuck(command):
        if isinstance(command, cmd.ReportChildStarted):
            reached.set()
            await asyncio.Event().wait()
        return await submit(command)

    world.decider.submit = stuck
    first = await world.scheduler()
    await reached.wait()
    await world.kill(first)
    world.decider.submit = submit
    await world.scheduler()
    await until(lambda: _is(world, W, TaskStatus.IN_PROGRESS))
    assert len(await world.log.read(CHILD)) == 1


async def test_a_stopped_scheduler_goes_on_from_its_checkpoint(world: World) -> None:
    await world.start(W, scheduled(1), scheduled(2, timeouts=Timeouts(poll_s=5)))
    first = await world.scheduler()
    await first.stop()
    await world.start(CHILD, scheduled(1))
    second = await world.scheduler()
    assert second.counters()["commits_folded"] == 1
    tasks = await second.poll("work", domain=None, worker_id="w", count=9, timeout_s=0)
    assert len(ids_of(tasks)) == 3


async def test_a_rebuild_without_checkpoints_does_nothing_that_was_done(world: World) -> None:
    await world.start(W, child_row(1, CHILD))
    first = await world.scheduler()
    await until(lambda: _is(world, W, TaskStatus.IN_PROGRESS))
    await world.decider.happens(CHILD, ev.WorkflowCompleted())
    await until(lambda: _is(world, W, TaskStatus.COMPLETED))
    await world.kill(first)
    world.store.values.clear()
    sent = len(world.decider.commands)
    second = await world.scheduler()
    assert second.counters()["effects_owed"] == 0
    assert len(world.decider.commands) == sent


async def test_each_scheduler_works_for_its_shards_only(world: World) -> None:
    mine = ids.shard_of(W, SHARDS)
    others = tuple(n for n in range(SHARDS) if n != mine)
    await world.start(W, scheduled(1))
    one, two = await world.scheduler(shards=(mine,)), await world.scheduler(shards=others)
    poll = {"domain": None, "worker_id": "w", "count": 1, "timeout_s": 0}
    assert await two.poll("work", **poll) == []
    assert ids_of(await one.poll("work", **poll)) == [T1]


async def test_a_cancelled_run_ends_as_cancelled_and_a_stopped_one_as_done(world: World) -> None:
    for stop in (True, False):
        scheduler = world.new()
        running = asyncio.ensure_future(scheduler.run())
        await scheduler.ready.wait()
        if stop:
            await scheduler.stop()
        else:
            running.cancel()
        (ended,) = await asyncio.gather(running, return_exceptions=True)
        assert isinstance(ended, asyncio.CancelledError) != stop
