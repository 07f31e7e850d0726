"""Whether an execution may go on under another version of its definition, and what it skips there.

What was reached stays as it happened, so in the new definition it must stand at the same place and
mean the same. What was not reached may differ freely.
"""

from collections.abc import Iterator
from typing import Any

from firmus.workflow.blueprint import Blueprint
from firmus.workflow.state import WorkflowState, base_ref
from firmus_contracts.definitions import WorkflowTask

_CYCLES = frozenset({"DO_WHILE", "FOR_EACH", "TRY_CATCH"})
"""While one of these is open, its whole inside counts as reached."""


def differences(state: WorkflowState, old: Blueprint, new: Blueprint) -> list[str]:
    """Where the new definition contradicts what was reached, in words; empty: nowhere."""
    reached = _reached(state)
    before, after = _places(old), _places(new)
    found: list[str] = []
    for ref, is_open in reached.items():
        if ref not in after:
            found.append(f"task {ref}, which was reached, is missing")
            continue
        was = {"place": before[ref], **_traits(old.nodes[ref].task, is_open=is_open)}
        now = {"place": after[ref], **_traits(new.nodes[ref].task, is_open=is_open)}
        found += [
            f"task {ref}, which was reached, has another {what}: {was.get(what)} became {value}"
            for what, value in now.items()
            if was.get(what) != value
        ]
    return found or _out_of_order(reached, old, new)


def passed_by(state: WorkflowState, old: Blueprint, new: Blueprint) -> list[WorkflowTask]:
    """Tasks that only the new definition has and that stand before one that was reached, in the
    same list: the flow will not come to them any more.
    """
    reached = _reached(state)
    found: list[WorkflowTask] = []
    for _, tasks in _lists(new, into_cycles=False):
        refs = [task.task_reference_name or "" for task in tasks]
        last = max((index for index, ref in enumerate(refs) if ref in reached), default=0)
        found += [
            task
            for ref, task in zip(refs[:last], tasks[:last], strict=True)
            if ref not in reached and ref not in old.nodes
        ]
    return found


def _reached(state: WorkflowState) -> dict[str, bool]:
    """The tasks of the definition that have rows, and whether one of those is open."""
    reached: dict[str, bool] = {}
    for row in state.rows():
        if row.made.forked_by is None:
            ref = base_ref(row.made)
            reached[ref] = reached.get(ref, False) or not row.status.terminal
    return reached


def _traits(task: WorkflowTask, *, is_open: bool) -> dict[str, Any]:
    """What must not change of a task that was reached."""
    traits: dict[str, Any] = {"type": task.type, "name": task.name}
    if task.type == "FORK_JOIN":
        traits["number of branches"] = len(task.fork_tasks)
    elif task.type == "JOIN":
        traits["joinOn"] = task.join_on
    elif task.type in _CYCLES and is_open:
        inside = [task.task_reference_name for _, tasks in _inside(task) for task in tasks]
        traits["inside"] = inside
    return traits


def _out_of_order(reached: dict[str, bool], old: Blueprint, new: Blueprint) -> list[str]:
    """Lists in which the tasks that were reached stand in another order."""

    def orders(blueprint: Blueprint) -> dict[str, list[str]]:
        return {
            place: [
                task.task_reference_name or ""
                for task in tasks
                if task.task_reference_name in reached
            ]
            for place, tasks in _lists(blueprint)
        }

    was, now = orders(old), orders(new)
    return [
        f"the tasks {place} that were reached have another order: {refs} became {now[place]}"
        for place, refs in was.items()
        if refs and refs != now.get(place)
    ]


def _places(blueprint: Blueprint) -> dict[str, str]:
    """Where each task of a definition stands, in words."""
    return {
        task.task_reference_name or "": place
        for place, tasks in _lists(blueprint)
        for task in tasks
    }


def _lists(
    blueprint: Blueprint, *, into_cycles: bool = True
) -> Iterator[tuple[str, list[WorkflowTask]]]:
    """All lists of tasks of a definition and where each stands, in words."""
    yield "at the top", blueprint.definition.tasks
    for task in blueprint.definition.tasks:
        yield from _inside(task, into_cycles=into_cycles)


def _inside(
    task: WorkflowTask, *, into_cycles: bool = True
) -> Iterator[tuple[str, list[WorkflowTask]]]:
    """The lists inside a task, however deep."""
    if task.type in _CYCLES and not into_cycles:
        return
    for what, tasks in _own_lists(task):
        yield f"in {what} of {task.task_reference_name}", tasks
        for inner in tasks:
            yield from _inside(inner, into_cycles=into_cycles)


def _own_lists(task: WorkflowTask) -> Iterator[tuple[str, list[WorkflowTask]]]:
    for case, tasks in task.decision_cases.items():
        yield f"case {case}", tasks
    yield "the default case", task.default_case
    for number, tasks in enumerate(task.fork_tasks, 1):
        yield f"branch {number}", tasks
    yield "the body", task.loop_over
    yield "tryTasks", task.try_tasks
    for number, handler in enumerate(task.catch_handlers, 1):
        yield f"handler {number}", handler.tasks
    yield "finallyTasks", task.finally_tasks
