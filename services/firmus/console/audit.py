"""The history of a workflow as a table: one row an event, in words. Pure."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec

from firmus.broker.rejections import Rejection
from firmus_contracts import events as ev
from firmus_contracts.envelope import Commit, Record, Unreadable
from firmus_contracts.statuses import TaskStatus

WHAT_MAX = 100


class AuditRow(msgspec.Struct, frozen=True, kw_only=True):
    """`version` is empty for a refusal, which takes none."""

    version: str
    time_ms: int
    event: str
    ref: str = ""
    what: str = ""


def rows_of(records: Sequence[Record]) -> list[AuditRow]:
    """The rows of a workflow's commits, given whole and in order."""
    refs: dict[int, str] = {}
    rows: list[AuditRow] = []
    for record in records:
        if isinstance(record.body, Unreadable):
            rows.append(
                AuditRow(version="?", time_ms=0, event="unreadable", what=record.body.problem)
            )
            continue
        rows += _commit_rows(record.body, refs)
    return rows


def _commit_rows(commit: Commit, refs: dict[int, str]) -> list[AuditRow]:
    causes = _causes(commit)
    rows = []
    for index, event in enumerate(commit.events):
        if isinstance(event, ev.TaskScheduled):
            refs[event.ordinal] = event.ref
        ordinal = getattr(event, "ordinal", None)
        rows.append(
            AuditRow(
                version=str(commit.first_version + index),
                time_ms=commit.time_ms,
                event=ev.tag_of(event),
                ref="" if ordinal is None else refs.get(ordinal, f"#{ordinal}"),
                what="  ".join(part for part in (describe(event, refs), causes.get(index)) if part),
            )
        )
    return rows


def _causes(commit: Commit) -> dict[int, str]:
    """What each command of a commit is called, at the first event that answers it."""
    at, found = 0, dict[int, str]()
    for cause in commit.causes:
        by = f" by {cause.actor}" if cause.actor else ""
        found[at] = f"{found[at]} [{cause.kind}{by}]" if at in found else f"[{cause.kind}{by}]"
        at += cause.events
    return found


def describe(event: ev.WorkflowEvent, refs: dict[int, str]) -> str:
    """What an event says beyond its name, in one line."""
    match event:
        case ev.WorkflowStarted():
            held = f" held: no slot of {event.gate} is free," if event.held else ""
            return f"{event.name} v{event.definition_version}{held} input {_short(event.input)}"
        case ev.TaskScheduled():
            return _scheduled(event)
        case ev.WorkflowFollowed():
            return f"by task {event.task_id}"
        case ev.TaskBegun():
            return f"worker {event.worker_id}" if event.worker_id else ""
        case ev.TasksSettled():
            return ", ".join(_ref(ordinal, refs) for ordinal in event.ordinals)
        case ev.VariablesSet() | ev.WorkflowJumped() | ev.WorkflowUpgraded():
            return _steered(event)
        case ev.MessageReceived():
            return f"{event.message_id} {_short(event.payload)}"
        case ev.MessagesTaken():
            return f"{event.count} messages"
        case ev.StateEventRaised():
            return f"{event.transition} to {event.sink} {_short(event.payload)}"
        case ev.StateEventSent():
            return f"the message of version {event.version} is out"
        case ev.TaskLogged():
            return " | ".join(text for text, _ in event.lines)[:WHAT_MAX]
        case _:
            return _came_back(event, refs)


def _steered(event: ev.VariablesSet | ev.WorkflowJumped | ev.WorkflowUpgraded) -> str:
    what = f"to {event.ref}" if isinstance(event, ev.WorkflowJumped) else ""
    if isinstance(event, ev.VariablesSet):
        what = _short(event.variables)
    elif isinstance(event, ev.WorkflowUpgraded):
        what = f"to v{event.definition_version}"
    return f"{what} {event.reason or ''}".rstrip()


def _scheduled(event: ev.TaskScheduled) -> str:
    parts = [event.task_type]
    if event.task_def_name and event.task_def_name not in {event.ref, event.task_type}:
        parts.append(event.task_def_name)
    if event.retry_count:
        parts.append(f"retry {event.retry_count}")
    if event.delay_ms:
        parts.append(f"after {event.delay_ms} ms")
    if event.iteration:
        parts.append(f"iteration {event.iteration}")
    if event.status is not TaskStatus.SCHEDULED:
        parts.append(event.status.value)
    return " ".join(parts)


def _came_back(event: ev.WorkflowEvent, refs: dict[int, str]) -> str:
    match event:
        case ev.TaskReopened():
            return _scheduled(event.row)
        case ev.WorkflowRestarted():
            return f"v{event.definition_version} {event.reason or ''}".strip()
        case ev.WorkflowRerun():
            return _rerun(event, refs)
        case ev.WorkflowRevived():
            return f"its child of {_ref(event.child_ordinal, refs)} was {event.operation}"
        case ev.TasksWithdrawn():
            return ", ".join(_ref(ordinal, refs) for ordinal in event.removed)
        case _:
            return _ended(event)


def _rerun(event: ev.WorkflowRerun, refs: dict[int, str]) -> str:
    parts = [] if event.from_ordinal is None else [f"from {_ref(event.from_ordinal, refs)}"]
    if event.input is not None:
        parts.append(f"input {_short(event.input)}")
    return " ".join([*parts, *([event.reason] if event.reason else [])])


def _ref(ordinal: int, refs: dict[int, str]) -> str:
    return refs.get(ordinal, f"#{ordinal}")


def _ended(event: ev.WorkflowEvent) -> str:
    reason: str | None = getattr(event, "reason", None)
    output: dict[str, Any] | None = getattr(event, "output", None)
    parts = [reason] if reason else []
    cached_from: str | None = getattr(event, "cached_from", None)
    if cached_from:
        parts.append(f"from the cache, first by {cached_from}")
    if output:
        parts.append(f"output {_short(output)}")
    return " ".join(parts)


def _short(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= WHAT_MAX else f"{text[: WHAT_MAX - 1]}…"


def refusal_row(refused: Rejection) -> AuditRow:
    """A command that was refused; it stands among the events by its time."""
    by = f" by {refused.actor}" if refused.actor else ""
    return AuditRow(
        version="",
        time_ms=refused.time_ms,
        event="refused",
        what=f"{refused.code}: {refused.message}  [{refused.kind}{by}]",
    )


def table(rows: Sequence[AuditRow]) -> list[str]:
    """Lines with aligned columns and a heading; times are local."""
    heading = ("VERSION", "TIME", "EVENT", "TASK", "WHAT")
    cells = [heading, *((r.version, shown(r.time_ms), r.event, r.ref, r.what) for r in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(4)]
    return [
        "  ".join([*(row[column].ljust(widths[column]) for column in range(4)), row[4]]).rstrip()
        for row in cells
    ]


def shown(time_ms: int) -> str:
    """A time of day with milliseconds, local; with its date."""
    moment = dt.datetime.fromtimestamp(time_ms / 1000, tz=dt.UTC).astimezone()
    return moment.isoformat(sep=" ", timespec="milliseconds")
