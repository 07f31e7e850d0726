"""Begin, update, lease, late and repeated reports (spec 4.5, 9.2, 9.3)."""

import pytest

from firmus_contracts import commands as cmd
from firmus_contracts import events as ev
from tests.flow import WORKFLOW, Flow, simple, task_def


def begun() -> Flow:
    flow = Flow(simple("a"), simple("b"))
    flow.start()
    flow.begin("a")
    return flow


def test_9_2_a_begun_task_is_in_progress_with_its_worker_and_poll_count() -> None:
    row = begun().row("a")

    assert (row.status, row.worker_id, row.poll_count) == ("IN_PROGRESS", "w", 1)
    assert row.start_ms > 0


def test_9_2_a_task_is_handed_out_once() -> None:
    flow = begun()

    assert flow.begin("a") == []
    assert flow.rejected is not None
    assert flow.rejected.code == "CONFLICT"


def test_4_5_in_progress_puts_the_task_back_in_its_queue_after_the_callback() -> None:
    flow = begun()

    assert flow.update("a", "IN_PROGRESS", {"half": 1}, callback_after_s=30) == ["task.updated a"]
    row = flow.row("a")
    assert (row.status, row.output, row.callback_after_s) == ("SCHEDULED", {"half": 1}, 30)
    assert row.due_ms == flow.clock.now_ms() + 30_000
    flow.begin("a")
    assert (flow.row("a").poll_count, flow.row("a").callback_after_s) == (2, 0)


def test_4_5_output_is_replaced_as_a_whole() -> None:
    flow = begun()
    flow.update("a", "IN_PROGRESS", {"x": 1})
    flow.update("a", output={"y": 2})

    assert flow.row("a").output == {"y": 2}


def test_4_5_extend_lease_only_touches_the_time() -> None:
    flow = begun()
    before = flow.row("a")
    flow.clock.advance(5_000)

    assert flow.update("a", "COMPLETED", {"x": 1}, extend_lease=True) == ["task.lease_extended a"]
    after = flow.row("a")
    assert (after.status, after.output) == (before.status, before.output)
    assert after.updated_ms == before.updated_ms + 5_000


def test_4_5_a_task_that_was_never_polled_may_be_completed() -> None:
    flow = Flow(simple("a"))
    flow.start()
    flow.update("a")

    assert flow.status == "COMPLETED"


@pytest.mark.parametrize("status", ["COMPLETED", "FAILED", "IN_PROGRESS", "CANCELED"])
def test_4_5_a_late_report_changes_nothing_and_is_noted(status: str) -> None:
    flow = begun()
    flow.update("a", output={"v": 1})
    before = flow.state

    assert flow.update("a", status, {"v": 2}) == []
    assert flow.state == before
    assert flow.ignored == "task a is COMPLETED"


def test_4_5_a_report_to_an_ended_workflow_is_ignored() -> None:
    flow = begun()
    flow.send(cmd.TerminateWorkflow, reason="enough")

    assert flow.update("a") == []
    assert flow.ignored == "task a is CANCELED"


def test_the_same_command_again_changes_nothing_and_is_answered_alike() -> None:
    flow = begun()
    again = cmd.UpdateTask(command_id="same", workflow_id=WORKFLOW, task_id=flow.task_id("a"))
    assert flow.submit(again)[0] == "task.completed a"

    assert flow.submit(again) == []
    assert flow.rejected is None


def test_a_repeated_start_changes_nothing() -> None:
    flow = begun()

    assert flow.start({"other": 1}) == []
    assert flow.rejected is None


def test_an_unknown_workflow_and_an_unknown_task_are_refused() -> None:
    nothing = Flow(simple("a"))
    unknown = nothing.send(cmd.PauseWorkflow)
    assert unknown == []
    assert nothing.rejected is not None
    assert nothing.rejected.code == "NOT_FOUND"

    flow = begun()
    flow.send(cmd.UpdateTask, task_id=WORKFLOW[:-6] + "0000ff")
    assert flow.rejected is not None
    assert flow.rejected.code == "NOT_FOUND"


def test_a_reason_is_cut_at_500_characters() -> None:
    flow = begun()
    flow.fail("a", "x" * 900)

    assert flow.row("a").reason == "x" * 500


def requeue(flow: Flow, ref: str = "a") -> list[str]:
    return flow.send(cmd.RequeueTask, task_id=flow.task_id(ref))


def test_9_4_a_begun_task_is_offered_once_more_and_all_else_of_it_stays() -> None:
    flow = begun()
    before = flow.row("a")
    flow.clock.advance(1_000)

    assert requeue(flow) == ["task.requeued a"]
    row = flow.row("a")
    assert (row.status, row.worker_id, row.updated_ms) == ("IN_PROGRESS", "w", before.updated_ms)
    assert requeue(flow) == []
    assert flow.begin("a", worker="other") == ["task.in_progress a"]
    row = flow.row("a")
    assert (row.worker_id, row.poll_count, row.start_ms) == ("other", 2, before.start_ms)
    assert flow.begin("a") == []


def test_9_4_the_first_report_of_a_requeued_task_counts_whoever_sends_it() -> None:
    flow = begun()
    requeue(flow)

    assert flow.update("a", output={"by": "the first worker"})[0] == "task.completed a"
    assert flow.begin("a") == []


def test_9_4_progress_of_a_requeued_task_puts_it_back_once() -> None:
    flow = begun()
    requeue(flow)
    flow.update("a", "IN_PROGRESS", callback_after_s=30)

    assert flow.row("a").requeued is False
    assert flow.begin("a") == ["task.in_progress a"]
    assert flow.begin("a") == []


def test_9_4_a_waiting_task_is_left_where_it_is_and_an_ended_one_refused() -> None:
    flow = Flow(simple("a"))
    flow.start()

    assert requeue(flow) == []
    assert flow.rejected is None
    flow.update("a")
    requeue(flow)
    assert flow.rejected is not None
    assert flow.rejected.code == "CONFLICT"


def test_9_4_4_3_the_response_timeout_of_a_requeued_task_runs_on() -> None:
    flow = Flow(simple("a", task_def=task_def("a", responseTimeoutSeconds=10, retryCount=1)))
    flow.start()
    flow.begin("a")
    requeue(flow)
    flow.clock.advance(10_000)

    flow.fire("a")
    assert flow.rows() == ["a TIMED_OUT", "a SCHEDULED"]


def test_4_5_a_report_brings_ten_log_lines_at_most() -> None:
    flow = begun()
    lines = tuple((f"line {number}", number) for number in range(15))
    flow.update("a", "IN_PROGRESS", logs=lines)

    (logged,) = [e for e in flow.commits[-1].events if isinstance(e, ev.TaskLogged)]
    assert logged.lines == lines[:10]
