"""What the events say by which a workflow that has ended runs again (spec 5.3-5.6)."""

from collections.abc import Iterable
from typing import Any

import msgspec
from immutables import Map

from firmus.workflow.indexes import indexes_of
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts import events as ev
from firmus_contracts.statuses import WorkflowStatus

replace = msgspec.structs.replace

RunningAgain = ev.WorkflowRestarted | ev.WorkflowRetried | ev.WorkflowRerun | ev.WorkflowRevived


def running_again(state: WorkflowState, event: RunningAgain, now_ms: int) -> WorkflowState:
    """The state of the ended workflow as it runs again; its rows come back by events of their own.

    Its output and variables stay as they were until they are overwritten, except that a restart
    has no output; the names of what failed stay after a restart and a retry (of a child they go).
    """
    changes: dict[str, Any] = {}
    match event:
        case ev.WorkflowRestarted():
            changes = {
                "definition_hash": event.definition_hash,
                "definition_version": event.definition_version,
                "timeout_s": event.standing.timeout_s,
                "timeout_policy": event.standing.timeout_policy,
                "created_ms": now_ms,
                "resumed_ms": 0,
                "output": {},
                **_without_rows(),
            }
        case ev.WorkflowRetried():
            changes = {"resumed_ms": now_ms}
            if event.in_child:
                changes |= {"failed_refs": (), "failed_names": ()}
        case ev.WorkflowRevived():
            changes = {"resumed_ms": now_ms, "failed_refs": (), "failed_names": ()}
        case ev.WorkflowRerun():
            changes = {"failed_refs": (), "failed_names": ()}
            if event.input is not None:
                changes["input"] = event.input
            if event.correlation_id is not None:
                changes["correlation_id"] = event.correlation_id
            if event.from_ordinal is None:
                changes |= _without_rows()
    if isinstance(event, ev.WorkflowRetried | ev.WorkflowRerun) and event.parent_version:
        changes["parent_version"] = event.parent_version
    actor = "" if isinstance(event, ev.WorkflowRevived) else event.actor
    return replace(
        state,
        version=state.version + 1,
        again_version=state.version + 1,
        updated_by=actor or state.updated_by,
        status=WorkflowStatus.RUNNING,
        updated_ms=now_ms,
        ended_ms=0,
        clock_ms=now_ms,
        held=False,
        gate=None,
        reason=None,
        failed_ordinal=None,
        failure_workflow=None,
        split=False,
        **changes,
    )


def withdrawn(state: WorkflowState, event: ev.TasksWithdrawn, now_ms: int) -> WorkflowState:
    """Without these rows, and with those others to be acted on once more."""
    tasks = state.tasks.mutate()
    for ordinal in event.removed:
        del tasks[ordinal]
    for ordinal in event.unsettled:
        tasks[ordinal] = replace(tasks[ordinal], settled=False)
    kept = tasks.finish()
    return replace(
        state,
        version=state.version + 1,
        updated_ms=now_ms,
        split=False,
        tasks=kept,
        next_seq=_next_seq(kept.values()) if event.removed else state.next_seq,
        **indexes_of(kept.values()),
    )


def _next_seq(kept: Iterable[TaskState]) -> int:
    """Numbers shown to people go on behind the rows that are left."""
    return max((row.made.seq for row in kept), default=0) + 1


def _without_rows() -> dict[str, Any]:
    """Numbers shown to people begin anew, ordinals go on: an id is never given twice."""
    return {"tasks": Map(), "next_seq": 1, **indexes_of(())}
