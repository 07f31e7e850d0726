"""Skipping a task that the flow has not reached yet (spec 5.7)."""

from typing import Any

import pytest

from firmus_contracts import commands as cmd
from tests.flow import Flow, op, simple


def seen(ref: str) -> dict[str, Any]:
    """A worker's task that is given what it can see of `b`."""
    return simple(ref, inputParameters={"s": "${b.status}", "o": "${b.output.o}"})


def fork(*branches: list[dict[str, Any]], on: list[str]) -> list[dict[str, Any]]:
    return [op("f", "FORK_JOIN", forkTasks=list(branches)), op("j", "JOIN", joinOn=on)]


def loop(*body: dict[str, Any]) -> dict[str, Any]:
    return op("l", "DO_WHILE", loopCondition="$.l['iteration'] < 2", loopOver=list(body))


def skip(flow: Flow, ref: str, **fields: Any) -> list[str]:
    return flow.send(cmd.SkipTask, ref=ref, **fields)


def test_5_7_a_skipped_row_stands_first_and_the_flow_steps_over_it() -> None:
    flow = Flow(simple("a"), simple("b"), seen("d"))
    flow.start()
    assert skip(flow, "b", input={"i": 1}, output={"o": 2}, reason="not today") == [
        "task.scheduled b",
        "workflow.tasks_settled",
    ]
    assert (flow.row("b").made.seq, flow.row("b").input) == (0, {"i": 1})
    assert (flow.row("b").reason, flow.row("b").start_ms) == ("not today", 0)
    flow.update("a")

    assert flow.rows() == ["b SKIPPED", "a COMPLETED", "d SCHEDULED"]
    assert flow.row("d").input == {"s": "SKIPPED", "o": 2}


def test_5_7_the_output_of_the_workflow_is_not_that_of_a_skipped_last_task() -> None:
    flow = Flow(simple("a"), simple("b"))
    flow.start()
    skip(flow, "b", output={"o": 2})
    flow.update("a", output={"n": 1})

    assert (flow.status, flow.output) == ("COMPLETED", {"n": 1})


@pytest.mark.parametrize(
    ("before", "ref", "why"),
    [
        ("", "a", "has already been processed"),
        ("", "zzz", "does not exist in the WorkflowDefinition flow"),
        ("pause", "b", "is not running"),
        ("terminate", "b", "is not running"),
        ("", "j", "skip that instead"),
    ],
)
def test_5_7_what_was_reached_is_unknown_or_does_not_run_is_refused(before, ref, why) -> None:
    flow = Flow(simple("a"), simple("b"), *fork([simple("x")], on=["x"]))
    flow.start()
    if before:
        flow.send({"pause": cmd.PauseWorkflow, "terminate": cmd.TerminateWorkflow}[before])

    assert skip(flow, ref) == []
    assert flow.rejected is not None
    assert (flow.rejected.code, why in flow.rejected.message) == ("ILLEGAL_STATE", True)


def test_a_skip_of_what_was_skipped_is_refused_and_its_repetition_is_not() -> None:
    flow = Flow(simple("a"), simple("b"))
    flow.start()
    skip(flow, "b", command_id="once")
    assert (skip(flow, "b", command_id="once"), flow.rejected) == ([], None)
    skip(flow, "b")

    assert flow.rejected is not None


def test_an_output_that_is_too_large_is_refused() -> None:
    flow = Flow(simple("a"), simple("b"), metadata={"payloadLimitKb": 1})
    flow.start()
    skip(flow, "b", output={"o": "x" * 2000})

    assert flow.rejected is not None
    assert flow.rejected.code == "PAYLOAD_TOO_LARGE"


def test_the_first_task_of_a_branch_and_the_one_that_a_join_waits_for() -> None:
    flow = Flow(simple("a"), *fork([simple("x"), simple("y")], [simple("z")], on=["y", "z"]))
    flow.start()
    skip(flow, "x")
    skip(flow, "z")
    flow.update("a")
    assert flow.rows()[2:] == ["a COMPLETED", "f COMPLETED", "y SCHEDULED", "j IN_PROGRESS"]
    flow.update("y")

    assert flow.status == "COMPLETED"


def test_a_join_that_waits_already_takes_note() -> None:
    flow = Flow(*fork([simple("x"), simple("y")], [simple("z")], on=["y", "z"]))
    flow.start()
    skip(flow, "y")
    flow.update("z")
    assert flow.row("j").status == "COMPLETED"
    flow.update("x")

    assert flow.status == "COMPLETED"


def test_a_fork_is_skipped_with_its_join() -> None:
    flow = Flow(simple("a"), *fork([simple("x")], on=["x"]), simple("end"))
    flow.start()
    skip(flow, "f")
    flow.update("a")

    assert flow.rows() == ["f SKIPPED", "j SKIPPED", "a COMPLETED", "end SCHEDULED"]


@pytest.mark.parametrize(("body", "then"), [(["x", "y"], "y"), (["x"], "end")])
def test_a_branch_of_a_switch_goes_on_behind_what_is_skipped(body: list[str], then: str) -> None:
    cases = {"on": [simple(ref) for ref in body]}
    inputs = {"x": "on"}
    fields = {"evaluatorType": "value-param", "expression": "x", "decisionCases": cases}
    flow = Flow(simple("a"), op("s", "SWITCH", inputs, **fields), simple("end"))
    flow.start()
    skip(flow, "x")
    flow.update("a")

    assert flow.rows()[-1] == f"{then} SCHEDULED"


@pytest.mark.parametrize("ref", ["b", "c"])
def test_in_a_loop_a_task_is_skipped_in_every_pass(ref: str) -> None:
    other = "c" if ref == "b" else "b"
    flow = Flow(simple("a"), loop(simple("b"), simple("c")))
    flow.start()
    skip(flow, ref, output={"o": 1})
    flow.update("a")
    for number in (1, 2):
        assert flow.row(f"{other}__{number}").status == "SCHEDULED"
        flow.update(f"{other}__{number}")

    assert flow.status == "COMPLETED"
    assert flow.row("l").output["2"] == {ref: {"o": 1}, other: {}}


def test_a_loop_without_anything_left_to_do_ends() -> None:
    flow = Flow(simple("a"), loop(simple("b")), simple("end"))
    flow.start()
    skip(flow, "b")
    flow.update("a")

    assert flow.rows()[-1] == "end SCHEDULED"


@pytest.mark.parametrize(("tasks", "then"), [(["b", "c"], "c"), (["b"], "end")])
def test_in_a_block_the_flow_goes_on_behind_what_is_skipped(tasks: list[str], then: str) -> None:
    block = op("t", "TRY_CATCH", tryTasks=[simple(ref) for ref in tasks])
    flow = Flow(simple("a"), block, simple("end"))
    flow.start()
    skip(flow, "b")
    flow.update("a")

    assert flow.rows()[-1] == f"{then} SCHEDULED"


@pytest.mark.parametrize(
    ("skipped", "fields"),
    [
        ("d", {"joinOn": ["x"]}),
        ("x", {"joinOn": ["x"]}),
        ("n", {"joinOn": ["y"], "defaultExclusiveJoinTask": ["n"]}),
    ],
)
def test_an_exclusive_join_of_what_was_skipped_ends(skipped: str, fields: dict[str, Any]) -> None:
    decision = op("d", "DECISION", {"k": "x"}, caseValueParam="k",
                  decisionCases={"x": [simple("x")], "y": [simple("y")]})  # fmt: skip
    flow = Flow(simple("a"), op("n", "NOOP"), decision, op("e", "EXCLUSIVE_JOIN", **fields))
    flow.start()
    skip(flow, skipped)
    flow.update("a")
    if flow.state is not None and flow.state.task("x") and skipped != "x":
        flow.update("x")

    assert flow.status == "COMPLETED"


def test_the_first_task_of_all_passes_of_a_for_each() -> None:
    each = op("e", "FOR_EACH", {"items": [1, 2]}, loopOver=[simple("b"), simple("c")])
    flow = Flow(simple("a"), each)
    flow.start()
    skip(flow, "b", output={"o": 1})
    flow.update("a")
    flow.update("c__1")
    flow.update("c__2")

    assert flow.row("e").output["results"] == [{"b": {"o": 1}, "c": {}}] * 2


def test_5_5_what_was_skipped_stays_so_in_a_rerun_and_none_begins_with_it() -> None:
    flow = Flow(simple("a"), simple("b"), simple("c"))
    flow.start()
    skip(flow, "b")
    flow.update("a")
    flow.update("c")
    assert flow.send(cmd.RerunWorkflow, path=(flow.task_id("b"),)) == []
    assert flow.rejected is not None
    assert flow.rejected.code == "CONFLICT"
    flow.send(cmd.RerunWorkflow, path=(flow.task_id("a"),))
    flow.update("a")

    assert flow.rows() == ["b SKIPPED", "a COMPLETED", "c SCHEDULED"]
