"""TRY_CATCH: a block whose failure is handled, and what is done in any case (beyond Conductor).

`tryTasks` run one after the other like any list of tasks (with switches, forks, loops, other blocks
inside). Their failure is a task that failed for good and is neither optional nor permissive, a
permissive one once the list has run to its end, or a task that cannot be scheduled. Time limits
with the policy TIME_OUT_WF count as failures too. Then

1. open tasks of the block are cancelled, child workflows included;
2. the first of `catchHandlers` that matches runs its `tasks`: its `reason`, a regular expression,
   is found anywhere in the failure's reason, and the failure's status is in its `status`, a list of
   FAILED, FAILED_WITH_TERMINAL_ERROR, TIMED_OUT, CANCELED (the end of a child that was terminated).
   What is left out matches all. A handler without tasks does nothing about the failure. No handler
   runs for a failure of another handler's tasks or of `finallyTasks`;
3. `finallyTasks` run, whether there was a failure or not, handled or not.

The block COMPLETES when all went well or a handler ran through, and the flow goes on. Otherwise the
block ends in the status and with the reason of the failure: that of `tryTasks` without a handler,
else that of the handler's tasks, and one in `finallyTasks` before these. The block itself is never
retried. Optional, it is COMPLETED_WITH_ERRORS; permissive, the flow goes on and the workflow fails
at its end; else a TRY_CATCH or FOR_EACH around it takes the failure, or the workflow ends as if the
failed task stood alone.

From the failure on, handlers, `finallyTasks` and all that follows read `${ref.output.error}`
(`containment.py`). Output: `caught`, whether a handler ran through; with a failure `error` and,
where one was chosen, `handler`, its place from 0. While it runs also `phase`: TRY, CATCH, FINALLY.

What ends the whole workflow ends the block without `finallyTasks`: TERMINATE, the API, a parent,
the workflow's own time limit. So does whoever ends the block's own row (a time limit of its task
definition, an update through the API); its open tasks are cancelled then.
"""

from typing import Any

import regex

from firmus.decider import containment, passes
from firmus.decider.operators import registry
from firmus.decider.operators.operator import Operator
from firmus.decider.plan import Plan
from firmus.decider.turn import Turn
from firmus.workflow.state import TaskState
from firmus_contracts import events as ev
from firmus_contracts.definitions import CatchHandler, WorkflowTask
from firmus_contracts.statuses import TaskStatus

_MATCH_TIMEOUT_S = 0.05


def plan(planned: Plan, task: WorkflowTask) -> None:
    planned.add(
        task,
        task_type="TRY_CATCH",
        status=TaskStatus.IN_PROGRESS,
        input=planned.input_of(task, with_template=True),
        output={"phase": "TRY"},
        node=task.task_reference_name,
    )


def execute(turn: Turn, row: TaskState) -> None:
    """Enters a list of the block, waits for its last row, or goes on to the next list."""
    task, _ = turn.definition_of(row)
    tasks = _tasks(task, row)
    suffix = passes.own_suffix(row)
    if tasks and not _entered(turn, row, f"{tasks[0].task_reference_name}{suffix}"):
        planned = Plan(turn, suffix=suffix, iteration=row.made.iteration, within=row.ordinal)
        registry.plan_task(planned, tasks[0])
        planned.make()
    elif not turn.rows_left(row.ordinal, row.made.iteration):
        _list_over(turn, row, task, tasks)


def _entered(turn: Turn, row: TaskState, ref: str) -> bool:
    """Whether the first row of the list is there; one from outside only says: skip that task."""
    first = turn.state.task(ref)
    return first is not None and first.made.within == row.ordinal


def _tasks(task: WorkflowTask, row: TaskState) -> list[WorkflowTask]:
    match row.output.get("phase"):
        case "CATCH":
            handler: int = row.output["handler"]
            return task.catch_handlers[handler].tasks
        case "FINALLY":
            return task.finally_tasks
        case _:
            return task.try_tasks


def _list_over(turn: Turn, row: TaskState, task: WorkflowTask, tasks: list[WorkflowTask]) -> None:
    phase, handler = row.output.get("phase"), row.output.get("handler")
    key = f"block:{task.task_reference_name}:{phase}:{handler}"
    refs = passes.refs_of(turn.context.blueprint, key, tasks)
    children = passes.children(turn, refs, passes.own_suffix(row))
    failed = passes.first_failed(turn, row, children)
    if failed is not None:
        contain(turn, row, containment.error_of(turn.state, failed))
    elif phase == "FINALLY":
        _end(turn, row, row.output)
    elif phase == "CATCH":
        _finally(turn, row, task, {**row.output, "caught": True})
    else:
        _finally(turn, row, task, row.output)


def contain(turn: Turn, row: TaskState, error: containment.Error) -> None:
    """A failure in one of the lists: cancels what is open, then a handler, the end, or both."""
    task, _ = turn.definition_of(row)
    phase = row.output.get("phase")
    containment.clear(turn, row)
    if phase == "FINALLY":
        _end(turn, row, {**row.output, "caught": False, "error": error})
        return
    handler = _handler(task.catch_handlers, error) if phase == "TRY" else None
    if handler is not None:
        _go_to(turn, row, {"phase": "CATCH", "error": error, "handler": handler})
        return
    _finally(turn, row, task, {**row.output, "error": error})


def _handler(handlers: list[CatchHandler], error: containment.Error) -> int | None:
    """The place of the first handler that matches."""
    for place, handler in enumerate(handlers):
        if handler.status and error["status"] not in handler.status:
            continue
        if handler.reason is None or _found(handler.reason, error["reason"] or ""):
            return place
    return None


def _found(pattern: str, reason: str) -> bool:
    """A pattern that takes too long is not found: other workflows' decisions wait for this one."""
    try:
        return regex.search(pattern, reason, timeout=_MATCH_TIMEOUT_S) is not None
    except TimeoutError:
        return False


def _finally(turn: Turn, row: TaskState, task: WorkflowTask, output: dict[str, Any]) -> None:
    if task.finally_tasks:
        _go_to(turn, row, {**output, "phase": "FINALLY"})
    else:
        _end(turn, row, output)


def _go_to(turn: Turn, row: TaskState, output: dict[str, Any]) -> None:
    turn.emit(ev.TaskUpdated(ordinal=row.ordinal, output=output, requeued=False))
    turn.todo.append(row.ordinal)


def _end(turn: Turn, row: TaskState, output: dict[str, Any]) -> None:
    shown = {key: value for key, value in output.items() if key != "phase"}
    caught = output.get("caught", False)
    shown["caught"] = caught
    error = shown.get("error")
    if error is None or caught:
        turn.emit(ev.TaskCompleted(ordinal=row.ordinal, output=shown))
    else:
        turn.emit(containment.ended_by(row, error, shown))


OPERATOR = Operator(plan=plan, execute=execute, contain=contain)
