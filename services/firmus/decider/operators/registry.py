"""The table of operators by task type; what is not in it is work for a worker."""

from firmus.decider.context import WorkflowFault
from firmus.decider.operators.operator import Operator
from firmus.decider.plan import Plan
from firmus_contracts.definitions import WorkflowTask

OPERATORS: dict[str, Operator] = {}
"""Filled by `operators/__init__.py`, one line per module."""


def operator_for(task_type: str) -> Operator | None:
    """The operator that moves a row of this type on; rows of forks have the type FORK."""
    return OPERATORS.get(task_type)


def plan_task(planned: Plan, task: WorkflowTask) -> None:
    """Plans the rows of a task that is reached, unless its reference has a row already."""
    if planned.exists(planned.ref_of(task)):
        return
    try:
        OPERATORS.get(task.type, OPERATORS["SIMPLE"]).plan(planned, task)
    except WorkflowFault as fault:
        fault.ref = fault.ref or planned.ref_of(task)
        raise
