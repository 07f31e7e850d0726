"""TERMINATE: ends the whole workflow from wherever it stands (spec 3.6.10)."""

from typing import Any

from firmus.decider import ending, passes, schemas_kept
from firmus.decider.operators.operator import Operator
from firmus.decider.plan import Plan
from firmus.decider.turn import Turn
from firmus.workflow.state import TaskState
from firmus_contracts import events as ev
from firmus_contracts.definitions import WorkflowTask
from firmus_contracts.statuses import TaskStatus, WorkflowStatus

STATUSES = {
    "COMPLETED": WorkflowStatus.COMPLETED,
    "FAILED": WorkflowStatus.FAILED,
    "TERMINATED": WorkflowStatus.TERMINATED,
}


def plan(planned: Plan, task: WorkflowTask) -> None:
    planned.add(
        task,
        task_type="TERMINATE",
        status=TaskStatus.IN_PROGRESS,
        input=planned.input_of(task, with_template=False),
    )


def execute(turn: Turn, row: TaskState) -> None:
    status = STATUSES.get(str(row.input.get("terminationStatus")))
    if status is None:
        reason = "given termination status is not valid"
        turn.emit(ev.TaskFailed(ordinal=row.ordinal, reason=reason))
        return
    output = _output(row.input.get("workflowOutput"))
    blueprint = turn.context.blueprint
    if (
        status is not WorkflowStatus.COMPLETED
        or schemas_kept.workflow_output_fault(blueprint, output) is not None
    ):
        ending.failure_workflow(turn)
    turn.emit(ev.TaskCompleted(ordinal=row.ordinal, output=output))
    if not turn.state.tasks[row.ordinal].status.successful:
        return
    turn.settled[row.ordinal] = None
    passes.note_end(turn, turn.state.tasks[row.ordinal])
    given = row.input.get("terminationReason")
    task_id = turn.state.task_id(row.ordinal)
    reason = str(given) if given else f"Workflow is {status} by TERMINATE task: {task_id}"
    if status is WorkflowStatus.COMPLETED:
        ending.complete(turn, output=output, reason=reason)
        return
    ending.fail(turn, status, reason, ordinal=row.ordinal, output=output)


def _output(given: Any) -> dict[str, Any]:
    if given is None:
        return {}
    return given if isinstance(given, dict) else {"output": given}


OPERATOR = Operator(plan=plan, execute=execute, sync=True)
