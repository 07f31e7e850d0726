"""Request bodies: as lenient as Conductor's mapper, and clear about what cannot be read."""

import json
from typing import Any

import msgspec
import pytest

from firmus_contracts import bodies
from firmus_contracts.errors import Refusal
from firmus_contracts.leniency import NESTING_MAX
from firmus_contracts.statuses import ResultStatus

WORKFLOW_ID = "01890a5d-ac96-8abc-9def-0123ab000000"
TASK_ID = "01890a5d-ac96-8abc-9def-0123ab000001"
RESULT = {"workflowInstanceId": WORKFLOW_ID, "taskId": TASK_ID, "status": "COMPLETED"}


def _body(value: Any) -> bytes:
    return json.dumps(value).encode()


def _refused(read: Any, body: bytes, **more: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read(body, **more)
    assert caught.value.code == "INVALID"
    return caught.value


def _messages(refusal: Refusal) -> list[str]:
    return [fault.message for fault in refusal.errors or ()]


def test_null_for_a_collection_or_one_of_several_words_means_its_default() -> None:
    nulls = {"inputParameters": None, "tasks": None, "timeoutPolicy": None, "metadata": None}
    definition = bodies.decode_workflow_def(_body({"name": "w", **nulls}))
    assert definition == bodies.decode_workflow_def(_body({"name": "w"}))


@pytest.mark.parametrize("nothing", [None, "", " "])
def test_nothing_for_a_number_or_a_flag_is_zero_or_false_whatever_its_default(
    nothing: str | None,
) -> None:
    """Spec 1.1, as Conductor answers."""
    named = ("version", "restartable", "enforceSchema", "failureWorkflowVersion")
    workflow = bodies.decode_workflow_def(_body({"name": "w", **dict.fromkeys(named, nothing)}))
    assert (workflow.version, workflow.restartable, workflow.enforce_schema) == (0, False, False)
    assert workflow.failure_workflow_version is None
    named = ("retryCount", "retryDelaySeconds", "backoffScaleFactor", "rateLimitFrequencyInSeconds")
    task = bodies.decode_task_def(_body({"name": "t", **dict.fromkeys(named, nothing)}))
    assert (task.retry_count, task.retry_delay_seconds) == (0, 0)
    assert (task.backoff_scale_factor, task.rate_limit_frequency_in_seconds) == (1, 1)


def test_null_inside_a_free_map_is_kept_when_the_rest_needs_tolerance() -> None:
    definition = bodies.decode_workflow_def(
        _body({"name": "w", "version": None, "variables": {"n": None, "l": [None]}})
    )
    assert definition.variables == {"n": None, "l": [None]}


def test_a_null_entry_of_a_map_of_texts_is_dropped() -> None:
    request = bodies.decode_start_request(
        _body({"name": "w", "taskToDomain": {"a": None, "b": "x"}})
    )
    assert request.task_to_domain == {"b": "x"}


@pytest.mark.parametrize(
    ("field", "given", "read"),
    [
        ("version", "7", 7),
        ("version", 3.0, 3),
        ("restartable", "false", False),
        ("restartable", 0, False),
        ("description", 5, "5"),
        ("description", True, "true"),
        ("description", 1.5, "1.5"),
    ],
)
def test_scalars_become_one_another_where_there_is_no_doubt(
    field: str, given: Any, read: Any
) -> None:
    definition = bodies.decode_workflow_def(_body({"name": "w", field: given}))
    assert json.loads(msgspec.json.encode(definition))[field] == read


def test_tolerance_reaches_into_nested_tasks_and_ignores_unknown_properties() -> None:
    inner = {"name": "a", "taskReferenceName": "a", "startDelay": "4", "surprise": 1}
    switch = {"name": "s", "decisionCases": {"x": [inner], "y": None}, "subWorkflowParam": None}
    definition = bodies.decode_workflow_def(_body({"name": "w", "tasks": [switch]}))
    assert definition.tasks[0].decision_cases["x"][0].start_delay == 4
    assert definition.tasks[0].decision_cases.keys() == {"x"}


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"tasks": {"a": 1}}, "$.tasks"),
        ({"tasks": [{"startDelay": "soon"}]}, "$.tasks[0].startDelay"),
        ({"timeoutPolicy": "SHRUG"}, "$.timeoutPolicy"),
        ({"tasks": [{"taskDefinition": {"retryLogic": "SOMETIMES"}}]}, "taskDefinition.retryLogic"),
        ({"version": 2**31}, "$.version"),
        ({"timeoutSeconds": 10**30}, "$.timeoutSeconds"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(given: Any, place: str) -> None:
    assert place in _refused(bodies.decode_workflow_def, _body({"name": "w", **given})).message


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"a":1}x', b'{"name":"\\ud800"}'])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    assert "not valid JSON" in _refused(bodies.decode_workflow_def, body).message


@pytest.mark.parametrize("body", [b"null", b"[]", b"5", b'"text"'])
def test_a_body_of_another_kind_is_refused(body: bytes) -> None:
    assert "cannot be read" in _refused(bodies.decode_object, body).message


@pytest.mark.parametrize("deep", [NESTING_MAX, 100_000])
def test_a_body_that_nests_too_deep_is_refused(deep: int) -> None:
    body = b'{"a":' + b"[" * deep + b"]" * deep + b"}"
    assert "levels deep" in _refused(bodies.decode_object, body).message


def test_many_brackets_side_by_side_or_inside_texts_are_not_deep() -> None:
    wide = {"list": [[]] * 1000, "text": "[" * 1000 + '"\\' + "{" * 1000}
    assert bodies.decode_object(_body(wide)) == wide


def test_a_start_without_input_has_an_empty_one_and_null_is_refused() -> None:
    assert bodies.decode_start_request(b'{"name":"w"}').input == {}
    refusal = _refused(bodies.decode_start_request, b'{"name":"w","input":null}')
    assert "NULL input" in refusal.message
    external = b'{"name":"w","input":null,"externalInputPayloadStoragePath":"p"}'
    assert bodies.decode_start_request(external).input is None


@pytest.mark.parametrize("given", [[1], "text", 5])
def test_an_input_that_is_no_object_is_refused(given: Any) -> None:
    refusal = _refused(bodies.decode_start_request, _body({"name": "w", "input": given}))
    assert "$.input" in refusal.message


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "Workflow name cannot be null or empty"),
        ({"name": None}, "Workflow name cannot be null or empty"),
        ({"name": "w", "priority": 100}, "priority: 100 should be maximum 99"),
        ({"name": "w", "priority": -1}, "priority: -1 should be minimum 0"),
    ],
)
def test_a_start_that_breaks_a_rule_is_refused_in_conductors_words(
    given: Any, message: str
) -> None:
    refusal = _refused(bodies.decode_start_request, _body(given))
    assert refusal.message == bodies.VALIDATION_FAILED
    assert _messages(refusal) == [message]


def test_name_and_version_of_the_path_win_over_the_body() -> None:
    body = b'{"name":"w","version":1}'
    request = bodies.decode_start_request(body, name="x", version=2)
    assert (request.name, request.version) == ("x", 2)
    assert bodies.decode_start_request(body, name="x").version == 1


def test_a_sub_workflow_definition_as_text_must_be_one_expression() -> None:
    task = {"name": "s", "taskReferenceName": "s", "type": "SUB_WORKFLOW"}
    wrong = {**task, "subWorkflowParam": {"workflowDefinition": "no expression"}}
    right = {**task, "subWorkflowParam": {"workflowDefinition": "${workflow.input.d}"}}
    outer = {"name": "f", "forkTasks": [[wrong]]}
    refusal = _refused(bodies.decode_workflow_def, _body({"name": "w", "tasks": [outer]}))
    assert "subWorkflowParam.workflowDefinition of task s" in refusal.message
    assert bodies.decode_workflow_def(_body({"name": "w", "tasks": [right]})).tasks


def test_a_task_result_is_read_with_its_reason_cut_to_500_characters() -> None:
    result = bodies.decode_task_result(_body({**RESULT, "reasonForIncompletion": "x" * 501}))
    assert result.status is ResultStatus.COMPLETED
    assert result.reason_for_incompletion == "x" * 500


def test_a_task_result_with_nulls_and_texts_for_numbers_is_read() -> None:
    given = {**RESULT, "callbackAfterSeconds": "5", "extendLease": None, "logs": None}
    result = bodies.decode_task_result(_body(given))
    assert (result.callback_after_seconds, result.extend_lease, result.logs) == (5, False, None)


def test_a_task_result_without_ids_or_status_is_refused_with_all_three_reasons() -> None:
    assert _messages(_refused(bodies.decode_task_result, b"{}")) == [
        "Workflow Id cannot be null or empty",
        "Task ID cannot be null or empty",
        "Task status cannot be null or empty",
    ]


def test_a_lease_extension_needs_no_status() -> None:
    extension = {"workflowInstanceId": WORKFLOW_ID, "taskId": TASK_ID, "extendLease": True}
    assert bodies.decode_task_result(_body(extension)).extend_lease


def test_a_worker_may_not_report_a_status_of_the_engine() -> None:
    refusal = _refused(bodies.decode_task_result, _body({**RESULT, "status": "TIMED_OUT"}))
    assert "$.status" in refusal.message


def test_an_event_handler_needs_a_name_an_event_and_actions() -> None:
    assert len(_messages(_refused(bodies.decode_event_handler, b"{}"))) == 3
    whole = {"name": "h", "event": "conductor:e", "actions": [{"action": "start_workflow"}]}
    assert not bodies.decode_event_handler(_body(whole)).active


def test_lists_of_definitions_name_the_place_of_a_fault() -> None:
    body = _body([{"name": "a"}, {"name": "b", "retryCount": "many"}])
    assert "$[1].retryCount" in _refused(bodies.decode_task_defs, body).message
