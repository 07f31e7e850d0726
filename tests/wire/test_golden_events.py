"""Released events and commits keep their meaning: golden files are only ever added.

`<tag>.<version>.json` is one event as the log holds it; a second word after the version marks
another form of the same event.
"""

from pathlib import Path
from typing import get_args

import msgspec
import pytest

from firmus_contracts.envelope import Commit
from firmus_contracts.events import TaskScheduled, WorkflowEvent

GOLDEN = Path(__file__).parent / "golden"
EVENTS = sorted(path for path in GOLDEN.glob("*.json") if not path.name.startswith("commit."))
COMMITS = sorted(GOLDEN.glob("commit.*.json"))


def _tag(kind: type[msgspec.Struct]) -> str:
    return str(kind.__struct_config__.tag)


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_a_released_event_is_read_and_written_back_byte_for_byte(path: Path) -> None:
    stored = path.read_bytes()
    event = msgspec.json.decode(stored, type=WorkflowEvent)
    assert msgspec.json.encode(event) == stored
    assert path.name.startswith(f"{_tag(type(event))}.v")


@pytest.mark.parametrize("path", COMMITS, ids=lambda path: path.stem)
def test_a_released_commit_is_read_and_written_back_byte_for_byte(path: Path) -> None:
    stored = path.read_bytes()
    assert msgspec.json.encode(msgspec.json.decode(stored, type=Commit)) == stored


@pytest.mark.parametrize("kind", get_args(WorkflowEvent), ids=_tag)
def test_every_event_type_has_a_golden_file_that_uses_all_its_properties(
    kind: type[msgspec.Struct],
) -> None:
    files = [path for path in EVENTS if path.name.startswith(f"{_tag(kind)}.v")]
    used = {name for path in files for name in msgspec.json.decode(path.read_bytes())}
    declared = {field.encode_name for field in msgspec.structs.fields(kind)}
    written_whole = {"taskDefs"}
    assert declared - written_whole <= used


def test_the_task_definitions_of_a_fork_survive_although_they_may_gain_properties() -> None:
    stored = (
        b'{"type":"task.scheduled","ordinal":4,"seq":4,"ref":"f","taskType":"FORK",'
        b'"taskDefs":{"charge":{"name":"charge","retryCount":5,"timeoutPolicy":"RETRY"}}}'
    )
    event = msgspec.json.decode(stored, type=WorkflowEvent)
    assert isinstance(event, TaskScheduled)
    assert event.task_defs["charge"].retry_count == 5
    assert msgspec.json.decode(msgspec.json.encode(event), type=WorkflowEvent) == event


def test_an_unknown_event_type_is_not_read() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"type":"workflow.unheard_of"}', type=WorkflowEvent)


def test_the_engine_of_a_commit_is_always_written() -> None:
    commit = Commit(commit_id="c", workflow_id="w", first_version=1, time_ms=0, events=())
    assert msgspec.json.decode(msgspec.json.encode(commit))["engine"]
