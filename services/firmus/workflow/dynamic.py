"""Where the definition of a row is found: in the blueprint, or, for the branches of a dynamic
fork, in the events that made them.
"""

from functools import lru_cache

import msgspec

from firmus.workflow.blueprint import Blueprint
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts.definitions import TaskDef, WorkflowTask

_decode = msgspec.json.Decoder(WorkflowTask).decode


@lru_cache(maxsize=20_000)
def workflow_task_from(raw: bytes) -> WorkflowTask:
    return _decode(raw)


def definition_of(
    state: WorkflowState, row: TaskState, blueprint: Blueprint
) -> tuple[WorkflowTask, TaskDef | None]:
    """The workflow task of a row and the task definition that governs it, None if none does."""
    made = row.made
    if made.forked_by is None:
        node = blueprint.node(made.node or made.ref)
        if node is None:
            raise ValueError(f"{made.node or made.ref} is not in definition {blueprint.sha256}")
        return node.task, node.task.task_definition
    task = workflow_task_from(bytes(made.workflow_task))
    if task.task_definition is not None:
        return task, task.task_definition
    fork = state.tasks[made.forked_by].made
    return task, fork.task_defs.get(task.name or "")
