"""WAIT: until a moment, for a duration, or for somebody's update (spec 3.6.16)."""

from typing import Any

from firmus.decider.context import CannotStart, WorkflowFault
from firmus.decider.operators.operator import Operator
from firmus.decider.plan import Plan
from firmus.decider.turn import Turn
from firmus.workflow.durations import duration_ms, until_ms
from firmus.workflow.state import TaskState
from firmus_contracts import events as ev
from firmus_contracts.definitions import WorkflowTask
from firmus_contracts.statuses import TaskStatus

FOR_EVER_S = 2**31 - 1


def plan(planned: Plan, task: WorkflowTask) -> None:
    given = planned.input_of(task, with_template=False)
    try:
        deadline_ms = _deadline_ms(given, planned.turn.context.now_ms)
    except ValueError as problem:
        if planned.turn.starting and not given.get("until"):
            raise CannotStart(str(problem)) from problem
        ordinal = _row(planned, task, given, None)
        failure = ev.TaskFailed(ordinal=ordinal, reason=str(problem), terminal_error=True)
        planned.failures.append(failure)
        return
    _row(planned, task, given, deadline_ms)


def _row(planned: Plan, task: WorkflowTask, given: dict[str, Any], deadline_ms: int | None) -> int:
    return planned.add(
        task,
        task_type="WAIT",
        status=TaskStatus.IN_PROGRESS,
        input=given,
        deadline_ms=deadline_ms,
        callback_after_s=_callback_s(deadline_ms, planned.turn.context.now_ms),
    )


def _callback_s(deadline_ms: int | None, now_ms: int) -> int:
    if deadline_ms is None:
        return FOR_EVER_S
    return max(0, (deadline_ms - now_ms) // 1000)


def _deadline_ms(given: dict[str, Any], now_ms: int) -> int | None:
    """When the wait ends; None: when somebody says so. Raises ValueError on bad times."""
    duration, until = given.get("duration"), given.get("until")
    if isinstance(duration, str):
        duration = duration.strip()
    if duration and until:
        raise ValueError("Both 'duration' and 'until' specified. Please provide only one input")
    if duration:
        return now_ms + duration_ms(str(duration))
    if until:
        return until_ms(str(until))
    return None


def execute(turn: Turn, row: TaskState) -> None:
    deadline_ms = row.made.deadline_ms
    if deadline_ms is not None and turn.context.now_ms >= deadline_ms:
        turn.emit(ev.TaskCompleted(ordinal=row.ordinal))


def retry_fields(turn: Turn, _ordinal: int, given: dict[str, Any], delay_ms: int) -> dict[str, Any]:
    """A new attempt waits anew: at once, or SCHEDULED until its delay is over."""
    try:
        deadline_ms = _deadline_ms(given, turn.context.now_ms + delay_ms)
    except ValueError as problem:
        raise WorkflowFault(str(problem)) from problem
    begun = {} if delay_ms else {"status": TaskStatus.IN_PROGRESS}
    return {"deadline_ms": deadline_ms, **begun}


OPERATOR = Operator(plan=plan, execute=execute, retry_fields=retry_fields)
