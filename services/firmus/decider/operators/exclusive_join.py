"""EXCLUSIVE_JOIN: takes the output of the one branch that ran (spec 3.6.7)."""

from collections.abc import Iterable

from firmus.decider.operators.operator import Operator
from firmus.decider.plan import Plan
from firmus.decider.turn import Turn
from firmus.workflow.joins import joined_rows_refs
from firmus.workflow.state import TaskState
from firmus_contracts import events as ev
from firmus_contracts.definitions import WorkflowTask
from firmus_contracts.statuses import TaskStatus


def plan(planned: Plan, task: WorkflowTask) -> None:
    planned.add(
        task,
        task_type="EXCLUSIVE_JOIN",
        task_def_name="EXCLUSIVE_JOIN",
        status=TaskStatus.IN_PROGRESS,
        input={
            "joinOn": task.join_on,
            "defaultExclusiveJoinTask": task.default_exclusive_join_task,
        },
        node=task.task_reference_name,
    )


def execute(turn: Turn, row: TaskState) -> None:
    """The first row of joinOn that exists decides; the defaults count while none has ended. A row
    that was skipped decides where no other can: there is nothing left to wait for.
    """
    awaited = _existing(turn, joined_rows_refs(row.made))
    if awaited and awaited[0].status.terminal:
        _end(turn, row, awaited[0], awaited)
        return
    if any(one.status.terminal for one in awaited):
        return
    defaults = _existing(turn, joined_rows_refs(row.made, "defaultExclusiveJoinTask"))
    ended = next((one for one in defaults if one.status.terminal), None)
    if ended is not None:
        _end(turn, row, ended, defaults)
    elif not awaited and not defaults and _skipped(turn, row):
        turn.emit(ev.TaskCompleted(ordinal=row.ordinal))


def _skipped(turn: Turn, row: TaskState) -> bool:
    """Whether one of the defaults was skipped, or all of joinOn or what holds them."""
    suffix = row.ref.removeprefix(row.made.node or row.ref)
    defaults = row.input.get("defaultExclusiveJoinTask") or ()
    awaited = row.input.get("joinOn") or ()
    if any(_left_out(turn, ref, suffix) for ref in defaults):
        return True
    return bool(awaited) and all(_left_out(turn, ref, suffix) for ref in awaited)


def _left_out(turn: Turn, ref: str, suffix: str) -> bool:
    node = turn.context.blueprint.node(ref)
    while node is not None:
        rows = (turn.state.task(f"{node.ref}{suffix}"), turn.state.task(node.ref))
        if any(one is not None and one.status is TaskStatus.SKIPPED for one in rows):
            return True
        node = None if node.parent is None else turn.context.blueprint.node(node.parent)
    return False


def _existing(turn: Turn, refs: Iterable[str]) -> list[TaskState]:
    found = (turn.state.task(ref) for ref in refs)
    return [row for row in found if row is not None and row.status is not TaskStatus.SKIPPED]


def _end(turn: Turn, row: TaskState, chosen: TaskState, others: list[TaskState]) -> None:
    task, _ = turn.definition_of(chosen)
    if chosen.status.successful or task.optional:
        turn.emit(ev.TaskCompleted(ordinal=row.ordinal, output=chosen.output))
        return
    if task.permissive and not all(one.status.terminal for one in others):
        return
    failed = [one for one in others if not one.status.successful and one.reason]
    reason = " ".join(one.reason or "" for one in failed)
    turn.emit(ev.TaskFailed(ordinal=row.ordinal, output=chosen.output, reason=reason))


OPERATOR = Operator(plan=plan, execute=execute)
