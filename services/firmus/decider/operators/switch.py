"""SWITCH: one of several branches, chosen once by a value or a script (spec 3.6.3)."""

from typing import Any

from firmus.decider.context import ScriptNeed, WorkflowFault
from firmus.decider.operators import registry
from firmus.decider.operators.operator import Operator
from firmus.decider.plan import Plan
from firmus.decider.turn import Turn
from firmus.workflow.expressions import case_text
from firmus.workflow.state import TaskState
from firmus_contracts import events as ev
from firmus_contracts.definitions import WorkflowTask
from firmus_contracts.statuses import TaskStatus

SCRIPTS = frozenset({"javascript", "graaljs"})


def plan(planned: Plan, task: WorkflowTask) -> None:
    """The switch row and, in the same step, the first task of the chosen branch.

    An absent case takes the default; a case that is there but empty takes nothing. A script that
    throws gives a FAILED row.
    """
    given = planned.input_of(task, with_template=False)
    value, error = _evaluated(planned, task, given)
    if error is not None:
        ordinal = planned.add(
            task,
            task_type="SWITCH",
            task_def_name="SWITCH",
            status=TaskStatus.IN_PROGRESS,
            input=given,
            node=task.task_reference_name,
        )
        planned.failures.append(ev.TaskFailed(ordinal=ordinal, reason=error))
        return
    case = case_text(value)
    branch = task.decision_cases.get(case, task.default_case)
    chosen = {"hasChildren": "true"} if branch else {}
    planned.add(
        task,
        task_type="SWITCH",
        task_def_name="SWITCH",
        status=TaskStatus.IN_PROGRESS,
        input={**given, "case": case, **chosen},
        output={"evaluationResult": [case], "selectedCase": case},
        node=task.task_reference_name,
    )
    if branch:
        registry.plan_task(planned, branch[0])


def _evaluated(planned: Plan, task: WorkflowTask, given: dict[str, Any]) -> tuple[Any, str | None]:
    evaluator = task.evaluator_type or ""
    expression = task.expression or ""
    if evaluator == "value-param":
        return given.get(expression), None
    if evaluator not in SCRIPTS:
        raise WorkflowFault(f"No evaluator registered for type: {evaluator}")
    need = ScriptNeed(
        key=f"{planned.ref_of(task)}:switch",
        evaluator=evaluator,
        expression=expression,
        scope=given,
    )
    result = planned.turn.script(need)
    return result.value, result.error


def execute(turn: Turn, row: TaskState) -> None:
    turn.emit(ev.TaskCompleted(ordinal=row.ordinal))


OPERATOR = Operator(plan=plan, execute=execute, sync=True)
