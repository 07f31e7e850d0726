"""How a workflow ends: its output, what it blames, what it cancels (spec 2.6, 3.4, 4.7)."""

from typing import Any

from firmus.decider import caching, inputs, payload_limits, schemas_kept
from firmus.decider.context import Wanted, WantsMore
from firmus.decider.turn import Turn
from firmus.workflow.document import Document
from firmus.workflow.joins import shown_output
from firmus.workflow.state import TaskState
from firmus_contracts import events as ev
from firmus_contracts import ids
from firmus_contracts.statuses import TaskStatus, WorkflowStatus

_NAMED_AS_FAILED = frozenset({TaskStatus.FAILED, TaskStatus.FAILED_WITH_TERMINAL_ERROR})
_FAILURES: dict[
    WorkflowStatus,
    type[ev.WorkflowFailed] | type[ev.WorkflowTimedOut] | type[ev.WorkflowTerminated],
] = {
    WorkflowStatus.FAILED: ev.WorkflowFailed,
    WorkflowStatus.TIMED_OUT: ev.WorkflowTimedOut,
    WorkflowStatus.TERMINATED: ev.WorkflowTerminated,
}


def complete(
    turn: Turn, *, output: dict[str, Any] | None = None, reason: str | None = None
) -> None:
    """Ends it well, or FAILED when its output does not fit its schema; what is still open (after
    TERMINATE) is cancelled.
    """
    result = output if output is not None else output_of(turn)
    misfit = schemas_kept.workflow_output_fault(turn.context.blueprint, result)
    if misfit is None:
        misfit = _too_large(turn, result)
    if misfit is not None:
        fail(turn, WorkflowStatus.FAILED, misfit, output=result)
        return
    refs, names = failed_names(turn)
    cancel_open(turn)
    turn.emit(
        ev.WorkflowCompleted(output=result, reason=reason, failed_refs=refs, failed_names=names)
    )
    context = turn.context
    turn.to_cache += caching.workflow_to_cache(turn.state, context.blueprint, context.environment)


def complete_from_cache(turn: Turn) -> bool:
    """Ends a workflow that has only just begun, when the cache has its output."""
    slot = turn.state.cache
    found = None if slot is None else turn.cached([slot.key])[slot.key]
    if found is None:
        return False
    turn.emit(ev.WorkflowCompleted(output=found.output, cached_from=found.task_id))
    return True


def fail(
    turn: Turn,
    status: WorkflowStatus,
    reason: str | None,
    *,
    ordinal: int | None = None,
    output: dict[str, Any] | None = None,
    run_failure_workflow: bool = True,
    actor: str = "",
) -> None:
    """Ends it through the failure path: FAILED, TIMED_OUT or TERMINATED.

    `ordinal` is the row to blame; `actor` asked for it (TERMINATED only). A failure workflow starts
    unless the end was asked for by the API or a parent (spec 4.7).
    """
    result = output if output is not None else output_of(turn, status)
    handler, note = failure_workflow(turn) if run_failure_workflow else (None, None)
    if handler is not None:
        result = {**result, "conductor.failure_workflow": handler.workflow_id}
    elif note is not None:
        result = {**result, "conductor.failure_workflow": note}
    too_large = _too_large(turn, result)
    if too_large is not None:
        result, reason = {}, reason if reason == too_large else f"{reason}. {too_large}"
    refs, names = failed_names(turn)
    cancel_open(turn)
    asked = {"actor": actor} if status is WorkflowStatus.TERMINATED else {}
    turn.emit(
        _FAILURES[status](
            output=result,
            reason=reason,
            failed_ordinal=ordinal,
            failed_refs=refs,
            failed_names=names,
            failure_workflow=handler,
            **asked,
        )
    )


def _too_large(turn: Turn, output: dict[str, Any]) -> str | None:
    size = payload_limits.excess(output, turn.payload_max_bytes)
    what = f"workflow: {turn.state.workflow_id}"
    return payload_limits.reason(size, what, turn.payload_max_bytes) if size else None


def output_of(turn: Turn, status: WorkflowStatus | None = None) -> dict[str, Any]:
    """What outputParameters say, else the output of the last row, whoever is to blame."""
    blueprint = turn.context.blueprint
    template = blueprint.definition.output_parameters
    if template:
        scope = Document(turn.state, environment=turn.context.environment, status=status)
        return dict(inputs.resolved(blueprint, "output", template, scope))
    if not turn.state.tasks:
        return turn.state.output
    return shown_output(turn.state, last_row(turn))


def last_row(turn: Turn) -> TaskState:
    """The newest row; those of skipped tasks stand before all others (spec 5.7)."""
    tasks = turn.state.tasks
    newest = tasks.get(turn.state.next_ordinal - 1)
    if newest is None or newest.made.seq == 0:
        return max(tasks.values(), key=lambda row: (row.made.seq, row.ordinal))
    return newest


def failed_names(turn: Turn) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """References and names of rows that FAILED, retried ones too, never of timed-out ones."""
    failed = [row for row in turn.state.tasks.values() if row.status in _NAMED_AS_FAILED]
    failed.sort(key=lambda row: row.ordinal)
    refs = dict.fromkeys(row.ref for row in failed)
    names = dict.fromkeys(row.made.task_def_name or row.made.task_type for row in failed)
    return tuple(refs), tuple(names)


def cancel_open(turn: Turn) -> None:
    """Cancels every open row, in order; children are ended by the scheduler when it sees it."""
    open_rows = [
        ordinal
        for ordinal in turn.state.pending.keys()  # noqa: SIM118 - a persistent map
        if not turn.state.tasks[ordinal].status.terminal
    ]
    for ordinal in sorted(open_rows):
        turn.emit(ev.TaskCanceled(ordinal=ordinal))


def failure_workflow(turn: Turn) -> tuple[ev.FailureWorkflow | None, str | None]:
    """The failure workflow to start, or why it cannot start, or neither (spec 4.7).

    A name that begins with `$` is split on dots, its third part names an input of the workflow;
    where that is not there, no failure workflow was asked for.
    Raises WantsMore until it is known whether the definition exists: whoever emits events before
    `fail` calls this first.
    """
    definition = turn.context.blueprint.definition
    name = definition.failure_workflow
    if not name or not name.strip():
        return None, None
    if name.startswith("$"):
        parts = name.split(".")
        value = turn.state.input.get(parts[2]) if len(parts) > 2 else None
        if not value:
            return None, None
        name = str(value)
    key = (name, definition.failure_workflow_version)
    known = turn.answers.definitions.get(key)
    if known is None:
        raise WantsMore(Wanted(definitions=(key,)))
    if not known:
        problem = f"No such workflow found by name: {name}, version: {key[1]}"
        return None, f"Error workflow {name} failed to start.  reason: {problem}"
    workflow_id = ids.derived_workflow_id(
        turn.context.now_ms, "failure", turn.state.workflow_id, turn.context.entropy
    )
    return ev.FailureWorkflow(workflow_id=workflow_id, name=name, version=key[1]), None
