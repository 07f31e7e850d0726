"""JSON_JQ_TRANSFORM: a jq program over the whole task input (spec 3.6.13)."""

from firmus.decider.context import ScriptNeed
from firmus.decider.operators.operator import Operator
from firmus.decider.plan import Plan
from firmus.decider.turn import Turn
from firmus.workflow.state import TaskState
from firmus_contracts import events as ev
from firmus_contracts.definitions import WorkflowTask
from firmus_contracts.statuses import TaskStatus

MISSING = "Missing 'queryExpression' in input parameters"


def plan(planned: Plan, task: WorkflowTask) -> None:
    planned.add(
        task,
        task_type="JSON_JQ_TRANSFORM",
        status=TaskStatus.IN_PROGRESS,
        input=planned.input_of(task, with_template=True),
    )


def execute(turn: Turn, row: TaskState) -> None:
    """All results and the first of them; any fault may be retried."""
    program = row.input.get("queryExpression")
    if program is None:
        turn.emit(ev.TaskFailed(ordinal=row.ordinal, reason=MISSING))
        return
    answer = turn.script(
        ScriptNeed(
            key=f"{row.ordinal}:jq",
            evaluator="jq",
            expression=str(program),
            scope=row.input,
            secrets=turn.secrets_of(row),
        )
    )
    if answer.error is not None:
        turn.emit(
            ev.TaskFailed(ordinal=row.ordinal, reason=answer.error, output={"error": answer.error})
        )
        return
    results = answer.value
    output = {"result": results[0] if results else None, "resultList": results}
    turn.emit(ev.TaskCompleted(ordinal=row.ordinal, output=output))


OPERATOR = Operator(plan=plan, execute=execute, template=True, sync=True)
