"""Publication: which public event, if any, an event of the log becomes.

At most one for each event, so `ce-id` `<workflowId>/<version>` names it for ever, and EVENTS is a
function of the log. Bookkeeping (settled rows, split decisions, log lines) has none.
"""

from hashlib import sha256
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import UNSET

from firmus.projection.times import gmt
from firmus.workflow.masking import NOTHING, masked
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts import events as ev
from firmus_contracts import subjects
from firmus_contracts.envelope import Cause, Commit
from firmus_contracts.public_events import (
    ACTOR_HEADER,
    CAUSE_HEADER,
    COMMAND_HEADER,
    COMMIT_HEADER,
    OMITTED_HEADER,
    POSITION_HEADER,
    PublicEvent,
    TaskStatusEvent,
    WorkflowStatusEvent,
    event_type,
)
from firmus_contracts.statuses import TaskStatus

DEFAULT_SOURCE = "/firmus"
SUBJECT_MAX = 2000
NAME_MAX = 900
"""Characters; the broker cuts off a connection whose control line is above 4,096."""

_WORKFLOW: dict[type, str] = {
    ev.WorkflowStarted: "started",
    ev.WorkflowPaused: "paused",
    ev.WorkflowResumed: "resumed",
    ev.WorkflowRestarted: "restarted",
    ev.WorkflowRetried: "retried",
    ev.WorkflowRerun: "rerun",
    ev.WorkflowRevived: "resumed",
    ev.WorkflowCompleted: "completed",
    ev.WorkflowFailed: "failed",
    ev.WorkflowTimedOut: "timed_out",
    ev.WorkflowTerminated: "terminated",
    ev.WorkflowRemoved: "removed",
    ev.VariablesSet: "updated",
    ev.WorkflowReleased: "updated",
    ev.WorkflowUpgraded: "updated",
    ev.WorkflowJumped: "updated",
}
_TASK: dict[type, str] = {
    ev.TaskBegun: "in_progress",
    ev.TaskUpdated: "updated",
    ev.CallbackReset: "updated",
    ev.LoopAdvanced: "updated",
    ev.TaskLeaseExtended: "updated",
    ev.TaskCompleted: "completed",
    ev.TaskCompletedWithErrors: "completed",
    ev.TaskFailed: "failed",
    ev.TaskTimedOut: "timed_out",
    ev.TaskCanceled: "canceled",
    ev.TaskSkipped: "completed",
}
_BORN: dict[TaskStatus, str] = {
    TaskStatus.SCHEDULED: "scheduled",
    TaskStatus.IN_PROGRESS: "in_progress",
    TaskStatus.COMPLETED: "completed",
    TaskStatus.COMPLETED_WITH_ERRORS: "completed",
    TaskStatus.SKIPPED: "completed",
    TaskStatus.FAILED: "failed",
    TaskStatus.FAILED_WITH_TERMINAL_ERROR: "failed",
    TaskStatus.TIMED_OUT: "timed_out",
    TaskStatus.CANCELED: "canceled",
}
"""A row may be born in any status; its one event tells that one."""

SILENT = (
    ev.TasksSettled,
    ev.TasksWithdrawn,
    ev.ParentRevived,
    ev.ChildRevived,
    ev.DecisionSplit,
    ev.TaskLogged,
    ev.TaskRequeued,
    ev.WorkflowFollowed,
    ev.StateEventRaised,
    ev.StateEventSent,
    ev.MessageReceived,
    ev.MessagesTaken,
)
"""Events that change nothing a subscriber was promised to hear of."""

_TYPES = {
    (scope, transition): event_type(scope, transition)
    for scope, transitions in (
        ("workflow", set(_WORKFLOW.values())),
        ("task", {*_TASK.values(), *_BORN.values()}),
    )
    for transition in transitions
}
_encode = msgspec.json.Encoder().encode


def commit_headers(
    commit: Commit, position: int, digest: str, *, source: str = DEFAULT_SOURCE
) -> dict[str, str]:
    """The headers that all public events of a commit share; made once for each commit."""
    headers = {
        "ce-specversion": "1.0",
        "ce-source": source,
        "ce-time": gmt(commit.time_ms),
        "content-type": "application/json",
        POSITION_HEADER: str(position),
        COMMIT_HEADER: digest,
    }
    if commit.trace is not None:
        headers["traceparent"] = header_text(commit.trace)
    if len(commit.causes) == 1:
        headers.update(_cause_headers(commit.causes[0]))
    return headers


def publish(
    state: WorkflowState,
    event: ev.WorkflowEvent,
    version: int,
    commit: Commit,
    shared: dict[str, str],
    *,
    names: frozenset[str] = NOTHING,
) -> PublicEvent | None:
    """The public event of `event`, or None; `state` is the one after it, `shared` the headers of
    its commit, `names` the definition's masked fields.
    """
    kind = type(event)
    transition = _WORKFLOW.get(kind)
    if transition is not None:
        scope, about = "workflow", state.workflow_id
        subject = subjects.workflow_event_subject(transition, state.name, about)
        body = _encode(workflow_payload(state, names))
    else:
        transition = _transition_of_row(event)
        if transition is None:
            return None
        row = state.tasks[event.ordinal]  # type: ignore[union-attr]  # all of _TASK name a row
        scope, about = "task", state.task_id(row.made.ordinal)
        subject = subjects.task_event_subject(
            transition, state.name, state.workflow_id, row.made.ref
        )
        body = _encode(task_payload(state, row))
    if len(subject) > SUBJECT_MAX:
        subject = _shortened(subject)
    event_id = f"{state.workflow_id}/{version}"
    headers = {
        **shared,
        "ce-id": event_id,
        "ce-type": _TYPES[scope, transition],
        "ce-subject": about,
        "Nats-Msg-Id": event_id,
    }
    if len(commit.causes) > 1:
        headers.update(_cause_headers(cause_of(commit, version)))
    return PublicEvent(subject, headers, body)


def _transition_of_row(event: ev.WorkflowEvent) -> str | None:
    if isinstance(event, ev.TaskScheduled):
        return _BORN[event.status]
    if isinstance(event, ev.TaskReopened):
        return _BORN[event.row.status]
    return _TASK.get(type(event))


def without_payloads(event: PublicEvent) -> PublicEvent:
    """The event with input and output emptied, which a header tells; for one that is too large."""
    body = msgspec.json.decode(event.body)
    emptied = [name for name in ("input", "output") if body.get(name)]
    body |= {name: {} for name in emptied}
    headers = {**event.headers, OMITTED_HEADER: ",".join(emptied)}
    return PublicEvent(event.subject, headers, _encode(body))


def _shortened(subject: str) -> str:
    """A subject whose overlong names end in a hash; the body holds them whole."""
    tokens = []
    for token in subject.split("."):
        digest = sha256(token.encode()).hexdigest()[:16]
        tokens.append(token if len(token) <= NAME_MAX else f"{token[:NAME_MAX]}%~{digest}")
    return ".".join(tokens)


def workflow_payload(state: WorkflowState, names: frozenset[str] = NOTHING) -> WorkflowStatusEvent:
    return WorkflowStatusEvent(
        workflow_id=state.workflow_id,
        workflow_name=state.name,
        workflow_version=state.definition_version,
        correlation_id=_given(state.correlation_id),
        status=state.status,
        start_time=state.created_ms,
        end_time=state.ended_ms,
        input=masked(state.input, names),
        output=masked(state.output, names),
        reason_for_incompletion=_given(state.reason),
        priority=state.priority,
        parent_workflow_id=_given(state.parent_workflow_id),
    )


def task_payload(state: WorkflowState, row: TaskState) -> TaskStatusEvent:
    made = row.made
    return TaskStatusEvent(
        task_id=state.task_id(made.ordinal),
        task_type=made.task_type,
        task_def_name=_given(made.task_def_name),
        status=row.status,
        reference_task_name=made.ref,
        workflow_instance_id=state.workflow_id,
        workflow_type=state.name,
        correlation_id=_given(state.correlation_id),
        scheduled_time=row.scheduled_ms,
        start_time=row.start_ms,
        end_time=row.end_ms,
        worker_id=_given(row.worker_id),
        reason_for_incompletion=_given(row.reason),
        retry_count=made.retry_count,
    )


def cause_of(commit: Commit, version: int) -> Cause:
    """The cause that the event of this version answers: causes cover the events in turn, the last
    one what is left.
    """
    last = commit.first_version - 1
    for cause in commit.causes:
        last += cause.events
        if version <= last:
            return cause
    return commit.causes[-1]


def parse_event_id(event_id: str) -> tuple[str, int]:
    """Workflow id and version of a `ce-id`. Raises ValueError."""
    workflow_id, _, version = event_id.rpartition("/")
    if not workflow_id:
        raise ValueError(f"not the id of a public event: {event_id!r}")
    return workflow_id, int(version)


def header_text(text: str) -> str:
    """Text as a header holds it: printable ASCII, the rest percent-encoded as CloudEvents asks."""
    if text.isascii() and text.isprintable() and not _ENCODED.intersection(text):
        return text
    return quote(text, safe="!#$&'()*+,/:;<=>?@[\\]^`{|}~-_.", errors="surrogatepass")


_ENCODED = frozenset(' "%')


def _cause_headers(cause: Cause) -> dict[str, str]:
    headers = {CAUSE_HEADER: cause.kind, COMMAND_HEADER: header_text(cause.command_id)}
    if cause.actor:
        headers[ACTOR_HEADER] = header_text(cause.actor)
    return headers


def _given(text: str | None) -> Any:
    return UNSET if text is None else text
