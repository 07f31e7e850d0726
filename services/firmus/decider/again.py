"""Running an ended workflow again: restart, retry, rerun (spec 5.3-5.5), and for a parent or a
child that does (5.6).

Nothing is undone: events say what is shown no more and what is open again. What belongs to the
time before can touch nothing afterwards: ordinals are never given twice, a row that is started
anew has another child, and what parents and children say carries the version it is from.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from firmus.decider import (
    advance,
    comeback,
    ending,
    lifecycle,
    payload_limits,
    reopening,
    schemas_kept,
)
from firmus.decider.context import WantsMore, WorkflowFault
from firmus.decider.downstream import Around, Behind, behind, cannot_rerun, known_row
from firmus.decider.turn import Turn
from firmus.decider.updates import row_of
from firmus.workflow.document import LOOPS
from firmus.workflow.joins import JOINS
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts import commands as cmd
from firmus_contracts import events as ev
from firmus_contracts.statuses import TaskStatus, WorkflowStatus

Answer = cmd.Rejected | None


def restart(turn: Turn, command: cmd.RestartWorkflow) -> Answer:
    """From the beginning, by the definition of the context (spec 5.3)."""
    state, definition = turn.state, turn.context.blueprint.definition
    refused = lifecycle.refused("restart", state)
    if refused is not None:
        return refused
    if state.status is WorkflowStatus.COMPLETED and not definition.restartable:
        return _rejected("NOT_FOUND", f"Workflow: {_named(state)} is non-restartable")
    if command.use_latest_definitions:
        refused = _input_refused(turn, state.input)
        if refused is not None:
            return refused
    restarted = ev.WorkflowRestarted(
        definition_version=definition.version,
        definition_hash=turn.context.blueprint.sha256,
        standing=_standing(state, max(definition.timeout_seconds, 0), definition.timeout_policy),
        reason=command.reason,
        actor=command.actor,
    )
    return _as_one(turn, lambda: _from_the_start(turn, restarted))


def retry(turn: Turn, command: cmd.RetryWorkflow) -> Answer:
    """On from where it failed (spec 5.4)."""
    refused = lifecycle.refused("retry", turn.state)
    if refused is not None:
        return refused
    return _as_one(
        turn,
        lambda: _retry(
            turn,
            reason=command.reason,
            actor=command.actor,
            resume=command.resume_subworkflow_tasks,
        ),
    )


def rerun(turn: Turn, command: cmd.RerunWorkflow) -> Answer:
    """From a task on, or from the beginning (spec 5.5)."""
    state = turn.state
    refused = lifecycle.refused("rerun", state)
    if refused is not None:
        return refused
    if command.workflow_input is not None:
        refused = _input_refused(turn, command.workflow_input)
        if refused is not None:
            return refused
    rerun_ = ev.WorkflowRerun(
        input=command.workflow_input,
        correlation_id=command.correlation_id,
        standing=_standing(state),
        reason=command.reason,
        actor=command.actor,
    )
    if not command.path:
        return _as_one(turn, lambda: _from_the_start(turn, rerun_))
    return _rerun_along(turn, rerun_, command.path, command.task_input)


def revive_parent(turn: Turn, command: cmd.ReviveParent) -> Answer:
    """A child runs again: its row waits for it, and the workflow with it (spec 5.6).

    A failure that was forgiven stays so: of an optional task, of one that has another attempt, of
    one whose block has dealt with it.
    """
    state = turn.state
    row = row_of(state, command.task_id)
    if row is not None and command.child_version <= row.child_since:
        return None
    waits = row is not None and row.child_id == command.child_id and not row.status.terminal
    if row is None or (command.parent_version and not waits):
        message = f"No task of workflow {state.workflow_id} waits for {command.child_id}"
        return _rejected("CONFLICT", message) if command.parent_version else None
    if row.child_id != command.child_id or row.retried:
        return None
    if row.child_asked > command.parent_version:
        return None
    if waits:
        turn.emit(ev.ChildRevived(ordinal=row.ordinal, child_version=command.child_version))
        return None
    if turn.definition_of(row)[0].optional or _dealt_with(turn, row):
        return None
    return _as_one(turn, lambda: _revive(turn, row, command))


def revive_child(turn: Turn, command: cmd.ReviveChild) -> Answer:
    """The parent runs again and counts on this workflow: it is to run again too, if it has ended.

    Rejected when it cannot; the parent is then told how it ended.
    """
    state = turn.state
    if command.parent_version <= state.parent_version:
        return None
    if not state.status.terminal:
        turn.emit(ev.ParentRevived(parent_version=command.parent_version))
        return None
    if command.path:
        rerun_ = ev.WorkflowRerun(standing=_standing(state), parent_version=command.parent_version)
        return _rerun_along(turn, rerun_, command.path, command.task_input)
    return _as_one(turn, lambda: _retry(turn, resume=True, parent_version=command.parent_version))


def reset_callbacks(turn: Turn) -> Answer:
    """Workers' tasks that wait for their callback are due at once (spec 5.11)."""
    state = turn.state
    refused = lifecycle.refused("resetcallbacks", state)
    if refused is not None:
        return refused
    for ordinal in sorted(state.pending):
        row = state.tasks[ordinal]
        waits = row.made.queued and row.status is TaskStatus.SCHEDULED
        if waits and row.callback_after_s > 0:
            turn.emit(ev.CallbackReset(ordinal=ordinal))
    return None


def _retry(
    turn: Turn,
    *,
    resume: bool,
    reason: str | None = None,
    actor: str = "",
    parent_version: int = 0,
) -> Answer:
    state = turn.state
    if not state.tasks:
        return _rejected("CONFLICT", "Workflow has not started yet")
    found = comeback.survey(turn)
    if not found.back and state.status is not WorkflowStatus.TIMED_OUT:
        message = (
            "There are no retryable tasks! Use restart if you want to attempt entire workflow "
            "execution again."
        )
        return _rejected("CONFLICT", message)
    in_child = resume and _child_failed(found.back)
    turn.emit(
        ev.WorkflowRetried(
            standing=_standing(state),
            reason=reason,
            actor=actor,
            parent_version=parent_version,
            in_child=in_child,
        )
    )
    comeback.withdraw(turn, found.removed, found.unsettled)
    how = comeback.RESUME if in_child else comeback.RETRY
    comeback.bring_back(turn, how, found.back)
    turn.look_at_everything()
    return None


def _child_failed(back: tuple[TaskState, ...]) -> bool:
    """Whether the first that failed is a sub-workflow, or lies in a loop or block (spec 5.4)."""
    holders = LOOPS | {"TRY_CATCH"}
    first = next((row for row in back if row.made.task_type not in holders), None)
    return first is not None and first.made.task_type == "SUB_WORKFLOW"


def _rerun_along(
    turn: Turn,
    event: ev.WorkflowRerun,
    path: tuple[str, ...],
    task_input: dict[str, Any] | None,
) -> Answer:
    """From the task that `path` begins with, which is a sub-workflow's when it goes on."""
    state = turn.state
    row = known_row(state, path[0])
    leads_on = row is not None and row.child_id and row.start_ms and not row.adopted
    if row is None or (len(path) > 1 and not leads_on):
        return _rejected("INVALID", f"Task {path[-1]} not found")
    if len(path) == 1 and (why := cannot_rerun(turn, row)):
        return _rejected("CONFLICT", f"Task {path[-1]} {why}")
    event = msgspec.structs.replace(event, from_ordinal=row.ordinal)
    if len(path) > 1:
        return _as_one(turn, lambda: _rerun_below(turn, event, row, path[1:], task_input))
    return _as_one(turn, lambda: _rerun_from(turn, event, row, task_input))


def _from_the_start(turn: Turn, event: ev.WorkflowRestarted | ev.WorkflowRerun) -> Answer:
    turn.emit(event)
    advance.begin(turn)
    return None


def _rerun_from(
    turn: Turn, event: ev.WorkflowRerun, row: TaskState, task_input: dict[str, Any] | None
) -> Answer:
    """The row and all behind it once more; what is around it opens, what failed beside it too."""
    later = behind(turn, row)
    found = comeback.survey(turn, gone=later.removed | {row.ordinal}, around=later.around)
    turn.emit(event)
    comeback.withdraw(turn, later.removed | found.removed, found.unsettled)
    _open_around(turn, later)
    row = turn.state.tasks[row.ordinal]
    if row.made.task_type in JOINS:
        reopening.join(turn, row)
    elif row.made.forked_by is None and (
        row.made.task_type in reopening.HOLDING or row.status is TaskStatus.SKIPPED
    ):
        reopening.once_more(turn, row, given=task_input)
    else:
        given = None if row.made.task_type == "SUB_WORKFLOW" else task_input
        reopening.in_place(turn, row, given=given)
    comeback.bring_back(turn, comeback.RERUN, found.back)
    turn.look_at_everything()
    return None


def _rerun_below(
    turn: Turn,
    event: ev.WorkflowRerun,
    row: TaskState,
    path: tuple[str, ...],
    task_input: dict[str, Any] | None,
) -> Answer:
    """The row's child is run again; what came after the row stays as it is, as in Conductor."""
    later = behind(turn, row)
    found = comeback.survey(turn, around=tuple(_failed(turn, later)))
    turn.emit(event)
    comeback.withdraw(turn, found.removed, found.unsettled)
    _open_failed(turn, later)
    reopening.with_child(
        turn,
        turn.state.tasks[row.ordinal],
        operation="rerun",
        path=path,
        task_input=task_input,
    )
    comeback.bring_back(turn, comeback.RERUN, found.back)
    turn.look_at_everything()
    return None


def _revive(turn: Turn, row: TaskState, command: cmd.ReviveParent) -> Answer:
    """A workflow that had ended runs again with its child; one that runs only waits for it."""
    if not turn.state.status.terminal:
        reopening.with_child(
            turn, row, child_version=command.child_version, operation=command.operation
        )
        return None
    later = behind(turn, row)
    found = comeback.survey(turn, around=tuple(_failed(turn, later)))
    turn.emit(
        ev.WorkflowRevived(
            child_ordinal=row.ordinal,
            operation=command.operation,
            standing=_standing(turn.state),
        )
    )
    comeback.withdraw(turn, found.removed, found.unsettled)
    _open_failed(turn, later)
    row = turn.state.tasks[row.ordinal]
    reopening.with_child(
        turn, row, child_version=command.child_version, operation=command.operation
    )
    comeback.bring_back(turn, comeback.REVIVE, found.back)
    turn.look_at_everything()
    return None


def _dealt_with(turn: Turn, row: TaskState) -> bool:
    """Whether the failure of a row is over: a block around it has ended well or come to another
    list since, or what failed around it did not end the workflow.
    """
    if row.status.successful:
        return False
    for one in behind(turn, row).around:
        holder = turn.state.tasks[one.ordinal]
        kind = holder.made.task_type
        if kind == "TRY_CATCH" and holder.status.successful:
            if holder.status.terminal or comeback.stands_in(turn, holder) != one.part:
                return True
        elif not holder.status.successful and not turn.state.status.terminal:
            return True
    return False


def _open_around(turn: Turn, later: Behind) -> None:
    """Opens all that stands around a row and is over; a loop goes back to the row's pass."""
    for one in reversed(later.around):
        holder = turn.state.tasks[one.ordinal]
        if holder.made.task_type == "DO_WHILE":
            reopening.rewound(turn, holder, one.number)
        elif holder.status.terminal or holder.made.task_type == "TRY_CATCH":
            _open(turn, holder, one.part)


def _open_failed(turn: Turn, later: Behind) -> None:
    """Opens what stands around a row and did not end well; loops go on in the pass they were at."""
    for one in reversed(_failed(turn, later)):
        holder = turn.state.tasks[one.ordinal]
        if holder.made.task_type not in JOINS:
            _open(turn, holder, one.part)


def _failed(turn: Turn, later: Behind) -> list[Around]:
    tasks = turn.state.tasks
    return [one for one in later.around if not tasks[one.ordinal].status.successful]


def _open(turn: Turn, holder: TaskState, part: str | int) -> None:
    if holder.made.task_type in JOINS:
        reopening.join(turn, holder)
    elif holder.made.task_type == "TRY_CATCH":
        comeback.open_block(turn, holder, part)
    else:
        comeback.open_loop(turn, holder)


def _as_one(turn: Turn, act: Callable[[], Answer]) -> Answer:
    """Decides all of it or, when something is wanted from outside first, nothing yet. What cannot
    be planned ends the workflow.
    """
    before = turn.state
    try:
        try:
            return act()
        except WorkflowFault as fault:
            ending.fail(turn, fault.status, fault.reason)
            return None
    except WantsMore:
        turn.rewind(before)
        raise


def _input_refused(turn: Turn, given: dict[str, Any]) -> Answer:
    refused = schemas_kept.input_refused(turn.context.blueprint, given)
    if refused is not None:
        details = msgspec.Raw(msgspec.json.encode(refused[1]))
        return cmd.Rejected(code="INVALID", message=refused[0], details=details)
    size = payload_limits.excess(given, turn.payload_max_bytes)
    if not size:
        return None
    what = f"workflow: {turn.state.workflow_id}"
    return _rejected("PAYLOAD_TOO_LARGE", payload_limits.reason(size, what, turn.payload_max_bytes))


def _standing(
    state: WorkflowState, timeout_s: int | None = None, policy: str | None = None
) -> ev.Standing:
    return ev.Standing(
        parent_workflow_id=state.parent_workflow_id,
        parent_task_id=state.parent_task_id,
        timeout_s=state.timeout_s if timeout_s is None else timeout_s,
        timeout_policy=policy or state.timeout_policy,
        followers=state.followers,
    )


def _named(state: WorkflowState) -> str:
    return f"{state.name}.{state.definition_version}/{state.workflow_id}.{state.status}"


def _rejected(code: str, message: str) -> cmd.Rejected:
    return cmd.Rejected(code=code, message=message)
