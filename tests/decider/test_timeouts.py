"""Timeouts by kind and policy (spec 4.3), of tasks of every sort, alone and in structures."""

from typing import Any

import pytest

from firmus_contracts import commands as cmd
from firmus_contracts.statuses import WorkflowStatus
from tests.flow import Flow, op, simple, task_def

AGAIN = ["task.timed_out a", "task.scheduled a"]
NOTHING: list[str] = []
ENDED = ["task.timed_out a", "workflow.timed_out"]
FIELDS = {
    "task": {"timeoutSeconds": 10, "responseTimeoutSeconds": 10},
    "poll": {"pollTimeoutSeconds": 10},
    "total": {"totalTimeoutSeconds": 10, "responseTimeoutSeconds": 5},
    "response": {"responseTimeoutSeconds": 10},
}


def running(kind: str, policy: str, **more: Any) -> Flow:
    """A task with one retry, ten seconds of that kind, begun unless it is the poll that counts."""
    fields = {**FIELDS[kind], "retryCount": 1, "timeoutPolicy": policy}
    flow = Flow(simple("a", task_def=task_def("a", **fields), **more), simple("b"))
    flow.start()
    if kind != "poll":
        flow.begin("a")
    return flow


@pytest.mark.parametrize(
    ("kind", "policy", "first", "second"),
    [
        ("task", "RETRY", AGAIN, ENDED),
        ("task", "TIME_OUT_WF", ENDED, None),
        ("task", "ALERT_ONLY", AGAIN, ENDED),  # by the response timeout, which knows no policy
        ("poll", "RETRY", AGAIN, ENDED),
        ("poll", "TIME_OUT_WF", ENDED, None),
        ("poll", "ALERT_ONLY", NOTHING, None),
        ("response", "RETRY", AGAIN, ENDED),
        ("response", "TIME_OUT_WF", AGAIN, ENDED),
        ("response", "ALERT_ONLY", AGAIN, ENDED),
    ],
)
def test_4_3_what_each_policy_makes_of_each_timeout(
    kind: str, policy: str, first: list[str], second: list[str] | None
) -> None:
    flow = running(kind, policy)
    flow.clock.advance(9_999)
    assert flow.fire("a") == []
    flow.clock.advance(1)
    assert flow.fire("a") == first
    if second is not None:
        if kind != "poll":
            flow.begin("a")
        flow.clock.advance(10_000)
        assert flow.fire("a") == second


@pytest.mark.parametrize("kind", ["task", "poll", "response"])
@pytest.mark.parametrize("policy", ["RETRY", "TIME_OUT_WF"])
def test_4_3_an_optional_task_is_forgiven_its_timeouts_but_not_time_out_wf(
    kind: str, policy: str
) -> None:
    flow = running(kind, policy, optional=True)
    for _ in range(2):
        if flow.status == "RUNNING" and kind != "poll" and flow.row("a").status == "SCHEDULED":
            flow.begin("a")
        flow.clock.advance(10_000)
        flow.fire("a")
    ends = policy == "TIME_OUT_WF" and kind != "response"
    expected = ("TIMED_OUT", "TIMED_OUT") if ends else ("COMPLETED_WITH_ERRORS", "RUNNING")
    assert (flow.row("a").status, flow.status) == expected


@pytest.mark.parametrize(
    ("policy", "happened"),
    [("RETRY", ENDED), ("TIME_OUT_WF", ENDED), ("ALERT_ONLY", NOTHING)],
)
def test_4_3_the_total_timeout_spans_attempts_and_delays_and_is_never_retried(
    policy: str, happened: list[str]
) -> None:
    fields = {
        "totalTimeoutSeconds": 10,
        "retryCount": 5,
        "retryDelaySeconds": 4,
        "responseTimeoutSeconds": 9,
    }
    flow = Flow(simple("a", task_def=task_def("a", **fields, timeoutPolicy=policy)))
    flow.start()
    flow.begin("a")
    flow.clock.advance(3_000)
    flow.fail("a")
    flow.clock.advance(4_000)
    flow.begin("a")
    flow.clock.advance(2_999)
    assert flow.fire("a") == []
    flow.clock.advance(1)
    assert flow.fire("a") == happened


def test_4_1_4_3_the_reasons_are_those_that_clients_know() -> None:
    expected = {
        "task": "Task timed out after 10 seconds. Timeout configured as 10 seconds. "
        "Timeout policy configured to RETRY",
        "poll": "Task poll timed out after 10 seconds. Poll timeout configured as 10 seconds. "
        "Timeout policy configured to RETRY",
    }
    for kind, reason in expected.items():
        flow = running(kind, "RETRY")
        flow.clock.advance(10_000)
        flow.fire("a")
        assert flow.row("a").reason == reason, kind
    flow = running("response", "RETRY")
    task_id = flow.task_id("a")
    flow.clock.advance(10_000)
    flow.fire("a")
    reason = f"responseTimeout: 10 exceeded for the taskId: {task_id} with Task Definition: a"
    assert flow.row("a").reason == reason


def test_4_3_the_task_timeout_runs_on_through_callbacks_and_counts_from_the_first_poll() -> None:
    fields = {"timeoutSeconds": 10, "responseTimeoutSeconds": 4, "timeoutPolicy": "TIME_OUT_WF"}
    flow = Flow(simple("a", task_def=task_def("a", **fields)))
    flow.start()
    flow.clock.advance(50_000)
    flow.begin("a")
    for _ in range(3):
        flow.clock.advance(3_000)
        flow.update("a", "IN_PROGRESS", callback_after_s=1)
        flow.begin("a")
    flow.clock.advance(999)
    assert flow.fire("a") == []
    flow.clock.advance(1)
    assert flow.fire("a") == ENDED


@pytest.mark.parametrize("callback_s", [0, 30])
def test_4_3_9_3_waiting_for_a_callback_no_response_is_due(callback_s: int) -> None:
    flow = running("response", "RETRY")
    flow.update("a", "IN_PROGRESS", callback_after_s=callback_s)
    flow.clock.advance(600_000)
    assert flow.fire("a") == []
    assert flow.row("a").status == "SCHEDULED"


def test_4_3_timeouts_of_tasks_wait_while_the_workflow_is_paused_and_fire_once_it_goes_on() -> None:
    flow = running("response", "RETRY")
    flow.send(cmd.PauseWorkflow)
    flow.clock.advance(60_000)
    assert flow.fire("a") == []
    flow.send(cmd.ResumeWorkflow)
    assert flow.fire("a") == AGAIN


@pytest.mark.parametrize("kind", ["HUMAN", "WAIT"])
@pytest.mark.parametrize(("policy", "ends"), [("TIME_OUT_WF", True), ("RETRY", False)])
def test_4_3_human_and_wait_tasks_time_out_and_have_no_response_timeout(
    kind: str, policy: str, ends: bool
) -> None:
    fields = {
        "timeoutSeconds": 10,
        "responseTimeoutSeconds": 5,
        "retryCount": 1,
        "timeoutPolicy": policy,
    }
    flow = Flow(op("a", kind, taskDefinition=task_def("a", **fields)))
    flow.start()
    flow.clock.advance(9_999)
    assert flow.fire("a") == []
    flow.clock.advance(1)
    assert flow.fire("a") == (ENDED if ends else AGAIN)


def test_4_3_the_workflow_timeout_fires_for_a_workflow_that_only_waits_for_a_person() -> None:
    """Conductor stops looking at such a workflow (spec 11.2.6), which nobody can want."""
    flow = Flow(op("a", "HUMAN"), timeoutSeconds=60, timeoutPolicy="TIME_OUT_WF")
    flow.start()
    flow.clock.advance(60_000)
    assert flow.fire() == ["task.canceled a", "workflow.timed_out"]


def test_4_3_a_workflow_timeout_that_only_alerts_ends_nothing() -> None:
    flow = Flow(simple("a"), timeoutSeconds=60, timeoutPolicy="ALERT_ONLY")
    flow.start()
    flow.clock.advance(600_000)
    assert flow.fire() == []


def test_4_3_a_timer_that_fires_late_early_twice_or_for_a_past_attempt_changes_nothing() -> None:
    flow = running("response", "RETRY")
    past = flow.task_id("a")
    flow.clock.advance(10_000)
    flow.fire("a")
    assert flow.send(cmd.FireTimer, task_id=past) == []
    assert flow.fire("a") == []
    assert flow.fire() == []


def test_4_3_a_branch_that_times_out_ends_the_others_under_time_out_wf() -> None:
    fields = {"timeoutSeconds": 10, "responseTimeoutSeconds": 10, "timeoutPolicy": "TIME_OUT_WF"}
    branches = [[simple("a", task_def=task_def("a", **fields))], [simple("b")]]
    flow = Flow(
        op("f", "FORK_JOIN", forkTasks=branches), op("j", "JOIN", joinOn=["a", "b"]), simple("z")
    )
    flow.start()
    flow.begin("a")
    flow.clock.advance(10_000)
    flow.fire("a")
    assert flow.status == "TIMED_OUT"
    assert flow.rows()[1:] == ["a TIMED_OUT", "b CANCELED", "j CANCELED"]


def test_4_3_a_task_in_a_loop_times_out_and_is_retried_within_its_pass() -> None:
    fields = {"responseTimeoutSeconds": 10, "retryCount": 1}
    body = [simple("a", task_def=task_def("a", **fields))]
    flow = Flow(op("l", "DO_WHILE", loopCondition="$.l['iteration'] < 2", loopOver=body))
    flow.start()
    flow.begin("a__1")
    flow.clock.advance(10_000)
    assert flow.fire("a__1") == ["task.timed_out a__1", "task.scheduled a__1"]
    assert (flow.row("a__1").iteration, flow.row("a__1").made.retry_count) == (1, 1)


def sub_workflow(**fields: Any) -> Flow:
    return Flow(
        op("a", "SUB_WORKFLOW", subWorkflowParam={"name": "child", "version": 1}, **fields),
        simple("after"),
    )


def child_timed_out(flow: Flow) -> list[str]:
    row = flow.row("a")
    return flow.send(
        cmd.ReportChildEnded,
        task_id=flow.task_id("a"),
        child_id=row.child_id,
        status=WorkflowStatus.TIMED_OUT,
        reason="Workflow timed out after 9 seconds.",
    )


@pytest.mark.parametrize(
    ("fields", "statuses", "workflow"),
    [
        ({}, ["a TIMED_OUT"], "TIMED_OUT"),
        ({"retryCount": 1}, ["a TIMED_OUT", "a SCHEDULED"], "RUNNING"),
        ({"optional": True}, ["a COMPLETED_WITH_ERRORS", "after SCHEDULED"], "RUNNING"),
        ({"permissive": True}, ["a TIMED_OUT", "after SCHEDULED"], "RUNNING"),
    ],
)
def test_4_3_3_6_14_a_child_that_timed_out_times_its_task_out(
    fields: dict[str, Any], statuses: list[str], workflow: str
) -> None:
    flow = sub_workflow(**fields)
    flow.start()
    child_timed_out(flow)
    assert (flow.rows(), flow.status) == (statuses, workflow)


@pytest.mark.parametrize(("policy", "ends"), [("TIME_OUT_WF", True), ("RETRY", False)])
def test_4_3_a_sub_workflow_task_has_a_timeout_of_its_own(policy: str, ends: bool) -> None:
    fields = {
        "timeoutSeconds": 10,
        "responseTimeoutSeconds": 5,
        "retryCount": 1,
        "timeoutPolicy": policy,
    }
    flow = sub_workflow(taskDefinition=task_def("a", **fields))
    flow.start()
    before = flow.row("a").child_id
    flow.send(cmd.ReportChildStarted, task_id=flow.task_id("a"), child_id=before)
    flow.clock.advance(10_000)
    assert flow.fire("a") == (ENDED if ends else AGAIN)
    assert (flow.row("a").child_id == before) is ends
