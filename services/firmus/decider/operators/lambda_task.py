"""LAMBDA: the deprecated INLINE; its script is the body of a function (spec 3.6.12)."""

from firmus.decider.context import ScriptNeed
from firmus.decider.operators.operator import Operator
from firmus.decider.plan import Plan
from firmus.decider.turn import Turn
from firmus.workflow.expressions import function_body
from firmus.workflow.state import TaskState
from firmus_contracts import events as ev
from firmus_contracts.definitions import WorkflowTask
from firmus_contracts.statuses import TaskStatus


def plan(planned: Plan, task: WorkflowTask) -> None:
    planned.add(
        task,
        task_type="LAMBDA",
        status=TaskStatus.IN_PROGRESS,
        input=planned.input_of(task, with_template=True),
    )


def execute(turn: Turn, row: TaskState) -> None:
    """Any fault is FAILED, so that it may be retried."""
    script = row.input.get("scriptExpression")
    if not isinstance(script, str) or not script.strip():
        problem = (
            "Empty 'scriptExpression' in Lambda task's input parameters. "
            "A non-empty String value must be provided."
        )
        turn.emit(ev.TaskFailed(ordinal=row.ordinal, reason=problem, output={"error": problem}))
        return
    need = ScriptNeed(
        key=f"{row.ordinal}:lambda",
        evaluator="javascript",
        expression=function_body(script),
        scope=row.input,
        secrets=turn.secrets_of(row),
    )
    answer = turn.script(need)
    if answer.error is not None:
        turn.emit(
            ev.TaskFailed(ordinal=row.ordinal, reason=answer.error, output={"error": answer.error})
        )
        return
    turn.emit(ev.TaskCompleted(ordinal=row.ordinal, output={"result": answer.value}))


OPERATOR = Operator(plan=plan, execute=execute, template=True, sync=True)
