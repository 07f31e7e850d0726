"""Which public event an event becomes, and what stands in it."""

from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
import yaml
from tests.projection.histories import T0, scheduled, started

from firmus.projection.publication import (
    SILENT,
    commit_headers,
    header_text,
    parse_event_id,
    publish,
    without_payloads,
)
from firmus.workflow.evolve import evolve
from firmus.workflow.state import WorkflowState
from firmus_contracts import events as ev
from firmus_contracts import ids, subjects
from firmus_contracts.envelope import Cause, Commit
from firmus_contracts.public_events import PublicEvent
from firmus_contracts.statuses import TaskStatus

CONTRACT = Path("tests/contract/asyncapi/conductor-conductor-asyncapi.yml")
WID = ids.mint_workflow_id(T0, 7)
CAUSES = (Cause(command_id="c 1", kind="test", actor='mal\r\nlory "%" ü'),)


def published(*events: ev.WorkflowEvent, **more: Any) -> list[PublicEvent | None]:
    """The public events of one commit that holds these events."""
    given = {"causes": CAUSES, "time_ms": T0, **more}
    commit = Commit(commit_id="x", workflow_id=WID, first_version=1, events=events, **given)
    shared = commit_headers(commit, 42, "d" * 64)
    state: WorkflowState | None = None
    found = []
    for version, event in enumerate(events, 1):
        state = evolve(state, event, workflow_id=WID, now_ms=T0 + version)
        found.append(publish(state, event, version, commit, shared))
    return found


def test_an_event_carries_the_contracts_payload_and_cloudevents_headers() -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    only = started("flow", {"a": 1}, correlation_id="c", priority=3, parent_workflow_id="p")
    (event,) = published(only, trace=trace)
    assert event.subject == f"workflow.started.flow.{WID}"
    assert msgspec.json.decode(event.body) == {
        "workflowId": WID, "workflowName": "flow", "workflowVersion": 1, "correlationId": "c",
        "status": "RUNNING", "startTime": T0 + 1, "endTime": 0, "input": {"a": 1}, "output": {},
        "priority": 3, "parentWorkflowId": "p",
    }  # fmt: skip
    assert event.headers == {
        "ce-specversion": "1.0", "ce-id": f"{WID}/1", "ce-source": "/firmus",
        "ce-type": "io.firmus.workflow.started.v1", "ce-time": "2023-11-14T22:13:20.000Z",
        "ce-subject": WID, "content-type": "application/json", "Nats-Msg-Id": f"{WID}/1",
        "Firmus-Position": "42", "Firmus-Commit": "d" * 64, "traceparent": trace,
        "Firmus-Cause": "test", "Firmus-Command-Id": "c%201",
        "Firmus-Actor": "mal%0D%0Alory%20%22%25%22%20%C3%BC",
    }  # fmt: skip


def test_a_task_event_carries_its_row() -> None:
    *_, event = published(
        started(), scheduled("a", 1, retry_count=2), ev.TaskBegun(ordinal=1, worker_id="w"),
        ev.TaskFailed(ordinal=1, reason="no", terminal_error=True),
    )  # fmt: skip
    assert event.subject == f"task.failed.flow.{WID}.a"
    assert event.headers["ce-subject"] == ids.task_id(WID, 1)
    assert msgspec.json.decode(event.body) == {
        "taskId": ids.task_id(WID, 1), "taskType": "a", "taskDefName": "a", "retryCount": 2,
        "status": "FAILED_WITH_TERMINAL_ERROR", "referenceTaskName": "a",
        "workflowInstanceId": WID, "workflowType": "flow", "scheduledTime": T0 + 2,
        "startTime": T0 + 3, "endTime": T0 + 4, "workerId": "w", "reasonForIncompletion": "no",
    }  # fmt: skip


OPEN_AGAIN = ev.TaskReopened(
    ordinal=1, row=ev.TaskScheduled(ordinal=1, seq=1, ref="a", task_type="a")
)
TRANSITIONS = [
    (ev.WorkflowPaused(), "workflow.paused", "PAUSED"),
    (ev.WorkflowResumed(), "workflow.resumed", "RUNNING"),
    (ev.VariablesSet(variables={}), "workflow.updated", "RUNNING"),
    (ev.WorkflowReleased(), "workflow.updated", "RUNNING"),
    (ev.WorkflowCompleted(), "workflow.completed", "COMPLETED"),
    (ev.WorkflowFailed(), "workflow.failed", "FAILED"),
    (ev.WorkflowTimedOut(), "workflow.timed_out", "TIMED_OUT"),
    (ev.WorkflowTerminated(), "workflow.terminated", "TERMINATED"),
    (ev.WorkflowRemoved(), "workflow.removed", "RUNNING"),
    (
        ev.WorkflowRestarted(definition_version=1, definition_hash="0"),
        "workflow.restarted",
        "RUNNING",
    ),
    (ev.WorkflowRetried(), "workflow.retried", "RUNNING"),
    (ev.WorkflowRerun(), "workflow.rerun", "RUNNING"),
    (ev.WorkflowRevived(child_ordinal=1, operation="retried"), "workflow.resumed", "RUNNING"),
    (OPEN_AGAIN, "task.scheduled", "SCHEDULED"),
    (ev.CallbackReset(ordinal=1), "task.updated", "SCHEDULED"),
    (ev.WorkflowJumped(ref="a"), "workflow.updated", "RUNNING"),
    (ev.TaskSkipped(ordinal=1), "task.completed", "SKIPPED"),
    (ev.WorkflowUpgraded(definition_version=2, definition_hash="2"), "workflow.updated", "RUNNING"),
    (ev.TaskBegun(ordinal=1), "task.in_progress", "IN_PROGRESS"),
    (ev.TaskUpdated(ordinal=1), "task.updated", "SCHEDULED"),
    (ev.LoopAdvanced(ordinal=1, iteration=2), "task.updated", "SCHEDULED"),
    (ev.TaskLeaseExtended(ordinal=1), "task.updated", "SCHEDULED"),
    (ev.TaskCompleted(ordinal=1), "task.completed", "COMPLETED"),
    (ev.TaskCompletedWithErrors(ordinal=1), "task.completed", "COMPLETED_WITH_ERRORS"),
    (ev.TaskFailed(ordinal=1), "task.failed", "FAILED"),
    (ev.TaskFailed(ordinal=1, terminal_error=True), "task.failed", "FAILED_WITH_TERMINAL_ERROR"),
    (ev.TaskTimedOut(ordinal=1), "task.timed_out", "TIMED_OUT"),
    (ev.TaskCanceled(ordinal=1), "task.canceled", "CANCELED"),
]


@pytest.mark.parametrize(("event", "channel", "status"), TRANSITIONS)
def test_each_transition_has_its_channel(event, channel: str, status: str) -> None:
    *_, public = published(started(), scheduled("a", 1), event)
    assert public.subject.startswith(f"{channel}.flow.{WID}")
    assert public.headers["ce-type"] == f"io.firmus.{channel}.v1"
    assert msgspec.json.decode(public.body)["status"] == status


@pytest.mark.parametrize(
    ("status", "transition"),
    [("SCHEDULED", "scheduled"), ("IN_PROGRESS", "in_progress"), ("COMPLETED", "completed"),
     ("SKIPPED", "completed"), ("FAILED", "failed"), ("TIMED_OUT", "timed_out")],
)  # fmt: skip
def test_a_row_tells_the_status_it_is_born_in(status: str, transition: str) -> None:
    _, event = published(started(), scheduled("a", 1, status=TaskStatus(status)))
    assert event.subject == f"task.{transition}.flow.{WID}.a"


def test_every_event_of_the_log_is_published_or_known_to_be_silent() -> None:
    shown = {type(event) for event, _, _ in TRANSITIONS} | {ev.WorkflowStarted, ev.TaskScheduled}
    assert set(get_args(ev.WorkflowEvent)) == shown | set(SILENT)
    samples = [
        ev.TasksSettled(ordinals=(1,)),
        ev.DecisionSplit(),
        ev.TaskLogged(ordinal=1, lines=()),
    ]
    assert published(started(), scheduled("a", 1), *samples)[2:] == [None, None, None]


def test_names_that_a_token_cannot_hold_are_encoded() -> None:
    name = "a.b *>\n é"
    _, event = published(started(name), scheduled(name, 1))
    scope, transition, definition, workflow_id, ref = event.subject.split(".")
    assert (scope, transition, workflow_id) == ("task", "scheduled", WID)
    assert subjects.untoken(definition) == subjects.untoken(ref) == name


def test_an_overlong_name_keeps_the_subject_short_and_distinct() -> None:
    one = published(started(), scheduled("r" * 5000 + "1", 1))[1].subject
    two = published(started(), scheduled("r" * 5000 + "2", 1))[1].subject
    assert len(one) < 2100
    assert one != two


def test_commands_that_share_a_commit_each_cause_their_own_events() -> None:
    causes = tuple(Cause(command_id=name, kind=name, events=1) for name in ("one", "two"))
    events = published(started(), scheduled("a", 1), scheduled("b", 2), causes=causes)
    assert [event.headers["Firmus-Cause"] for event in events] == ["one", "two", "two"]


def test_payloads_are_left_out_visibly() -> None:
    (event,) = published(started("flow", {"a": 1}))
    slim = without_payloads(event)
    assert msgspec.json.decode(slim.body)["input"] == {}
    assert slim.headers == {**event.headers, "Firmus-Omitted": "input"}


def test_event_ids_are_read_back() -> None:
    assert parse_event_id(f"{WID}/12") == (WID, 12)
    for wrong in ("", "12", "/12", "a/b"):
        with pytest.raises(ValueError, match=r"id|int"):
            parse_event_id(wrong)


def test_header_text_is_plain_where_it_can_be() -> None:
    assert header_text("worker-1@host:/a?b") == "worker-1@host:/a?b"
    assert header_text("ü\n") == "%C3%BC%0A"


def test_payloads_name_all_properties_of_the_contract() -> None:
    contract = yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))
    schemas = contract["components"]["schemas"]
    full = published(
        started("flow", {"a": 1}, correlation_id="c", parent_workflow_id="p"),
        scheduled("a", 1), ev.TaskBegun(ordinal=1, worker_id="w"),
        ev.TaskFailed(ordinal=1, reason="no"), ev.WorkflowFailed(reason="no"),
    )  # fmt: skip
    for event, name in ((full[4], "WorkflowStatusEvent"), (full[3], "TaskStatusEvent")):
        assert set(msgspec.json.decode(event.body)) == set(schemas[name]["properties"])
