"""SET_VARIABLE: every key of the input overwrites the variable of that name (spec 3.6.11)."""

from firmus.decider import payload_limits
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
        task_type="SET_VARIABLE",
        status=TaskStatus.IN_PROGRESS,
        input=planned.input_of(task, with_template=False),
    )


def execute(turn: Turn, row: TaskState) -> None:
    limit = turn.context.limits.variables_max_bytes
    reason = payload_limits.variables_reason(turn.state, row.input, limit)
    if reason is not None:
        turn.emit(ev.TaskFailed(ordinal=row.ordinal, reason=reason, terminal_error=True))
        return
    if row.input:
        turn.emit(ev.VariablesSet(variables=row.input))
    turn.emit(ev.TaskCompleted(ordinal=row.ordinal))


OPERATOR = Operator(plan=plan, execute=execute, sync=True)
