"""What a message makes an event handler ask for (spec 6.1, 6.3, 6.4)."""

from typing import Any

import msgspec
import pytest

from firmus.handlers.actions import Message, TaskTarget, expanded, payload_of, wanted
from firmus.handlers.sources import Source, source_of
from firmus_contracts import ids
from firmus_contracts.commands import StartWorkflow
from firmus_contracts.event_handlers import EventHandler
from firmus_contracts.subjects import MESSAGES_STREAM

PAYLOAD = {"n": 7, "who": "ann", "deep": {"x": [1]}, "text": '{"a": 1}', "taskToDomain": {"*": "d"}}
WORKFLOW = ids.mint_workflow_id(1_700_000_000_000, 3)


def handler(**action: Any) -> EventHandler:
    given = {"name": "h", "event": "conductor:e", "actions": [action]}
    return msgspec.convert(given, EventHandler)


def message(payload: Any = PAYLOAD, message_id: str = "m1") -> Message:
    return Message(message_id=message_id, event="conductor:e", payload=payload, stored_ms=5)


def start(**fields: Any) -> EventHandler:
    return handler(action="start_workflow", start_workflow={"name": "w", **fields})


def test_6_4_a_start_takes_input_correlation_and_domains_from_the_message() -> None:
    given = start(input={"n": "${n}", "all": "${deep.x}", "fixed": 1}, correlationId="${n}-${who}")
    command = wanted(given, message(), 0)

    assert isinstance(command, StartWorkflow)
    assert command.input == {
        "n": 7,
        "all": [1],
        "fixed": 1,
        "conductor.event.messageId": "m1",
        "conductor.event.name": "conductor:e",
    }
    assert (command.correlation_id, command.task_to_domain) == ("7-ann", {"*": "d"})
    assert (command.event, command.actor) == ("conductor:e", "handler:h")


def test_6_3_the_same_message_starts_the_same_workflow_and_another_another() -> None:
    first, again = (wanted(start(), message(), 0) for _ in range(2))
    other = wanted(start(), message(message_id="m2"), 0)

    assert first == again
    assert isinstance(first, StartWorkflow)
    assert isinstance(other, StartWorkflow)
    assert first.workflow_id != other.workflow_id


@pytest.mark.parametrize("kind", ["complete_task", "fail_task"])
def test_6_4_the_output_of_a_task_is_all_that_was_resolved(kind: str) -> None:
    details = {
        "workflowId": "${who}",
        "taskRefName": "t",
        "output": {"n": "${n}"},
        "reasonForIncompletion": "told ${n}",
    }
    target = wanted(handler(action=kind, **{kind: details}), message(), 0)

    assert isinstance(target, TaskTarget)
    assert target.output == {
        "n": 7,
        "workflowId": "ann",
        "taskId": None,
        "taskRefName": "t",
        "reasonForIncompletion": "told 7",
        "conductor.event.messageId": "m1",
        "conductor.event.name": "conductor:e",
    }
    assert (target.failed, target.reason) == (
        (kind == "fail_task"),
        "told 7" if kind == "fail_task" else None,
    )


def test_6_3_inline_json_is_expanded_only_where_the_action_asks() -> None:
    details = {"name": "w", "input": {"a": "${text.a}"}}
    plain = wanted(handler(action="start_workflow", start_workflow=details), message(), 0)
    asked = wanted(
        handler(action="start_workflow", start_workflow=details, expandInlineJSON=True),
        message(),
        0,
    )

    assert isinstance(plain, StartWorkflow)
    assert isinstance(asked, StartWorkflow)
    assert plain.input is not None
    assert asked.input is not None
    assert (plain.input["a"], asked.input["a"]) == (None, 1)


def test_6_3_texts_expand_through_objects_and_not_through_lists() -> None:
    given = {"a": ' {"b": "[1]"} ', "l": ['{"x": 1}'], "bad": "{no", "s": "plain"}
    assert expanded(given) == {"a": {"b": [1]}, "l": ['{"x": 1}'], "bad": "{no", "s": "plain"}


@pytest.mark.parametrize(
    ("data", "payload"),
    [(b'{"a": 1}', {"a": 1}), (b"[1]", [1]), (b"text", "text"), (b"", ""), (b"\xff", "\ufffd")],
)
def test_a_payload_is_json_or_the_text_itself(data: bytes, payload: Any) -> None:
    assert payload_of(data) == payload


@pytest.mark.parametrize("payload", ["text", [1], None, 5])
def test_a_message_that_is_no_object_starts_with_what_is_fixed(payload: Any) -> None:
    command = wanted(start(input={"a": "${x}", "b": 1}), message(payload), 0)

    assert isinstance(command, StartWorkflow)
    assert command.input is not None
    assert (command.input["a"], command.input["b"]) == (None, 1)


@pytest.mark.parametrize(
    "action",
    [
        {"action": "start_workflow", "start_workflow": {"name": "${nothing}"}},
        {"action": "terminate_workflow", "terminate_workflow": {"workflowId": "${who}"}},
        {"action": "update_workflow_variables", "update_workflow_variables": {"workflowId": None}},
    ],
)
def test_an_action_that_says_too_little_fails_with_the_reason(action: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"workflow"):
        wanted(handler(**action), message(), 0)


@pytest.mark.parametrize(
    ("event", "kind", "subject", "stream"),
    [
        ("conductor:w:ref", "stored", "firmus.events.w%3Aref", MESSAGES_STREAM),
        ("jsm:orders.new", "stored", "orders.new", None),
        ("nats:orders.new", "live", "orders.new", None),
    ],
)
def test_6_1_where_the_messages_of_an_event_are(
    event: str, kind: str, subject: str, stream: str | None
) -> None:
    found = source_of(event)
    assert (found.kind, found.subject, found.stream) == (kind, subject, stream)


def test_6_1_instances_share_an_event_under_one_name_or_the_group_given() -> None:
    assert source_of("nats:a").durable == source_of("nats:a").durable != source_of("nats:b").durable
    assert source_of("jsm:a:mine") == Source("stored", "a", "mine")


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        ("plain", "Illegal event"),
        ("conductor:", "Illegal event"),
        ("kafka:t", "no messages from kafka"),
        ("mqtt:t", "Unknown queue type"),
        ("nats:firmus.log.0", "system's own"),
        ("nats:a..b", "no subject"),
    ],
)
def test_6_1_an_event_that_never_comes_is_refused(event: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        source_of(event)
