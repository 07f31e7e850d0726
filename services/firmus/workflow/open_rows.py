"""Which open row a reference means when somebody outside names it."""

import re
from operator import attrgetter

from firmus.workflow.state import TaskState, WorkflowState

_PASSES = re.compile(r"(__\d+)+")


def open_row(state: WorkflowState, ref: str) -> TaskState | None:
    """The open row of a reference: matched exactly, else without the passes of its loops; of
    several (`parallel` passes of a FOR_EACH) the first.
    """
    rows = [row for ordinal in state.pending if not (row := state.tasks[ordinal]).status.terminal]
    exact = [row for row in rows if row.ref == ref]
    found = exact or [row for row in rows if _is_pass_of(ref, row.ref)]
    return min(found, key=attrgetter("made.seq", "made.ordinal"), default=None)


def _is_pass_of(ref: str, full: str) -> bool:
    """Inside loops within loops a reference has several passes behind it (`ref__1__2`)."""
    return full.startswith(ref) and _PASSES.fullmatch(full, len(ref)) is not None
