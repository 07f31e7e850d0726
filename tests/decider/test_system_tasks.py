"""HTTP, EVENT, KAFKA_PUBLISH, START_WORKFLOW, JSON_JQ_TRANSFORM and AI types as decided (3.6)."""

from typing import Any

import pytest

from firmus.decider.operators import ai_task
from firmus.decider.operators.system_task import LEASE_S
from firmus.workflow.deadlines import HELD_S
from firmus.workflow.rest_view import task_view
from firmus_contracts import commands as cmd
from firmus_contracts import ids
from tests.flow import START_MS, WORKFLOW, Flow, op, simple, task_def

RETRIED = task_def("http", retryCount=1, responseTimeoutSeconds=7)


def http(**fields: Any) -> dict[str, Any]:
    return op("http", "HTTP", {"uri": "${workflow.input.u}"}, **fields)


@pytest.mark.parametrize("kind", ["HTTP", "KAFKA_PUBLISH", "JDBC"])
def test_3_5_a_system_task_waits_in_the_queue_of_its_type_without_a_domain(kind: str) -> None:
    flow = Flow(op("call", kind, {"v": "${workflow.input.v}"}, startDelay=3))
    flow.start({"v": 1}, task_to_domain={"*": "blue", kind: "red"})
    made = flow.row("call").made
    assert (made.queued, made.task_type, made.domain, made.delay_ms) == (True, kind, None, 3000)
    assert flow.row("call").input["v"] == 1


def test_4_10_a_new_attempt_gets_no_domain_either() -> None:
    flow = Flow(http(taskDefinition=RETRIED))
    flow.start({"u": "x"}, task_to_domain={"*": "blue"})
    flow.begin("http")
    flow.fail("http")
    made = flow.row("http").made
    assert (made.retry_count, made.domain, made.queued) == (1, None, True)


@pytest.mark.parametrize(("given", "lease_s"), [({}, LEASE_S), ({"taskDefinition": RETRIED}, 7)])
def test_a_call_that_nobody_reports_on_times_out(given: dict[str, Any], lease_s: int) -> None:
    flow = Flow(http(**given))
    flow.start({"u": "x"})
    flow.begin("http")
    flow.clock.advance(lease_s * 1000 - 1)
    flow.fire("http")
    assert flow.row("http").status == "IN_PROGRESS"
    flow.clock.advance(1)
    flow.fire("http")
    assert "TIMED_OUT" in {row.status for row in flow.state.tasks.values()}


def test_9_4_a_call_that_the_system_worker_makes_is_not_given_out_twice() -> None:
    flow = Flow(http(taskDefinition={**RETRIED, "isolationGroupId": "slow"}))
    flow.start({"u": "x"})
    flow.begin("http")
    assert flow.send(cmd.RequeueTask, task_id=flow.task_id("http")) == []
    assert flow.row("http").made.queue == "HTTP-slow"
    assert flow.row("http").requeued is False


def test_4_5_a_call_that_others_complete_is_not_made_again_and_never_times_out() -> None:
    flow = Flow(http(asyncComplete=True))
    flow.start({"u": "x"})
    flow.begin("http")
    assert flow.row("http").input["asyncComplete"] is True
    flow.update("http", "IN_PROGRESS", {"response": 1}, callback_after_s=1)
    row = flow.row("http")
    assert (row.status, row.output, row.callback_after_s) == (
        "IN_PROGRESS",
        {"response": 1},
        HELD_S,
    )
    assert not flow.commits[-1].events[0].requeued
    flow.clock.advance(100 * 24 * 3_600_000)
    flow.fire("http")
    assert flow.row("http").status == "IN_PROGRESS"
    flow.update("http", output={"answer": 2})
    assert (flow.status, flow.row("http").output) == ("COMPLETED", {"answer": 2})


def test_3_5_others_see_it_in_progress_only_when_its_call_was_made() -> None:
    def seen() -> tuple[str, int]:
        assert flow.state is not None
        task = task_view(flow.state, flow.row("http"), flow.blueprint, now_ms=START_MS)
        return task.status, task.callback_after_seconds

    flow = Flow(http(asyncComplete=True))
    flow.start({"u": "x"})
    flow.begin("http")
    assert seen() == ("SCHEDULED", 0)
    flow.update("http", "IN_PROGRESS", {"response": 1})
    assert seen() == ("IN_PROGRESS", 0)


def test_2_5_http_takes_the_templates_of_its_task_definition() -> None:
    definition = task_def("http", inputTemplate={"method": "GET"})
    flow = Flow(http(taskDefinition=definition))
    flow.start({"u": "x"})
    assert flow.row("http").input == {"uri": "x", "method": "GET", "asyncComplete": False}


@pytest.mark.parametrize(
    ("sink", "event"),
    [("conductor", "conductor:flow:e"), ("conductor:${workflow.input.n}", "conductor:flow:mine")],
)
def test_3_6_18_a_conductor_event_ends_within_the_decision(sink: str, event: str) -> None:
    flow = Flow(op("e", "EVENT", {"k": "${workflow.input.k}"}, sink=sink))
    flow.start({"k": 1, "n": "mine"}, correlation_id="c")
    assert flow.status == "COMPLETED"
    assert flow.row("e").output == {
        "k": 1,
        "sink": sink.replace("${workflow.input.n}", "mine"),
        "asyncComplete": False,
        "workflowInstanceId": WORKFLOW,
        "workflowType": "flow",
        "workflowVersion": 1,
        "correlationId": "c",
        "taskToDomain": {},
        "event_produced": event,
    }


def test_3_6_18_an_async_event_waits_with_its_output() -> None:
    flow = Flow(op("e", "EVENT", sink="conductor", asyncComplete=True), simple("after"))
    flow.start()
    row = flow.row("e")
    assert (row.status, row.output["event_produced"]) == ("IN_PROGRESS", "conductor:flow:e")
    flow.update("e", output={"v": 5})
    assert flow.row("e").output == {"v": 5}
    assert flow.row("after").status == "SCHEDULED"


@pytest.mark.parametrize(
    ("sink", "reason"),
    [
        ("conductorx", "Invalid / Unsupported sink specified: conductorx"),
        ("${workflow.input.none}", "Invalid / Unsupported sink specified: None"),
        ("nocolon", "Illegal event nocolon"),
        ("pigeon:post", "Error loading queue:pigeon:post, error: Unknown queue type pigeon"),
    ],
)
def test_3_6_18_an_unknown_sink_fails_the_task(sink: str, reason: str) -> None:
    flow = Flow(op("e", "EVENT", sink=sink))
    flow.start()
    assert (flow.status, flow.row("e").status, flow.row("e").reason) == ("FAILED", "FAILED", reason)


def test_3_6_18_an_event_for_a_broker_is_made_here_and_sent_by_the_worker() -> None:
    definition = task_def("e", retryCount=1)
    given = {"k": "${workflow.secrets.s}"}
    flow = Flow(op("e", "EVENT", given, sink="jsm:orders", taskDefinition=definition))
    flow.start()
    first = flow.row("e")
    assert first.made.queued
    assert (first.output["event_produced"], first.output["k"]) == (
        "jsm:orders",
        "${workflow.secrets.s}",
    )
    flow.begin("e")
    flow.fail("e")
    assert flow.row("e").made.retry_count == 1
    assert flow.row("e").output == first.output


def test_3_6_15_start_workflow_mints_an_id_and_is_done_when_it_is_started() -> None:
    flow = Flow(op("s", "START_WORKFLOW", {"startWorkflow": {"name": "other"}}), simple("after"))
    flow.start()
    started = flow.row("s").child_id
    assert started is not None
    assert (ids.is_workflow_id(started), ids.born_ms(started)) == (True, START_MS)
    flow.send(cmd.ReportChildStarted, task_id=flow.task_id("s"), child_id=started)
    assert flow.row("s").status == "COMPLETED"
    assert flow.row("s").output == {"workflowId": started}
    assert flow.row("after").status == "SCHEDULED"


def test_3_6_15_each_attempt_starts_one_of_its_own() -> None:
    definition = task_def("s", retryCount=1)
    flow = Flow(op("s", "START_WORKFLOW", taskDefinition=definition))
    flow.start()
    first = flow.row("s").child_id
    refused = {"task_id": flow.task_id("s"), "child_id": first, "reason": "no such"}
    flow.send(cmd.ReportChildRefused, **refused)
    assert flow.row("s").made.retry_count == 1
    assert flow.row("s").child_id not in (None, first)


def jq(program: Any, **given: Any) -> Flow:
    flow = Flow(op("j", "JSON_JQ_TRANSFORM", {"queryExpression": program, **given}))
    flow.start()
    return flow


def test_3_6_13_jq_sees_the_whole_input_and_gives_all_results() -> None:
    flow = jq(".l[], (.queryExpression | length)", l=[1, 2])
    assert flow.row("j").output == {"result": 1, "resultList": [1, 2, 33]}
    assert flow.status == "COMPLETED"


def test_3_6_13_no_result_is_null() -> None:
    assert jq("empty").row("j").output == {"result": None, "resultList": []}


@pytest.mark.parametrize(
    ("program", "reason", "keys"),
    [
        ('error("mine")', "mine", ["error"]),
        ("${workflow.input.none}", "Missing 'queryExpression' in input parameters", []),
    ],
)
def test_3_6_13_a_fault_fails_the_task(program: str, reason: str, keys: list[str]) -> None:
    flow = jq(program)
    row = flow.row("j")
    assert (flow.status, row.status, row.reason) == ("FAILED", "FAILED", reason)
    assert list(row.output) == keys


@pytest.mark.parametrize("kind", ai_task.TYPES)
def test_3_6_23_an_ai_task_fails_for_good_and_says_why(kind: str) -> None:
    flow = Flow(op("a", kind, taskDefinition=task_def("a", retryCount=3)))
    flow.start()
    row = flow.row("a")
    assert (flow.status, row.status) == ("FAILED", "FAILED_WITH_TERMINAL_ERROR")
    assert row.reason == f"Task type {kind} is not enabled in this server"
