"""START_WORKFLOW: starts another workflow and goes on (spec 3.6.15).

The decision mints the id; the scheduler starts it, without a parent, and reports.
"""

from typing import Any

from firmus.decider.operators.operator import Operator
from firmus.decider.plan import Plan
from firmus.decider.turn import Turn
from firmus_contracts import ids
from firmus_contracts.definitions import WorkflowTask
from firmus_contracts.statuses import TaskStatus


def plan(planned: Plan, task: WorkflowTask) -> None:
    given = planned.input_of(task, with_template=False)
    planned.add(
        task,
        task_type="START_WORKFLOW",
        status=TaskStatus.SCHEDULED,
        input=given,
        secrets=planned.secrets_handed_on(task, given),
        delay_ms=task.start_delay * 1000,
        callback_after_s=task.start_delay,
        child_id=_started_id(planned.turn, planned.next_ordinal),
    )


def retry_fields(
    turn: Turn, ordinal: int, _given: dict[str, Any], _delay_ms: int
) -> dict[str, Any]:
    """Every attempt starts a workflow of its own."""
    return {"child_id": _started_id(turn, ordinal)}


def _started_id(turn: Turn, ordinal: int) -> str:
    starter = turn.state.task_id(ordinal)
    return ids.derived_workflow_id(turn.context.now_ms, "start", starter, turn.context.entropy)


OPERATOR = Operator(plan=plan, retry_fields=retry_fields)
