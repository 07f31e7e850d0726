"""What a JOIN shows while it waits, and what becomes of it while the workflow is paused (spec 3.6.6,
5.2).
"""

from firmus.workflow.rest_view import task_view
from firmus_contracts import commands as cmd
from tests.flow import START_MS, Flow, op, simple


def forked(*branches: str) -> Flow:
    tasks = [[simple(ref, retryCount=1)] for ref in branches]
    flow = Flow(
        op("f", "FORK_JOIN", forkTasks=tasks),
        op("j", "JOIN", joinOn=list(branches)),
        op("z", "SET_VARIABLE", {"x": "${j.output}"}),
    )
    flow.start()
    return flow


def shown(flow: Flow) -> object:
    assert flow.state is not None
    return task_view(flow.state, flow.row("j"), flow.blueprint, now_ms=START_MS).output_data


def test_3_6_6_a_join_that_waits_shows_what_its_branches_have_put_out() -> None:
    flow = forked("a", "b", "c")
    assert shown(flow) == {}
    flow.update("a", output={"k": 1})
    flow.update("b")
    assert (flow.row("j").status, shown(flow)) == ("IN_PROGRESS", {"a": {"k": 1}})
    flow.send(cmd.TerminateWorkflow)
    assert (flow.row("j").status, shown(flow)) == ("CANCELED", {"a": {"k": 1}})


def test_3_6_6_a_cancelled_join_shows_nothing_of_the_branch_that_failed() -> None:
    flow = forked("a", "b")
    flow.update("a", output={"k": 1})
    flow.update("b", "FAILED_WITH_TERMINAL_ERROR", {"z": 1})
    assert (flow.row("j").status, shown(flow)) == ("CANCELED", {"a": {"k": 1}})
    assert flow.output == {"a": {"k": 1}}


def test_3_6_6_a_join_shows_nothing_of_the_terminate_that_cancelled_it() -> None:
    done = op("t", "TERMINATE", {"terminationStatus": "COMPLETED", "workflowOutput": {"x": 1}})
    flow = Flow(
        op("f", "FORK_JOIN", forkTasks=[[simple("a"), done], [simple("b")]]),
        op("j", "JOIN", joinOn=["t", "b"]),
    )
    flow.start()
    flow.update("a")
    assert (flow.row("j").status, shown(flow), flow.output) == ("CANCELED", {}, {"x": 1})


def test_5_2_a_join_ends_while_paused_and_what_follows_waits_for_resume() -> None:
    flow = forked("a", "b")
    flow.send(cmd.PauseWorkflow)
    flow.update("a", output={"k": 1})
    flow.update("b")
    assert (flow.row("j").status, flow.status) == ("COMPLETED", "PAUSED")
    assert "z COMPLETED" not in flow.rows()
    flow.send(cmd.ResumeWorkflow)
    assert (flow.row("z").input, flow.status) == ({"x": {"a": {"k": 1}}}, "COMPLETED")


def test_5_2_a_join_with_a_failed_branch_waits_for_its_retry_while_paused() -> None:
    flow = forked("a", "b")
    flow.send(cmd.PauseWorkflow)
    flow.update("a")
    flow.fail("b")
    assert flow.row("j").status == "IN_PROGRESS"
    flow.send(cmd.ResumeWorkflow)
    flow.update("b")
    assert (flow.row("j").status, flow.status) == ("COMPLETED", "COMPLETED")
