"""Jumping to a task while the workflow runs."""

from typing import Any

import pytest

from firmus_contracts import commands as cmd
from tests.flow import Flow, op, simple


def jump(flow: Flow, ref: str, **fields: Any) -> list[str]:
    return flow.send(cmd.JumpToTask, ref=ref, **fields)


def started(*tasks: dict[str, Any], **fields: Any) -> Flow:
    flow = Flow(*tasks, **fields)
    flow.start()
    return flow


def fork(*branches: Any, on: list[str]) -> list[dict[str, Any]]:
    return [op("f", "FORK_JOIN", forkTasks=list(branches)), op("j", "JOIN", joinOn=on)]


def loop(*body: Any) -> dict[str, Any]:
    return op("l", "DO_WHILE", loopCondition="false", loopOver=list(body))


def switch(**cases: Any) -> dict[str, Any]:
    return op("s", "SWITCH", {"x": "on"}, evaluatorType="value-param", expression="x",
              decisionCases=cases)  # fmt: skip


def test_forwards_the_open_task_is_skipped_and_the_flow_goes_on_from_the_target() -> None:
    flow = started(simple("a"), simple("b"), simple("c", inputParameters={"k": 1}), simple("d"))
    happened = jump(flow, "c", input={"n": 2}, actor="ann", reason="hurry")

    assert happened == [
        "task.skipped a",
        "workflow.tasks_settled",
        "workflow.jumped",
        "task.scheduled b",
        "workflow.tasks_settled",
        "task.scheduled c",
    ]
    assert (flow.row("c").input, flow.row("a").reason) == ({"k": 1, "n": 2}, "Jumped to c")
    flow.update("c")
    flow.update("d")
    assert flow.status == "COMPLETED"
    assert flow.rows() == ["a SKIPPED", "b SKIPPED", "c COMPLETED", "d COMPLETED"]


def test_what_was_jumped_over_is_done_after_a_jump_back() -> None:
    flow = started(simple("a"), simple("b"), simple("c"))
    jump(flow, "c")
    jump(flow, "b")
    flow.update("b")

    assert flow.rows() == ["a SKIPPED", "b COMPLETED", "c SCHEDULED"]


def test_an_exclusive_join_does_not_wait_for_what_was_jumped_over() -> None:
    decision = op("d", "DECISION", {"k": "x"}, caseValueParam="k",
                  decisionCases={"x": [simple("x")]})  # fmt: skip
    flow = started(simple("a"), decision, simple("b"), op("e", "EXCLUSIVE_JOIN", joinOn=["x"]))
    jump(flow, "b")
    flow.update("b")

    assert flow.status == "COMPLETED"


def test_backwards_what_comes_after_the_target_is_done_anew() -> None:
    flow = started(simple("a"), simple("b"), simple("c"))
    flow.update("a")
    flow.update("b", output={"old": 1})
    jump(flow, "b")
    assert flow.rows() == ["a COMPLETED", "b SCHEDULED"]
    flow.update("b")
    flow.update("c")

    assert (flow.status, flow.rows()[-1]) == ("COMPLETED", "c COMPLETED")


def test_to_the_open_task_itself_it_begins_anew() -> None:
    flow = started(simple("a"), simple("b"))
    flow.begin("a")
    old = flow.task_id("a")
    jump(flow, "a")

    assert flow.rows() == ["a SCHEDULED"]
    assert flow.task_id("a") != old


def test_a_late_report_of_a_withdrawn_task_is_refused() -> None:
    flow = started(simple("a"), simple("b"))
    flow.update("a")
    old = flow.task_id("b")
    jump(flow, "a")
    flow.send(cmd.UpdateTask, task_id=old)

    assert flow.rejected is not None
    assert flow.rejected.code == "NOT_FOUND"


@pytest.mark.parametrize(
    "inside",
    [
        fork([simple("x"), simple("y")], [simple("z")], on=["y", "z"]),
        [loop(simple("x"))],
        [op("e", "FOR_EACH", {"items": [1, 2], "parallel": 2}, loopOver=[simple("x")])],
        [op("t", "TRY_CATCH", tryTasks=[simple("x")])],
        [op("u", "SUB_WORKFLOW", subWorkflowParam={"name": "child", "version": 1})],
        [op("w", "WAIT")],
    ],
)
def test_out_of_any_structure_and_back_into_it(inside: list[dict[str, Any]]) -> None:
    flow = started(*inside, simple("end"))
    before = flow.rows()
    jump(flow, "end")
    assert flow.row("end").status == "SCHEDULED"
    jump(flow, inside[0]["taskReferenceName"])

    assert flow.rows() == before
    jump(flow, "end")
    flow.update("end")
    assert flow.status == "COMPLETED"


def test_after_a_jump_back_a_join_waits_for_the_new_rows() -> None:
    flow = started(*fork([simple("x")], [simple("y")], on=["x", "y"]), simple("end"))
    flow.update("x")
    flow.update("y")
    jump(flow, "f")
    flow.update("x")
    assert flow.row("j").status == "IN_PROGRESS"
    flow.update("y")

    assert flow.row("end").status == "SCHEDULED"


def test_into_a_branch_of_a_switch_the_flow_goes_on_behind_the_switch() -> None:
    flow = started(switch(on=[simple("a")], off=[simple("b"), simple("c")]), simple("end"))
    jump(flow, "c")
    flow.update("c")

    assert flow.rows()[-1] == "end SCHEDULED"


def test_to_an_operator_it_is_carried_out_at_once() -> None:
    flow = started(simple("a"), switch(on=[simple("b")]))
    jump(flow, "s")

    assert flow.rows() == ["a SKIPPED", "s COMPLETED", "b SCHEDULED"]


def test_a_task_skipped_before_it_was_reached_stays_skipped_unless_it_is_the_target() -> None:
    flow = started(simple("a"), simple("b"), simple("c"))
    flow.send(cmd.SkipTask, ref="b")
    jump(flow, "a")
    flow.update("a")
    assert flow.rows() == ["b SKIPPED", "a COMPLETED", "c SCHEDULED"]
    jump(flow, "b")

    assert flow.rows() == ["a COMPLETED", "b SCHEDULED"]


REFUSED: list[tuple[str, str, str]] = [
    ("zzz", "NOT_FOUND", "does not exist"),
    ("j", "INVALID", "waits for branches"),
    ("x", "INVALID", "stands inside the FORK_JOIN f"),
    ("y", "INVALID", "stands inside the DO_WHILE l"),
]


@pytest.mark.parametrize(("ref", "code", "why"), REFUSED)
def test_what_the_flow_cannot_begin_with_is_refused(ref: str, code: str, why: str) -> None:
    flow = started(simple("a"), *fork([simple("x")], on=["x"]), loop(simple("y")))
    assert jump(flow, ref) == []

    assert flow.rejected is not None
    assert (flow.rejected.code, why in flow.rejected.message) == (code, True)
    assert flow.rows() == ["a SCHEDULED"]


@pytest.mark.parametrize("kind", [cmd.PauseWorkflow, cmd.TerminateWorkflow])
def test_only_a_running_workflow_takes_a_jump(kind: Any) -> None:
    flow = started(simple("a"), simple("b"))
    flow.send(kind)
    jump(flow, "b")

    assert flow.rejected is not None
    assert flow.rejected.code == "CONFLICT"


@pytest.mark.parametrize("target", [switch(on=[simple("b")]), op("w", "WAIT"), loop(simple("b"))])
def test_input_for_what_takes_none_is_refused(target: dict[str, Any]) -> None:
    flow = started(simple("a"), target)
    jump(flow, target["taskReferenceName"], input={"n": 1})

    assert flow.rejected is not None
    assert flow.rejected.code == "INVALID"
    assert flow.rows() == ["a SCHEDULED"]


def test_the_child_of_a_target_gets_the_input() -> None:
    sub = {"name": "child", "version": 1}
    flow = started(simple("a"), op("u", "SUB_WORKFLOW", {"k": 1}, subWorkflowParam=sub))
    jump(flow, "u", input={"n": 2})

    assert flow.row("u").input["workflowInput"] == {"k": 1, "n": 2}


def test_a_jump_to_what_needs_an_answer_first_is_one_decision() -> None:
    cached = simple("c", cacheConfig={"key": "k", "ttlInSecond": 60})
    flow = started(simple("a"), cached)
    happened = jump(flow, "c")

    assert flow.rounds > 0
    assert happened == [
        "task.skipped a",
        "workflow.tasks_settled",
        "workflow.jumped",
        "task.scheduled c",
    ]


def test_a_target_that_cannot_be_scheduled_ends_the_workflow() -> None:
    flow = started(simple("a"), op("u", "SUB_WORKFLOW"))
    jump(flow, "u")

    assert flow.status == "FAILED"


def test_a_rerun_into_what_a_jump_left_half_done_is_refused_one_from_around_it_is_not() -> None:
    flow = started(*fork([simple("x")], [simple("y"), simple("z")], on=["x", "z"]), simple("end"))
    flow.update("x")
    jump(flow, "end")
    flow.update("end")
    flow.send(cmd.RerunWorkflow, path=(flow.task_id("x"),))
    assert flow.rejected is not None
    assert flow.rejected.code == "CONFLICT"
    flow.send(cmd.RerunWorkflow, path=(flow.task_id("f"),))
    for ref in ("x", "y", "z", "end"):
        flow.update(ref)

    assert flow.status == "COMPLETED"
