"""FOR_EACH: a body that runs once for every item of a list (beyond Conductor).

`items` (of the task, else of inputParameters) is resolved once, when the task is reached: a list,
or null for an empty one. `inputParameters.parallel` (1 when left out) is how many passes may be
open at the same time; they begin in the order of the items. Rows are named as in other loops
(`passes.py`), the first pass is 1. In the body `${ref.item}` and `${ref.index}` (from 0) are the
pass's own, and every reference to a task of the body means the row of the same pass
(`workflow/document.py`).

Output: `results`, for each item in order the output of every task of its pass by reference (tasks
inside inner loops stand in the output of these), and `count`. While it runs: `iteration`, the
number of passes that have begun.

A failure that nothing in the pass forgives (no retry left, neither optional nor permissive, caught
by no TRY_CATCH inside) fails the FOR_EACH at once, with that failure's status and reason and with
`output.error` (`containment.py`): open tasks of all passes are cancelled, no other pass begins. A
permissive task lets its pass go on to the end and fails the FOR_EACH then; an optional one does
not count. The FOR_EACH itself is never retried. Optional, it is COMPLETED_WITH_ERRORS and the flow
goes on; permissive, the flow goes on and the workflow fails at its end; else a TRY_CATCH around it
takes the failure or the workflow ends with it, as if the failed task stood alone.

`items` that are no list and a `parallel` that is no number from 1 are terminal errors.
"""

from typing import Any

from firmus.decider import containment, passes
from firmus.decider.operators.operator import Operator
from firmus.decider.plan import Plan
from firmus.decider.turn import Turn
from firmus.workflow.state import TaskState
from firmus_contracts import events as ev
from firmus_contracts.definitions import WorkflowTask
from firmus_contracts.statuses import TaskStatus


def plan(planned: Plan, task: WorkflowTask) -> None:
    given = planned.input_of(task, with_template=True)
    if task.items is not None:
        key = f"items:{task.task_reference_name}"
        given["items"] = planned.resolved(key, task.items, planned.scope())
    if given.get("items") is None:
        given["items"] = []
    parallel = parallel_of(given.get("parallel"))
    if parallel is not None:
        given["parallel"] = parallel
    ordinal = planned.add(
        task,
        task_type="FOR_EACH",
        status=TaskStatus.IN_PROGRESS,
        input=given,
        node=task.task_reference_name,
    )
    problem = None
    if not isinstance(given["items"], list):
        problem = f"items of FOR_EACH {planned.ref_of(task)} is not a list"
    elif parallel is None:
        problem = f"parallel of FOR_EACH {planned.ref_of(task)} is not a number from 1"
    if problem is not None:
        failure = ev.TaskFailed(ordinal=ordinal, reason=problem, terminal_error=True)
        planned.failures.append(failure)


def parallel_of(given: Any) -> int | None:
    """How many passes may be open at the same time; None: what is given does not say it."""
    if given is None:
        return 1
    if isinstance(given, str) and given.strip().isdecimal():
        given = int(given)
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        return None
    return given


def execute(turn: Turn, row: TaskState) -> None:
    """Looks at the passes that have ended, begins as many as may be open, or ends."""
    task, _ = turn.definition_of(row)
    refs = passes.body_refs(turn.context.blueprint, task)
    for number in turn.over.pop(row.ordinal, ()):
        children = passes.children(turn, refs, passes.suffix_of(row, number))
        failed = passes.first_failed(turn, row, children)
        if failed is not None:
            contain(turn, row, containment.error_of(turn.state, failed))
            return
    if _begun(row) < len(row.input["items"]):
        _begin_passes(turn, row, task)
    elif not turn.passes_open(row.ordinal):
        _complete(turn, row, refs)


def _begin_passes(turn: Turn, row: TaskState, task: WorkflowTask) -> None:
    """Begins passes up to the limit; a large number of them in several decisions."""
    count, limit = len(row.input["items"]), row.input["parallel"]
    before = begun = _begun(row)
    opened = turn.passes_open(row.ordinal)
    try:
        while (
            begun < count and opened < limit and len(turn.events) < turn.context.limits.events_max
        ):
            passes.enter(turn, row, task, begun + 1)
            begun, opened = begun + 1, opened + 1
    finally:
        if begun > before:
            turn.emit(
                ev.LoopAdvanced(ordinal=row.ordinal, iteration=begun, output={"iteration": begun})
            )
    if begun < count and opened < limit:
        turn.todo.append(row.ordinal)


def _begun(row: TaskState) -> int:
    begun = row.own_output.get("iteration", 0)
    return begun if isinstance(begun, int) else 0


def _complete(turn: Turn, row: TaskState, refs: list[str]) -> None:
    results: list[dict[str, Any]] = []
    for number in range(1, len(row.input["items"]) + 1):
        children = passes.children(turn, refs, passes.suffix_of(row, number))
        failed = passes.first_failed(turn, row, children)
        if failed is not None:
            contain(turn, row, containment.error_of(turn.state, failed))
            return
        results.append({ref: child.output for ref, child in children.items()})
    output = {"results": results, "count": len(results)}
    turn.emit(ev.TaskCompleted(ordinal=row.ordinal, output=output))


def contain(turn: Turn, row: TaskState, error: containment.Error) -> None:
    """A failure inside is the end of all passes and of the FOR_EACH."""
    containment.clear(turn, row)
    turn.emit(containment.ended_by(row, error, {**row.output, "error": error}))


OPERATOR = Operator(plan=plan, execute=execute, contain=contain)
