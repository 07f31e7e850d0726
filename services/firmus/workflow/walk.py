"""Which task follows which in a definition (spec 3.3.4): a pure function of the tree."""

from firmus.workflow.blueprint import Blueprint, child_lists
from firmus_contracts.definitions import WorkflowTask

BRANCHING = frozenset({"SWITCH", "DECISION"})


def follower(blueprint: Blueprint, ref: str) -> WorkflowTask | None:
    """The task that comes after `ref` once it (or the branch that it ends) is done.

    None at the end of the workflow, of a fork branch (its JOIN exists already) and of a loop body
    (the loop itself goes on), and for tasks that are not in the definition.
    """
    node = blueprint.node(ref)
    while node is not None:
        if node.task.type == "TERMINATE":
            return None
        if node.index + 1 < len(node.siblings):
            return node.siblings[node.index + 1]
        if node.parent is None:
            return None
        node = blueprint.node(node.parent)
        if node is None or node.task.type not in BRANCHING:
            return None
    return None


def from_here(blueprint: Blueprint, ref: str) -> set[str]:
    """A task, all inside it, and all that may come after it, in the list of its switch too."""
    found: set[str] = set()
    pending = [blueprint.nodes[ref].task]
    node = blueprint.node(ref)
    while node is not None:
        pending.extend(node.siblings[node.index + 1 :])
        node = blueprint.node(node.parent) if node.parent is not None else None
    while pending:
        task = pending.pop()
        found.add(task.task_reference_name or "")
        pending.extend(inner for tasks in child_lists(task) for inner in tasks)
    return found


def before(blueprint: Blueprint, ref: str) -> list[WorkflowTask]:
    """The tasks that come before one in its list, and before the switches that hold it."""
    found: list[WorkflowTask] = []
    node = blueprint.node(ref)
    while node is not None:
        found = [*node.siblings[: node.index], *found]
        node = blueprint.node(node.parent) if node.parent is not None else None
    return found


def next_sibling(blueprint: Blueprint, ref: str) -> WorkflowTask | None:
    """The next task of the same list."""
    node = blueprint.node(ref)
    if node is None or node.index + 1 >= len(node.siblings):
        return None
    return node.siblings[node.index + 1]
