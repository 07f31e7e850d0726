"""The system worker's loops against the real decider and queues folded from a log in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from firmus.systemworker.service import SystemWorker
from firmus.systemworker.work import Outcome, Work, done, failed
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts import ids
from firmus_contracts.commands import Accepted, StartWorkflow, UpdateTask
from firmus_contracts.definitions import TaskDef, WorkflowDef, WorkflowTask
from firmus_contracts.statuses import ResultStatus, TaskStatus
from tests.gateway.ports import World


class Steps:
    """An executor that does what its tasks say, and waits at `gate` when there is one."""

    def __init__(self) -> None:
        self.done: list[Work] = []
        self.begun = asyncio.Event()
        self.gate: asyncio.Event | None = None
        self.closed = False

    async def execute(self, work: Work) -> Outcome:
        self.begun.set()
        if self.gate is not None:
            await self.gate.wait()
        self.done.append(work)
        match work.input_data["do"]:
            case "fail":
                return failed("was told to", {"response": "no"})
            case "raise":
                raise LookupError("secret")
        return done(work, {"response": work.input_data["do"]})

    async def close(self) -> None:
        self.closed = True


async def started(world: World, do: str, **task: Any) -> str:
    definition = TaskDef(name="call", retry_count=0, **task.pop("task_def", {}))
    call = WorkflowTask(
        name="call",
        task_reference_name="call",
        type="HTTP",
        input_parameters={"do": do},
        task_definition=definition,
        **task,
    )
    await world.definitions.put_workflow(WorkflowDef(name="flow", tasks=[call]), overwrite=True)
    workflow_id = ids.mint_workflow_id(world.clock.now_ms(), 1)
    command = StartWorkflow(command_id="start", workflow_id=workflow_id, name="flow")
    assert isinstance(await world.decider.submit(command), Accepted)
    return workflow_id


@asynccontextmanager
async def running(
    world: World, steps: Steps, namespace: str | None = None
) -> AsyncIterator[SystemWorker]:
    worker = SystemWorker(
        queues=world.queues,
        decider=world.door,
        executors={"HTTP": steps},
        worker_id="host",
        poll_s=0.02,
        namespace=namespace,
    )
    worker.start()
    try:
        yield worker
    finally:
        await worker.stop()


async def state_when(world: World, workflow_id: str, *statuses: TaskStatus) -> WorkflowState:
    async for _ in world.log.follow(after=0):
        state = await world.decider.read(workflow_id)
        if state is not None and state.rows() and row_of(state).status in statuses:
            return state
    raise AssertionError("the log ended")


def row_of(state: WorkflowState) -> TaskState:
    return state.rows()[-1]


async def test_a_task_is_carried_out_and_its_workflow_ends() -> None:
    world, steps = World(), Steps()
    async with running(world, steps):
        workflow_id = await started(world, "it")
        state = await state_when(world, workflow_id, TaskStatus.COMPLETED)
    row = row_of(state)
    assert (state.status, row.output, row.worker_id) == ("COMPLETED", {"response": "it"}, "host")
    assert steps.closed


async def test_a_failure_keeps_its_output_and_reason() -> None:
    world, steps = World(), Steps()
    async with running(world, steps):
        state = await state_when(world, await started(world, "fail"), TaskStatus.FAILED)
    row = row_of(state)
    assert (row.reason, row.output) == ("was told to", {"response": "no"})


async def test_an_executor_that_breaks_fails_its_task_and_no_other() -> None:
    world, steps = World(), Steps()
    async with running(world, steps):
        state = await state_when(world, await started(world, "raise"), TaskStatus.FAILED)
    assert row_of(state).reason == "HTTP failed unexpectedly: LookupError"


async def test_async_complete_is_called_once_and_waits_for_others() -> None:
    world, steps = World(), Steps()
    async with running(world, steps):
        workflow_id = await started(world, "ask", async_complete=True)
        while (
            row_of(state := await state_when(world, workflow_id, TaskStatus.IN_PROGRESS)).output
            == {}
        ):
            await asyncio.sleep(0)
        sizes = await world.queues.sizes()
        update = UpdateTask(
            command_id="outside",
            workflow_id=workflow_id,
            task_id=state.task_id(row_of(state).ordinal),
            status=ResultStatus.COMPLETED,
            output={"answer": 1},
        )
        await world.decider.submit(update)
        state = await state_when(world, workflow_id, TaskStatus.COMPLETED)
    assert [size.waiting for size in sizes] == [0]
    assert (len(steps.done), row_of(state).output) == (1, {"answer": 1})


async def test_a_stop_lets_what_was_begun_end_and_report() -> None:
    world, steps = World(), Steps()
    steps.gate = asyncio.Event()
    async with running(world, steps) as worker:
        workflow_id = await started(world, "late")
        await steps.begun.wait()
        stopping = asyncio.create_task(worker.stop())
        await asyncio.sleep(0)
        steps.gate.set()
        await stopping
        state = await world.decider.read(workflow_id)
    assert state is not None
    assert state.status == "COMPLETED"


async def test_a_report_is_repeated_until_it_is_answered_and_counts_once() -> None:
    world, steps = World(), Steps()
    world.door.loses_answers = True
    async with running(world, steps):
        workflow_id = await started(world, "it")
        await state_when(world, workflow_id, TaskStatus.COMPLETED)
        while len(world.door.seen) < 2:
            await asyncio.sleep(0.01)
        world.door.loses_answers = False
    assert len({command.command_id for command in world.door.seen}) == 1


async def test_a_long_call_keeps_its_lease() -> None:
    world, steps = World(), Steps()
    steps.gate = asyncio.Event()
    async with running(world, steps):
        await started(world, "long", task_def={"response_timeout_seconds": 1})
        while not any(isinstance(c, UpdateTask) and c.extend_lease for c in world.door.seen):
            await asyncio.sleep(0.01)
        steps.gate.set()


async def test_an_isolation_group_is_served_once_it_has_work() -> None:
    world, steps = World(), Steps()
    async with running(world, steps) as worker:
        workflow_id = await started(world, "it", task_def={"isolation_group_id": "slow"})
        worker.serve("HTTP-slow")
        worker.serve("HTTP-slow")
        worker.serve("HTTP@other-slow")
        state = await state_when(world, workflow_id, TaskStatus.COMPLETED)
    assert row_of(state).made.queue == "HTTP-slow"
    assert worker._served == {"HTTP", "HTTP-slow"}


async def test_a_workers_task_named_like_an_isolation_group_is_left_to_its_workers() -> None:
    world, steps = World(), Steps()
    async with running(world, steps) as worker:
        name = "HTTP-upload"
        task = WorkflowTask(name=name, task_reference_name="u", type="SIMPLE")
        flow = WorkflowDef(name="flow", tasks=[task])
        await world.definitions.put_workflow(flow, overwrite=True)
        workflow_id = ids.mint_workflow_id(world.clock.now_ms(), 1)
        start = StartWorkflow(command_id="start", workflow_id=workflow_id, name="flow")
        await world.decider.submit(start)
        worker.serve(name)
        async for _ in world.log.follow(after=0):
            state = await world.decider.read(workflow_id)
            row = row_of(state) if state is not None and state.rows() else None
            if row is not None and row.poll_count and row.status is TaskStatus.SCHEDULED:
                break
        (given,) = await world.queues.poll(
            name, domain=None, worker_id="bob", count=1, timeout_s=1.0
        )
        assert b'"HTTP-upload"' in bytes(given)
    row = row_of(await state_when(world, workflow_id, TaskStatus.IN_PROGRESS))
    assert (row.worker_id, row.poll_count, steps.done) == ("bob", 2, [])


async def test_a_worker_of_a_namespace_takes_its_tasks_and_no_others() -> None:
    world, steps = World(), Steps()
    async with running(world, steps, namespace="eu") as worker:
        workflow_id = await started(world, "it", task_def={"execution_name_space": "eu"})
        state = await state_when(world, workflow_id, TaskStatus.COMPLETED)
    assert row_of(state).made.queue == "HTTP@eu"
    assert worker._served == {"HTTP@eu"}
