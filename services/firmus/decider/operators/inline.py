"""INLINE: a script as a task (spec 3.6.12)."""

from firmus.decider.context import ScriptNeed
from firmus.decider.operators.operator import Operator
from firmus.decider.plan import Plan
from firmus.decider.turn import Turn
from firmus.workflow.state import TaskState
from firmus_contracts import events as ev
from firmus_contracts.definitions import WorkflowTask
from firmus_contracts.statuses import TaskStatus

EMPTY = "Empty '{}' in INLINE task's input parameters. A non-empty String value must be provided."
EVALUATORS = frozenset({"javascript", "graaljs", "value-param"})


def plan(planned: Plan, task: WorkflowTask) -> None:
    planned.add(
        task,
        task_type="INLINE",
        status=TaskStatus.IN_PROGRESS,
        input=planned.input_of(task, with_template=True),
    )


def execute(turn: Turn, row: TaskState) -> None:
    """A script's own fault is terminal; one cut by the time limit may be retried."""
    evaluator = row.input.get("evaluatorType")
    evaluator = "javascript" if evaluator is None else evaluator
    expression = row.input.get("expression")
    problem = _unusable(evaluator, expression)
    if problem is not None:
        turn.emit(_failed(row.ordinal, problem, terminal_error=True))
        return
    if evaluator == "value-param":
        result = row.input.get(str(expression))
        turn.emit(ev.TaskCompleted(ordinal=row.ordinal, output={"result": result}))
        return
    need = ScriptNeed(
        key=f"{row.ordinal}:inline",
        evaluator=str(evaluator),
        expression=str(expression),
        scope=row.input,
        secrets=turn.secrets_of(row),
    )
    answer = turn.script(need)
    if answer.error is not None:
        turn.emit(_failed(row.ordinal, answer.error, terminal_error=not answer.timed_out))
        return
    turn.emit(ev.TaskCompleted(ordinal=row.ordinal, output={"result": answer.value}))


def _unusable(evaluator: object, expression: object) -> str | None:
    if not isinstance(evaluator, str) or not evaluator.strip():
        return EMPTY.format("evaluatorType")
    if not isinstance(expression, str) or not expression.strip():
        return EMPTY.format("expression")
    if evaluator not in EVALUATORS:
        return f"Unknown evaluator '{evaluator}' in INLINE task"
    return None


def _failed(ordinal: int, error: str, *, terminal_error: bool) -> ev.TaskFailed:
    return ev.TaskFailed(
        ordinal=ordinal, reason=error, output={"error": error}, terminal_error=terminal_error
    )


OPERATOR = Operator(plan=plan, execute=execute, template=True, sync=True)
