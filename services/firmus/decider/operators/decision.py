"""DECISION: the deprecated SWITCH (spec 3.6.4)."""

from typing import Any

from firmus.decider.context import ScriptNeed, WorkflowFault
from firmus.decider.operators import registry
from firmus.decider.operators.operator import Operator
from firmus.decider.operators.switch import execute
from firmus.decider.plan import Plan
from firmus.workflow.expressions import case_text
from firmus_contracts.definitions import WorkflowTask
from firmus_contracts.statuses import TaskStatus


def plan(planned: Plan, task: WorkflowTask) -> None:
    """As SWITCH, but an empty list of a case falls back to the default case."""
    given = planned.input_of(task, with_template=False)
    case = case_text(_value(planned, task, given))
    branch = task.decision_cases.get(case) or task.default_case
    planned.add(
        task,
        task_type="DECISION",
        task_def_name="DECISION",
        status=TaskStatus.IN_PROGRESS,
        input={"case": case, **({"hasChildren": "true"} if branch else {})},
        output={"caseOutput": [case]},
        node=task.task_reference_name,
    )
    if branch:
        registry.plan_task(planned, branch[0])


def _value(planned: Plan, task: WorkflowTask, given: dict[str, Any]) -> Any:
    expression = task.case_expression
    if expression is None or not expression.strip():
        return given.get(task.case_value_param or "")
    need = ScriptNeed(
        key=f"{planned.ref_of(task)}:decision",
        evaluator="javascript",
        expression=expression,
        scope=given,
    )
    result = planned.turn.script(need)
    if result.error is not None:
        raise WorkflowFault(f"Error while evaluating script: {expression}")
    return result.value


OPERATOR = Operator(plan=plan, execute=execute, sync=True)
