"""Which task blocks a workflow, and which one a signal goes to (spec 8.4.1, 8.5)."""

from typing import Any

import pytest

from firmus.workflow.blocking import child_of, children, ends_a_wait, stops, waits
from firmus.workflow.state import WorkflowState
from firmus_contracts import commands as cmd
from tests.flow import Flow, op, simple, task_def


def started(*tasks: dict[str, Any]) -> Flow:
    flow = Flow(*tasks)
    flow.start()
    return flow


def wait(ref: str, **inputs: Any) -> dict[str, Any]:
    return op(ref, "WAIT", inputs)


def sub(ref: str) -> dict[str, Any]:
    return op(ref, "SUB_WORKFLOW", subWorkflowParam={"name": "other"})


def fork(*branches: list[dict[str, Any]]) -> list[dict[str, Any]]:
    last = [branch[-1]["taskReferenceName"] for branch in branches]
    return [op("f", "FORK_JOIN", forkTasks=list(branches)), op("j", "JOIN", joinOn=last)]


def state_of(flow: Flow) -> WorkflowState:
    assert flow.state is not None
    return flow.state


def stopping(flow: Flow, *refs: str) -> list[str]:
    return [f"{row.ref} {row.status}" for row in stops(state_of(flow), refs)]


@pytest.mark.parametrize(
    ("tasks", "blocking"),
    [
        ([wait("w")], ["w IN_PROGRESS"]),
        ([wait("w", duration="${workflow.input.nothing}")], ["w IN_PROGRESS"]),
        ([wait("w", duration="1 h")], []),
        ([wait("w", until="2099-01-01")], []),
        ([op("h", "HUMAN")], []),
        ([simple("a")], []),
        (fork([simple("a"), wait("later")], [wait("w2")], [wait("w1")]), ["w2", "w1"]),
        ([op("l", "DO_WHILE", loopCondition="false", loopOver=[wait("w")])], ["w__1"]),
    ],
)
def test_a_wait_without_a_deadline_blocks_and_nothing_else(
    tasks: list[dict[str, Any]], blocking: list[str]
) -> None:
    found = stopping(started(*tasks))
    assert [text.split()[0] for text in found] == [text.split()[0] for text in blocking]


def test_a_wait_that_is_over_blocks_no_more() -> None:
    flow = started(wait("w"), simple("a"))
    flow.update("w")
    assert stopping(flow) == []


def test_a_named_task_counts_once_it_has_ended_however_it_ended() -> None:
    flow = started(simple("a"), simple("b"))
    assert stopping(flow, "a", "b", "nobody") == []
    flow.begin("a")
    flow.update("a")
    assert stopping(flow, "a", "b", "nobody") == ["a COMPLETED"]
    flow.begin("b")
    flow.fail("b")
    assert flow.status == "FAILED"
    assert stopping(flow, "b") == ["b FAILED"]


def test_of_several_attempts_the_first_that_ended_is_meant() -> None:
    flow = started(simple("a", task_def=task_def("a", retryCount=2)))
    for _ in range(2):
        flow.begin("a")
        flow.fail("a")
    found = stops(state_of(flow), ["a"])
    assert [(row.status, row.made.retry_count) for row in found] == [("FAILED", 0)]


def test_inside_a_loop_a_task_is_named_with_its_pass() -> None:
    setting = op("s", "SET_VARIABLE", {"v": 1})
    flow = started(op("l", "DO_WHILE", loopCondition="false", loopOver=[setting, simple("a")]))
    assert stopping(flow, "s") == []
    assert stopping(flow, "s__1") == ["s__1 COMPLETED"]


def test_the_search_stops_at_running_children_and_in_the_order_of_the_rows() -> None:
    flow = started(*fork([wait("w1")], [sub("s")], [wait("w2")]))
    assert stopping(flow) == ["w1 IN_PROGRESS", "w2 IN_PROGRESS"]
    child_id = flow.row("s").child_id
    flow.send(cmd.ReportChildStarted, task_id=flow.task_id("s"), child_id=child_id)
    assert stopping(flow) == ["w1 IN_PROGRESS", "s IN_PROGRESS", "w2 IN_PROGRESS"]
    assert [child_of(row) for row in stops(state_of(flow))] == [None, child_id, None]


def test_a_signal_goes_to_waits_with_and_without_a_deadline_and_into_children() -> None:
    flow = started(
        *fork([sub("s")], [wait("w1", duration="1 h")], [wait("w2")], [op("h", "HUMAN")])
    )
    child_id = flow.row("s").child_id
    assert children(state_of(flow)) == []
    flow.send(cmd.ReportChildStarted, task_id=flow.task_id("s"), child_id=child_id)
    assert [row.ref for row in waits(state_of(flow))] == ["w1", "w2"]
    assert children(state_of(flow)) == [child_id]


def test_only_what_can_end_a_wait_wakes_a_waiter() -> None:
    flow = Flow(simple("a"), simple("b"), wait("w"), sub("s"))
    seen = []
    for act in (
        flow.start,
        lambda: flow.begin("a"),
        lambda: flow.update("a"),
        lambda: flow.update("b"),
        lambda: flow.update("w"),
        lambda: flow.send(cmd.TerminateWorkflow, reason="enough"),
    ):
        act()
        commit, state = flow.commits[-1], state_of(flow)
        seen.append(tuple(ends_a_wait(commit.events, state, refs) for refs in ((), ("a",))))
    assert seen == [(False, False), (False, False), (False, True), *[(True, True)] * 3]
