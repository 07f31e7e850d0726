"""Jumping to a task while the workflow runs: what is open is skipped, the flow goes on from there.

Rows of the task itself and of all that comes after it are withdrawn, so that the flow can come to
them anew; what lies before and was not reached is skipped.
"""

from typing import Any

import msgspec

from firmus.decider import ending, lifecycle, payload_limits
from firmus.decider.context import WantsMore, WorkflowFault
from firmus.decider.operators.registry import operator_for, plan_task
from firmus.decider.plan import Plan
from firmus.decider.skipping import add_skipped
from firmus.decider.turn import Turn
from firmus.workflow.blueprint import Blueprint, Node
from firmus.workflow.joins import JOINS
from firmus.workflow.state import WorkflowState, base_ref
from firmus.workflow.walk import BRANCHING, before, from_here
from firmus_contracts import commands as cmd
from firmus_contracts import events as ev
from firmus_contracts.definitions import WorkflowTask


class _NoInput(Exception):
    """The task takes no input from outside."""


def jump(turn: Turn, command: cmd.JumpToTask) -> cmd.Rejected | None:
    """Refused for tasks that the flow cannot begin with: joins, and what stands inside a fork, a
    loop or a block.
    """
    blueprint = turn.context.blueprint
    node = blueprint.node(command.ref)
    refused = lifecycle.refused("jump", turn.state, ref=command.ref) or _nowhere(
        turn.state, blueprint, command.ref
    )
    if node is None or refused is not None:
        return refused
    limit = turn.payload_max_bytes
    size = payload_limits.excess(command.input, limit)
    if size:
        message = payload_limits.reason(size, f"task: {command.ref}", limit)
        return cmd.Rejected(code="PAYLOAD_TOO_LARGE", message=message)
    before = turn.state
    try:
        _leave(turn, command)
        _arrive(turn, node.task, command.input)
    except WantsMore:
        turn.rewind(before)
        raise
    except _NoInput:
        message = f"A {node.task.type} such as {command.ref} takes no input from a jump"
        return cmd.Rejected(code="INVALID", message=message)
    except WorkflowFault as fault:
        ending.fail(turn, fault.status, fault.reason)
    return None


def _nowhere(state: WorkflowState, blueprint: Blueprint, ref: str) -> cmd.Rejected | None:
    node: Node | None = blueprint.node(ref)
    if state.held:
        message = f"Workflow {state.workflow_id} waits for others that share its limit"
        return cmd.Rejected(code="CONFLICT", message=message)
    if node is None:
        message = (
            f"The task referenced by {ref} does not exist in the WorkflowDefinition {state.name}"
        )
        return cmd.Rejected(code="NOT_FOUND", message=message)
    if node.task.type in JOINS:
        message = f"The task referenced by {ref} is a {node.task.type}, which waits for branches"
        return cmd.Rejected(code="INVALID", message=message)
    while node is not None and node.parent is not None:
        node = blueprint.nodes[node.parent]
        if node.task.type not in BRANCHING:
            message = f"The task referenced by {ref} stands inside the {node.task.type} {node.ref}"
            return cmd.Rejected(code="INVALID", message=message)
    return None


def _leave(turn: Turn, command: cmd.JumpToTask) -> None:
    """Skips what is open, and withdraws what the flow is to come to anew."""
    for ordinal in sorted(turn.state.pending):
        row = turn.state.tasks[ordinal]
        turn.settle(row)
        if not row.status.terminal:
            turn.emit(ev.TaskSkipped(ordinal=ordinal, reason=f"Jumped to {command.ref}"))
    turn.note_settled()
    turn.todo.clear()
    turn.over.clear()
    turn.emit(ev.WorkflowJumped(ref=command.ref, reason=command.reason, actor=command.actor))
    ahead = from_here(turn.context.blueprint, command.ref)
    removed = _rows_of(turn.state, ahead, command.ref)
    if removed:
        turn.emit(ev.TasksWithdrawn(removed=removed))
    for task in before(turn.context.blueprint, command.ref):
        if turn.state.task(task.task_reference_name or "") is None:
            add_skipped(turn, task, seq=turn.state.next_seq, reason=f"Jumped to {command.ref}")
    turn.note_settled()
    turn.todo.clear()


def _rows_of(state: WorkflowState, refs: set[str], target: str) -> tuple[int, ...]:
    """The rows of these tasks, branches of dynamic forks included. That a task which lies ahead
    was skipped before it was reached (seq 0) goes on to count.
    """
    found: list[int] = []
    for ordinal, row in sorted(state.tasks.items()):
        fork = state.tasks.get(row.made.forked_by) if row.made.forked_by is not None else None
        ref = base_ref(row.made if fork is None else fork.made)
        if ref in refs and (row.made.seq > 0 or ref == target):
            found.append(ordinal)
    return tuple(found)


def _arrive(turn: Turn, task: WorkflowTask, given: dict[str, Any]) -> None:
    """Schedules the task; `given` is laid over the input that its definition says."""
    plan = Plan(turn)
    plan_task(plan, task)
    if given:
        first = plan.rows[0]
        operator = operator_for(first.task_type)
        takes = first.queued or first.child_id is not None or (operator and operator.sync)
        if len(plan.rows) > 1 or not takes:
            raise _NoInput
        merged = {**first.input, **given}
        if first.task_type == "SUB_WORKFLOW":
            merged = {**first.input, "workflowInput": {**first.input["workflowInput"], **given}}
        plan.rows[0] = msgspec.structs.replace(first, input=merged, cache=None)
    plan.make()
