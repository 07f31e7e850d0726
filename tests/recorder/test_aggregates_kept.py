"""Events of aggregates as some release wrote them: golden files are added, never changed.

Each kind of aggregate keeps its files in `golden` beside its own tests.
"""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from eventsourcing.persistence import StoredEvent

from firmus.definitions import aggregate as definitions
from firmus.eventlog.recorder_mapper import struct_mapper
from firmus.handlers import aggregate as handlers
from firmus.schedules import aggregate as schedules
from firmus.schedules import runs
from firmus.security import aggregate as security

TESTS = Path(__file__).parents[1]
KINDS = {
    "definitions": (
        *(definitions.WorkflowDefinitionPut, definitions.WorkflowDefinitionDeleted),
        *(definitions.TaskDefinitionPut, definitions.TaskDefinitionDeleted),
        *(definitions.SchemaPut, definitions.SchemasDeleted, definitions.DefinitionTagged),
    ),
    "handlers": (handlers.HandlerSaved, handlers.HandlerDeleted),
    "schedules": (
        *(schedules.ScheduleSaved, schedules.SchedulePaused, schedules.ScheduleResumed),
        *(schedules.ScheduleTagged, schedules.ScheduleDeleted),
        *(schedules.AllPaused, schedules.AllResumed, runs.RunsClaimed, runs.RunsEnded),
    ),
    "security": (
        *(security.KeyCreated, security.KeyGranted),
        *(security.KeyRotated, security.KeyRevoked),
    ),
}
"""All events of each kind; the name is also that of the folder of tests."""


class Golden(msgspec.Struct):
    topic: str
    state: msgspec.Raw


def golden_files(kind: str) -> list[Path]:
    return sorted((TESTS / kind / "golden").glob("*.json"))


def compact(document: Any) -> bytes:
    return msgspec.json.encode(msgspec.json.decode(document))


@pytest.mark.parametrize(
    "path",
    [path for kind in KINDS for path in golden_files(kind)],
    ids=lambda path: f"{path.parents[1].name}-{path.stem}",
)
def test_what_was_ever_written_is_read_and_written_the_same(path: Path) -> None:
    golden = msgspec.json.decode(path.read_bytes(), type=Golden)
    state = compact(golden.state)
    head = msgspec.json.decode(state)
    stored = StoredEvent(head["originatorId"], head["originatorVersion"], golden.topic, state)
    mapper = struct_mapper()
    again = mapper.to_stored_event(mapper.to_domain_event(stored))
    assert (again.topic, compact(again.state)) == (golden.topic, state)


@pytest.mark.parametrize("kind", KINDS)
def test_every_event_has_a_golden_file(kind: str) -> None:
    files = [path.read_bytes() for path in golden_files(kind)]
    topics = {msgspec.json.decode(data, type=Golden).topic for data in files}
    assert topics == {event.TOPIC for event in KINDS[kind]}
