"""Restart, retry and rerun of single workflows (spec 5.3-5.5), resetting callbacks (5.11)."""

from typing import Any

import pytest

from firmus.workflow.blueprint import Blueprint
from firmus_contracts import commands as cmd
from firmus_contracts import events as ev
from tests.flow import Flow, definition, op, simple, task_def


def fork(ref: str, *branches: list[dict[str, Any]], on: list[str]) -> list[dict[str, Any]]:
    return [
        op(ref, "FORK_JOIN", forkTasks=list(branches)),
        op(f"{ref}_join", "JOIN", joinOn=on),
    ]


def do(flow: Flow, *refs: str) -> None:
    for ref in refs:
        flow.update(ref, output={"by": ref})


def restart(flow: Flow, **fields: Any) -> list[str]:
    return flow.send(cmd.RestartWorkflow, **fields)


def retry(flow: Flow, **fields: Any) -> list[str]:
    return flow.send(cmd.RetryWorkflow, **fields)


def rerun(flow: Flow, ref: str | None = None, **fields: Any) -> list[str]:
    path = () if ref is None else (flow.task_id(ref),)
    return flow.send(cmd.RerunWorkflow, path=path, **fields)


def refused(flow: Flow) -> tuple[str, str]:
    assert flow.rejected is not None
    return flow.rejected.code, flow.rejected.message


def test_5_3_restart_begins_anew_with_the_same_input_and_new_ids() -> None:
    flow = Flow(simple("a"), simple("b"))
    flow.start({"x": 1}, correlation_id="order-1")
    first = flow.task_id("a")
    do(flow, "a")
    flow.fail("b")
    flow.clock.advance(1000)

    assert restart(flow, reason="once more", actor="kim") == [
        "workflow.restarted",
        "task.scheduled a",
    ]

    state = flow.state
    assert state is not None
    assert flow.rows() == ["a SCHEDULED"]
    assert (state.input, state.correlation_id, state.output) == ({"x": 1}, "order-1", {})
    assert (state.reason, state.ended_ms, state.created_ms) == (None, 0, flow.clock.now_ms())
    assert (state.failed_refs, state.updated_by) == (("b",), "kim")
    assert flow.row("a").made.seq == 1
    assert flow.task_id("a") != first
    do(flow, "a", "b")
    assert flow.status == "COMPLETED"
    assert state.failed_refs == ("b",)


def test_5_3_variables_stay_as_they_were_after_a_restart() -> None:
    flow = Flow(op("v", "SET_VARIABLE", {"n": 7}), simple("a"), variables={"n": 1})
    flow.start()
    do(flow, "a")
    restart(flow)
    assert flow.state is not None
    assert flow.state.variables == {"n": 7}


def test_5_3_restart_with_another_definition_runs_that_one() -> None:
    flow = Flow(simple("a"))
    flow.start()
    do(flow, "a")
    newer = definition(simple("b"), version=2, timeoutSeconds=5, timeoutPolicy="TIME_OUT_WF")
    flow.blueprint = Blueprint(newer, "1" * 64)

    assert restart(flow, use_latest_definitions=True) == ["workflow.restarted", "task.scheduled b"]

    assert flow.state is not None
    assert (flow.state.definition_version, flow.state.definition_hash) == (2, "1" * 64)
    flow.clock.advance(5_000)
    flow.fire()
    assert flow.status == "TIMED_OUT"


def test_5_3_a_completed_workflow_that_is_not_restartable_is_refused_a_failed_one_is_not() -> None:
    flow = Flow(simple("a"), restartable=False)
    flow.start()
    flow.fail("a")
    assert restart(flow) != []
    do(flow, "a")
    assert restart(flow) == []
    assert refused(flow)[0] == "NOT_FOUND"


@pytest.mark.parametrize("pause", [False, True])
@pytest.mark.parametrize("again", [restart, retry, rerun])
def test_5_1_an_open_workflow_is_not_run_again(again: Any, pause: bool) -> None:
    flow = Flow(simple("a"))
    flow.start()
    if pause:
        flow.send(cmd.PauseWorkflow)
    assert again(flow) == []
    code, message = refused(flow)
    assert (code, flow.status in message) == ("NOT_FOUND" if again is retry else "CONFLICT", True)


def test_5_4_retry_makes_a_new_row_of_what_failed_at_once_and_keeps_the_rest() -> None:
    slow = task_def("b", retryDelaySeconds=60, totalTimeoutSeconds=100, timeoutPolicy="RETRY")
    flow = Flow(simple("a"), simple("b", task_def=slow), simple("c"))
    flow.start()
    do(flow, "a")
    flow.fail("b", "broke", output={"half": 1})
    flow.clock.advance(500_000)

    assert retry(flow) == ["workflow.retried", "task.scheduled b"]

    assert flow.rows() == ["a COMPLETED", "b FAILED", "b SCHEDULED"]
    row = flow.row("b")
    assert (row.made.retry_count, row.due_ms, row.reason) == (1, flow.clock.now_ms(), None)
    assert row.output == {}
    assert flow.state is not None
    assert flow.state.resumed_ms == flow.clock.now_ms()
    do(flow, "b", "c")
    assert flow.status == "COMPLETED"


def test_5_4_nothing_to_retry_is_a_conflict_unless_it_timed_out() -> None:
    flow = Flow(simple("a"), op("b", "WAIT"), timeoutSeconds=5, timeoutPolicy="TIME_OUT_WF")
    flow.start()
    do(flow, "a")
    flow.clock.advance(5_000)
    flow.fire()
    assert flow.status == "TIMED_OUT"
    assert retry(flow) == ["workflow.retried", "task.scheduled b"]
    flow.clock.advance(4_999)
    flow.fire()
    assert flow.status == "RUNNING"
    do(flow, "b")
    assert flow.status == "COMPLETED"
    assert retry(flow) == []
    assert refused(flow)[0] == "CONFLICT"


def test_5_11_resetting_callbacks_makes_waiting_tasks_due_at_once() -> None:
    flow = Flow(*fork("f", [simple("a")], [simple("b")], on=["a", "b"]))
    flow.start()
    flow.begin("a")
    flow.update("a", "IN_PROGRESS", {"step": 1}, callback_after_s=3600)

    assert flow.send(cmd.ResetCallbacks) == ["task.callback_reset a"]

    row = flow.row("a")
    assert (row.due_ms, row.callback_after_s, row.output) == (
        flow.clock.now_ms(),
        0,
        {"step": 1},
    )
    assert flow.send(cmd.ResetCallbacks) == []
    do(flow, "a", "b")
    assert flow.send(cmd.ResetCallbacks) == []
    assert refused(flow) == ("CONFLICT", "Workflow is in terminal state. Status = COMPLETED")


def test_a_late_report_of_a_row_that_was_withdrawn_finds_nothing() -> None:
    flow = Flow(simple("a"), simple("b"))
    flow.start()
    do(flow, "a")
    old = flow.task_id("b")
    flow.begin("b")
    flow.send(cmd.TerminateWorkflow)
    restart(flow)
    assert flow.send(cmd.UpdateTask, task_id=old) == []
    assert refused(flow)[0] == "NOT_FOUND"
    assert flow.send(cmd.FireTimer, task_id=old) == []
    assert flow.rows() == ["a SCHEDULED"]


def test_events_say_what_a_forgetful_reader_has_to_know() -> None:
    flow = Flow(simple("a"), timeoutSeconds=5, timeoutPolicy="TIME_OUT_WF")
    flow.start(parent_workflow_id="p", parent_task_id="t")
    flow.fail("a")
    retry(flow)
    (event,) = [e for e in flow.commits[-1].events if isinstance(e, ev.WorkflowRetried)]
    assert event.standing == ev.Standing(
        parent_workflow_id="p", parent_task_id="t", timeout_s=5, timeout_policy="TIME_OUT_WF"
    )
