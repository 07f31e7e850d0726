"""What lies behind a row in the flow of its workflow, worked out from the definition: what a rerun
takes away, and what is around the row and has to be open again for it (spec 5.5).

Conductor takes away every row with a higher number. Outside of forks, switches and loops that is
the same; in them it leaves workflows that never end.
"""

from collections.abc import Iterable

import msgspec

from firmus.decider import passes
from firmus.decider.turn import Turn
from firmus.decider.updates import row_of
from firmus.workflow.blueprint import Blueprint, child_lists
from firmus.workflow.document import LOOPS
from firmus.workflow.state import TaskState, WorkflowState, base_ref
from firmus.workflow.walk import BRANCHING, next_sibling
from firmus_contracts.definitions import WorkflowTask
from firmus_contracts.events import TaskScheduled
from firmus_contracts.statuses import TaskStatus

FORKS = frozenset({"FORK_JOIN", "FORK_JOIN_DYNAMIC"})

TRY, FINALLY = "try", "finally"


class Around(msgspec.Struct, frozen=True):
    """A row that stands around another, or waits for it: a join, a loop with the pass that the
    other is in, or a block with the list that it is in (`try`, the place of a handler, `finally`).
    """

    ordinal: int
    number: int = 0
    part: str | int = TRY


class Behind(msgspec.Struct, frozen=True):
    """`removed`: the rows behind; `around`: innermost first."""

    removed: frozenset[int]
    around: tuple[Around, ...]


def behind(turn: Turn, row: TaskState) -> Behind:
    """What lies behind a row, later attempts of it and what it holds itself included."""
    state, blueprint = turn.state, turn.context.blueprint
    removed = {o for o, one in state.tasks.items() if one.ref == row.ref and o > row.ordinal}
    removed |= held_by(state, blueprint, row)
    around: list[Around] = []
    suffix = passes.own_suffix(row)
    within, iteration = row.made.within, row.made.iteration
    ref = _base(state, row.made)
    if row.made.forked_by is not None:
        ref = _joined(turn, ref, suffix, around)
    while True:
        node = blueprint.nodes[ref]
        later = node.siblings[node.index + 1 :]
        removed |= _of_tasks(state, later, within, iteration)
        if node.parent is None:
            break
        kind = blueprint.nodes[node.parent].task.type
        if kind in FORKS:
            ref = _joined(turn, node.parent, suffix, around)
            continue
        if kind not in BRANCHING and within is not None:
            holder = state.tasks[within]
            part = _part(blueprint, node.parent, ref)
            around.append(Around(holder.ordinal, iteration, part))
            removed |= _later_inside(state, blueprint, holder, iteration, part)
            suffix = passes.own_suffix(holder)
            within, iteration = holder.made.within, holder.made.iteration
        ref = node.parent
    gone = removed | {o for o, one in state.tasks.items() if one.made.forked_by in removed}
    skipped = {o for o in gone if _skipped_ahead(state.tasks[o])}
    return Behind(frozenset(gone - skipped - {one.ordinal for one in around}), tuple(around))


def known_row(state: WorkflowState, task_id: str) -> TaskState | None:
    """The row of that id, which may be any text."""
    try:
        row = row_of(state, task_id)
    except ValueError:
        return None
    return row if row is not None and state.task_id(row.ordinal) == task_id else None


def cannot_rerun(turn: Turn, row: TaskState) -> str | None:
    """Why nothing sensible can be run again from a row: it never was a task's own, or a jump has
    left something half done beside it, for which a join or loop around it would wait for ever.
    """
    if row.made.status is TaskStatus.SKIPPED:
        return "was skipped and has never run"
    later = behind(turn, row)
    if later.around and any(
        one.status is TaskStatus.SKIPPED and one.made.status is not TaskStatus.SKIPPED
        for ordinal, one in turn.state.tasks.items()
        if ordinal != row.ordinal and ordinal not in later.removed
    ):
        return "stands in what a jump has left half done: rerun from a task around it"
    return None


def _skipped_ahead(row: TaskState) -> bool:
    """Whether a row says to skip a task that the flow had not reached: that goes on to count."""
    return row.made.status is TaskStatus.SKIPPED and row.made.seq == 0


def held_by(state: WorkflowState, blueprint: Blueprint, row: TaskState) -> set[int]:
    """The rows inside a switch, fork, loop or block, however deep."""
    if row.made.forked_by is not None:
        return set()
    kind = row.made.task_type
    if kind in LOOPS or kind == "TRY_CATCH":
        return _inside(state, row.ordinal)
    if kind == "FORK" or kind in BRANCHING:
        node = blueprint.nodes[base_ref(row.made)]
        inner = [task for tasks in child_lists(node.task) for task in tasks]
        found = _of_tasks(state, inner, row.made.within, row.made.iteration)
        return found | {o for o, one in state.tasks.items() if one.made.forked_by == row.ordinal}
    return set()


def parts_after(blueprint: Blueprint, block: TaskState, part: str | int) -> list[WorkflowTask]:
    """The tasks of the lists of a TRY_CATCH that come after one of its lists."""
    task = blueprint.nodes[base_ref(block.made)].task
    handlers = [inner for handler in task.catch_handlers for inner in handler.tasks]
    if part == TRY:
        return [*handlers, *task.finally_tasks]
    return [] if part == FINALLY else list(task.finally_tasks)


def part_of(
    state: WorkflowState, blueprint: Blueprint, block: TaskState, row: TaskState
) -> str | int:
    """The list of a TRY_CATCH that a row is in, however deep."""
    return part_at(blueprint, block, _base(state, row.made))


def part_at(blueprint: Blueprint, block: TaskState, ref: str) -> str | int:
    """The list of a TRY_CATCH that the task of a reference is in, however deep."""
    owner = base_ref(block.made)
    while (parent := blueprint.nodes[ref].parent) is not None and parent != owner:
        ref = parent
    return _part(blueprint, owner, ref)


def rows_of(state: WorkflowState, tasks: Iterable[WorkflowTask], block: TaskState) -> set[int]:
    """The rows of some tasks of a block's lists, with what they hold."""
    return _of_tasks(state, tasks, block.ordinal, block.made.iteration)


def _joined(turn: Turn, fork: str, suffix: str, around: list[Around]) -> str:
    """The reference of the join behind a fork, whose row has to wait again."""
    following = next_sibling(turn.context.blueprint, fork)
    if following is None or following.type != "JOIN":
        return fork
    ref = following.task_reference_name or ""
    ordinal = turn.state.latest.get(f"{ref}{suffix}")
    if ordinal is not None:
        around.append(Around(ordinal))
    return ref


def _later_inside(
    state: WorkflowState, blueprint: Blueprint, holder: TaskState, iteration: int, part: str | int
) -> set[int]:
    """What came about inside a loop or block after a row of this pass, or of this list."""
    kind = holder.made.task_type
    if kind == "TRY_CATCH":
        return rows_of(state, parts_after(blueprint, holder, part), holder)
    if kind != "DO_WHILE":
        return set()
    return {
        ordinal
        for ordinal, one in state.tasks.items()
        if (passes.pass_of(state, one.made, holder.ordinal) or 0) > iteration
    }


def _part(blueprint: Blueprint, owner: str, ref: str) -> str | int:
    """The list of the operator `owner` that holds the task `ref`; `try` where there is only one."""
    task = blueprint.nodes[owner].task
    for place, handler in enumerate(task.catch_handlers):
        if any(inner.task_reference_name == ref for inner in handler.tasks):
            return place
    inside = any(inner.task_reference_name == ref for inner in task.finally_tasks)
    return FINALLY if inside else TRY


def _inside(state: WorkflowState, holder: int) -> set[int]:
    return {
        ordinal
        for ordinal, one in state.tasks.items()
        if passes.pass_of(state, one.made, holder) is not None
    }


def _of_tasks(
    state: WorkflowState, tasks: Iterable[WorkflowTask], within: int | None, iteration: int
) -> set[int]:
    """The rows of these tasks and of all that they hold, in one pass of the loop around them."""
    refs = set(_all_refs(tasks))
    if not refs:
        return set()
    return {
        ordinal
        for ordinal, one in state.tasks.items()
        if _base(state, one.made) in refs
        and (within is None or passes.pass_of(state, one.made, within) == iteration)
    }


def _all_refs(tasks: Iterable[WorkflowTask]) -> Iterable[str]:
    pending = list(tasks)
    while pending:
        task = pending.pop()
        yield task.task_reference_name or ""
        pending.extend(inner for inner_tasks in child_lists(task) for inner in inner_tasks)


def _base(state: WorkflowState, made: TaskScheduled) -> str:
    """The reference in the definition; of a dynamic fork's branch that of the fork."""
    while made.forked_by is not None and made.forked_by in state.tasks:
        made = state.tasks[made.forked_by].made
    return base_ref(made)
