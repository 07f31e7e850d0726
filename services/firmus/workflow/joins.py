"""Which joins wait for a row, kept up to date event by event so that no join is ever searched for.

`awaited` leads from a reference to the joins that name it, `missing` says how many of its
references a join still waits for.
"""

from typing import Any

from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts import events as ev
from firmus_contracts.statuses import TaskStatus

JOINS = frozenset({"JOIN", "EXCLUSIVE_JOIN"})


def joined_rows_refs(join: ev.TaskScheduled, key: str = "joinOn") -> list[str]:
    """The references of the rows that a join names in its input; in a loop those of its pass."""
    suffix = join.ref.removeprefix(join.node or join.ref)
    return [f"{ref}{suffix}" for ref in dict.fromkeys(join.input.get(key) or ())]


def awaited_refs(join: ev.TaskScheduled) -> list[str]:
    defaults = joined_rows_refs(join, "defaultExclusiveJoinTask")
    return list(dict.fromkeys([*joined_rows_refs(join), *defaults]))


def joined_rows(state: WorkflowState, join: TaskState) -> list[TaskState]:
    """The newest rows of the references that have one, in the order of joinOn."""
    found = (state.task(ref) for ref in joined_rows_refs(join.made))
    return [joined for joined in found if joined is not None]


def shown_output(state: WorkflowState, row: TaskState) -> dict[str, Any]:
    """The output of a row as others see it: that of a JOIN which waits, or was cancelled waiting,
    is what its branches have put out so far (spec 3.6.6). Empty outputs are left out, and that of
    a TERMINATE, with which all ended.
    """
    if row.made.task_type != "JOIN" or row.status not in _WAITING:
        return row.output
    rows = [one for one in joined_rows(state, row) if one.status not in _FAILED]
    return {one.ref: one.output for one in rows if one.output and one.made.task_type != "TERMINATE"}


_WAITING = frozenset({TaskStatus.IN_PROGRESS, TaskStatus.CANCELED})
_FAILED = frozenset(status for status in TaskStatus if status.terminal and not status.successful)


def joins_after_scheduling(state: WorkflowState, event: ev.TaskScheduled) -> dict[str, Any]:
    """The two indexes of joins, where this row is one or is waited for by one."""
    if event.task_type in JOINS:
        awaited, missing = state.awaited.mutate(), 0
        for ref in awaited_refs(event):
            awaited[ref] = (*awaited.get(ref, ()), event.ordinal)
            row = state.task(ref)
            missing += row is None or not row.status.terminal
        return {"awaited": awaited.finish(), "missing": state.missing.set(event.ordinal, missing)}
    if event.ref not in state.awaited:
        return {}
    before = state.task(event.ref)
    was_open = before is None or not before.status.terminal
    return joins_changed(state, event.ref, was_open=was_open, is_open=not event.status.terminal)


def joins_changed(
    state: WorkflowState, ref: str, *, was_open: bool, is_open: bool
) -> dict[str, Any]:
    waiting = state.awaited.get(ref)
    if not waiting or was_open == is_open:
        return {}
    missing = state.missing.mutate()
    for ordinal in waiting:
        missing[ordinal] += 1 if is_open else -1
    return {"missing": missing.finish()}
