"""HTTP_POLL: a request that is sent again and again until a condition holds.

Not in Conductor's open-source server; the inputs are those of its commercial one. Between two
requests the row waits in its queue, so that a poll of days costs nothing and outlives any process.
"""

from firmus.decider.operators import system_task
from firmus.decider.operators.operator import Operator
from firmus.decider.plan import Plan
from firmus_contracts.definitions import WorkflowTask


def plan(planned: Plan, task: WorkflowTask) -> None:
    system_task.add(planned, task, planned.input_of(task, with_template=True))


OPERATOR = Operator(plan=plan, template=True, system=True, repeats=True)
