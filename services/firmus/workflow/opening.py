"""A task row as it opens: when it is made, and when it comes back under its id."""

from typing import Any

import msgspec
from immutables import Map

from firmus.workflow.indexes import entered
from firmus.workflow.joins import joins_changed
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts import events as ev
from firmus_contracts.statuses import TaskStatus

replace = msgspec.structs.replace
_NEVER_BEGUN = frozenset({TaskStatus.SCHEDULED, TaskStatus.SKIPPED})


def opened(
    made: ev.TaskScheduled, now_ms: int, given: dict[str, Any], output: dict[str, Any]
) -> TaskState:
    """The row that `made` makes at `now_ms`."""
    born_running = made.status not in _NEVER_BEGUN
    return TaskState(
        made=made,
        status=made.status,
        input=given,
        own_output=output,
        scheduled_ms=now_ms,
        first_scheduled_ms=made.first_scheduled_ms or now_ms,
        updated_ms=now_ms,
        start_ms=now_ms if born_running else 0,
        first_start_ms=now_ms if born_running else 0,
        end_ms=now_ms if made.status.terminal else 0,
        reason=made.reason,
        callback_after_s=made.callback_after_s,
        callback_after_ms=made.delay_ms,
        child_id=made.child_id,
        iteration=made.iteration,
    )


def reopened(state: WorkflowState, event: ev.TaskReopened, now_ms: int) -> WorkflowState:
    """The state in which that row is open again: nothing is left of how it went before."""
    before = state.tasks[event.ordinal]
    passes: Map[int, dict[str, Any]] = Map()
    output = event.output
    same_child = before.child_id == event.row.child_id
    if event.row.task_type == "DO_WHILE":
        passes = Map({int(key): value for key, value in output.items() if key.isdecimal()})
        output = {key: value for key, value in output.items() if not key.isdecimal()}
    row = replace(
        opened(replace(event.row, input=event.input), now_ms, event.input, output),
        passes=passes,
        iteration=event.row.iteration if event.iteration is None else event.iteration,
        child_since=max(before.child_since if same_child else 0, event.child_version),
        child_asked=state.version + 1 if event.asks_child else 0,
    )
    joins: dict[str, Any] = {}
    if state.latest.get(row.ref) == row.ordinal:
        joins = joins_changed(
            state, row.ref, was_open=not before.status.terminal, is_open=not row.status.terminal
        )
    return replace(
        state,
        version=state.version + 1,
        updated_ms=now_ms,
        split=False,
        tasks=state.tasks.set(row.ordinal, row),
        pending=state.pending.set(row.ordinal, True),
        inside=entered(state.inside, row.made),
        **joins,
    )
