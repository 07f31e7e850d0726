"""Queues of system tasks that are kept apart: `type[@executionNameSpace][-isolationGroupId]`.

A task definition may ask that calls of its name have workers of their own (`isolationGroupId`), or
only those of one namespace (`executionNameSpace`); worker tasks ignore both (spec 4.11).
"""

from firmus_contracts.definitions import TaskDef

ISOLATED = frozenset({"HTTP", "HTTP_POLL", "KAFKA_PUBLISH", "JDBC"})
"""Types whose tasks go to such queues."""

GROUPED = frozenset({"INLINE", "LAMBDA", "JSON_JQ_TRANSFORM", "WAIT", "JOIN", "FORK"})
"""Types that the decider runs itself: their rows show the group, which changes nothing."""


def isolated_queue(task_type: str, task_def: TaskDef | None) -> str | None:
    """The queue of a system task where it is not that of its type."""
    if task_def is None or not (task_def.isolation_group_id or task_def.execution_name_space):
        return None
    if task_type not in ISOLATED:
        return None
    name = queue_name(task_type, task_def.execution_name_space, task_def.isolation_group_id)
    return name if name != task_type else None


def queue_name(task_type: str, namespace: str | None, group: str | None) -> str:
    name = f"{task_type}@{namespace}" if namespace else task_type
    return f"{name}-{group}" if group else name


def type_of_queue(queue: str, namespace: str | None) -> str | None:
    """The task type of an isolation group's queue in this namespace; None for other queues."""
    for task_type in ISOLATED:
        if queue.startswith(queue_name(task_type, namespace, None) + "-"):
            return task_type
    return None


def shown(task_type: str, task_def: TaskDef) -> tuple[str | None, str | None]:
    """Isolation group and execution namespace as a row shows them."""
    if task_type in ISOLATED:
        return task_def.isolation_group_id or None, task_def.execution_name_space or None
    if task_type in GROUPED:
        return task_def.isolation_group_id or None, None
    return None, None
