"""NOOP: ends as soon as it is reached (spec 3.6.21)."""

from firmus.decider.operators.operator import Operator
from firmus.decider.plan import Plan
from firmus.decider.turn import Turn
from firmus.workflow.state import TaskState
from firmus_contracts import events as ev
from firmus_contracts.definitions import WorkflowTask
from firmus_contracts.statuses import TaskStatus


def plan(planned: Plan, task: WorkflowTask) -> None:
    planned.add(
        task,
        task_type="NOOP",
        status=TaskStatus.IN_PROGRESS,
    )


def execute(turn: Turn, row: TaskState) -> None:
    turn.emit(ev.TaskCompleted(ordinal=row.ordinal))


OPERATOR = Operator(plan=plan, execute=execute, sync=True)
