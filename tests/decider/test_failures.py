"""Retries, forgiveness and failure workflows (spec 4.1, 4.2, 4.4, 4.6, 4.7, 4.8): what
`test_retries.py` and `test_lifecycle.py` do not show.
"""

from typing import Any

import pytest

from firmus.scheduler.failure_input import failure_input
from firmus.workflow import retries
from firmus_contracts import commands as cmd
from firmus_contracts import events as ev
from firmus_contracts.definitions import TaskDef, WorkflowTask
from firmus_contracts.statuses import TaskStatus
from tests.flow import Flow, simple, task_def


def test_4_2_the_new_attempt_shows_why_the_last_one_failed_and_keeps_the_first_time() -> None:
    flow = Flow(simple("a", task_def=task_def("a", retryCount=1, retryDelaySeconds=7)))
    flow.start()
    first = flow.row("a")
    flow.begin("a")
    flow.clock.advance(1_000)
    flow.fail("a", "the first reason", output={"x": 1})
    row = flow.row("a")
    assert (row.reason, row.output, row.worker_id, row.poll_count, row.start_ms) == (
        *("the first reason", {}, None, 0),
        0,
    )
    assert row.first_scheduled_ms == first.scheduled_ms
    assert (row.made.callback_after_s, row.made.start_delay_s, row.due_ms) == (
        *(7, 7),
        flow.clock.now_ms() + 7_000,
    )


def test_4_2_jitter_comes_after_the_cap_and_is_recorded_where_it_was_drawn() -> None:
    """Deciding again about the same failure, or replaying it, gives the same delay."""
    fields = {
        "retryCount": 40,
        "retryDelaySeconds": 30,
        "maxRetryDelaySeconds": 2,
        "backoffJitterMs": 500,
    }
    drawn = []
    for _ in range(2):
        flow = Flow(simple("a", task_def=task_def("a", **fields)))
        flow.start()
        for _ in range(40):
            flow.fail("a")
        rows = flow.state.rows() if flow.state else []
        drawn.append([row.made.delay_ms for row in rows][1:])
        assert {row.made.start_delay_s for row in rows if row.made.retry_count} == {2}
    assert drawn[0] == drawn[1]
    assert all(2_000 <= delay <= 2_500 for delay in drawn[0])
    assert len(set(drawn[0])) > 10


@pytest.mark.parametrize("status", ["FAILED", "FAILED_WITH_TERMINAL_ERROR", "CANCELED"])
@pytest.mark.parametrize(("optional", "permissive"), [(True, False), (False, True), (True, True)])
def test_4_4_4_6_optional_and_permissive_cover_terminal_errors_and_cancellations_too(
    status: str, optional: bool, permissive: bool
) -> None:
    flow = Flow(simple("a", optional=optional, permissive=permissive), simple("b"))
    flow.start()
    flow.update("a", status)
    flow.update("b")
    row = "COMPLETED_WITH_ERRORS" if optional else status
    ends = "COMPLETED" if optional else "FAILED"
    assert (flow.row("a").status, flow.status) == (row, ends)


def test_4_4_retries_come_before_forgiveness() -> None:
    for forgiving in ({"optional": True}, {"permissive": True}):
        flow = Flow(simple("a", task_def=task_def("a", retryCount=1), **forgiving))
        flow.start()
        assert flow.fail("a") == ["task.failed a", "task.scheduled a"]


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (lambda flow: flow.fail("a"), "FAILED"),
        (lambda flow: flow.update("a", "FAILED_WITH_TERMINAL_ERROR"), "FAILED"),
        (lambda flow: flow.update("a", "CANCELED"), "TERMINATED"),
        (lambda flow: (flow.clock.advance(60_000), flow.fire()), "TIMED_OUT"),
    ],
)
def test_4_7_every_end_through_the_failure_path_starts_the_failure_workflow(
    end: Any, status: str
) -> None:
    limits = {"timeoutSeconds": 60, "timeoutPolicy": "TIME_OUT_WF"}
    flow = Flow(simple("a"), failureWorkflow="sorry", **limits)
    flow.known_definitions.add("sorry")
    flow.start()
    end(flow)
    assert flow.status == status
    assert flow.state is not None
    assert flow.state.failure_workflow is not None
    started = flow.state.failure_workflow.workflow_id
    assert flow.output["conductor.failure_workflow"] == started


@pytest.mark.parametrize("by_parent", [False, True])
def test_4_7_the_api_and_a_parent_start_no_failure_workflow(by_parent: bool) -> None:
    flow = Flow(simple("a"), failureWorkflow="sorry")
    flow.known_definitions.add("sorry")
    flow.start()
    flow.send(cmd.TerminateWorkflow, by_parent=by_parent)
    assert flow.state is not None
    assert (flow.status, flow.state.failure_workflow) == ("TERMINATED", None)


@pytest.mark.parametrize(
    ("override", "registered", "limit"),
    [(None, 3, 3), (0, 3, 0), (5, 0, 5), (None, None, 0), (5, None, 0)],
)
def test_4_1_whose_retry_count_counts(
    override: int | None, registered: int | None, limit: int
) -> None:
    """The workflow task's; without any definition there are no retries at all."""
    task = WorkflowTask(name="a", task_reference_name="a", retry_count=override)
    found = None if registered is None else TaskDef(name="a", retry_count=registered)
    assert retries.retries_max(task, found) == limit


@pytest.mark.parametrize(
    ("status", "task_type", "retry_count", "again"),
    [
        ("FAILED", "SIMPLE", 0, True),
        ("FAILED", "SIMPLE", 1, True),
        ("FAILED", "SIMPLE", 2, False),
        ("TIMED_OUT", "SIMPLE", 0, True),
        ("CANCELED", "SIMPLE", 0, False),
        ("FAILED_WITH_TERMINAL_ERROR", "SIMPLE", 0, False),
        ("FAILED", "HTTP", 0, True),
        ("FAILED", "SUB_WORKFLOW", 0, True),
        ("FAILED", "INLINE", 0, True),
        *(("FAILED", built_in, 0, False) for built_in in sorted(retries.NEVER_RETRIED)),
    ],
)
def test_4_1_what_may_be_retried(
    status: str, task_type: str, retry_count: int, again: bool
) -> None:
    assert retries.may_retry(TaskStatus(status), task_type, retry_count, 2) is again


@pytest.mark.parametrize(
    ("logic", "base", "factor", "k", "delay"),
    [
        ("LINEAR_BACKOFF", 2**30, 2**20, 5, 2**31 - 1),
        ("LINEAR_BACKOFF", 7, 1, 0, 7),
        ("LINEAR_BACKOFF", 0, 5, 9, 0),
        ("EXPONENTIAL_BACKOFF", 2**31 - 1, 1, 1, 2**31 - 1),
        ("EXPONENTIAL_BACKOFF", 3, 9, 4, 48),
        ("FIXED", 2**31 - 1, 9, 9, 2**31 - 1),
    ],
)
def test_4_2_delays_at_their_limits(logic: Any, base: int, factor: int, k: int, delay: int) -> None:
    given = TaskDef(
        name="a", retry_logic=logic, retry_delay_seconds=base, backoff_scale_factor=factor
    )
    assert retries.delay_s(given, k) == delay


@pytest.mark.parametrize(("how", "workflow"), [("FAILED", "FAILED"), ("timed out", "TIMED_OUT")])
@pytest.mark.parametrize("forgiving", [{}, {"optional": True}, {"permissive": True}])
def test_4_1_past_the_total_timeout_the_workflow_ends_as_the_attempt_did(
    how: str, workflow: str, forgiving: dict[str, bool]
) -> None:
    """Optional and permissive are not asked (4.1, step 3)."""
    fields = {
        "retryCount": 5,
        "totalTimeoutSeconds": 10,
        "responseTimeoutSeconds": 10,
        "timeoutPolicy": "ALERT_ONLY",
    }
    flow = Flow(simple("a", task_def=task_def("a", **fields), **forgiving), simple("b"))
    flow.start()
    flow.begin("a")
    task_id = flow.task_id("a")
    flow.clock.advance(10_000)
    if how == "FAILED":
        flow.fail("a")
    else:
        flow.fire("a")
    assert flow.status == workflow
    assert flow.state is not None
    assert flow.state.reason == (
        f"Task {task_id}/a exceeded total timeout of 10 seconds (elapsed 10 seconds across all "
        "attempts). No further retries will be attempted."
    )


def test_4_7_what_a_failure_workflow_is_told() -> None:
    """The failed one's input, who failed and why, and the whole execution as REST shows it."""
    flow = Flow(simple("a"), simple("b"), failureWorkflow="sorry")
    flow.known_definitions.add("sorry")
    flow.start({"order": 7, "reason": "the input's own, overwritten"})
    flow.fail("a", "no stock")
    assert flow.state is not None
    given = failure_input(flow.state, flow.blueprint, now_ms=flow.clock.now_ms())
    assert set(given) == {
        *("order", "reason", "workflowId", "failureStatus", "failureTaskId"),
        "failedWorkflow",
    }
    assert (given["order"], given["workflowId"]) == (7, flow.workflow_id)
    assert (given["failureStatus"], given["failureTaskId"]) == ("FAILED", flow.task_id("a"))
    assert "no stock" in given["reason"]
    failed = given["failedWorkflow"]
    assert (failed["status"], failed["workflowId"]) == ("FAILED", flow.workflow_id)
    assert [(task["referenceTaskName"], task["status"]) for task in failed["tasks"]] == [
        ("a", "FAILED")
    ]


def test_4_7_without_a_task_to_blame_none_is_named() -> None:
    limits = {"timeoutSeconds": 60, "timeoutPolicy": "TIME_OUT_WF"}
    flow = Flow(simple("a"), failureWorkflow="sorry", **limits)
    flow.known_definitions.add("sorry")
    flow.start()
    flow.clock.advance(60_000)
    flow.fire()
    assert flow.state is not None
    given = failure_input(flow.state, flow.blueprint, now_ms=flow.clock.now_ms())
    assert given["failureStatus"] == "TIMED_OUT"
    assert "failureTaskId" not in given


def test_4_8_a_worker_may_report_to_any_server_after_a_restart_of_all() -> None:
    """The state is folded anew from the log; the report finds its task as it was."""
    flow = Flow(simple("a"), simple("b"))
    flow.start()
    flow.begin("a")
    flow.state = flow.replayed()
    assert flow.update("a", output={"x": 1})[:1] == ["task.completed a"]
    assert isinstance(flow.commits[-1].events[0], ev.TaskCompleted)
