"""Messages read as REST's JSON, and written from REST's structs."""

from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message

from firmus.rpc.messages import (
    definitions_pb2,
    event_handlers_pb2,
    executions_pb2,
    requests_pb2,
)
from firmus.rpc.reading import body_of, document_of
from firmus.rpc.writing import message_of, message_of_json
from firmus_contracts import definitions, event_handlers, executions, requests, statuses
from firmus_contracts.bodies import decode_event_handler, decode_task_def, decode_workflow_def
from firmus_contracts.errors import Refusal

FIXTURES = Path(__file__).parents[1] / "fixtures"
NOT_ON_THE_WIRE = ("createTime", "updateTime", "createdBy", "updatedBy", "ownerApp")


def _definitions() -> list[Any]:
    return [
        pytest.param(one, id=f"{path.stem}-{one.get('name')}")
        for path in sorted(FIXTURES.glob("*.json"))
        for one in _objects(msgspec.json.decode(path.read_bytes()))
        if isinstance(one.get("tasks"), list)
    ]


def _objects(document: Any) -> list[dict[str, Any]]:
    return [
        one
        for one in (document if isinstance(document, list) else [document])
        if isinstance(one, dict)
    ]


@pytest.mark.parametrize("document", _definitions())
def test_a_definition_that_was_written_and_read_is_written_the_same(
    document: dict[str, Any],
) -> None:
    given = decode_workflow_def(msgspec.json.encode(document))
    message = message_of(definitions_pb2.WorkflowDef, given)
    read = decode_workflow_def(body_of(message))
    assert message_of(definitions_pb2.WorkflowDef, read) == message
    assert [task.task_reference_name for task in read.tasks] == [
        task.task_reference_name for task in given.tasks
    ]


def test_lists_in_maps_and_in_lists_keep_their_tasks() -> None:
    inner = definitions.WorkflowTask(name="a", task_reference_name="a")
    task = definitions.WorkflowTask(
        name="s",
        task_reference_name="s",
        type="SWITCH",
        decision_cases={"x": [inner], "y": []},
        fork_tasks=[[inner], []],
    )
    message = message_of(definitions_pb2.WorkflowTask, task)
    assert [one.name for one in message.decision_cases["x"].tasks] == ["a"]
    assert [len(branch.tasks) for branch in message.fork_tasks] == [1, 0]
    read = msgspec.convert(document_of(message), definitions.WorkflowTask)
    assert (len(read.decision_cases["x"]), read.decision_cases["y"]) == (1, [])
    assert [len(branch) for branch in read.fork_tasks] == [1, 0]


def test_a_retry_count_that_was_not_said_is_minus_one_on_the_wire() -> None:
    task = definitions.WorkflowTask(name="a", task_reference_name="a")
    message = message_of(definitions_pb2.WorkflowTask, task)
    assert message.retry_count == -1
    assert "retryCount" not in document_of(message)
    message.retry_count = 0
    assert document_of(message)["retryCount"] == 0


def test_empty_texts_and_version_0_are_absent_and_other_zeros_are_said() -> None:
    document = document_of(requests_pb2.StartWorkflowRequest(name="orders"))
    assert document == {"name": "orders", "input": {}, "taskToDomain": {}, "priority": 0}
    task_def = decode_task_def(body_of(definitions_pb2.TaskDef(name="charge")))
    assert (task_def.retry_count, task_def.timeout_policy) == (0, "RETRY")
    assert task_def.description is None


def test_a_sub_workflow_may_be_a_definition_or_an_expression() -> None:
    for given in ({"name": "x", "version": 2.0, "tasks": []}, "${workflow.input.d}"):
        params = definitions.SubWorkflowParams(name="x", workflow_definition=given)
        message = message_of(definitions_pb2.SubWorkflowParams, params)
        assert document_of(message)["workflowDefinition"] == given


def test_domains_that_are_an_expression_have_no_place_on_the_wire() -> None:
    params = definitions.SubWorkflowParams(name="x", task_to_domain="${workflow.input.d}")
    assert not message_of(definitions_pb2.SubWorkflowParams, params).task_to_domain


def test_an_event_handler_is_read_as_rest_spells_it() -> None:
    kind = event_handlers_pb2.EventHandler.Action
    message = event_handlers_pb2.EventHandler(
        name="h",
        event="nats:orders",
        active=True,
        actions=[
            kind(
                action=kind.START_WORKFLOW,
                start_workflow=event_handlers_pb2.EventHandler.StartWorkflow(name="orders"),
                expand_inline_json=True,
            )
        ],
    )
    handler = decode_event_handler(body_of(message))
    action = handler.actions[0]
    assert (action.action, action.expand_inline_json) == ("start_workflow", True)
    assert action.start_workflow is not None
    assert action.start_workflow.version is None
    assert message_of(event_handlers_pb2.EventHandler, handler) == message


def test_messages_of_any_type_are_refused() -> None:
    request = requests_pb2.SkipTaskRequest(task_input_message=AnyMessage(type_url="x"))
    with pytest.raises(Refusal, match="taskInputMessage") as refused:
        body_of(request)
    assert refused.value.code == "INVALID"


def test_an_unknown_value_of_an_enumeration_is_refused() -> None:
    result = executions_pb2.TaskResult.FromString(b"\x30\x63")  # status = 99
    with pytest.raises(Refusal, match="status: unknown value 99"):
        body_of(result)


def test_json_that_comes_again_is_the_same_message() -> None:
    text = msgspec.json.encode({"name": "orders", "version": 3})
    first = message_of_json(definitions_pb2.WorkflowDef, text)
    assert first is message_of_json(definitions_pb2.WorkflowDef, msgspec.Raw(text))
    assert (first.name, first.version) == ("orders", 3)


PAIRS: list[tuple[type[msgspec.Struct], type[Message]]] = [
    (definitions.TaskDef, definitions_pb2.TaskDef),
    (definitions.WorkflowTask, definitions_pb2.WorkflowTask),
    (definitions.WorkflowDef, definitions_pb2.WorkflowDef),
    (definitions.SchemaDef, definitions_pb2.SchemaDef),
    (definitions.RateLimitConfig, definitions_pb2.RateLimitConfig),
    (event_handlers.Action, event_handlers_pb2.EventHandler.Action),
    (executions.Task, executions_pb2.Task),
    (executions.Workflow, executions_pb2.Workflow),
    (executions.TaskSummary, executions_pb2.TaskSummary),
    (executions.WorkflowSummary, executions_pb2.WorkflowSummary),
    (requests.TaskResult, executions_pb2.TaskResult),
]


@pytest.mark.parametrize(("struct", "message"), PAIRS)
def test_every_text_of_an_enumeration_has_its_value(
    struct: type[msgspec.Struct], message: type[Message]
) -> None:
    hints = get_type_hints(struct)
    for field in message.DESCRIPTOR.fields:
        if field.enum_type is None:
            continue
        names = {value.name.lower() for value in field.enum_type.values}
        texts = {text.lower() for text in _texts(hints[field.name])}
        assert texts
        assert texts <= names


@pytest.mark.parametrize(("struct", "message"), PAIRS)
def test_every_field_of_a_message_is_one_of_ours_or_listed(
    struct: type[msgspec.Struct], message: type[Message]
) -> None:
    unknown = {
        field.name
        for field in message.DESCRIPTOR.fields
        if field.name not in struct.__struct_fields__
    }
    assert unknown <= {"input_message", "output_message", "supports_cancellation"}


def _texts(hint: Any) -> set[str]:
    if get_origin(hint) is Literal:
        return set(get_args(hint))
    if isinstance(hint, type) and issubclass(hint, statuses.StrEnum):
        return {str(member) for member in hint}
    return {text for inner in get_args(hint) for text in _texts(inner)}
