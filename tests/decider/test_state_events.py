"""`onStateChange`: which transitions send what, and that none is lost or sent twice."""

from typing import Any

import pytest

from firmus_contracts import commands as cmd
from firmus_contracts import events as ev
from tests.flow import Flow, op, simple, task_def

ALL = "onScheduled,onStart,onSuccess,onFailed,onCancelled"


def on(keys: str = ALL, sink: str = "nats:x", payload: Any = None) -> dict[str, Any]:
    return {keys: [{"type": sink, "payload": payload}]}


def watched(ref: str = "a", **fields: Any) -> dict[str, Any]:
    return simple(ref, **{"onStateChange": on(), **fields})


def raised(flow: Flow) -> list[ev.StateEventRaised]:
    events = (event for commit in flow.commits for event in commit.events)
    return [event for event in events if isinstance(event, ev.StateEventRaised)]


def transitions(flow: Flow) -> list[str]:
    return [event.transition for event in raised(flow)]


def run(*steps: str, task: dict[str, Any] | None = None) -> Flow:
    flow = Flow(task or watched())
    flow.start()
    for step in steps:
        match step:
            case "begin":
                flow.begin("a")
            case "terminate":
                flow.send(cmd.TerminateWorkflow)
            case _:
                flow.update("a", step)
    return flow


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (("begin", "COMPLETED"), ["onScheduled", "onStart", "onSuccess"]),
        (("begin", "FAILED"), ["onScheduled", "onStart", "onFailed"]),
        (("begin", "IN_PROGRESS", "begin"), ["onScheduled", "onStart"]),
        (("terminate",), ["onScheduled", "onCancelled"]),
        (("begin", "CANCELED"), ["onScheduled", "onStart", "onCancelled"]),
    ],
)
def test_every_transition_of_a_row_sends_once(steps: tuple[str, ...], expected: list[str]) -> None:
    assert transitions(run(*steps)) == expected


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("onSuccess", ["onSuccess"]),
        ("ONSTART , onsuccess", ["onStart", "onSuccess"]),
        ("onFailed", []),
    ],
)
def test_keys_are_lists_in_any_case(keys: str, expected: list[str]) -> None:
    assert transitions(run("begin", "COMPLETED", task=watched(onStateChange=on(keys)))) == expected


def test_a_new_attempt_is_scheduled_and_started_anew() -> None:
    flow = run("begin", "FAILED", task=watched(task_def=task_def("a", retryCount=1)))
    flow.begin("a")

    assert transitions(flow) == ["onScheduled", "onStart", "onFailed", "onScheduled", "onStart"]
    assert [event.ordinal for event in raised(flow)] == [1, 1, 1, 2, 2]


def test_a_failure_that_is_forgiven_is_no_success() -> None:
    assert transitions(run("begin", "FAILED", task=watched(optional=True)))[-1] == "onFailed"


def test_an_operator_that_runs_within_the_decision_makes_all_its_transitions() -> None:
    flow = Flow(op("v", "SET_VARIABLE", {"x": 1}, onStateChange=on()), simple("b"))
    flow.start()

    assert transitions(flow) == ["onScheduled", "onStart", "onSuccess"]


def test_the_payload_sees_workflow_and_task_as_they_are_at_the_transition() -> None:
    template = {
        "order": "${workflow.input.id}",
        "cents": "${a.output.cents}",
        "own": "${output.cents}",
        "text": "${referenceTaskName} ${status} ${transition}",
    }
    flow = Flow(watched(onStateChange=on("onStart,onSuccess", payload=template)))
    flow.start({"id": 7})
    flow.begin("a")
    flow.update("a", output={"cents": 5})

    start, success = (event.payload for event in raised(flow))
    assert start == {"order": 7, "cents": None, "own": None, "text": "a IN_PROGRESS onStart"}
    assert success == {"order": 7, "cents": 5, "own": 5, "text": "a COMPLETED onSuccess"}


def test_without_a_payload_the_message_says_what_happened() -> None:
    payload = raised(run("begin"))[1].payload

    assert (payload["transition"], payload["status"], payload["referenceTaskName"]) == (
        "onStart",
        "IN_PROGRESS",
        "a",
    )
    assert "output" not in payload


def test_masked_fields_do_not_leave_in_messages_whatever_they_are_called_there() -> None:
    template = {"x": "${workflow.input.card}", "y": "${input.deep}", "card": "4711"}
    task = watched(
        onStateChange=on("onScheduled", payload=template),
        inputParameters={"deep": {"card": "${workflow.input.card}"}},
    )
    flow = Flow(task, maskedFields=["card"])
    flow.start({"card": "4711"})

    (event,) = raised(flow)
    assert event.payload == {"x": "***", "y": {"card": "***"}, "card": "***"}


def test_a_branch_of_a_dynamic_fork_sends_too() -> None:
    branch = watched("x", onStateChange=on("onScheduled", payload={"ref": "${referenceTaskName}"}))
    fork = op(
        "f",
        "FORK_JOIN_DYNAMIC",
        {"tasks": "${workflow.input.tasks}", "inputs": {"x": {}}},
        dynamicForkTasksParam="tasks",
        dynamicForkTasksInputParamName="inputs",
    )
    flow = Flow(fork, op("j", "JOIN"))
    flow.start({"tasks": [branch]})

    assert [event.payload for event in raised(flow)] == [{"ref": "x"}]


def test_a_message_waits_until_it_is_reported_sent_and_a_second_report_changes_nothing() -> None:
    flow = run()
    (version,) = flow.state.unsent.keys()

    told = flow.send(cmd.ReportStateEventSent, version=version)
    assert told == ["task.state_event_sent a"]
    assert not flow.state.unsent
    assert flow.send(cmd.ReportStateEventSent, version=version) == []


def test_a_message_of_an_ended_workflow_is_still_reported() -> None:
    flow = run("begin", "COMPLETED")
    assert flow.status == "COMPLETED"
    for version in sorted(flow.state.unsent.keys()):
        flow.send(cmd.ReportStateEventSent, version=version)

    assert not flow.state.unsent
    assert flow.status == "COMPLETED"
