"""What workers report, and single tasks as the log has them (spec 4.5, 8.5)."""

from typing import Any

from firmus.edge.asking import Said, no_such_workflow
from firmus.ports import DeciderPort
from firmus.workflow.state import TaskState, WorkflowState, present
from firmus_contracts import ids
from firmus_contracts.commands import UpdateTask
from firmus_contracts.errors import Refusal, no_task
from firmus_contracts.events import TaskLogged
from firmus_contracts.requests import TaskExecLog, TaskResult
from firmus_contracts.statuses import ResultStatus


def reported_ids(result: TaskResult) -> tuple[str, str]:
    """The ids of the workflow and of the task that a report is about. Raises Refusal NOT_FOUND
    where there can be no such thing.
    """
    task_id, workflow_id = result.task_id, result.workflow_instance_id
    if not ids.is_workflow_id(workflow_id):
        raise no_such_workflow(workflow_id)
    if not ids.is_task_id(task_id) or ids.workflow_of(task_id) != workflow_id:
        raise Refusal("NOT_FOUND", no_task(task_id))
    return workflow_id, task_id


def update_command(result: TaskResult, said: Said) -> UpdateTask:
    """What a worker's measurements and its `subWorkflowId` say is not kept (spec 1.9)."""
    workflow_id, task_id = reported_ids(result)
    return UpdateTask(
        command_id=said.command_id,
        workflow_id=workflow_id,
        trace=said.trace,
        actor=said.actor,
        task_id=task_id,
        output=result.output_data,
        **reported(result),
    )


def reported(result: TaskResult) -> dict[str, Any]:
    """What a report says beside its output, as `UpdateTask` and `TaskReport` name it."""
    return {
        "status": result.status or ResultStatus.IN_PROGRESS,
        "reason": result.reason_for_incompletion,
        "worker_id": result.worker_id,
        "callback_after_s": result.callback_after_seconds,
        "extend_lease": result.extend_lease,
        "logs": tuple((line.log or "", line.created_time) for line in result.logs or ()),
    }


async def row_of(decider: DeciderPort, task_id: str) -> tuple[WorkflowState, TaskState]:
    """Raises Refusal NOT_FOUND."""
    known = ids.is_task_id(task_id)
    state = present(await decider.read(ids.workflow_of(task_id))) if known else None
    row = None if state is None else state.tasks.get(ids.ordinal_of(task_id))
    if state is None or row is None:
        raise Refusal("NOT_FOUND", f"Task not found for taskId: {task_id}")
    return state, row


async def lines_of(decider: DeciderPort, task_id: str) -> list[TaskExecLog]:
    """All lines of a task, oldest first; none of a task that there is not."""
    workflow_id = ids.workflow_of(task_id)
    known = ids.is_task_id(task_id) and present(await decider.read(workflow_id)) is not None
    records = await decider.history(workflow_id) if known else []
    return [
        TaskExecLog(log=line, task_id=task_id, created_time=written_ms)
        for record in records
        for event in record.commit.events
        if isinstance(event, TaskLogged) and event.ordinal == ids.ordinal_of(task_id)
        for line, written_ms in event.lines
    ]
