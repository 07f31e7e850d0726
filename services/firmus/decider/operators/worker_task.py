"""SIMPLE and user-defined types: a row that waits in a task queue for a worker (spec 3.6.1)."""

from firmus.decider.operators.operator import Operator
from firmus.decider.plan import Plan, domain_for
from firmus_contracts.definitions import WorkflowTask
from firmus_contracts.statuses import TaskStatus


def plan(planned: Plan, task: WorkflowTask) -> None:
    """A SIMPLE task's queue is its name, a user-defined type's queue is the type (spec 3.5)."""
    task_type = queue_of(task)
    planned.add(
        task,
        task_type=task_type,
        status=TaskStatus.SCHEDULED,
        queued=True,
        input=planned.input_of(task, with_template=True),
        domain=domain_for(planned.turn, task_type),
        delay_ms=task.start_delay * 1000,
        start_delay_s=task.start_delay if task.type == "SIMPLE" else 0,
        callback_after_s=task.start_delay,
    )


def queue_of(task: WorkflowTask) -> str:
    return (task.name or "") if task.type == "SIMPLE" else task.type


OPERATOR = Operator(plan=plan, template=True)
