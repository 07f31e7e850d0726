"""Automatic retries (spec 4.1, 4.2), optional and permissive tasks (4.4), terminal errors (4.6)."""

import pytest

from firmus.workflow import retries
from firmus_contracts.definitions import TaskDef
from tests.flow import Flow, op, simple, task_def


@pytest.mark.parametrize(
    ("fields", "delays"),
    [
        ({"retryDelaySeconds": 40, "backoffScaleFactor": 3}, [40, 40, 40]),
        (
            {"retryLogic": "LINEAR_BACKOFF", "retryDelaySeconds": 20, "backoffScaleFactor": 3},
            [60, 120, 180],
        ),
        (
            {"retryLogic": "EXPONENTIAL_BACKOFF", "retryDelaySeconds": 20, "backoffScaleFactor": 3},
            [20, 40, 80],
        ),
        ({"retryDelaySeconds": 30, "maxRetryDelaySeconds": 25}, [25, 25, 25]),
        (
            {
                "retryLogic": "EXPONENTIAL_BACKOFF",
                "retryDelaySeconds": 30,
                "maxRetryDelaySeconds": 50,
            },
            [30, 50, 50],
        ),
        ({"retryDelaySeconds": -5}, [0, 0, 0]),
    ],
)
def test_4_2_delay_before_each_retry(fields: dict[str, object], delays: list[int]) -> None:
    names = {
        "retryDelaySeconds": "retry_delay_seconds",
        "backoffScaleFactor": "backoff_scale_factor",
        "retryLogic": "retry_logic",
        "maxRetryDelaySeconds": "max_retry_delay_seconds",
    }
    given = TaskDef(name="t", **{names[key]: value for key, value in fields.items()})

    assert [retries.delay_s(given, k) for k in range(3)] == delays


def test_4_2_an_exponential_delay_never_overflows() -> None:
    given = TaskDef(name="t", retry_logic="EXPONENTIAL_BACKOFF", retry_delay_seconds=60)

    assert retries.delay_s(given, 500) == 2**31 - 1


def test_4_1_a_retry_is_a_new_row_and_the_old_one_is_marked() -> None:
    flow = Flow(simple("a", task_def=task_def("a", retryCount=1, retryDelaySeconds=4)))
    flow.start()
    flow.begin("a")

    assert flow.fail("a", output={"part": 1}) == ["task.failed a", "task.scheduled a"]
    assert flow.rows() == ["a FAILED", "a SCHEDULED"]
    assert flow.state is not None
    old = flow.state.tasks[1]
    new = flow.row("a")
    assert old.retried
    assert (new.made.retried, new.made.retry_count, new.reason) == (1, 1, "broke")
    assert (new.made.delay_ms, new.made.start_delay_s, new.output) == (4000, 4, {})


def test_4_1_retry_count_counts_retries_and_then_the_workflow_fails() -> None:
    flow = Flow(simple("a", task_def=task_def("a", retryCount=1)))
    flow.start()
    flow.fail("a")

    assert flow.fail("a") == ["task.failed a", "workflow.failed"]


def test_4_1_the_workflow_tasks_own_count_wins() -> None:
    up = Flow(simple("a", task_def=task_def("a", retryCount=0), retryCount=1))
    up.start()
    down = Flow(simple("a", task_def=task_def("a", retryCount=3), retryCount=0))
    down.start()

    assert up.fail("a") == ["task.failed a", "task.scheduled a"]
    assert down.fail("a") == ["task.failed a", "workflow.failed"]


def test_4_6_a_terminal_error_is_never_retried() -> None:
    flow = Flow(simple("a", task_def=task_def("a", retryCount=3)))
    flow.start()

    assert flow.update("a", "FAILED_WITH_TERMINAL_ERROR")[-1] == "workflow.failed"
    assert flow.rows() == ["a FAILED_WITH_TERMINAL_ERROR"]


def test_3_4_a_cancelled_task_terminates_the_workflow() -> None:
    flow = Flow(simple("a", task_def=task_def("a", retryCount=3)))
    flow.start()
    flow.update("a", "CANCELED", reason="not needed")

    assert flow.status == "TERMINATED"


def test_2_5_a_retry_lays_the_fresh_input_over_the_old() -> None:
    flow = Flow(
        op("v", "SET_VARIABLE", {"n": 1}),
        simple(
            "a",
            task_def=task_def("a", retryCount=1),
            inputParameters={"n": "${workflow.variables.n}", "me": "${a.retryCount}"},
        ),
    )
    flow.start()
    flow.fail("a")

    assert flow.row("a").input == {"n": 1, "me": 0}


def test_4_1_past_the_total_timeout_the_workflow_ends_even_for_an_optional_task() -> None:
    total = task_def("a", retryCount=5, totalTimeoutSeconds=10, responseTimeoutSeconds=5)
    flow = Flow(simple("a", task_def=total, optional=True))
    flow.start()
    flow.clock.advance(10_000)

    assert flow.fail("a") == ["task.failed a", "workflow.failed"]


def test_4_4_an_optional_failure_is_marked_and_the_workflow_goes_on() -> None:
    flow = Flow(simple("a", optional=True), simple("b"))
    flow.start()

    assert flow.fail("a")[:3] == [
        "task.failed a",
        "task.completed_with_errors a",
        "task.scheduled b",
    ]
    flow.update("b")
    assert (flow.status, flow.rows()) == ("COMPLETED", ["a COMPLETED_WITH_ERRORS", "b COMPLETED"])


def test_4_4_a_permissive_failure_fails_the_workflow_at_its_end() -> None:
    flow = Flow(simple("a", permissive=True), simple("b"))
    flow.start()
    flow.fail("a")
    assert flow.status == "RUNNING"
    flow.update("b")

    assert (flow.status, flow.rows()) == ("FAILED", ["a FAILED", "b COMPLETED"])


def test_4_4_optional_and_permissive_is_like_optional() -> None:
    flow = Flow(simple("a", permissive=True, optional=True), simple("b"))
    flow.start()
    flow.fail("a")
    flow.update("b")

    assert (flow.status, flow.rows()[0]) == ("COMPLETED", "a COMPLETED_WITH_ERRORS")


def test_4_4_a_permissive_task_that_succeeds_on_retry_does_not_fail_the_workflow() -> None:
    flow = Flow(simple("a", task_def=task_def("a", retryCount=1), permissive=True))
    flow.start()
    flow.fail("a")
    flow.update("a")

    assert flow.status == "COMPLETED"


def test_a_failure_without_a_reason_says_null_as_conductor_does() -> None:
    flow = Flow(simple("t"))
    flow.start()
    flow.update("t", "FAILED")
    assert flow.state is not None
    assert flow.state.reason == (
        f"Task {flow.task_id('t')} failed with status: FAILED and reason: 'null'"
    )
