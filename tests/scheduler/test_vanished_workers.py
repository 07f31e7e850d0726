"""Workers that vanish with a task, and what their late reports do (spec 4.3, 4.5, 4.8, 9.2)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from firmus.broker.rejections import Rejection
from firmus_contracts import commands as cmd
from firmus_contracts import ids
from tests.scheduler.conftest import until
from tests.scheduler.whole import Whole

DEFINITION = {
    "name": "a",
    "taskReferenceName": "a",
    "taskDefinition": {
        "name": "a",
        "retryCount": 1,
        "retryDelaySeconds": 0,
        "responseTimeoutSeconds": 10,
    },
}


@pytest.fixture
async def whole() -> AsyncIterator[Whole]:
    whole = Whole()
    await whole.register("w", DEFINITION)
    await whole.schedule()
    yield whole
    await whole.end()


async def poll(whole: Whole, worker: str, timeout_s: float = 5.0) -> dict[str, Any]:
    assert whole.scheduler is not None
    (task,) = await whole.scheduler.poll(
        "a", domain=None, worker_id=worker, count=1, timeout_s=timeout_s
    )
    found: dict[str, Any] = msgspec.json.decode(task)
    return found


async def report(whole: Whole, task: dict[str, Any], worker: str) -> cmd.UpdateOutcome:
    answer = await whole.decider.submit(
        cmd.UpdateTask(
            command_id=f"{task['taskId']}-{worker}",
            workflow_id=task["workflowInstanceId"],
            task_id=task["taskId"],
            output={"by": worker},
            worker_id=worker,
        )
    )
    assert isinstance(answer, cmd.Accepted)
    return msgspec.json.decode(answer.result, type=cmd.UpdateOutcome)


def pass_time(whole: Whole, by_ms: int) -> None:
    assert whole.scheduler is not None
    whole.world.clock.advance(by_ms)
    whole.scheduler.tick()


async def refused(whole: Whole, workflow_id: str) -> list[Rejection]:
    return await whole.world.rejections.of(workflow_id)


async def test_the_task_of_a_worker_that_vanished_goes_to_the_next_one(whole: Whole) -> None:
    workflow_id = await whole.start("w")
    lost = await poll(whole, "gone")
    pass_time(whole, 10_000)
    again = await poll(whole, "there")
    assert (lost["taskId"], again["retriedTaskId"]) == (again["retriedTaskId"], lost["taskId"])
    await report(whole, again, "there")
    state = await whole.reached(workflow_id, "COMPLETED")
    assert [row.status for row in state.rows()] == ["TIMED_OUT", "COMPLETED"]


async def test_a_report_after_the_lease_ran_out_is_answered_well_changes_nothing_and_is_recorded(
    whole: Whole,
) -> None:
    workflow_id = await whole.start("w")
    lost = await poll(whole, "late")
    pass_time(whole, 10_000)
    again = await poll(whole, "there")
    outcome = await report(whole, lost, "late")
    assert (outcome.ignored, outcome.task_id) == (True, lost["taskId"])
    (record,) = await refused(whole, workflow_id)
    assert (record.kind, record.code, record.message) == (
        *("update_task", "LATE"),
        "task a is TIMED_OUT",
    )
    await report(whole, again, "there")
    state = await whole.reached(workflow_id, "COMPLETED")
    assert state.output == {"by": "there"}
    assert (await report(whole, lost, "later still")).ignored
    assert len(await refused(whole, workflow_id)) == 2


async def test_a_report_in_the_very_moment_counts_if_it_was_first(whole: Whole) -> None:
    """The lease ran out, and nobody has said so yet: the worker's word is as good as the timer's."""
    workflow_id = await whole.start("w")
    task = await poll(whole, "slow")
    whole.world.clock.advance(10_000)
    assert not (await report(whole, task, "slow")).ignored
    assert (await whole.reached(workflow_id, "COMPLETED")).output == {"by": "slow"}
    assert await refused(whole, workflow_id) == []


async def test_of_a_report_and_the_timer_at_once_one_counts(whole: Whole) -> None:
    for number in range(20):
        workflow_id = await whole.start("w")
        task = await poll(whole, "racing")
        whole.world.clock.advance(10_000)
        timer = cmd.FireTimer(
            command_id=f"t{number}", workflow_id=workflow_id, task_id=task["taskId"]
        )
        outcome, _ = await asyncio.gather(
            report(whole, task, "racing"), whole.decider.submit(timer)
        )
        state = await whole.state(workflow_id)
        statuses = [row.status for row in state.rows()]
        expected = ["TIMED_OUT", "SCHEDULED"] if outcome.ignored else ["COMPLETED"]
        assert statuses == expected
        assert len(await refused(whole, workflow_id)) == outcome.ignored
        if outcome.ignored:
            await report(whole, await poll(whole, "next"), "next")


async def test_a_lease_that_is_extended_keeps_the_task_with_its_worker(whole: Whole) -> None:
    workflow_id = await whole.start("w")
    task = await poll(whole, "slow")
    for number in range(3):
        pass_time(whole, 9_000)
        extend = cmd.UpdateTask(
            command_id=f"e{number}",
            workflow_id=workflow_id,
            task_id=task["taskId"],
            extend_lease=True,
        )
        await whole.decider.submit(extend)
    assert not (await report(whole, task, "slow")).ignored


async def test_a_lease_runs_out_although_the_scheduler_died_meanwhile(whole: Whole) -> None:
    workflow_id = await whole.start("w")
    await poll(whole, "gone")
    await whole.end()
    whole.world.clock.advance(10_000)
    await whole.schedule()

    async def given_up() -> bool:
        return (await whole.state(workflow_id)).tasks[1].status == "TIMED_OUT"

    await until(given_up)
    again = await poll(whole, "there")
    assert again["taskId"] == ids.task_id(workflow_id, 2)


async def test_a_worker_that_vanishes_every_time_ends_the_workflow(whole: Whole) -> None:
    workflow_id = await whole.start("w")
    for worker in ("one", "two"):
        await poll(whole, worker)
        pass_time(whole, 10_000)
    state = await whole.reached(workflow_id, "TIMED_OUT")
    assert [row.status for row in state.rows()] == ["TIMED_OUT", "TIMED_OUT"]
