"""What FOR_EACH and TRY_CATCH share: a failure inside of them is theirs, not yet the workflow's.

A failure is told as an object, `error`: `taskRef`, `taskId`, `reason`, `status` and `output` of the
row that failed (no `taskId` where a task could not even be scheduled).
"""

from typing import Any

from firmus.decider.turn import Turn
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts import events as ev
from firmus_contracts.statuses import TaskStatus

CONTAINERS = frozenset({"FOR_EACH", "TRY_CATCH"})

Error = dict[str, Any]


def around(state: WorkflowState, made: ev.TaskScheduled) -> TaskState | None:
    """The innermost FOR_EACH or TRY_CATCH row around a row, through loops; None at the top."""
    within = made.within
    while within is not None:
        row = state.tasks.get(within)
        if row is None:
            return None
        if row.made.task_type in CONTAINERS:
            return row
        within = row.made.within
    return None


def error_of(state: WorkflowState, row: TaskState) -> Error:
    """A failed row as an error; that of a FOR_EACH or TRY_CATCH is the one it did not catch."""
    inner = row.output.get("error") if row.made.task_type in CONTAINERS else None
    if isinstance(inner, dict):
        return inner
    return {
        "taskRef": row.ref,
        "taskId": state.task_id(row.ordinal),
        "reason": row.reason,
        "status": row.status.value,
        "output": row.output,
    }


def clear(turn: Turn, row: TaskState) -> None:
    """Cancels what is open inside a row, however deep, and has nothing in there acted on again."""
    found: list[int] = []
    pending = [row.ordinal]
    while pending:
        for rows in turn.state.inside.get(pending.pop(), {}).values():
            found.extend(rows)
            pending.extend(rows)
    for ordinal in sorted(found):
        if ordinal not in turn.settled:
            inner = turn.state.tasks[ordinal]
            turn.settle(inner)
            if not inner.status.terminal:
                turn.emit(ev.TaskCanceled(ordinal=ordinal))


def ended_by(row: TaskState, error: Error, output: dict[str, Any]) -> ev.WorkflowEvent:
    """The end of a row whose inside has failed: in the status, with the reason of that failure."""
    status, reason = error["status"], error["reason"]
    if status == TaskStatus.TIMED_OUT:
        return ev.TaskTimedOut(ordinal=row.ordinal, reason=reason, output=output)
    if status == TaskStatus.CANCELED:
        return ev.TaskCanceled(ordinal=row.ordinal, reason=reason, output=output)
    terminal = status == TaskStatus.FAILED_WITH_TERMINAL_ERROR
    return ev.TaskFailed(ordinal=row.ordinal, reason=reason, output=output, terminal_error=terminal)
