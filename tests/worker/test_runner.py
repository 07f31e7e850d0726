"""The worker's loops against the real decider and queues folded from a log in memory."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.gateway.ports import World

from firmus.ports import Unavailable
from firmus.worker import InProgress, NonRetryableError, TaskContext, task
from firmus.worker.runner import Lease, Runner
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts import ids
from firmus_contracts.commands import Accepted, StartWorkflow, UpdateTask
from firmus_contracts.definitions import TaskDef, WorkflowDef, WorkflowTask
from firmus_contracts.statuses import TaskStatus, WorkflowStatus


async def world_with(*names: str, **task_def: Any) -> World:
    world = World()
    for name in names:
        settings = {"retry_count": 1, "retry_delay_seconds": 0, **task_def}
        await world.definitions.put_task(TaskDef(name=name, **settings))
    tasks = [
        WorkflowTask(
            name=name,
            task_reference_name=f"{name}_{number}",
            input_parameters={"n": "${workflow.input.n}"},
        )
        for number, name in enumerate(names)
    ]
    await world.definitions.put_workflow(WorkflowDef(name="flow", tasks=tasks), overwrite=True)
    return world


async def start(world: World, number: int = 1) -> str:
    workflow_id = ids.mint_workflow_id(world.clock.now_ms(), number)
    answer = await world.decider.submit(
        StartWorkflow(
            command_id=f"start-{number}",
            workflow_id=workflow_id,
            name="flow",
            input={"n": number},
        )
    )
    assert isinstance(answer, Accepted), answer
    return workflow_id


@asynccontextmanager
async def running(world: World, tasks: Sequence[Any], **options: Any) -> AsyncIterator[Runner]:
    given = {"concurrency": 4, "worker_id": "w", "poll_timeout_s": 0.02, **options}
    runner = Runner(
        queues=world.queues, decider=world.door, clock=world.clock, tasks=tasks, **given
    )
    work = asyncio.create_task(runner.run())
    try:
        yield runner
    finally:
        runner.stop()
        await work


async def ended(world: World, workflow_id: str) -> WorkflowState:
    async for _ in world.log.follow(after=0):
        state = await world.decider.read(workflow_id)
        if state is not None and state.status.terminal:
            return state
    raise AssertionError("the log ended")


async def row_when(world: World, workflow_id: str, status: TaskStatus) -> TaskState:
    async for _ in world.log.follow(after=0):
        state = await world.decider.read(workflow_id)
        for row in () if state is None else state.rows():
            if row.status is status:
                return row
    raise AssertionError("the log ended")


@task("add")
async def add(given: dict[str, int], context: TaskContext) -> dict[str, int]:
    context.log("adding")
    return {"sum": given["n"] + 1}


async def test_a_workflow_runs_through_async_and_plain_functions() -> None:
    threads = []

    @task("plain")
    def plain(given: dict[str, int]) -> int:
        threads.append(threading.current_thread())
        return given["n"]

    world = await world_with("add", "plain")
    workflow_id = await start(world, 5)
    async with running(world, [add, plain]) as runner:
        state = await ended(world, workflow_id)
    assert state.status is WorkflowStatus.COMPLETED
    assert [row.output for row in state.rows()] == [{"sum": 6}, {"result": 5}]
    assert [row.worker_id for row in state.rows()] == ["w", "w"]
    assert threads[0] is not threading.main_thread()
    assert runner.done == 2


async def test_a_failed_attempt_is_tried_again_and_a_final_failure_is_not() -> None:
    calls: list[int] = []

    @task("flaky")
    async def flaky(context: TaskContext) -> None:
        calls.append(context.retry_count)
        if context.retry_count == 0:
            raise ValueError("once")
        raise NonRetryableError("for good")

    world = await world_with("flaky", retry_count=5)
    async with running(world, [flaky]):
        state = await ended(world, await start(world))
    assert calls == [0, 1]
    assert state.status is WorkflowStatus.FAILED
    assert [row.reason for row in state.rows()] == ["ValueError: once", "for good"]


async def test_in_progress_hands_the_task_out_again_with_its_output_so_far() -> None:
    seen: list[dict[str, Any]] = []

    @task("pages")
    async def pages(context: TaskContext) -> Any:
        seen.append(context.output_so_far())
        return InProgress({"page": 1}) if len(seen) == 1 else {"page": 2}

    world = await world_with("pages")
    async with running(world, [pages]):
        state = await ended(world, await start(world))
    assert seen == [{}, {"page": 1}]
    assert state.rows()[0].output == {"page": 2}


async def test_an_unanswered_report_is_repeated_under_the_same_command_id() -> None:
    world = await world_with("add")
    workflow_id = await start(world)
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        world.door.loses_answers = len(pauses) < 3
        await asyncio.sleep(0)

    @task("add")
    async def work() -> None:
        world.door.loses_answers = True

    async with running(world, [work], sleep=pause):
        await ended(world, workflow_id)
    reports = [c.command_id for c in world.door.seen if isinstance(c, UpdateTask)]
    assert len(reports) == 4
    assert len(set(reports)) == 1
    state = await world.decider.read(workflow_id)
    assert state is not None
    assert sum(row.status is TaskStatus.COMPLETED for row in state.rows()) == 1


async def test_a_poll_that_fails_is_tried_again() -> None:
    world = await world_with("add")
    poll, failures = world.queues.poll, [Unavailable("away"), Unavailable("away")]

    async def failing(*args: Any, **more: Any) -> Any:
        if failures:
            raise failures.pop()
        return await poll(*args, **more)

    world.queues.poll = failing  # type: ignore[method-assign] # a queue that is away at first
    async with running(world, [add], sleep=lambda _: asyncio.sleep(0)):
        state = await ended(world, await start(world))
    assert state.status is WorkflowStatus.COMPLETED


async def test_no_more_tasks_run_at_once_than_allowed() -> None:
    release, at_once, most = asyncio.Event(), 0, 0

    @task("slow")
    async def slow() -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await release.wait()
        at_once -= 1

    world = await world_with("slow")
    started = [await start(world, number) for number in range(6)]
    async with running(world, [slow], concurrency=2):
        while world.queues.polls < 1 or at_once < 2:
            await asyncio.sleep(0)
        release.set()
        for workflow_id in started:
            await ended(world, workflow_id)
    assert most == 2


async def test_stopping_waits_for_what_runs() -> None:
    world = await world_with("slow")
    release = asyncio.Event()

    @task("slow")
    async def slow() -> str:
        await release.wait()
        return "done"

    workflow_id = await start(world)
    async with running(world, [slow]) as runner:
        await row_when(world, workflow_id, TaskStatus.IN_PROGRESS)
        runner.stop()
        release.set()
    state = await world.decider.read(workflow_id)
    assert state is not None
    assert state.status is WorkflowStatus.COMPLETED


async def test_what_takes_too_long_at_the_end_is_handed_back() -> None:
    world = await world_with("slow")

    @task("slow")
    async def slow() -> None:
        await asyncio.Event().wait()

    workflow_id = await start(world)
    async with running(world, [slow], grace_s=0.05):
        await row_when(world, workflow_id, TaskStatus.IN_PROGRESS)
    state = await world.decider.read(workflow_id)
    assert state is not None
    assert state.rows()[0].status is TaskStatus.SCHEDULED
    assert state.rows()[0].reason == "the worker stopped"


async def test_a_long_task_extends_its_lease_until_it_is_done() -> None:
    world = await world_with("slow", response_timeout_seconds=1)
    extended = asyncio.Event()

    @task("slow")
    async def slow() -> None:
        await extended.wait()

    submit = world.door.submit

    async def watched(command: Any) -> Any:
        answer = await submit(command)
        if isinstance(command, UpdateTask) and command.extend_lease:
            extended.set()
        return answer

    world.door.submit = watched  # type: ignore[method-assign] # to know when it happened
    async with running(world, [slow]):
        state = await ended(world, await start(world))
    assert state.status is WorkflowStatus.COMPLETED


async def test_no_lease_is_extended_where_there_is_no_timeout() -> None:
    lease = Lease(0, lambda: pytest.fail("extended"))
    lease.cancel()
