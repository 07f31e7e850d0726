"""Updating a workflow's state from outside: variables and reports of several tasks, in one step."""

from typing import Any

from firmus.decider import lifecycle, payload_limits, updates
from firmus.decider.turn import Turn
from firmus.workflow.open_rows import open_row
from firmus.workflow.state import TaskState
from firmus_contracts import commands as cmd
from firmus_contracts import events as ev


def update(turn: Turn, command: cmd.UpdateState) -> cmd.Rejected | None:
    """Sets the variables, then tells of the tasks; what follows sees all of it. Nothing happens
    unless all of it can.
    """
    state = turn.state
    refused = lifecycle.refused("update", state)
    if refused is not None:
        return refused
    rows = [open_row(state, report.ref) for report in command.reports]
    missing = [report.ref for report, row in zip(command.reports, rows, strict=True) if row is None]
    if missing:
        message = f"Found no open task {', '.join(missing)} of workflow {state.workflow_id}"
        return cmd.Rejected(code="NOT_FOUND", message=message)
    open_rows = [row for row in rows if row is not None]
    if len({row.ordinal for row in open_rows}) < len(open_rows):
        return cmd.Rejected(code="INVALID", message="One task is reported twice")
    limit = turn.context.limits.variables_max_bytes
    reason = payload_limits.variables_reason(state, command.variables, limit)
    if reason is not None:
        return cmd.Rejected(code="PAYLOAD_TOO_LARGE", message=reason)
    if command.variables:
        turn.emit(
            ev.VariablesSet(variables=command.variables, reason=command.reason, actor=command.actor)
        )
    for report, row in zip(command.reports, open_rows, strict=True):
        updates.apply(turn, row, _report(turn, command, report, row))
    return None


def _report(
    turn: Turn, command: cmd.UpdateState, report: cmd.TaskReport, row: TaskState
) -> cmd.UpdateTask:
    """The report as if its worker had made it alone."""
    given: dict[str, Any] = command.outputs.get(report.ref) or {}
    return cmd.UpdateTask(
        command_id=command.command_id,
        workflow_id=command.workflow_id,
        task_id=turn.state.task_id(row.ordinal),
        status=report.status,
        output={**row.output, **given},
        reason=report.reason,
        worker_id=report.worker_id,
        callback_after_s=report.callback_after_s,
        extend_lease=report.extend_lease,
        logs=report.logs,
    )
