"""SUB_WORKFLOW: a child workflow whose end is the task's end (spec 3.6.14).

The decision mints the child's id; the scheduler starts the child and reports back.
"""

from typing import Any

from firmus.decider.context import WorkflowFault
from firmus.decider.operators.operator import Operator
from firmus.decider.plan import Plan
from firmus.decider.turn import Turn
from firmus.workflow.document import Document
from firmus_contracts import ids
from firmus_contracts.definitions import SubWorkflowParams, WorkflowTask
from firmus_contracts.statuses import TaskStatus


def plan(planned: Plan, task: WorkflowTask) -> None:
    parameters = task.sub_workflow_param
    if parameters is None:
        raise WorkflowFault(
            f"Task {task.name} is defined as sub-workflow and is missing subWorkflowParams. "
            "Please check the workflow definition"
        )
    scope = planned.scope()
    given = _input(planned, task, parameters, scope)
    given["workflowInput"] = planned.input_of(task, with_template=False)
    priority = given["priority"]
    fields: dict[str, Any] = {}
    if isinstance(priority, (int, float)) or str(priority or "").isdigit():
        fields["priority"] = int(priority)
    planned.add(
        task,
        task_type="SUB_WORKFLOW",
        status=TaskStatus.SCHEDULED,
        input=given,
        delay_ms=task.start_delay * 1000,
        callback_after_s=task.start_delay,
        child_id=_child_id(planned.turn, planned.next_ordinal),
        secrets=planned.secrets_handed_on(task, given["workflowInput"]),
        **fields,
    )


def _child_id(turn: Turn, ordinal: int) -> str:
    parent = turn.state.task_id(ordinal)
    return ids.derived_workflow_id(turn.context.now_ms, "child", parent, turn.context.entropy)


def _input(
    planned: Plan, task: WorkflowTask, parameters: SubWorkflowParams, scope: Document
) -> dict[str, Any]:
    ref = task.task_reference_name

    def resolved(field: str, value: Any) -> Any:
        return planned.resolved(f"sub:{ref}:{field}", value, scope)

    definition = parameters.workflow_definition
    if isinstance(definition, str):
        definition = resolved("definition", definition)
    inline = isinstance(definition, dict)
    name = (
        definition.get("name")
        if isinstance(definition, dict)
        else resolved("name", parameters.name)
    )
    return {
        "subWorkflowName": name,
        "subWorkflowVersion": None if inline else resolved("version", parameters.version),
        "subWorkflowDefinition": definition,
        "subWorkflowTaskToDomain": resolved("domains", parameters.task_to_domain),
        "priority": resolved("priority", parameters.priority),
        "idempotencyKey": resolved("key", parameters.idempotency_key),
        "idempotencyStrategy": resolved("strategy", parameters.idempotency_strategy),
    }


def retry_fields(
    turn: Turn, ordinal: int, _given: dict[str, Any], _delay_ms: int
) -> dict[str, Any]:
    """Every attempt starts a child of its own."""
    return {"child_id": _child_id(turn, ordinal)}


OPERATOR = Operator(plan=plan, retry_fields=retry_fields)
