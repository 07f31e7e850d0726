"""What is printed of a history leaves masked fields out."""

from typing import Any

import msgspec
import pytest

from firmus.cli import main
from firmus.console.hiding import definitions_of, is_event, without_masked
from firmus.workflow.masking import EVERYTHING
from firmus_contracts import events as ev
from firmus_contracts.envelope import Commit, Record, Unreadable

CARD = {"card": "4711", "n": 1}
HIDDEN = {"card": "***", "n": 1}


def record(*events: Any) -> Record:
    body = Commit(commit_id="c", workflow_id="w", first_version=1, time_ms=1, events=events)
    return Record(position=1, workflow_id="w", digest="", body=body)


def shown(event: ev.WorkflowEvent, names: frozenset[str] = frozenset({"card"})) -> Any:
    [one] = without_masked([record(event)], names)
    assert isinstance(one.body, Commit)
    return one.body.events[0]


def test_masked_fields_are_hidden_in_every_payload_of_every_event() -> None:
    started = ev.WorkflowStarted(
        name="w", definition_version=1, definition_hash="h", input={"in": [CARD]}, variables=CARD
    )
    assert (shown(started).input, shown(started).variables) == ({"in": [HIDDEN]}, HIDDEN)
    assert shown(ev.TaskCompleted(ordinal=1, output=CARD)).output == HIDDEN
    assert shown(ev.VariablesSet(variables=CARD)).variables == HIDDEN
    assert shown(ev.MessageReceived(message_id="m", payload=CARD)).payload == HIDDEN
    assert shown(ev.TaskFailed(ordinal=1, reason="r")) == ev.TaskFailed(ordinal=1, reason="r")


def test_a_task_that_came_as_data_is_hidden_too() -> None:
    given = {"name": "a", "taskReferenceName": "a", "inputParameters": CARD}
    raw = msgspec.Raw(msgspec.json.encode(given))
    made = ev.TaskScheduled(
        ordinal=2, seq=2, ref="a", task_type="a", workflow_task=raw, forked_by=1
    )
    task = msgspec.json.decode(shown(made).workflow_task)

    assert task == {**given, "inputParameters": HIDDEN}


def test_nothing_of_a_payload_is_shown_when_the_definition_is_lost() -> None:
    assert shown(ev.TaskCompleted(ordinal=1, output=CARD), EVERYTHING).output == {
        "card": "***",
        "n": "***",
    }


def test_a_history_without_masked_fields_and_what_cannot_be_read_stay_as_they_are() -> None:
    unreadable = Unreadable(workflow_id="w", problem="damaged", stored=b"")
    history = [
        record(ev.WorkflowStarted(name="w", definition_version=1, definition_hash="h")),
        Record(position=2, workflow_id="w", digest="", body=unreadable),
    ]
    assert without_masked(history, frozenset()) == history
    assert without_masked(history, frozenset({"card"}))[1] is history[1]
    assert definitions_of(history) == {"h"}


@pytest.mark.parametrize(
    ("subject", "public"),
    [("workflow.failed.>", True), ("task.*.flow.*.*", True), ("firmus.log.>", False), (">", False)],
)
def test_subjects_of_public_events_are_known(subject: str, public: bool) -> None:
    assert is_event(subject) is public


def test_tail_refuses_subjects_whose_messages_are_not_masked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["tail", "firmus.log.>"]) == 2
    assert "is no subject of public events" in capsys.readouterr().err
