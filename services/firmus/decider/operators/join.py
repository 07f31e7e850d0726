"""JOIN: gathers the outputs of the references it waits for (spec 3.6.6).

With `joinStatus` (a list of statuses) a joined task that ended otherwise fails it.

Decided in the same step as the branch that ends, after any retry of that branch has been made, so
no failure that is about to be retried is ever taken for final.
"""

from typing import Any

from firmus.decider.operators import join_script
from firmus.decider.operators.operator import Operator
from firmus.decider.plan import Plan
from firmus.decider.turn import Turn
from firmus.workflow.joins import joined_rows
from firmus.workflow.state import TaskState
from firmus_contracts import events as ev
from firmus_contracts.definitions import WorkflowTask
from firmus_contracts.statuses import TaskStatus


def plan(
    planned: Plan,
    task: WorkflowTask,
    *,
    join_on: list[str] | None = None,
    extra_input: dict[str, Any] | None = None,
) -> None:
    """`join_on` replaces the definition's own list (dynamic forks)."""
    awaited = task.join_on if join_on is None else join_on
    planned.add(
        task,
        task_type="JOIN",
        task_def_name="JOIN",
        status=TaskStatus.IN_PROGRESS,
        input={**(extra_input or {}), "joinOn": list(awaited)},
        node=task.task_reference_name,
    )


def execute(turn: Turn, row: TaskState) -> None:
    task, _ = turn.definition_of(row)
    if join_script.has_script(task):
        join_script.execute(turn, row, task, _gathered(turn, row))
        return
    if turn.state.missing.get(row.ordinal, 0) > 0:
        return
    wanted = frozenset(filter(None, (task.join_status or "").replace(" ", "").split(",")))
    failed: list[TaskState] = []
    forgiven: list[str] = []
    for joined in joined_rows(turn.state, row):
        optional = turn.definition_of(joined)[0].optional
        unsuccessful = not joined.status.successful and not optional
        if unsuccessful or (wanted and joined.status not in wanted):
            failed.append(joined)
        elif optional and joined.status is TaskStatus.COMPLETED_WITH_ERRORS:
            forgiven.append(f"{joined.made.task_def_name}/{turn.state.task_id(joined.ordinal)}")
    output = _gathered(turn, row, until=failed[0] if failed else None)
    turn.emit(_ending(row.ordinal, output, failed, forgiven))


def succeeds(turn: Turn, row: TaskState) -> bool:
    """Whether all that it waits for has ended well, and no script has a say in it."""
    task, _ = turn.definition_of(row)
    if join_script.has_script(task) or turn.state.missing.get(row.ordinal, 0) > 0:
        return False
    return all(joined.status.successful for joined in joined_rows(turn.state, row))


def _gathered(turn: Turn, row: TaskState, *, until: TaskState | None = None) -> dict[str, Any]:
    """Outputs by reference, up to and with the row `until`; empty ones are left out."""
    output: dict[str, Any] = {}
    for joined in joined_rows(turn.state, row):
        if joined.output:
            output[joined.ref] = joined.output
        if joined is until:
            break
    return output


def _ending(
    ordinal: int, output: dict[str, Any], failed: list[TaskState], forgiven: list[str]
) -> ev.TaskCompleted | ev.TaskCompletedWithErrors | ev.TaskFailed | ev.TaskCanceled:
    if failed:
        reason = " ".join(row.reason for row in failed if row.reason)
        if all(row.status is TaskStatus.CANCELED for row in failed):
            return ev.TaskCanceled(ordinal=ordinal, output=output, reason=reason)
        return ev.TaskFailed(ordinal=ordinal, output=output, reason=reason)
    if forgiven:
        reason = f"{','.join(forgiven)} completed with errors"
        return ev.TaskCompletedWithErrors(ordinal=ordinal, output=output, reason=reason)
    return ev.TaskCompleted(ordinal=ordinal, output=output)


OPERATOR = Operator(plan=plan, execute=execute)
