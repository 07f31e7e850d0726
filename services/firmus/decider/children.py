"""What a workflow hears of its children: that they began, could not, have ended (spec 3.6.14)."""

from typing import Any

from firmus.decider import again, updates
from firmus.decider.turn import Turn
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts import commands as cmd
from firmus_contracts import events as ev
from firmus_contracts.statuses import TaskStatus, WorkflowStatus

REASON_PART_CHARS = 500


def _child_row(state: WorkflowState, task_id: str, child_id: str) -> TaskState | None:
    """The open row that waits for this child; none for a superseded attempt's child."""
    row = updates.row_of(state, task_id)
    if row is None or row.child_id != child_id or row.status.terminal or state.status.terminal:
        return None
    return row


def refused(turn: Turn, command: cmd.ReportChildRefused) -> None:
    """A child that could not be started, for good, fails its task."""
    row = _child_row(turn.state, command.task_id, command.child_id)
    if row is not None:
        turn.emit(ev.TaskFailed(ordinal=row.ordinal, reason=command.reason))


def started(turn: Turn, command: cmd.ReportChildStarted) -> None:
    """A child is on its way; a START_WORKFLOW is done with that (spec 3.6.14, 3.6.15)."""
    row = _child_row(turn.state, command.task_id, command.child_id)
    if row is None or row.status is not TaskStatus.SCHEDULED:
        return
    child_id = command.led_to or command.child_id
    if row.made.task_type == "START_WORKFLOW":
        turn.emit(ev.TaskBegun(ordinal=row.ordinal))
        turn.emit(ev.TaskCompleted(ordinal=row.ordinal, output={"workflowId": child_id}))
        return
    output = {**row.output, "subWorkflowId": child_id}
    begun = ev.TaskBegun(
        ordinal=row.ordinal, output=output, child_id=command.led_to, adopted=command.adopted
    )
    turn.emit(begun)


def follow(turn: Turn, command: cmd.FollowWorkflow) -> cmd.Rejected | None:
    """A task that came to this workflow by an idempotency key is told of its end (spec 4.13)."""
    if turn.state.status.terminal:
        message = f"Workflow {command.workflow_id} has ended"
        return cmd.Rejected(code="CONFLICT", message=message)
    if command.task_id not in turn.state.followers:
        turn.emit(ev.WorkflowFollowed(task_id=command.task_id))
    return None


def ended(turn: Turn, command: cmd.ReportChildEnded) -> None:
    """The child's end is its task's end; a terminated child cancels it (spec 3.6.14)."""
    row = _heard_row(turn, command)
    if row is None:
        return
    if row.status is TaskStatus.SCHEDULED:  # the child ended before its start was reported
        begun = {**row.output, "subWorkflowId": command.child_id}
        turn.emit(ev.TaskBegun(ordinal=row.ordinal, output=begun))
    kept = {} if row.child_since else row.output  # of a run before nothing is kept
    output = {**kept, "subWorkflowId": command.child_id, **command.output}
    if command.status is WorkflowStatus.COMPLETED:
        turn.emit(ev.TaskCompleted(ordinal=row.ordinal, output=output))
        return
    child = command.child or command.child_id
    reason = f"Sub workflow {child} failure reason: {_brief(command.reason)}"
    event: Any = {
        WorkflowStatus.TERMINATED: ev.TaskCanceled,
        WorkflowStatus.TIMED_OUT: ev.TaskTimedOut,
    }.get(command.status, ev.TaskFailed)
    turn.emit(event(ordinal=row.ordinal, output=output, reason=reason))


def _heard_row(turn: Turn, command: cmd.ReportChildEnded) -> TaskState | None:
    """The open row that hears the end of its child; none for an end of a time before the child ran
    again. Of a child that ran again unheard of, its end tells that too (spec 5.6), but brings
    nobody back who only followed it.
    """
    row = updates.row_of(turn.state, command.task_id)
    unheard = row is not None and command.again_version > row.child_since
    left = row is not None and row.adopted and row.status.terminal
    if row is not None and unheard and not command.final and not left:
        again.revive_parent(
            turn,
            cmd.ReviveParent(
                command_id=command.command_id,
                workflow_id=command.workflow_id,
                task_id=command.task_id,
                child_id=command.child_id,
                child_version=command.again_version,
                operation="run again",
                parent_version=command.parent_version if row.child_asked else 0,
            ),
        )
    row = _child_row(turn.state, command.task_id, command.child_id)
    if row is None or command.final:
        return row
    return row if command.again_version == row.child_since and not row.child_asked else None


def _brief(reason: str | None) -> str | None:
    """A reason without its middle when it is long: that of a child that names its own child's, and
    so on, tells first where and last why.
    """
    if reason is None or len(reason) <= 2 * REASON_PART_CHARS:
        return reason
    core = reason.rstrip("'")
    return f"{core[:REASON_PART_CHARS]} … {core[-REASON_PART_CHARS:]}"
