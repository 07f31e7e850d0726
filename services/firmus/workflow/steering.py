"""What operators change in a workflow's state, from pausing to requeueing."""

from typing import Any

import msgspec

from firmus.workflow.state import WorkflowState
from firmus_contracts import events as ev
from firmus_contracts.statuses import WorkflowStatus


def steered(
    state: WorkflowState,
    event: (
        ev.WorkflowPaused
        | ev.WorkflowResumed
        | ev.WorkflowReleased
        | ev.WorkflowRemoved
        | ev.WorkflowJumped
        | ev.WorkflowUpgraded
    ),
    now_ms: int,
) -> WorkflowState:
    changes: dict[str, Any] = {}
    if isinstance(event, ev.WorkflowPaused):
        changes = {"status": WorkflowStatus.PAUSED}
    elif isinstance(event, ev.WorkflowResumed):
        changes = {"status": WorkflowStatus.RUNNING, "resumed_ms": now_ms, "clock_ms": now_ms}
    elif isinstance(event, ev.WorkflowRemoved):
        changes = {"removed_ms": now_ms, "archived": event.archived}
    elif isinstance(event, ev.WorkflowReleased):
        changes = {"held": False}
    elif isinstance(event, ev.WorkflowUpgraded):
        changes = {
            "definition_version": event.definition_version,
            "definition_hash": event.definition_hash,
            "input": {**state.input, **event.input},
            "timeout_s": event.timeout_s,
            "timeout_policy": event.timeout_policy,
        }
    actor = None if isinstance(event, ev.WorkflowReleased) else event.actor
    return msgspec.structs.replace(
        state,
        version=state.version + 1,
        updated_ms=now_ms,
        split=False,
        updated_by=actor or state.updated_by,
        **changes,
    )


def variables_set(state: WorkflowState, event: ev.VariablesSet, now_ms: int) -> WorkflowState:
    return msgspec.structs.replace(
        state,
        version=state.version + 1,
        updated_ms=now_ms,
        updated_by=event.actor or state.updated_by,
        variables={**state.variables, **event.variables},
    )


def noted(state: WorkflowState, event: ev.TaskRequeued | ev.WorkflowFollowed) -> WorkflowState:
    """A begun task is offered again, its times and with them its deadlines stay; or a task of
    another workflow is to hear of the end.
    """
    version = state.version + 1
    if isinstance(event, ev.WorkflowFollowed):
        followers = (*state.followers, event.task_id)
        return msgspec.structs.replace(state, version=version, followers=followers)
    row = msgspec.structs.replace(state.tasks[event.ordinal], requeued=True)
    tasks = state.tasks.set(event.ordinal, row)
    return msgspec.structs.replace(state, version=version, tasks=tasks)
