"""FORK_JOIN: all branches begin at once, together with the JOIN behind them (spec 3.6.5)."""

from firmus.decider.context import WorkflowFault
from firmus.decider.operators import join, registry
from firmus.decider.operators.operator import Operator
from firmus.decider.plan import Plan
from firmus.workflow.walk import next_sibling
from firmus_contracts.definitions import WorkflowTask
from firmus_contracts.statuses import TaskStatus


def plan(planned: Plan, task: WorkflowTask) -> None:
    blueprint = planned.turn.context.blueprint
    following = next_sibling(blueprint, task.task_reference_name or "")
    if following is None or following.type != "JOIN":
        raise WorkflowFault(
            "Fork task definition is not followed by a join task.  Check the blueprint"
        )
    planned.add(
        task,
        task_type="FORK",
        task_def_name="FORK",
        status=TaskStatus.COMPLETED,
        input=planned.input_of(task, with_template=False),
        node=task.task_reference_name,
    )
    for branch in task.fork_tasks:
        if branch:
            registry.plan_task(planned, branch[0])
    join.plan(planned, following)


OPERATOR = Operator(plan=plan)
