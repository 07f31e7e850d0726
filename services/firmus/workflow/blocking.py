"""Where a workflow stands still for somebody outside: what synchronous callers wait for and what
a signal goes to (spec 8.4.1, 8.5).

A task blocks when it is a WAIT that only an update can end, or one that the caller named and that
has ended. HUMAN does not block.
"""

from collections.abc import Collection, Iterable, Sequence
from operator import attrgetter

from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts.events import WorkflowEvent
from firmus_contracts.statuses import TaskStatus

WAIT = "WAIT"
SUB_WORKFLOW = "SUB_WORKFLOW"
_OPENERS = frozenset({WAIT, SUB_WORKFLOW})


def is_over(state: WorkflowState) -> bool:
    """Whether nothing can block it any more: it has ended, or was removed."""
    return state.status.terminal or state.removed_ms > 0


def child_of(row: TaskState) -> str | None:
    """The workflow inside which the search goes on: that of a SUB_WORKFLOW row in progress."""
    runs = row.made.task_type == SUB_WORKFLOW and row.status is TaskStatus.IN_PROGRESS
    return row.child_id if runs else None


def stops(state: WorkflowState, refs: Collection[str] = ()) -> list[TaskState]:
    """The rows at which a search for the blocking task stops, as REST lists them: those that
    block, and those of running children, inside which one may be found. `refs`: the tasks that
    the caller named; of several attempts the first that ended counts.
    """
    found = {
        row.ordinal: row
        for row in _open_rows(state)
        if child_of(row) or (row.made.task_type == WAIT and row.made.deadline_ms is None)
    }
    for ref in refs:
        ended = _ended(state, ref)
        if ended is not None:
            found[ended.ordinal] = ended
    return _in_order(found.values())


def waits(state: WorkflowState) -> list[TaskState]:
    """Open WAIT rows as REST lists them; a signal goes to the first. Unlike the search for what
    blocks it takes those with a deadline too.
    """
    return _in_order(row for row in _open_rows(state) if row.made.task_type == WAIT)


def children(state: WorkflowState) -> list[str]:
    """The open sub-workflows, in which a signal looks for a WAIT."""
    rows = _in_order(row for row in _open_rows(state) if child_of(row))
    return [row.child_id for row in rows if row.child_id]


def ends_a_wait(
    events: Sequence[WorkflowEvent], state: WorkflowState, refs: Collection[str]
) -> bool:
    """Whether these events, after which the workflow is in `state`, may be what a waiter waits for:
    an end, an open WAIT, another child to look into. A yes too many costs it a look, a no too many
    would make it miss its moment.
    """
    if is_over(state):
        return True
    for event in events:
        row = state.tasks.get(getattr(event, "ordinal", 0))
        if row is None:
            continue
        if row.ref in refs if row.status.terminal else row.made.task_type in _OPENERS:
            return True
    return False


def _open_rows(state: WorkflowState) -> list[TaskState]:
    return [row for o in state.pending if not (row := state.tasks[o]).status.terminal]


def _ended(state: WorkflowState, ref: str) -> TaskState | None:
    """The first ended attempt under a reference."""
    row, found = state.task(ref), None
    while row is not None:
        if row.status.terminal:
            found = row
        row = None if row.made.retried is None else state.tasks.get(row.made.retried)
    return found


def _in_order(rows: Iterable[TaskState]) -> list[TaskState]:
    return sorted(rows, key=attrgetter("made.seq", "made.ordinal"))
