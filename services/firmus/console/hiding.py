"""What `firmus log` and `firmus tail` leave out unless asked: values of masked fields. Pure.

The log itself has them; only what is printed is changed.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from firmus.workflow.masking import masked, masked_value
from firmus_contracts import events as ev
from firmus_contracts.envelope import Commit, Record

_PAYLOADS = ("input", "output", "variables", "payload", "task_input")
"""The properties of events that hold what users' data are."""
_EVENT_KINDS = frozenset({"workflow", "task"})
"""How the subjects of public events begin."""


def definitions_of(records: Iterable[Record]) -> frozenset[str]:
    """The hashes of the definitions that a workflow ran, whose masked fields are its own."""
    return frozenset(
        event.definition_hash
        for record in records
        if isinstance(record.body, Commit)
        for event in record.body.events
        if isinstance(event, ev.WorkflowStarted | ev.WorkflowRestarted)
    )


def without_masked(records: Sequence[Record], names: frozenset[str]) -> list[Record]:
    """The same history, with the fields of these names hidden in all its payloads."""
    return [_record(record, names) for record in records] if names else list(records)


def is_event(subject: str) -> bool:
    """Whether a subject, or a pattern of subjects, is one of public events, which are masked."""
    return subject.partition(".")[0] in _EVENT_KINDS


def _record(record: Record, names: frozenset[str]) -> Record:
    if not isinstance(record.body, Commit):
        return record
    events = tuple(_event(event, names) for event in record.body.events)
    return msgspec.structs.replace(record, body=msgspec.structs.replace(record.body, events=events))


def _event(event: ev.WorkflowEvent, names: frozenset[str]) -> ev.WorkflowEvent:
    changed: dict[str, Any] = {}
    for field in _PAYLOADS:
        value = getattr(event, field, None)
        if value:
            changed[field] = masked(value, names)
    if isinstance(event, ev.TaskScheduled) and bytes(event.workflow_task):
        changed["workflow_task"] = _task(event.workflow_task, names)
    elif isinstance(event, ev.TaskReopened):
        changed["row"] = _event(event.row, names)
    return msgspec.structs.replace(event, **changed) if changed else event


def _task(raw: msgspec.Raw, names: frozenset[str]) -> msgspec.Raw:
    """A task that came as data (dynamic forks) has its input in it."""
    task: dict[str, Any] = msgspec.json.decode(raw)
    if "inputParameters" in task:
        task["inputParameters"] = masked_value(task["inputParameters"], names)
    return msgspec.Raw(msgspec.json.encode(task))
