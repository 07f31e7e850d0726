"""Events of definitions as some release wrote them: golden files are added, never changed."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from eventsourcing.persistence import StoredEvent

from firmus.definitions import aggregate as aggregates
from firmus.eventlog.recorder_mapper import struct_mapper

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))
EVENTS = (
    *(aggregates.WorkflowDefinitionPut, aggregates.WorkflowDefinitionDeleted),
    *(aggregates.TaskDefinitionPut, aggregates.TaskDefinitionDeleted),
    *(aggregates.SchemaPut, aggregates.SchemasDeleted, aggregates.DefinitionTagged),
)


class Golden(msgspec.Struct):
    topic: str
    state: msgspec.Raw


def compact(document: Any) -> bytes:
    return msgspec.json.encode(msgspec.json.decode(document))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_what_was_ever_written_is_read_and_written_the_same(path: Path) -> None:
    golden = msgspec.json.decode(path.read_bytes(), type=Golden)
    state = compact(golden.state)
    head = msgspec.json.decode(state)
    stored = StoredEvent(head["originatorId"], head["originatorVersion"], golden.topic, state)
    mapper = struct_mapper()
    again = mapper.to_stored_event(mapper.to_domain_event(stored))
    assert (again.topic, compact(again.state)) == (golden.topic, state)


def test_every_event_has_a_golden_file() -> None:
    topics = {msgspec.json.decode(path.read_bytes(), type=Golden).topic for path in GOLDEN}
    assert topics == {event.TOPIC for event in EVENTS}
