"""Where a failure goes that nothing forgives: to the block around it, else it ends the workflow."""

from firmus.decider import containment, ending, passes
from firmus.decider.context import WorkflowFault
from firmus.decider.operators.registry import operator_for
from firmus.decider.turn import Turn
from firmus.workflow.state import TaskState
from firmus_contracts import ids
from firmus_contracts.statuses import TaskStatus, WorkflowStatus


def for_good(turn: Turn, row: TaskState, status: WorkflowStatus, reason: str | None = None) -> None:
    """No attempt is left for a failed row. `status` and `reason` are the workflow's, should it end;
    without a reason the row is blamed, or the one inside it that failed (spec 3.4).
    """
    block = containment.around(turn.state, row.made)
    if block is not None:
        turn.settle(row)
        _contain(turn, block, containment.error_of(turn.state, row))
        return
    origin = _origin(turn, row)
    ending.failure_workflow(turn)
    passes.note_end(turn, row)
    ending.fail(turn, status, reason or blame(turn, origin, status), ordinal=origin.ordinal)


def contained(turn: Turn, row: TaskState) -> bool:
    """Whether a block is there to take a failure of this row."""
    return containment.around(turn.state, row.made) is not None


def cannot_plan(turn: Turn, row: TaskState, fault: WorkflowFault) -> None:
    """What follows this row, or lies inside it, cannot be scheduled (spec 3.2, step 5)."""
    opened = row.made.task_type in containment.CONTAINERS and not row.status.terminal
    block = row if opened else containment.around(turn.state, row.made)
    if block is None:
        ending.fail(turn, fault.status, fault.reason)
        return
    error = {
        "taskRef": fault.ref or row.ref,
        "reason": fault.reason,
        "status": TaskStatus.FAILED.value,
        "output": {},
    }
    _contain(turn, block, error)


def blame(turn: Turn, row: TaskState, status: WorkflowStatus | TaskStatus) -> str:
    task_id = turn.state.task_id(row.ordinal)
    reason = "null" if row.reason is None else row.reason
    return f"Task {task_id} failed with status: {status} and reason: '{reason}'"


def _contain(turn: Turn, block: TaskState, error: containment.Error) -> None:
    operator = operator_for(block.made.task_type)
    if operator is None or operator.contain is None or block.status.terminal:
        return
    operator.contain(turn, block, error)


def _origin(turn: Turn, row: TaskState) -> TaskState:
    """The row inside a FOR_EACH or TRY_CATCH that made it fail, or the row itself."""
    task_id = containment.error_of(turn.state, row).get("taskId")
    found = turn.state.tasks.get(ids.ordinal_of(task_id)) if task_id else None
    return found or row
