"""evolve: how one event changes a workflow's state. No rules here, only what the event says."""

from typing import Any, assert_never

import msgspec
from immutables import Map

from firmus.workflow.comebacks import running_again, withdrawn
from firmus.workflow.inbox import inbox_changed
from firmus.workflow.indexes import entered, left, newest, without
from firmus.workflow.joins import joins_after_scheduling, joins_changed
from firmus.workflow.opening import opened, reopened
from firmus.workflow.started import started
from firmus.workflow.state import WorkflowState
from firmus.workflow.steering import noted, steered, variables_set
from firmus_contracts import events as ev
from firmus_contracts.envelope import Commit
from firmus_contracts.statuses import TaskStatus, WorkflowStatus

replace = msgspec.structs.replace
_NO_OUTPUTS: Map[int, dict[str, Any]] = Map()


_ENDS = {
    ev.TaskCompletedWithErrors: TaskStatus.COMPLETED_WITH_ERRORS,
    ev.TaskTimedOut: TaskStatus.TIMED_OUT,
    ev.TaskSkipped: TaskStatus.SKIPPED,
}


def fold(state: WorkflowState | None, commit: Commit) -> WorkflowState:
    """The state after a commit. Raises ValueError on a gap or repetition of versions."""
    expected = 1 if state is None else state.version + 1
    if commit.first_version != expected:
        raise ValueError(
            f"workflow {commit.workflow_id}: version {commit.first_version}, expected {expected}"
        )
    for event in commit.events:
        state = evolve(state, event, workflow_id=commit.workflow_id, now_ms=commit.time_ms)
    if state is None:
        raise ValueError(f"workflow {commit.workflow_id}: a commit without events")
    return answered(state, commit)


def answered(state: WorkflowState, commit: Commit) -> WorkflowState:
    """The state once it is noted which commands the commit answered."""
    recent = state.recent
    for cause in commit.causes:
        recent = recent.noting(cause.command_id, state.version)
    trace = state.trace or commit.trace
    if commit.first_version == 1 and commit.causes:
        first = commit.causes[0].command_id
        return replace(state, recent=recent, started_by=first, trace=trace)
    return replace(state, recent=recent, trace=trace)


def evolve(
    state: WorkflowState | None, event: ev.WorkflowEvent, *, workflow_id: str, now_ms: int
) -> WorkflowState:
    """The state after one event that happened at `now_ms`."""
    if isinstance(event, ev.WorkflowStarted):
        if state is not None:
            raise ValueError(f"workflow {workflow_id}: started twice")
        return started(event, workflow_id, now_ms)
    if state is None:
        raise ValueError(f"workflow {workflow_id}: {ev.tag_of(event)} before its start")
    return _evolve(state, event, now_ms)


def _evolve(  # noqa: C901, PLR0912 - one case per event; a shorter one would hide a case
    state: WorkflowState, event: ev.WorkflowEvent, now_ms: int
) -> WorkflowState:
    match event:
        case ev.TaskScheduled():
            return _scheduled(state, event, now_ms)
        case ev.TaskBegun():
            return _begun(state, event, now_ms)
        case ev.TaskCompleted():
            changes = {"status": TaskStatus.COMPLETED}
            return _ended(state, event, now_ms, changes, event.worker_id)
        case ev.TaskCompletedWithErrors() | ev.TaskTimedOut() | ev.TaskSkipped():
            return _ended(state, event, now_ms, {"status": _ENDS[type(event)]}, None)
        case ev.TaskFailed():
            failed = (
                TaskStatus.FAILED_WITH_TERMINAL_ERROR if event.terminal_error else TaskStatus.FAILED
            )
            return _ended(state, event, now_ms, {"status": failed}, event.worker_id)
        case ev.TaskCanceled():
            return _ended(state, event, now_ms, {"status": TaskStatus.CANCELED}, event.worker_id)
        case ev.TaskUpdated():
            return _updated(state, event, now_ms)
        case ev.LoopAdvanced():
            return _looped(state, event, now_ms)
        case ev.TaskLeaseExtended():
            return _row(state, event.ordinal, now_ms, {})
        case ev.WorkflowFollowed() | ev.TaskRequeued():
            return noted(state, event)
        case ev.TaskLogged():
            return replace(state, version=state.version + 1)
        case ev.TasksSettled():
            return _settled(state, event)
        case ev.VariablesSet():
            return variables_set(state, event, now_ms)
        case ev.MessageReceived() | ev.MessagesTaken():
            return inbox_changed(state, event, now_ms)
        case ev.StateEventRaised() | ev.StateEventSent():
            return _state_event(state, event)
        case ev.DecisionSplit():
            return replace(state, version=state.version + 1, split=True)
        case (
            ev.WorkflowPaused()
            | ev.WorkflowResumed()
            | ev.WorkflowReleased()
            | ev.WorkflowRemoved()
            | ev.WorkflowJumped()
            | ev.WorkflowUpgraded()
        ):
            return steered(state, event, now_ms)
        case ev.WorkflowRestarted() | ev.WorkflowRetried():
            return running_again(state, event, now_ms)
        case ev.WorkflowRerun() | ev.WorkflowRevived():
            return running_again(state, event, now_ms)
        case ev.TasksWithdrawn() | ev.TaskReopened():
            return _rows_back(state, event, now_ms)
        case ev.ParentRevived() | ev.ChildRevived() | ev.CallbackReset():
            return _noted(state, event, now_ms)
        case ev.WorkflowCompleted():
            return _workflow_ended(state, event, now_ms, WorkflowStatus.COMPLETED)
        case ev.WorkflowFailed():
            return _workflow_ended(state, event, now_ms, WorkflowStatus.FAILED)
        case ev.WorkflowTimedOut():
            return _workflow_ended(state, event, now_ms, WorkflowStatus.TIMED_OUT)
        case ev.WorkflowTerminated():
            return _workflow_ended(state, event, now_ms, WorkflowStatus.TERMINATED)
        case ev.WorkflowStarted():
            raise ValueError(f"workflow {state.workflow_id}: started twice")
        case _:
            assert_never(event)


def _rows_back(
    state: WorkflowState, event: ev.TasksWithdrawn | ev.TaskReopened, now_ms: int
) -> WorkflowState:
    if isinstance(event, ev.TasksWithdrawn):
        return withdrawn(state, event, now_ms)
    return reopened(state, event, now_ms)


def _noted(
    state: WorkflowState,
    event: ev.ParentRevived | ev.ChildRevived | ev.CallbackReset,
    now_ms: int,
) -> WorkflowState:
    if isinstance(event, ev.ParentRevived):
        version = state.version + 1
        return _workflow(state, now_ms, parent_version=event.parent_version, again_version=version)
    if isinstance(event, ev.ChildRevived):
        heard = {"child_since": event.child_version, "child_asked": 0}
        return _row(state, event.ordinal, now_ms, heard)
    return _row(state, event.ordinal, now_ms, {"callback_after_s": 0, "callback_after_ms": 0})


def _state_event(
    state: WorkflowState, event: ev.StateEventRaised | ev.StateEventSent
) -> WorkflowState:
    version = state.version + 1
    if isinstance(event, ev.StateEventRaised):
        return replace(state, version=version, unsent=state.unsent.set(version, event))
    return replace(state, version=version, unsent=state.unsent.delete(event.version))


def _workflow(state: WorkflowState, now_ms: int, **changes: Any) -> WorkflowState:
    return replace(state, version=state.version + 1, updated_ms=now_ms, split=False, **changes)


def _workflow_ended(
    state: WorkflowState,
    event: (ev.WorkflowCompleted | ev.WorkflowFailed | ev.WorkflowTimedOut | ev.WorkflowTerminated),
    now_ms: int,
    status: WorkflowStatus,
) -> WorkflowState:
    failure: dict[str, Any] = {}
    if not isinstance(event, ev.WorkflowCompleted):
        failure = {
            "failed_ordinal": event.failed_ordinal,
            "failure_workflow": event.failure_workflow,
        }
    if isinstance(event, ev.WorkflowTerminated) and event.actor:
        failure["updated_by"] = event.actor
    return _workflow(
        state,
        now_ms,
        status=status,
        ended_ms=now_ms,
        output=event.output,
        reason=event.reason,
        failed_refs=event.failed_refs,
        failed_names=event.failed_names,
        messages=(),
        held=False,
        **failure,
    )


def _scheduled(state: WorkflowState, event: ev.TaskScheduled, now_ms: int) -> WorkflowState:
    row = opened(event, now_ms, event.input, event.output)
    tasks, pending = state.tasks, state.pending
    joins = joins_after_scheduling(state, event)
    inside, looped = state.inside, state.looped
    if event.retried is not None:
        before = tasks[event.retried]
        tasks = tasks.set(event.retried, replace(before, retried=True, settled=True))
        if event.retried in pending:
            pending = pending.delete(event.retried)
            inside = left(inside, before.made)
    if event.within is not None:
        inside = entered(inside, event)
    if event.node is not None and event.node != event.ref:
        looped = newest(looped, event)
    return replace(
        state,
        version=state.version + 1,
        updated_ms=now_ms,
        split=False,
        tasks=tasks.set(event.ordinal, row),
        latest=state.latest.set(event.ref, event.ordinal),
        looped=looped,
        pending=pending.set(event.ordinal, True),
        inside=inside,
        next_ordinal=max(state.next_ordinal, event.ordinal + 1),
        next_seq=max(state.next_seq, event.seq + 1),
        **joins,
    )


def _row(state: WorkflowState, ordinal: int, now_ms: int, changes: dict[str, Any]) -> WorkflowState:
    row = replace(state.tasks[ordinal], updated_ms=now_ms, **changes)
    return replace(
        state,
        version=state.version + 1,
        updated_ms=now_ms,
        split=False,
        tasks=state.tasks.set(ordinal, row),
    )


def _begun(state: WorkflowState, event: ev.TaskBegun, now_ms: int) -> WorkflowState:
    row = state.tasks[event.ordinal]
    changes: dict[str, Any] = {
        "status": TaskStatus.IN_PROGRESS,
        "start_ms": row.start_ms or now_ms,
        "first_start_ms": row.first_start_ms or now_ms,
        "poll_count": row.poll_count + 1,
        "requeued": False,
        "callback_after_s": 0,
        "callback_after_ms": 0,
    }
    if event.worker_id is not None:
        changes["worker_id"] = event.worker_id
    if event.child_id is not None:
        changes |= {"child_id": event.child_id, "adopted": event.adopted}
    if event.output is not None:
        changes["own_output"] = event.output
    return _row(state, event.ordinal, now_ms, changes)


def _updated(state: WorkflowState, event: ev.TaskUpdated, now_ms: int) -> WorkflowState:
    changes: dict[str, Any] = {
        "callback_after_s": event.callback_after_s,
        "callback_after_ms": event.callback_after_s * 1000,
        "reason": event.reason,
    }
    if event.requeued:
        changes |= {"status": TaskStatus.SCHEDULED, "requeued": False}
    if event.output is not None:
        changes["own_output"] = event.output
    if event.worker_id is not None:
        changes["worker_id"] = event.worker_id
    return _row(state, event.ordinal, now_ms, changes)


def _looped(state: WorkflowState, event: ev.LoopAdvanced, now_ms: int) -> WorkflowState:
    row = state.tasks[event.ordinal]
    passes, output = row.passes.mutate(), row.own_output.copy()
    for key, value in event.output.items():
        if key.isdecimal():
            passes[int(key)] = value
        else:
            output[key] = value
    for key in event.dropped:
        passes.pop(int(key), None)
    changes = {"passes": passes.finish(), "own_output": output, "iteration": event.iteration}
    changed = _row(state, event.ordinal, now_ms, changes)
    return replace(changed, **without(changed, event.removed)) if event.removed else changed


def _ended(
    state: WorkflowState,
    event: (
        ev.TaskCompleted
        | ev.TaskCompletedWithErrors
        | ev.TaskFailed
        | ev.TaskTimedOut
        | ev.TaskCanceled
        | ev.TaskSkipped
    ),
    now_ms: int,
    changes: dict[str, Any],
    worker_id: str | None,
) -> WorkflowState:
    row = state.tasks[event.ordinal]
    changes["end_ms"] = row.end_ms or now_ms
    if event.output is not None:
        changes["own_output"] = event.output
    elif row.passes:
        changes["own_output"] = row.output
    if row.passes:
        changes["passes"] = _NO_OUTPUTS
    if event.reason is not None:
        changes["reason"] = event.reason
    if worker_id is not None:
        changes["worker_id"] = worker_id
    joins = joins_changed(state, row.ref, was_open=not row.status.terminal, is_open=False)
    return _row(replace(state, **joins) if joins else state, event.ordinal, now_ms, changes)


def _settled(state: WorkflowState, event: ev.TasksSettled) -> WorkflowState:
    tasks, pending = state.tasks.mutate(), state.pending.mutate()
    inside = state.inside
    for ordinal in event.ordinals:
        row = tasks[ordinal]
        tasks[ordinal] = replace(row, settled=True)
        if pending.pop(ordinal, None):
            inside = left(inside, row.made)
    return replace(
        state,
        version=state.version + 1,
        split=False,
        tasks=tasks.finish(),
        pending=pending.finish(),
        inside=inside,
    )
