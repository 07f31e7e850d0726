"""Workflows that share a limit: rateLimitConfig (spec 1.3; a gap of Conductor, see 4.9)."""

from typing import Any

import pytest

from firmus.workflow.slots import Entry
from firmus_contracts import commands as cmd
from tests.flow import Flow, simple


def flow(key: Any = "${workflow.input.customer}", limit: int = 2, **config: Any) -> Flow:
    config = {"rateLimitKey": key, "concurrentExecLimit": limit, **config}
    return Flow(simple("charge"), rateLimitConfig=config)


def test_with_a_free_slot_it_begins_with_its_start() -> None:
    one = flow()
    assert one.start({"customer": "acme"}) == ["workflow.started", "task.scheduled charge"]
    (asked,) = one.slots_asked
    assert (asked.gate, asked.slots, asked.queue) == ("flow/acme", 2, True)
    assert one.state is not None
    assert (one.state.limit_key, one.state.held) == ("acme", False)


def test_without_one_it_waits_and_begins_when_it_is_released() -> None:
    one = flow()
    one.slot = Entry.WAITS
    assert one.start({"customer": "acme"}) == ["workflow.started"]
    assert (one.status, one.state and one.state.held) == ("RUNNING", True)
    assert one.send(cmd.Continue) == []
    assert one.send(cmd.ReleaseWorkflow) == ["workflow.released", "task.scheduled charge"]
    assert one.send(cmd.ReleaseWorkflow) == []
    one.begin("charge")
    one.update("charge")
    assert one.status == "COMPLETED"


def test_with_policy_reject_the_start_is_refused() -> None:
    one = flow(policy="REJECT")
    one.slot = Entry.REFUSED
    assert one.start({"customer": "acme"}) == []
    assert one.rejected is not None
    assert one.rejected.code == "LIMIT_REACHED"
    assert one.rejected.message == (
        "The workflow cannot be started: its limit is reached, 2 of flow with the rate limit key "
        "'acme' are running"
    )
    assert not one.slots_asked[0].queue


@pytest.mark.parametrize(
    ("key", "gate"),
    [
        (None, "flow/"),
        ("${workflow.input.none}", "flow/"),
        ("fixed", "flow/fixed"),
        ("${workflow.input.n}", "flow/7"),
        ("${workflow.correlationId}:${workflow.input.n}", "flow/c:7"),
    ],
)
def test_the_key_is_an_expression_over_the_start(key: Any, gate: str) -> None:
    one = flow(key)
    one.start({"n": 7}, correlation_id="c")
    assert one.slots_asked[0].gate == gate


@pytest.mark.parametrize("limit", [0, -1])
def test_no_limit_asks_nobody(limit: int) -> None:
    one = flow(limit=limit)
    assert one.start() == ["workflow.started", "task.scheduled charge"]
    assert one.slots_asked == []


def test_one_that_waits_may_be_terminated_and_is_not_released_then() -> None:
    one = flow()
    one.slot = Entry.WAITS
    one.start()
    one.send(cmd.TerminateWorkflow, reason="no")
    assert one.send(cmd.ReleaseWorkflow) == []
    assert one.status == "TERMINATED"
    assert one.state is not None
    assert not one.state.held


def test_one_that_is_released_while_paused_begins_when_it_is_resumed() -> None:
    one = flow()
    one.slot = Entry.WAITS
    one.start()
    one.send(cmd.PauseWorkflow)
    assert one.send(cmd.ReleaseWorkflow) == ["workflow.released"]
    assert one.send(cmd.ResumeWorkflow) == ["workflow.resumed", "task.scheduled charge"]


def test_one_that_is_resumed_before_its_slot_is_free_goes_on_waiting() -> None:
    one = flow()
    one.slot = Entry.WAITS
    one.start()
    one.send(cmd.PauseWorkflow)
    assert one.send(cmd.ResumeWorkflow) == ["workflow.resumed"]
    assert one.send(cmd.ReleaseWorkflow) == ["workflow.released", "task.scheduled charge"]


def test_a_task_skipped_while_it_waits_is_stepped_over_when_it_begins() -> None:
    config = {"rateLimitKey": "k", "concurrentExecLimit": 1}
    one = Flow(simple("charge"), simple("ship"), rateLimitConfig=config)
    one.slot = Entry.WAITS
    one.start()
    one.send(cmd.SkipTask, ref="charge")
    one.send(cmd.ReleaseWorkflow)

    assert one.rows() == ["charge SKIPPED", "ship SCHEDULED"]


def test_a_workflow_that_waits_does_not_jump_the_line() -> None:
    one = flow()
    one.slot = Entry.WAITS
    one.start()
    one.send(cmd.JumpToTask, ref="charge")

    assert one.rejected is not None
    assert one.rejected.code == "CONFLICT"
