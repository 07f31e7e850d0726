"""A dynamic fork of many or large branches is made in parts, one for each commit (spec 3.6.8)."""

from typing import Any

from firmus_contracts import commands as cmd
from firmus_contracts.definitions import TaskDef
from tests.flow import Flow, op, simple

NAMES = {"dynamicForkTasksParam": "tasks", "dynamicForkTasksInputParamName": "inputs"}


def wide(tasks: list[Any], inputs: dict[str, Any], *, events_max: int = 500) -> Flow:
    given = {"tasks": tasks, "inputs": inputs}
    flow = Flow(
        op("f", "FORK_JOIN_DYNAMIC", given, **NAMES),
        op("j", "JOIN"),
        simple("after"),
        events_max=events_max,
    )
    flow.registered["t"] = TaskDef(name="t", retry_count=1, retry_delay_seconds=0)
    flow.start()
    return flow


def branch(ref: str) -> dict[str, Any]:
    return {"name": "t", "taskReferenceName": ref}


def go_on(flow: Flow) -> int:
    """Continues, as after every split, until nothing is left to make; returns how often."""
    count = 0
    while True:
        flow.send(cmd.Continue)
        count += 1
        if flow.state is None or not flow.state.split:
            return count


def test_a_thousand_branches_are_made_in_parts_and_in_order() -> None:
    refs = [f"r{number}" for number in range(1000)]
    flow = wide([branch(ref) for ref in refs], {ref: {"n": ref} for ref in refs})

    assert go_on(flow) == 2
    assert flow.state is not None
    assert [row.ref for row in flow.state.rows()] == ["f", *refs, "j"]
    assert flow.row("j").input["joinOn"] == refs
    assert flow.row("r999").input == {"n": "r999"}
    assert max(len(commit.events) for commit in flow.commits) < 510


def test_branches_that_end_before_the_join_is_made_are_joined() -> None:
    refs = [f"r{number}" for number in range(30)]
    flow = wide([branch(ref) for ref in refs], {}, events_max=10)
    flow.update("r0", output={"early": True})
    go_on(flow)
    for ref in refs[1:]:
        flow.update(ref)

    assert flow.row("j").status == "COMPLETED"
    assert flow.row("j").output == {"r0": {"early": True}}
    assert flow.row("after").status == "SCHEDULED"


def test_a_branch_that_was_retried_before_the_others_were_made_is_joined_once() -> None:
    refs = [f"r{number}" for number in range(30)]
    flow = wide([branch(ref) for ref in refs], {}, events_max=10)
    flow.fail("r0")
    go_on(flow)

    assert flow.row("j").input["joinOn"] == refs
    assert [row for row in flow.rows() if row.startswith("r0 ")] == ["r0 FAILED", "r0 SCHEDULED"]


def test_a_failure_among_the_first_is_the_end_and_the_others_are_never_made() -> None:
    refs = [f"r{number}" for number in range(30)]
    flow = wide([branch(ref) for ref in refs], {}, events_max=10)
    flow.update("r0", "FAILED_WITH_TERMINAL_ERROR", reason="no")
    go_on(flow)

    assert flow.status == "FAILED"
    assert flow.state is not None
    assert flow.state.task("r29") is None


def test_the_join_of_parts_waits_for_the_cases_that_switches_chose() -> None:
    switch = {
        "name": "s",
        "type": "SWITCH",
        "evaluatorType": "value-param",
        "expression": "x",
        "decisionCases": {"a": [branch("in_a")]},
    }
    tasks = [branch(f"r{n}") for n in range(12)]
    flow = wide([{**switch, "taskReferenceName": "s"}, *tasks], {"s": {"x": "a"}}, events_max=5)
    go_on(flow)

    assert flow.row("j").input["joinOn"] == ["in_a", *(f"r{n}" for n in range(12))]


def test_large_branches_are_shared_out_by_size() -> None:
    large = "x" * 100_000
    tasks = [branch(f"r{number}") for number in range(30)]
    flow = wide(tasks, {f"r{number}": {"text": large} for number in range(30)})

    assert go_on(flow) == 2
    assert flow.row("j").input["joinOn"] == [f"r{number}" for number in range(30)]


def test_a_fork_beyond_the_payload_limit_fails_the_workflow_with_the_reason() -> None:
    large = "x" * 4_000_000
    flow = wide([branch(f"r{n}") for n in range(3)], {f"r{n}": {"t": large} for n in range(3)})

    assert flow.status == "FAILED"
    assert flow.state is not None
    assert "greater than the permissible limit" in (flow.state.reason or "")


def test_a_paused_workflow_makes_the_rest_once_it_is_resumed() -> None:
    refs = [f"r{number}" for number in range(30)]
    flow = wide([branch(ref) for ref in refs], {}, events_max=10)
    flow.send(cmd.PauseWorkflow)
    flow.send(cmd.Continue)
    assert flow.state is not None
    assert flow.state.task("r29") is None
    flow.send(cmd.ResumeWorkflow)
    go_on(flow)

    assert flow.row("j").input["joinOn"] == refs
