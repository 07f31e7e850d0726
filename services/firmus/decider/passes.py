"""What loops share: how the rows of a pass are named, and which rows a pass holds.

The rows of pass `i` are named `ref__i`; in a loop within a loop `ref__outer__inner`, so that no
pass ever meets the rows of another.
"""

from typing import Any, cast

from firmus.decider.operators import registry
from firmus.decider.plan import Plan
from firmus.decider.turn import Turn
from firmus.workflow.blueprint import Blueprint, child_lists
from firmus.workflow.document import LOOPS
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts import events as ev
from firmus_contracts.definitions import WorkflowTask


def own_suffix(row: TaskState) -> str:
    """What a row's reference has behind that of its task: the passes around it."""
    return row.ref.removeprefix(row.made.node or row.ref)


def suffix_of(loop: TaskState, number: int) -> str:
    return f"{own_suffix(loop)}__{number}"


def pass_of(state: WorkflowState, made: ev.TaskScheduled, loop: int) -> int | None:
    """The pass of a loop that a row is part of, however deep; None when it is in none."""
    while made.within is not None:
        if made.within == loop:
            return made.iteration
        outer = state.tasks.get(made.within)
        if outer is None:
            return None
        made = outer.made
    return None


def enter(turn: Turn, loop: TaskState, task: WorkflowTask, number: int) -> None:
    """Schedules the first task of a pass; should it need an answer first, it is tried again."""
    plan = Plan(turn, suffix=suffix_of(loop, number), iteration=number, within=loop.ordinal)
    registry.plan_task(plan, task.loop_over[0])
    plan.make()


def children(turn: Turn, refs: list[str], suffix: str) -> dict[str, TaskState]:
    """The newest row of each reference that has one here; branches of dynamic forks as well."""
    found: dict[str, TaskState] = {}
    for ref in refs:
        child = turn.state.task(ref + suffix)
        if child is None:
            continue
        found[ref] = child
        for branch in child.input.get("forkedTasks") or ():
            forked = turn.state.task(f"{branch}{suffix}")
            if forked is not None and forked.made.forked_by == child.ordinal:
                found[branch] = forked
    return found


def first_failed(turn: Turn, around: TaskState, rows: dict[str, TaskState]) -> TaskState | None:
    """The first of the rows that has failed and is not optional; `around` is the loop or block.

    What failed inside a block of its own is that block's affair.
    """
    for row in rows.values():
        if row.status.successful or row.made.within != around.ordinal:
            continue
        if not turn.definition_of(row)[0].optional:
            return row
    return None


def note_so_far(turn: Turn, loop: TaskState, rows: dict[str, TaskState], number: int) -> None:
    """Notes in the loop's output what an unfinished pass has made, up to the row that failed. A
    TERMINATE that ends the pass has put out nothing yet.
    """
    failed = first_failed(turn, loop, rows)
    collected: dict[str, Any] = {}
    for ref, row in rows.items():
        collected[ref] = {} if row.made.task_type == "TERMINATE" else row.output
        if row is failed:
            break
    output = {str(number): collected}
    turn.emit(ev.LoopAdvanced(ordinal=loop.ordinal, iteration=number, output=output))


def note_end(turn: Turn, row: TaskState) -> None:
    """A row ends the workflow in the decision that made it: a loop around it notes the pass so far,
    as in Conductor, where the loop is looked at once more after such a row (spec 3.6.9).
    """
    loop = None if row.made.within is None else turn.state.tasks[row.made.within]
    operator = registry.operator_for(row.made.task_type)
    if loop is None or loop.made.task_type != "DO_WHILE" or operator is None or not operator.sync:
        return
    task, _ = turn.definition_of(loop)
    number = row.made.iteration
    rows = children(turn, body_refs(turn.context.blueprint, task), suffix_of(loop, number))
    if first_failed(turn, loop, rows) or all(one.status.terminal for one in rows.values()):
        note_so_far(turn, loop, rows, number)


def body_refs(blueprint: Blueprint, task: WorkflowTask) -> list[str]:
    """The references of a loop's body in order, those inside an inner loop left out."""
    return refs_of(blueprint, f"body:{task.task_reference_name}", task.loop_over)


def refs_of(blueprint: Blueprint, key: str, tasks: list[WorkflowTask]) -> list[str]:
    """The references of a list of tasks and what it holds, those inside loops left out. Worked
    out once; `key` names the list.
    """
    known = cast("list[str] | None", blueprint.compiled.get(key))
    if known is None:
        known = []
        pending = list(reversed(tasks))
        while pending:
            inner = pending.pop()
            known.append(inner.task_reference_name or "")
            if inner.type not in LOOPS:
                lists = child_lists(inner)
                pending.extend(each for tasks in reversed(lists) for each in reversed(tasks))
        blueprint.compiled[key] = known
    return known
