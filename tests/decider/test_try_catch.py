"""TRY_CATCH: failures handled by reason and status, and what is done in any case."""

from typing import Any

import pytest

from firmus_contracts import commands as cmd
from firmus_contracts.statuses import WorkflowStatus
from tests.flow import Flow, op, simple, task_def


def block(ref: str, *tasks: Any, catch: Any = (), last: Any = (), **fields: Any) -> dict[str, Any]:
    return op(ref, "TRY_CATCH", tryTasks=list(tasks), catchHandlers=list(catch),
              finallyTasks=list(last), **fields)  # fmt: skip


def handler(*tasks: Any, **conditions: Any) -> dict[str, Any]:
    return {**conditions, "tasks": list(tasks)}


def told(ref: str) -> dict[str, Any]:
    """A worker's task that is given the error of block `b`."""
    return simple(ref, inputParameters={"error": "${b.output.error}"})


def test_without_a_failure_the_end_of_the_block_follows_and_the_flow_goes_on() -> None:
    flow = Flow(block("b", simple("x"), simple("y"), catch=[handler(simple("c"))],
                      last=[simple("f")]), simple("end"))  # fmt: skip
    flow.start()
    for ref in ("x", "y", "f"):
        assert flow.rows()[-1] == f"{ref} SCHEDULED"
        flow.update(ref)

    assert flow.rows()[0] == "b COMPLETED"
    assert (flow.row("b").output, flow.row("end").status) == ({"caught": False}, "SCHEDULED")


def test_a_failure_cancels_the_block_runs_its_handler_then_the_end_and_the_flow_goes_on() -> None:
    fork = op("fork", "FORK_JOIN", forkTasks=[[simple("x")], [simple("y")]])
    flow = Flow(block("b", fork, op("j", "JOIN", joinOn=["x", "y"]), catch=[handler(told("c"))],
                      last=[told("f")]), told("end"))  # fmt: skip
    flow.start()
    flow.fail("x", "no stock", output={"left": 0})
    error = {
        "taskRef": "x",
        "taskId": flow.task_id("x"),
        "reason": "no stock",
        "status": "FAILED",
        "output": {"left": 0},
    }
    assert flow.rows() == [
        "b IN_PROGRESS", "fork COMPLETED", "x FAILED", "y CANCELED", "j CANCELED", "c SCHEDULED",
    ]  # fmt: skip
    for ref in ("c", "f", "end"):
        assert flow.row(ref).input == {"error": error}
        flow.update(ref)

    assert flow.status == "COMPLETED"
    assert flow.row("b").output == {"caught": True, "error": error, "handler": 0}


@pytest.mark.parametrize(
    ("reason", "status", "chosen"),
    [
        ("out of stock: 3", "FAILED", "c0"),
        ("OUT OF STOCK", "FAILED", "c2"),
        ("out of stock", "FAILED_WITH_TERMINAL_ERROR", "c0"),
        ("anything", "FAILED_WITH_TERMINAL_ERROR", "c1"),
        (None, "FAILED", "c2"),
    ],
)
def test_the_first_handler_whose_conditions_all_hold_runs(
    reason: Any, status: str, chosen: str
) -> None:
    flow = Flow(block("b", simple("x"), catch=[
        handler(simple("c0"), reason="out of st[aeo]ck"),
        handler(simple("c1"), status=["TIMED_OUT", "FAILED_WITH_TERMINAL_ERROR"]),
        handler(simple("c2"), status=["FAILED"], reason=""),
    ]))  # fmt: skip
    flow.start()
    flow.update("x", status, reason=reason)

    assert flow.rows()[-1] == f"{chosen} SCHEDULED"


def test_without_a_matching_handler_the_end_runs_and_then_the_workflow_fails_as_usual() -> None:
    flow = Flow(block("b", simple("x"), catch=[handler(simple("c"), reason="other")],
                      last=[told("f")]), simple("end"))  # fmt: skip
    flow.start()
    flow.fail("x", "broke")
    assert (flow.status, flow.row("f").input["error"]["reason"]) == ("RUNNING", "broke")
    flow.update("f")

    assert flow.rows() == ["b FAILED", "x FAILED", "f COMPLETED"]
    assert flow.state is not None
    assert (flow.status, flow.state.failed_ordinal) == ("FAILED", flow.row("x").ordinal)
    assert flow.state.reason == (
        f"Task {flow.task_id('x')} failed with status: FAILED and reason: 'broke'"
    )


def test_retries_come_before_the_handler() -> None:
    flow = Flow(block("b", simple("x", task_def=task_def("x", retryCount=1)),
                      catch=[handler(simple("c"))]))  # fmt: skip
    flow.start()
    flow.fail("x")
    assert flow.rows()[-1] == "x SCHEDULED"
    flow.fail("x")

    assert flow.rows()[-1] == "c SCHEDULED"


def test_a_time_limit_that_ends_workflows_ends_the_block() -> None:
    slow = simple("x", task_def=task_def("x", timeoutSeconds=10, retryCount=3,
                                         responseTimeoutSeconds=5))  # fmt: skip
    flow = Flow(block("b", slow, catch=[handler(simple("c"), status=["TIMED_OUT"])]))
    flow.start()
    flow.begin("x")
    flow.clock.advance(10_000)
    flow.fire("x")

    assert flow.rows() == ["b IN_PROGRESS", "x TIMED_OUT", "c SCHEDULED"]


def test_an_uncaught_time_limit_times_the_workflow_out() -> None:
    slow = simple("x", task_def=task_def("x", timeoutSeconds=10, responseTimeoutSeconds=5))
    flow = Flow(block("b", slow, last=[simple("f")]))
    flow.start()
    flow.begin("x")
    flow.clock.advance(10_000)
    flow.fire("x")
    flow.update("f")

    assert (flow.row("b").status, flow.status) == ("TIMED_OUT", "TIMED_OUT")


@pytest.mark.parametrize(
    ("given", "status"), [(["CANCELED"], "RUNNING"), (["FAILED"], "TERMINATED")]
)
def test_a_terminated_child_counts_as_canceled(given: list[str], status: str) -> None:
    child = op("s", "SUB_WORKFLOW", subWorkflowParam={"name": "c", "version": 1})
    flow = Flow(block("b", child, catch=[handler(simple("c"), status=given)]))
    flow.start()
    flow.send(cmd.ReportChildEnded, task_id=flow.task_id("s"), child_id=flow.row("s").child_id,
              status=WorkflowStatus.TERMINATED)  # fmt: skip

    assert flow.status == status


def test_a_failing_handler_is_the_failure_and_the_end_still_runs() -> None:
    flow = Flow(block("b", simple("x"), catch=[handler(simple("c")), handler(simple("never"))],
                      last=[simple("f")]))  # fmt: skip
    flow.start()
    flow.fail("x", "first")
    flow.fail("c", "second")
    assert flow.rows()[-1] == "f SCHEDULED"
    flow.update("f")

    assert (flow.status, flow.row("b").reason) == ("FAILED", "second")
    assert flow.row("b").output["caught"] is False


def test_a_failing_end_fails_the_block_whatever_was_before() -> None:
    flow = Flow(block("b", simple("x"), catch=[handler()], last=[simple("f")]))
    flow.start()
    flow.fail("x", "first")
    flow.fail("f", "third")

    assert (flow.status, flow.row("b").reason) == ("FAILED", "third")


def test_a_handler_without_tasks_just_goes_on() -> None:
    flow = Flow(block("b", simple("x"), catch=[handler()]), simple("end"))
    flow.start()
    flow.fail("x")

    assert (flow.row("b").output["caught"], flow.rows()[-1]) == (True, "end SCHEDULED")


def test_an_optional_task_is_no_failure_a_permissive_one_is_at_the_end_of_the_list() -> None:
    flow = Flow(block("b", simple("o", optional=True), simple("p", permissive=True), simple("x"),
                      catch=[handler(told("c"))]))  # fmt: skip
    flow.start()
    flow.fail("o")
    flow.fail("p")
    assert flow.rows()[-1] == "x SCHEDULED"
    flow.update("x")
    assert flow.row("c").input["error"]["taskRef"] == "p"
    flow.update("c")

    assert flow.status == "COMPLETED"


@pytest.mark.parametrize(("field", "row", "status"), [
    ("optional", "COMPLETED_WITH_ERRORS", "COMPLETED"), ("permissive", "FAILED", "FAILED"),
])  # fmt: skip
def test_an_uncaught_failure_may_be_forgiven_as_a_whole(field: str, row: str, status: str) -> None:
    flow = Flow(block("b", simple("x"), last=[simple("f")], **{field: True}), simple("end"))
    flow.start()
    flow.fail("x")
    flow.update("f")
    assert (flow.row("b").status, flow.row("end").status) == (row, "SCHEDULED")
    flow.update("end")

    assert flow.status == status


def test_blocks_within_blocks_hand_on_what_they_do_not_catch() -> None:
    inner = block("in", simple("x"), catch=[handler(reason="other")], last=[simple("fin")])
    flow = Flow(block("b", inner, catch=[handler(told("c"))]))
    flow.start()
    flow.fail("x", "broke")
    flow.update("fin")

    assert flow.row("c").input["error"]["taskRef"] == "x"
    flow.update("c")
    assert (flow.row("in").status, flow.status) == ("FAILED", "COMPLETED")


def test_an_outer_failure_cancels_an_inner_block_without_its_end() -> None:
    inner = block("in", simple("x"), last=[simple("fin")])
    fork = op("fork", "FORK_JOIN", forkTasks=[[inner], [simple("y")]])
    flow = Flow(block("b", fork, op("j", "JOIN", joinOn=["in", "y"]), catch=[handler(told("c"))]))
    flow.start()
    flow.fail("y")

    assert [row for row in flow.rows() if "SCHEDULED" in row] == ["c SCHEDULED"]
    assert (flow.row("in").status, flow.row("x").status) == ("CANCELED", "CANCELED")


def test_a_block_in_a_branch_leaves_the_other_branch_alone() -> None:
    fork = op("fork", "FORK_JOIN", forkTasks=[
        [block("b", simple("x"), catch=[handler(simple("c"))])], [simple("y")]])  # fmt: skip
    flow = Flow(fork, op("j", "JOIN", joinOn=["b", "y"]))
    flow.start()
    flow.fail("x")
    flow.update("c")
    flow.update("y", output={"v": 1})

    assert flow.status == "COMPLETED"
    assert set(flow.row("j").output) == {"b", "y"}


def test_each_pass_of_a_loop_has_a_block_of_its_own() -> None:
    seen = simple("c", inputParameters={"ref": "${b.output.error.taskRef}", "i": "${e.item}"})
    each = op("e", "FOR_EACH", {"items": ["p", "q"], "parallel": 2},
              loopOver=[block("b", simple("x"), catch=[handler(seen)]), simple("after")])  # fmt: skip
    flow = Flow(each)
    flow.start()
    flow.fail("x__2")
    flow.update("x__1")
    assert flow.row("c__2").input == {"ref": "x__2", "i": "q"}
    for ref in ("c__2", "after__1", "after__2"):
        flow.update(ref)

    assert flow.status == "COMPLETED"
    assert [set(one) for one in flow.row("e").output["results"]] == [
        {"b", "x", "after"}, {"b", "x", "c", "after"},
    ]  # fmt: skip


def test_a_loop_in_a_block_is_cancelled_with_it_and_a_block_in_a_loop_saves_its_pass() -> None:
    body = [block("b", simple("x"), catch=[handler()]), simple("y")]
    loop = op("l", "DO_WHILE", {}, loopCondition="$.l['iteration'] < 2", loopOver=body)
    flow = Flow(block("outer", loop, catch=[handler()]), simple("end"))
    flow.start()
    flow.fail("x__1")
    flow.update("y__1")
    flow.update("x__2")
    flow.fail("y__2")

    assert (flow.row("l").status, flow.row("outer").output["error"]["taskRef"]) == (
        "CANCELED", "y__2",
    )  # fmt: skip
    assert flow.rows()[-1] == "end SCHEDULED"


def test_a_task_that_cannot_be_scheduled_is_a_failure_of_the_block() -> None:
    bad = op("d", "DYNAMIC", {}, dynamicTaskNameParam="t")
    flow = Flow(block("b", simple("x"), bad, catch=[handler(told("c"))]))
    flow.start()
    flow.update("x")

    assert flow.row("c").input["error"]["taskRef"] == "d"
    assert "taskId" not in flow.row("c").input["error"]


def test_the_end_of_the_workflow_is_the_end_of_the_block() -> None:
    end = op("t", "TERMINATE", {"terminationStatus": "FAILED"})
    flow = Flow(block("b", simple("x"), end, catch=[handler(simple("c"))], last=[simple("f")]))
    flow.start()
    flow.update("x")

    assert (flow.status, flow.row("b").status) == ("FAILED", "CANCELED")


def test_a_block_whose_own_row_is_ended_from_outside_leaves_nothing_open() -> None:
    flow = Flow(block("b", simple("x"), catch=[handler(simple("c"))]), simple("end"))
    flow.start()
    flow.update("b")

    assert flow.rows() == ["b COMPLETED", "x CANCELED", "end SCHEDULED"]


def test_a_pattern_that_takes_too_long_does_not_match() -> None:
    flow = Flow(block("b", simple("x"), catch=[
        handler(simple("c0"), reason="(a|aa)+$"), handler(simple("c1"))]))  # fmt: skip
    flow.start()
    flow.fail("x", "a" * 200 + "b")

    assert flow.rows()[-1] == "c1 SCHEDULED"
