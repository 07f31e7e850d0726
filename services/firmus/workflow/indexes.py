"""The indexes of a state's rows, worked out from nothing but the rows.

Events keep them up to date one by one; where an event takes rows away, they are made anew.
"""

from collections.abc import Iterable
from typing import Any

from immutables import Map

from firmus.workflow.joins import JOINS, awaited_refs
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts.events import TaskScheduled

Inside = Map[int, Map[int, Map[int, bool]]]
_NO_PASSES: Map[int, Map[int, bool]] = Map()
_NO_ROWS: Map[int, bool] = Map()


def indexes_of(rows: Iterable[TaskState]) -> dict[str, Any]:
    """All maps of a WorkflowState that follow from its rows, by their names there."""
    ordered = sorted(rows, key=lambda row: row.ordinal)
    latest = {row.ref: row for row in ordered}
    awaited: dict[str, tuple[int, ...]] = {}
    missing: dict[int, int] = {}
    looped: dict[str, int] = {}
    pending: dict[int, bool] = {}
    inside: Inside = Map()
    for row in ordered:
        made = row.made
        if made.task_type in JOINS:
            refs = awaited_refs(made)
            ended = sum(ref in latest and latest[ref].status.terminal for ref in refs)
            missing[row.ordinal] = len(refs) - ended
            for ref in refs:
                awaited[ref] = (*awaited.get(ref, ()), row.ordinal)
        for name in names_in_loops(made):
            looped[name] = row.ordinal
        if not row.settled:
            pending[row.ordinal] = True
            inside = entered(inside, made)
    return {
        "latest": Map({ref: row.ordinal for ref, row in latest.items()}),
        "awaited": Map(awaited),
        "missing": Map(missing),
        "looped": Map(looped),
        "pending": Map(pending),
        "inside": inside,
    }


def without(state: WorkflowState, ordinals: Iterable[int]) -> dict[str, Any]:
    """The rows and their indexes without some that are over, passes of a loop that nobody asks for
    any more: at the cost of what goes, not of what stays.
    """
    tasks, latest, looped = state.tasks.mutate(), state.latest.mutate(), state.looped.mutate()
    pending, inside = state.pending.mutate(), state.inside
    awaited, missing = state.awaited.mutate(), state.missing.mutate()
    for ordinal in ordinals:
        gone = tasks.pop(ordinal)
        if pending.pop(ordinal, None):
            inside = left(inside, gone.made)
        if latest.get(gone.ref) == ordinal:
            del latest[gone.ref]
        for name in names_in_loops(gone.made)[1:]:
            if looped.get(name) == ordinal:
                del looped[name]
        refs = () if missing.pop(ordinal, None) is None else awaited_refs(gone.made)
        for ref in refs:
            awaited[ref] = tuple(join for join in awaited.get(ref, ()) if join != ordinal)
            if not awaited[ref]:
                del awaited[ref]
    return {
        "tasks": tasks.finish(),
        "latest": latest.finish(),
        "looped": looped.finish(),
        "pending": pending.finish(),
        "awaited": awaited.finish(),
        "missing": missing.finish(),
        "inside": inside,
    }


def names_in_loops(made: TaskScheduled) -> list[str]:
    """The names by which a row in a loop is the newest one of its reference: in every pass around
    it; none for a row outside of loops.
    """
    if made.node is None or made.node == made.ref:
        return []
    names, outer = [made.node], made.ref.rpartition("__")[0]
    while len(outer) > len(made.node):
        names.append(outer)
        outer = outer.rpartition("__")[0]
    return names


def newest(looped: Map[str, int], made: TaskScheduled) -> Map[str, int]:
    """The row becomes the newest of its reference in every pass that it is part of."""
    for name in names_in_loops(made):
        looped = looped.set(name, made.ordinal)
    return looped


def entered(inside: Inside, row: TaskScheduled) -> Inside:
    """`row` is pending in a pass of a loop, or in a block; outside of them nothing changes."""
    if row.within is None:
        return inside
    passes = inside.get(row.within, _NO_PASSES)
    rows = passes.get(row.iteration, _NO_ROWS).set(row.ordinal, True)
    return inside.set(row.within, passes.set(row.iteration, rows))


def left(inside: Inside, row: TaskScheduled) -> Inside:
    """`row` is pending no more."""
    if row.within is None:
        return inside
    passes = inside[row.within]
    rows = passes[row.iteration].delete(row.ordinal)
    if rows:
        return inside.set(row.within, passes.set(row.iteration, rows))
    passes = passes.delete(row.iteration)
    return inside.set(row.within, passes) if passes else inside.delete(row.within)
