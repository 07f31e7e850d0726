"""Which open row a reference means when somebody outside names it."""

import re

from firmus.workflow.state import TaskState, WorkflowState

_LOOP_SUFFIX = re.compile(r"__\d+$")


def open_row(state: WorkflowState, ref: str) -> TaskState | None:
    """The open row of a reference: matched exactly, else without the suffix of its iteration."""
    pending = [row for row in state.rows() if not row.status.terminal]
    for row in pending:
        if row.ref == ref:
            return row
    return next((row for row in pending if _LOOP_SUFFIX.sub("", row.ref) == ref), None)
