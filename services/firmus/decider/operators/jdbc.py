"""JDBC: a statement that the system worker runs on a database."""

from firmus.decider.operators import system_task
from firmus.decider.operators.operator import Operator
from firmus.decider.plan import Plan
from firmus_contracts.definitions import WorkflowTask


def plan(planned: Plan, task: WorkflowTask) -> None:
    system_task.add(planned, task, planned.input_of(task, with_template=True))


OPERATOR = Operator(plan=plan, template=True, system=True)
