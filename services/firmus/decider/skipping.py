"""Skipping a task that the flow has not reached yet (spec 5.7).

The row of a skipped task stands before all others (seq 0) and is done with from the start; who
comes to the task later steps over it (`operators/registry.py`). In a loop or block every pass has
a row of its own for it, with the same input and output.
"""

from typing import Any

from firmus.decider import lifecycle, payload_limits
from firmus.decider.turn import Turn
from firmus.workflow.blueprint import Node
from firmus.workflow.state import WorkflowState
from firmus_contracts import commands as cmd
from firmus_contracts import events as ev
from firmus_contracts.definitions import WorkflowTask
from firmus_contracts.statuses import TaskStatus

_FORKS = frozenset({"FORK_JOIN", "FORK_JOIN_DYNAMIC"})


def skip(turn: Turn, command: cmd.SkipTask) -> cmd.Rejected | None:
    """Makes the row, or refuses. With a fork its JOIN is skipped: there is nothing to wait for."""
    node = turn.context.blueprint.node(command.ref)
    refused = _refused(turn.state, node, command.ref) or _too_large(turn, command)
    if node is None or refused is not None:
        return refused
    add_skipped(turn, node.task, input=command.input, output=command.output, reason=command.reason)
    join = _join_of(node)
    if join is not None and turn.state.task(join.task_reference_name or "") is None:
        add_skipped(turn, join, reason=command.reason)
    return None


def add_skipped(turn: Turn, task: WorkflowTask, *, seq: int = 0, **fields: Any) -> None:
    """A SKIPPED row of a task of the definition, acted on already. Without `seq` it stands before
    all others.
    """
    ref = task.task_reference_name or ""
    made = ev.TaskScheduled(
        ordinal=turn.state.next_ordinal,
        seq=seq,
        ref=ref,
        task_type=task.name or ref,
        task_def_name=task.name,
        status=TaskStatus.SKIPPED,
        node=ref,
        priority=turn.state.priority,
        **fields,
    )
    turn.emit(made)
    turn.settle(turn.state.tasks[made.ordinal])


def _refused(state: WorkflowState, node: Node | None, ref: str) -> cmd.Rejected | None:
    refused = lifecycle.refused("skip", state, ref=ref)
    if refused is not None:
        return refused
    if node is None:
        message = (
            f"The task referenced by {ref} does not exist in the WorkflowDefinition {state.name}"
        )
        return cmd.Rejected(code="ILLEGAL_STATE", message=message)
    if state.task(ref) is not None:
        message = f"The task referenced {ref} has already been processed, cannot be skipped"
        return cmd.Rejected(code="ILLEGAL_STATE", message=message)
    fork = _fork_of(node)
    if fork is not None:
        message = f"The task referenced by {ref} joins the branches of {fork}: skip that instead"
        return cmd.Rejected(code="ILLEGAL_STATE", message=message)
    return None


def _too_large(turn: Turn, command: cmd.SkipTask) -> cmd.Rejected | None:
    limit = turn.payload_max_bytes
    for value in (command.input, command.output):
        size = payload_limits.excess(value, limit)
        if size:
            message = payload_limits.reason(size, f"task: {command.ref}", limit)
            return cmd.Rejected(code="PAYLOAD_TOO_LARGE", message=message)
    return None


def _join_of(node: Node) -> WorkflowTask | None:
    """The JOIN behind a fork."""
    if node.task.type not in _FORKS or node.index + 1 >= len(node.siblings):
        return None
    following = node.siblings[node.index + 1]
    return following if following.type == "JOIN" else None


def _fork_of(node: Node) -> str | None:
    """The reference of the fork that a JOIN stands behind."""
    if node.task.type != "JOIN" or node.index == 0:
        return None
    before = node.siblings[node.index - 1]
    return before.task_reference_name if before.type in _FORKS else None
