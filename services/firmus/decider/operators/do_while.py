"""DO_WHILE: a body that runs again while a condition holds or a list has items (spec 3.6.9).

A pass is complete when none of its rows is left to act on; how its rows are named is said in
`passes.py`.
"""

import re
from typing import Any

from firmus.decider import inputs, passes
from firmus.decider.context import CannotStart, ScriptNeed
from firmus.decider.operators.operator import Operator
from firmus.decider.plan import Plan
from firmus.decider.turn import Turn
from firmus.workflow.expressions import truthy
from firmus.workflow.state import TaskState
from firmus_contracts import events as ev
from firmus_contracts.definitions import WorkflowTask
from firmus_contracts.statuses import TaskStatus


def plan(planned: Plan, task: WorkflowTask) -> None:
    given = planned.input_of(task, with_template=True)
    keep = given.get("keepLastN")
    if keep is not None and (isinstance(keep, bool) or not isinstance(keep, int)):
        if planned.turn.starting:
            raise CannotStart(f"keepLastN of {task.task_reference_name} is not a number: {keep}")
        given = {key: value for key, value in given.items() if key != "keepLastN"}
    planned.add(
        task,
        task_type="DO_WHILE",
        status=TaskStatus.IN_PROGRESS,
        input=given,
        node=task.task_reference_name,
    )


def execute(turn: Turn, row: TaskState) -> None:
    task, _ = turn.definition_of(row)
    done = row.own_output.get("iteration", 0)
    if done == 0:
        _begin(turn, row, task)
    elif turn.state.task(_first_ref(row, task, done)) is None:
        passes.enter(turn, row, task, done)
    elif not turn.rows_left(row.ordinal, done):
        _end_of_pass(turn, row, task, done)
    else:
        _fail(turn, row, _children(turn, row, task, done), done)


def _begin(turn: Turn, row: TaskState, task: WorkflowTask) -> None:
    items = items_of(turn, row, task)
    if items is not None and not items:
        turn.emit(ev.LoopAdvanced(ordinal=row.ordinal, iteration=0, output={"iteration": 0}))
        turn.emit(ev.TaskCompleted(ordinal=row.ordinal))
        return
    _next_pass(turn, row, task, number=1, items=items, collected={})


def _end_of_pass(turn: Turn, row: TaskState, task: WorkflowTask, done: int) -> None:
    children = _children(turn, row, task, done)
    if _fail(turn, row, children, done):
        return
    collected = {str(done): {ref: child.output for ref, child in children.items()}}
    items = items_of(turn, row, task)
    goes_on, problem = _condition(turn, row, task, done, collected)
    if problem is not None:
        turn.emit(ev.LoopAdvanced(ordinal=row.ordinal, iteration=done, output=collected))
        turn.emit(ev.TaskFailed(ordinal=row.ordinal, reason=problem, terminal_error=True))
        return
    if items is not None:
        goes_on = goes_on and done < len(items)
    if goes_on:
        _next_pass(turn, row, task, number=done + 1, items=items, collected=collected)
        return
    dropped, removed = _outdated(turn, row, done)
    turn.emit(
        ev.LoopAdvanced(
            ordinal=row.ordinal,
            iteration=done,
            output=collected,
            dropped=dropped,
            removed=removed,
        )
    )
    turn.emit(ev.TaskCompleted(ordinal=row.ordinal))


def _fail(turn: Turn, row: TaskState, children: dict[str, TaskState], done: int) -> bool:
    """Fails the loop if a child has failed for good and the workflow went on all the same: the
    child is permissive. Its pass is not run to the end (spec 4.4).
    """
    failed = passes.first_failed(turn, row, children)
    if failed is None or not turn.acted_on(failed):
        return False
    passes.note_so_far(turn, row, children, done)
    turn.emit(ev.TaskFailed(ordinal=row.ordinal, reason=failed.reason))
    return True


def _next_pass(
    turn: Turn,
    row: TaskState,
    task: WorkflowTask,
    *,
    number: int,
    items: list[Any] | None,
    collected: dict[str, Any],
) -> None:
    """Says which pass comes, and enters it."""
    output = {**collected, "iteration": number}
    if items is not None:
        output |= {"loopIndex": number - 1, "loopItem": items[number - 1]}
    dropped, removed = _outdated(turn, row, number - 1)
    turn.emit(
        ev.LoopAdvanced(
            ordinal=row.ordinal,
            iteration=number,
            output=output,
            dropped=dropped,
            removed=removed,
        )
    )
    passes.enter(turn, row, task, number)


def _children(turn: Turn, row: TaskState, task: WorkflowTask, done: int) -> dict[str, TaskState]:
    refs = passes.body_refs(turn.context.blueprint, task)
    return passes.children(turn, refs, passes.suffix_of(row, done))


def _first_ref(row: TaskState, task: WorkflowTask, number: int) -> str:
    return f"{task.loop_over[0].task_reference_name}{passes.suffix_of(row, number)}"


def items_of(turn: Turn, row: TaskState, task: WorkflowTask) -> list[Any] | None:
    """The list that the loop runs over, worked out anew each time; None: it is no list loop."""
    if task.items:
        scope = inputs.document(turn.state, turn.context.environment, place=inputs.place_of(row))
        key = f"items:{task.task_reference_name}"
        value = inputs.resolved(turn.context.blueprint, key, task.items, scope)
    elif "_items" in row.input:
        value = row.input["_items"]
    else:
        return None
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _condition(
    turn: Turn, row: TaskState, task: WorkflowTask, done: int, collected: dict[str, Any]
) -> tuple[bool, str | None]:
    """Whether the loop goes on, or why that cannot be said. Evaluated after every pass."""
    condition = task.loop_condition
    if condition is None or not condition.strip():
        return bool(task.items) or "_items" in row.input, None
    key = f"{row.ordinal}:loop:{done}"
    result = turn.answers.scripts.get(key)
    if result is None:
        scope = _scope(turn, row, task, condition, collected)
        result = turn.script(
            ScriptNeed(key=key, evaluator="javascript", expression=condition, scope=scope)
        )
    if result.error is not None:
        return False, f"Unable to evaluate condition {condition}, exception {result.error}"
    return truthy(result.value), None


def _scope(
    turn: Turn, row: TaskState, task: WorkflowTask, condition: str, collected: dict[str, Any]
) -> dict[str, Any]:
    """What the condition sees as `$`: only what its text names, for a loop's output grows."""
    ref, output = row.made.node or row.ref, row.own_output
    scope: dict[str, Any] = dict(row.input)
    for name in dict.fromkeys((ref, row.ref)):
        scope[name] = _needed_output(condition, name, row, collected)
    for key in ("loopIndex", "loopItem"):
        if key in output:
            scope[key] = output[key]
    done = output["iteration"]
    for child, found in _children(turn, row, task, done).items():
        if child in condition:
            scope[child] = found.output
    return scope


def _needed_output(
    condition: str, ref: str, row: TaskState, collected: dict[str, Any]
) -> dict[str, Any]:
    """The loop's own output with the last pass, or its `iteration` where nothing else is read."""
    read = rf"{re.escape(ref)}\s*(?:\.iteration\b|\[\s*['\"]iteration['\"]\s*\])"
    if len(re.findall(read, condition)) == condition.count(ref):
        return {"iteration": row.own_output["iteration"]}
    return {**row.output, **collected}


def _outdated(turn: Turn, row: TaskState, done: int) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Output keys and rows that `keepLastN` lets go once pass `done` is over."""
    keep = row.input.get("keepLastN")
    if not isinstance(keep, int) or done <= keep:
        return (), ()
    old = sorted(number for number in row.passes if number <= done - keep)
    gone = frozenset(old)
    removed = [
        ordinal
        for ordinal, one in turn.state.tasks.items()
        if passes.pass_of(turn.state, one.made, row.ordinal) in gone
    ]
    for ordinal in removed:
        turn.settled.pop(ordinal, None)
    return tuple(str(number) for number in old), tuple(sorted(removed))


OPERATOR = Operator(plan=plan, execute=execute)
