"""What happens when a deadline has passed (spec 4.3). Whether it has is worked out here anew from
state and time: a timer that fires too early, twice or for a past attempt changes nothing.
"""

from firmus.decider import ending, failing
from firmus.decider.operators.registry import operator_for
from firmus.decider.turn import Turn
from firmus.workflow.deadlines import Kind, deadlines_of
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts import events as ev
from firmus_contracts.statuses import WorkflowStatus


def workflow_deadline_ms(state: WorkflowState) -> int | None:
    """When the workflow's own time is over; resuming starts its clock anew, as
    does running again (spec 4.3, 5.2, 5.4).
    """
    if state.timeout_s <= 0 or state.timeout_policy != "TIME_OUT_WF" or state.status.terminal:
        return None
    return state.clock_ms + state.timeout_s * 1000


def expire_workflow(turn: Turn) -> None:
    """TIMED_OUT when the workflow's own time is over, paused or not."""
    state, now_ms = turn.state, turn.context.now_ms
    at_ms = workflow_deadline_ms(state)
    if at_ms is None or now_ms < at_ms:
        return
    elapsed_s = (now_ms - state.clock_ms) // 1000
    reason = (
        f"Workflow timed out after {elapsed_s} seconds. Timeout configured as {state.timeout_s} "
        f"seconds. Timeout policy configured to {state.timeout_policy}"
    )
    ending.fail(turn, WorkflowStatus.TIMED_OUT, reason)


def expire_row(turn: Turn, row: TaskState) -> None:
    """Times a row out, or ends a WAIT whose moment has come."""
    now_ms = turn.context.now_ms
    kind = next((kind for kind, at_ms in deadlines_of(row) if at_ms <= now_ms), None)
    if kind is None:
        return
    if kind == "wait":
        operator = operator_for(row.made.task_type)
        if operator is not None and operator.execute is not None:
            operator.execute(turn, row)
        return
    if turn.state.status is WorkflowStatus.PAUSED:
        return
    _, task_def = turn.definition_of(row)
    policy = task_def.timeout_policy if task_def else "TIME_OUT_WF"
    reason = _reason(turn.state, row, kind, now_ms, policy)
    ends_workflow = policy == "TIME_OUT_WF" and kind != "response"
    if ends_workflow and not failing.contained(turn, row):
        ending.failure_workflow(turn)
    turn.emit(ev.TaskTimedOut(ordinal=row.ordinal, reason=reason))
    if ends_workflow:
        timed_out = turn.state.tasks[row.ordinal]
        failing.for_good(turn, timed_out, WorkflowStatus.TIMED_OUT, reason)


def _reason(state: WorkflowState, row: TaskState, kind: Kind, now_ms: int, policy: str) -> str:
    timeouts = row.made.timeouts or ev.Timeouts()
    name, task_id = row.made.task_def_name, state.task_id(row.ordinal)
    match kind:
        case "total":
            elapsed_s = (now_ms - row.first_scheduled_ms) // 1000
            return (
                f"Task {name}/{task_id} exceeded total timeout of {timeouts.total_s} seconds "
                f"(elapsed {elapsed_s} seconds across all attempts including retry delays). "
                f"Timeout policy: {policy}"
            )
        case "task":
            elapsed_s = (now_ms - row.start_ms) // 1000
            return (
                f"Task timed out after {elapsed_s} seconds. Timeout configured as "
                f"{timeouts.task_s} seconds. Timeout policy configured to {policy}"
            )
        case "poll":
            elapsed_s = (now_ms - row.scheduled_ms) // 1000
            return (
                f"Task poll timed out after {elapsed_s} seconds. Poll timeout configured as "
                f"{timeouts.poll_s} seconds. Timeout policy configured to {policy}"
            )
        case _:
            return (
                f"responseTimeout: {timeouts.response_s} exceeded for the taskId: {task_id} with "
                f"Task Definition: {name}"
            )
