"""Removing workflows, who asked for what, and failure workflows on demand (spec 4.7, 5.8, 5.9)."""

from typing import Any

import pytest

from firmus.decider import lifecycle
from firmus_contracts import commands as cmd
from firmus_contracts.statuses import WorkflowStatus
from tests.flow import Flow, op, simple, task_def


def in_status(status: str) -> Flow:
    """A workflow of one task in that status."""
    definition = task_def("a", timeoutSeconds=1, responseTimeoutSeconds=1)
    flow = Flow(simple("a", task_def=definition))
    flow.start()
    match status:
        case "PAUSED":
            flow.send(cmd.PauseWorkflow)
        case "COMPLETED":
            flow.update("a")
        case "FAILED":
            flow.fail("a")
        case "TERMINATED":
            flow.send(cmd.TerminateWorkflow)
        case "TIMED_OUT":
            flow.begin("a")
            flow.clock.advance(1_000)
            flow.fire("a")
    assert flow.status == status
    return flow


OPERATIONS: dict[str, tuple[Any, dict[str, Any]]] = {
    "pause": (cmd.PauseWorkflow, {}),
    "resume": (cmd.ResumeWorkflow, {}),
    "terminate": (cmd.TerminateWorkflow, {}),
    "remove": (cmd.RemoveWorkflow, {"archive": False}),
    "archive": (cmd.RemoveWorkflow, {}),
}


@pytest.mark.parametrize("status", list(WorkflowStatus))
@pytest.mark.parametrize("operation", OPERATIONS)
def test_5_1_each_operation_acts_idles_or_is_refused_as_its_rule_says(operation, status) -> None:
    flow = in_status(status)
    kind, fields = OPERATIONS[operation]
    happened = flow.send(kind, **fields)

    rule = lifecycle.RULES[operation]
    assert bool(happened) == (status in rule.acts)
    assert (flow.rejected is None) == (status in rule.acts or status in rule.idle)
    if flow.rejected is not None:
        assert flow.rejected.code == rule.code


def test_5_9_nobody_knows_a_removed_workflow_any_more() -> None:
    flow = in_status("RUNNING")
    flow.send(cmd.RemoveWorkflow, archive=False)
    commands: list[tuple[Any, dict[str, Any]]] = [
        *OPERATIONS.values(),
        (cmd.UpdateTask, {"task_id": flow.task_id("a")}),
        (cmd.BeginTask, {"task_id": flow.task_id("a")}),
        (cmd.FireTimer, {}),
        (cmd.Continue, {}),
    ]
    for kind, fields in commands:
        assert flow.send(kind, **fields) == []
        assert flow.rejected is not None
        assert flow.rejected.code == "NOT_FOUND"


def test_a_repeated_removal_is_answered_as_before_and_a_second_one_is_refused() -> None:
    flow = in_status("COMPLETED")
    assert flow.send(cmd.RemoveWorkflow, command_id="once") == ["workflow.removed"]
    assert (flow.send(cmd.RemoveWorkflow, command_id="once"), flow.rejected) == ([], None)
    flow.send(cmd.RemoveWorkflow)

    assert flow.rejected is not None


def test_5_9_terminate_and_remove_are_one_step() -> None:
    flow = in_status("RUNNING")
    assert flow.send(cmd.RemoveWorkflow, terminate=True, reason="enough") == [
        "task.canceled a",
        "workflow.terminated",
        "workflow.removed",
    ]
    completed, failed = in_status("COMPLETED"), in_status("FAILED")
    assert failed.send(cmd.RemoveWorkflow, terminate=True) == [
        "workflow.terminated",
        "workflow.removed",
    ]
    completed.send(cmd.RemoveWorkflow, terminate=True)

    assert completed.rejected is not None
    assert completed.rejected.message == "Cannot terminate a COMPLETED workflow."


def test_a_message_that_waits_to_be_sent_is_told_of_after_the_removal() -> None:
    wanted = {"onScheduled": [{"type": "nats:x", "payload": {}}]}
    flow = Flow(simple("a", onStateChange=wanted))
    flow.start()
    flow.send(cmd.RemoveWorkflow, archive=False)
    assert flow.state is not None
    (version,) = flow.state.unsent

    assert flow.send(cmd.ReportStateEventSent, version=version) == ["task.state_event_sent a"]


def test_who_asked_and_why_stand_in_the_event_and_in_the_workflow() -> None:
    flow = in_status("RUNNING")
    asked = {"actor": "ann", "reason": "night"}
    for kind in (cmd.PauseWorkflow, cmd.ResumeWorkflow, cmd.TerminateWorkflow, cmd.RemoveWorkflow):
        flow.send(kind, **asked)
        event = flow.commits[-1].events[-1]
        assert (event.actor, event.reason) == ("ann", "night")
        assert flow.state is not None
        assert flow.state.updated_by == "ann"


@pytest.mark.parametrize("wanted", [True, False])
def test_4_7_a_failure_workflow_starts_after_terminate_only_where_it_is_asked_for(wanted) -> None:
    flow = Flow(simple("a"), failureWorkflow="handler")
    flow.known_definitions = {"handler"}
    flow.start()
    flow.send(cmd.TerminateWorkflow, run_failure_workflow=wanted)

    assert flow.state is not None
    assert (flow.state.failure_workflow is not None) == wanted


def test_3_2_deciding_again_changes_nothing() -> None:
    waiting, ended = in_status("RUNNING"), Flow(op("n", "NOOP"))
    ended.start()
    for flow in (waiting, ended):
        assert (flow.send(cmd.Continue), flow.rejected) == ([], None)
