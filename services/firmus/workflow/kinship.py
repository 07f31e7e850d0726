"""What a workflow that runs again asks of its parent and of its children, as commands with ids that
follow from its own events (spec 5.6). The scheduler owes them; whoever is first carries them out.
"""

from collections.abc import Sequence
from typing import Any

from firmus.workflow.state import WorkflowState
from firmus_contracts import events as ev
from firmus_contracts.commands import Kin, ReviveChild, ReviveParent

OPERATIONS: dict[type, str] = {
    ev.WorkflowRestarted: "restarted",
    ev.WorkflowRetried: "retried",
    ev.WorkflowRerun: "rerun",
    ev.ParentRevived: "kept",
}
"""The events of which a parent hears, and what it hears."""


def operation_of(event: ev.WorkflowEvent) -> str | None:
    """What a parent hears of an event; one that was revived itself passes on what it heard."""
    if isinstance(event, ev.WorkflowRevived):
        return event.operation
    return OPERATIONS.get(type(event))


def kin_of(state: WorkflowState, events: Sequence[ev.WorkflowEvent]) -> list[Kin]:
    """What the newest events of a workflow ask of its kin; `state` is the one after them."""
    asked: list[Kin] = []
    for version, event in enumerate(events, state.version - len(events) + 1):
        operation = operation_of(event)
        if operation is not None and state.parent_workflow_id and state.parent_task_id:
            asked.append(
                revive_parent(
                    state.workflow_id,
                    version,
                    parent_id=state.parent_workflow_id,
                    parent_task_id=state.parent_task_id,
                    operation=operation,
                    parent_version=getattr(event, "parent_version", 0),
                )
            )
        if isinstance(event, ev.TaskReopened) and event.asks_child and event.row.child_id:
            asked.append(
                revive_child(
                    state.workflow_id,
                    version,
                    child_id=event.row.child_id,
                    path=event.path,
                    task_input=event.task_input,
                )
            )
    return asked


def revive_parent(
    workflow_id: str,
    version: int,
    *,
    parent_id: str,
    parent_task_id: str,
    operation: str,
    parent_version: int,
) -> ReviveParent:
    """To the parent of the workflow whose event of this version made it run again."""
    return ReviveParent(
        command_id=f"{workflow_id}/{version}/revive-parent",
        workflow_id=parent_id,
        actor="scheduler",
        task_id=parent_task_id,
        child_id=workflow_id,
        child_version=version,
        operation=operation,
        parent_version=parent_version,
    )


def revive_child(
    workflow_id: str,
    version: int,
    *,
    child_id: str,
    path: tuple[str, ...] = (),
    task_input: dict[str, Any] | None = None,
) -> ReviveChild:
    """To the child whose row was opened again by the event of this version."""
    return ReviveChild(
        command_id=f"{workflow_id}/{version}/revive-child",
        workflow_id=child_id,
        actor="scheduler",
        parent_version=version,
        path=path,
        task_input=task_input,
    )
