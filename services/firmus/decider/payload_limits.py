"""How large a payload may be (spec 1.10): beyond the limit it is dropped, and what it belongs to
fails for good with the reason. The smaller limit above which payloads are only not shown is the
business of views (`firmus.workflow.external`).

A definition may set a lower limit for its executions: `metadata.payloadLimitKb`.
"""

from typing import Any

import msgspec

from firmus.definitions.metadata_checks import PAYLOAD_LIMIT
from firmus.workflow.state import WorkflowState
from firmus_contracts import events as ev

_encode = msgspec.json.encode
_Ending = (
    ev.TaskCompleted
    | ev.TaskCompletedWithErrors
    | ev.TaskFailed
    | ev.TaskTimedOut
    | ev.TaskCanceled
    | ev.TaskUpdated
)
REPORTS = frozenset(_Ending.__args__)


def limit_of(metadata: dict[str, Any], most_bytes: int) -> int:
    """The limit of a definition's executions in bytes, never above the server's own."""
    given = metadata.get(PAYLOAD_LIMIT)
    if isinstance(given, bool) or not isinstance(given, int) or given <= 0:
        return most_bytes
    return min(most_bytes, given * 1024)


def excess(value: dict[str, Any] | None, limit_bytes: int) -> int:
    """The size of a payload that is too large, in bytes of JSON; 0 for one that is not."""
    if not value:
        return 0
    size = len(_encode(value))
    return size if size > limit_bytes else 0


def reason(size: int, what: str, limit_bytes: int) -> str:
    """`what`: whose payload, such as `task: <id>`."""
    return (
        f"The payload size: {size} of {what} is greater than the permissible limit: "
        f"{limit_bytes} bytes"
    )


def variables_reason(state: WorkflowState, added: dict[str, Any], limit_bytes: int) -> str | None:
    """Why these variables cannot be set, None when they can (spec 3.6.11)."""
    size = len(_encode({**state.variables, **added}))
    if size <= limit_bytes:
        return None
    return (
        f"The variables payload size: {size} of workflow: {state.workflow_id} is greater than the "
        f"permissible limit: {limit_bytes // 1024} kilobytes"
    )


def kept_report(state: WorkflowState, event: Any, limit_bytes: int) -> Any:
    """The event itself, or the failure that it is because its output is too large."""
    size = excess(event.output, limit_bytes)
    if not size:
        return event
    return ev.TaskFailed(
        ordinal=event.ordinal,
        output={},
        reason=reason(size, f"task: {state.task_id(event.ordinal)}", limit_bytes),
        worker_id=getattr(event, "worker_id", None),
        terminal_error=True,
    )


def kept_row(
    state: WorkflowState, event: ev.TaskScheduled | ev.TaskReopened, limit_bytes: int
) -> tuple[ev.TaskScheduled | ev.TaskReopened, ev.TaskFailed | None]:
    """The row to make, and its failure when its input is too large; then it is made without.

    A row that is over at once (a FORK) fails by what it forks, and is only emptied.
    """
    size = excess(event.input, limit_bytes)
    if not size:
        return event, None
    what = f"task: {state.task_id(event.ordinal)}"
    text = reason(size, what, limit_bytes)
    made = msgspec.structs.replace(event, input={})
    if isinstance(made, ev.TaskScheduled) and made.status.terminal:
        return msgspec.structs.replace(made, reason=text), None
    return made, ev.TaskFailed(ordinal=event.ordinal, reason=text, terminal_error=True)
