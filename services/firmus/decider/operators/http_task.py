"""HTTP: a request that the system worker sends (spec 3.6.19)."""

from firmus.decider.operators import system_task
from firmus.decider.operators.operator import Operator
from firmus.decider.plan import Plan
from firmus_contracts.definitions import WorkflowTask


def plan(planned: Plan, task: WorkflowTask) -> None:
    given = planned.input_of(task, with_template=True)
    system_task.add(planned, task, {**given, "asyncComplete": task.async_complete})


OPERATOR = Operator(plan=plan, template=True, system=True)
