"""HUMAN: open until somebody updates it (spec 3.6.17)."""

from firmus.decider.operators.operator import Operator
from firmus.decider.plan import Plan
from firmus_contracts.definitions import WorkflowTask
from firmus_contracts.statuses import TaskStatus


def plan(planned: Plan, task: WorkflowTask) -> None:
    planned.add(
        task,
        task_type="HUMAN",
        status=TaskStatus.IN_PROGRESS,
        input=planned.input_of(task, with_template=False),
    )


OPERATOR = Operator(plan=plan, sync=True)
