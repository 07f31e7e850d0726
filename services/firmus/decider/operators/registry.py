"""The table of operators by task type; what is not in it is work for a worker."""

from firmus.decider.context import WorkflowFault
from firmus.decider.operators.operator import Operator
from firmus.decider.plan import Plan
from firmus.workflow.state import TaskState
from firmus.workflow.walk import follower
from firmus_contracts.definitions import WorkflowTask
from firmus_contracts.statuses import TaskStatus

OPERATORS: dict[str, Operator] = {}
"""Filled by `operators/__init__.py`, one line per module."""


def operator_for(task_type: str) -> Operator | None:
    """The operator that moves a row of this type on; rows of forks have the type FORK."""
    return OPERATORS.get(task_type)


def plan_task(planned: Plan, task: WorkflowTask) -> None:
    """Plans the rows of a task that is reached, unless its reference has a row already. One that
    was skipped is stepped over (spec 5.7).
    """
    reached: WorkflowTask | None = task
    while reached is not None:
        skipped = _skipped(planned, reached)
        if skipped is None:
            _plan(planned, reached)
            return
        if planned.within is not None:
            _plan_skipped(planned, reached, skipped)
            return
        reached = follower(planned.turn.context.blueprint, reached.task_reference_name or "")


def _plan(planned: Plan, task: WorkflowTask) -> None:
    if planned.exists(planned.ref_of(task)):
        return
    try:
        OPERATORS.get(task.type, OPERATORS["SIMPLE"]).plan(planned, task)
    except WorkflowFault as fault:
        fault.ref = fault.ref or planned.ref_of(task)
        raise


def _skipped(planned: Plan, task: WorkflowTask) -> TaskState | None:
    """The row that says that a task is skipped, wherever it is reached."""
    row = planned.turn.state.task(task.task_reference_name or "")
    return row if row is not None and row.status is TaskStatus.SKIPPED else None


def _plan_skipped(planned: Plan, task: WorkflowTask, skipped: TaskState) -> None:
    """The row of a skipped task in one pass of a loop or block; the flow goes on after it."""
    own = planned.turn.state.task(planned.ref_of(task))
    if own is not None and own.made.within == planned.within:
        return
    planned.add(
        task,
        task_type=task.name or task.type,
        status=TaskStatus.SKIPPED,
        input=skipped.input,
        output=skipped.output,
        reason=skipped.reason,
        node=task.task_reference_name,
    )
