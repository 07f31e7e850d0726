"""Variables and reports of several tasks from outside, in one step."""

from typing import Any

import pytest

from firmus_contracts import commands as cmd
from firmus_contracts.statuses import ResultStatus
from tests.flow import Flow, op, simple


def forked() -> Flow:
    """Two open tasks and a join, then a task that sees what was told."""
    seen = simple("end", inputParameters={"v": "${workflow.variables.v}", "x": "${x.output.n}"})
    fork = op("f", "FORK_JOIN", forkTasks=[[simple("x")], [simple("y")]])
    flow = Flow(fork, op("j", "JOIN", joinOn=["x", "y"]), seen, variables={"v": 0, "w": 1})
    flow.start()
    return flow


def update(flow: Flow, *reports: cmd.TaskReport, **fields: Any) -> list[str]:
    return flow.send(cmd.UpdateState, reports=reports, **fields)


def report(ref: str, status: str = "COMPLETED", **fields: Any) -> cmd.TaskReport:
    return cmd.TaskReport(ref=ref, status=ResultStatus(status), **fields)


def test_all_of_it_is_one_decision_and_what_follows_sees_all_of_it() -> None:
    flow = forked()
    happened = update(
        flow, report("x"), report("y"), variables={"v": 2}, outputs={"x": {"n": 1}}, actor="ann"
    )

    assert happened[:3] == ["workflow.variables_set", "task.completed x", "task.completed y"]
    assert len(flow.commits) == 2
    assert flow.row("end").input == {"v": 2, "x": 1}
    assert flow.state is not None
    assert (flow.state.variables, flow.state.updated_by) == ({"v": 2, "w": 1}, "ann")


@pytest.mark.parametrize(
    ("refs", "code"),
    [(["x", "zzz"], "NOT_FOUND"), (["x", "f"], "NOT_FOUND"), (["x", "x"], "INVALID")],
)
def test_nothing_happens_when_one_of_the_tasks_is_not_open(refs: list[str], code: str) -> None:
    flow = forked()
    assert update(flow, *map(report, refs), variables={"v": 2}) == []

    assert flow.rejected is not None
    assert flow.rejected.code == code
    assert flow.state is not None
    assert flow.state.variables == {"v": 0, "w": 1}


def test_a_task_of_a_loop_is_found_without_its_pass_and_its_output_is_laid_over() -> None:
    body = [op("w", "WAIT"), simple("b")]
    flow = Flow(op("l", "DO_WHILE", loopCondition="false", loopOver=body))
    flow.start()
    update(flow, report("w", "IN_PROGRESS"), outputs={"w": {"a": 1}})
    update(flow, report("w"), outputs={"w": {"b": 2}})

    assert (flow.row("w__1").status, flow.row("w__1").output) == ("COMPLETED", {"a": 1, "b": 2})
    assert flow.row("b__1").status == "SCHEDULED"


def test_a_failure_is_retried_as_if_its_worker_had_told_it() -> None:
    flow = Flow(simple("a", taskDefinition={"name": "a", "retryCount": 1, "retryDelaySeconds": 0}))
    flow.start()

    assert update(flow, report("a", "FAILED", reason="no")) == ["task.failed a", "task.scheduled a"]


def test_3_6_11_variables_that_are_too_large_are_refused() -> None:
    flow = forked()
    update(flow, report("x"), variables={"v": "x" * 256 * 1024})

    assert flow.rejected is not None
    assert flow.rejected.code == "PAYLOAD_TOO_LARGE"
    assert flow.row("x").status == "SCHEDULED"


def test_a_paused_workflow_takes_updates_and_goes_on_when_it_is_resumed() -> None:
    flow = Flow(simple("a"), simple("b"))
    flow.start()
    flow.send(cmd.PauseWorkflow)
    assert update(flow, report("a"), variables={"v": 1}) == [
        "workflow.variables_set",
        "task.completed a",
    ]
    flow.send(cmd.ResumeWorkflow)

    assert flow.row("b").status == "SCHEDULED"


def test_an_ended_workflow_is_refused_and_nothing_to_tell_is_nothing() -> None:
    flow = Flow(simple("a"))
    flow.start()
    assert (update(flow), flow.rejected) == ([], None)
    flow.update("a")
    update(flow, variables={"v": 1})

    assert flow.rejected is not None
    assert flow.rejected.code == "CONFLICT"
