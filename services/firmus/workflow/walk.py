"""Which task follows which in a definition (spec 3.3.4): a pure function of the tree."""

from firmus.workflow.blueprint import Blueprint
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


def next_sibling(blueprint: Blueprint, ref: str) -> WorkflowTask | None:
    """The next task of the same list."""
    node = blueprint.node(ref)
    if node is None or node.index + 1 >= len(node.siblings):
        return None
    return node.siblings[node.index + 1]
