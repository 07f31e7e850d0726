"""Children whose start was under way while their task came to an end."""

from firmus.ports import DeciderPort
from firmus.scheduler import children
from firmus.scheduler.rows import Row
from firmus_contracts.commands import Answer, TerminateWorkflow
from firmus_contracts.statuses import TaskStatus


async def exists(decider: DeciderPort, row: Row) -> bool:
    """Whether the refused start had been carried out long before."""
    child = await decider.read(row.child_id or "")
    parent = row.task_id if row.is_parent else None
    return child is not None and child.parent_task_id == parent


async def stop(decider: DeciderPort, row: Row, child_id: str) -> Answer | bool:
    """Ends a child whose task was over, or had another child, before it was told of this one.

    Without a need to ask the answer is whether all is done.
    """
    parent = await decider.read(row.workflow_id)
    if parent is None or parent.removed_ms:
        return True
    task = parent.tasks.get(row.ordinal)
    if task is not None and task.child_id == child_id and not task.status.terminal:
        return task.status is TaskStatus.IN_PROGRESS
    child = await decider.read(child_id)
    if child is None or child.status.terminal:
        return True
    reason = (
        children.reason_to_stop(parent.status, parent.reason)
        if parent.status.terminal
        else children.TASK_CANCELED
    )
    return await decider.submit(
        TerminateWorkflow(
            command_id=f"{child_id}/orphaned",
            workflow_id=child_id,
            actor=children.ACTOR,
            reason=reason,
            by_parent=True,
        )
    )
