"""Payloads that are too large fail what they belong to, with the reason (spec 1.10)."""

from typing import Any

from firmus_contracts import commands as cmd
from tests.flow import Flow, op, simple, task_def

LIMIT = 1000
LARGE = {"v": "x" * LIMIT}


def limited(*tasks: dict[str, Any], **fields: Any) -> Flow:
    flow = Flow(*tasks, **fields)
    flow.limits = type(flow.limits)(payload_max_bytes=LIMIT)
    return flow


def reason_of(flow: Flow, ref: str) -> str:
    return flow.row(ref).reason or ""


def test_an_output_over_the_limit_fails_its_task_for_good_whatever_was_reported() -> None:
    for status in ("COMPLETED", "FAILED", "IN_PROGRESS"):
        flow = limited(simple("a", task_def=task_def("a", retryCount=3)))
        flow.start()
        flow.update("a", status, output=LARGE)

        assert (flow.status, flow.row("a").status) == ("FAILED", "FAILED_WITH_TERMINAL_ERROR")
        assert flow.row("a").output == {}
        assert reason_of(flow, "a") == (
            f"The payload size: 1008 of task: {flow.task_id('a')} is greater than the permissible "
            "limit: 1000 bytes"
        )


def test_an_optional_task_with_too_large_an_output_lets_the_workflow_go_on() -> None:
    flow = limited(simple("a", optional=True), simple("b"))
    flow.start()
    flow.update("a", output=LARGE)

    assert flow.rows() == ["a COMPLETED_WITH_ERRORS", "b SCHEDULED"]


def test_an_input_over_the_limit_fails_the_task_that_would_get_it() -> None:
    parts = {f"p{i}": f"${{{ref}.output.v}}" for i, ref in enumerate(("a", "b"))}
    flow = limited(simple("a"), simple("b"), simple("c", inputParameters=parts))
    flow.start()
    flow.update("a", output={"v": "x" * 600})
    flow.update("b", output={"v": "x" * 600})

    assert (flow.status, flow.row("c").input) == ("FAILED", {})
    assert "is greater than the permissible limit" in reason_of(flow, "c")


def test_a_join_that_gathers_too_much_fails() -> None:
    branches = [[simple("a")], [simple("b")]]
    flow = limited(op("f", "FORK_JOIN", forkTasks=branches), op("j", "JOIN", joinOn=["a", "b"]))
    flow.start()
    for ref in ("a", "b"):
        flow.update(ref, output={"v": "x" * 600})

    assert (flow.status, flow.row("j").status) == ("FAILED", "FAILED_WITH_TERMINAL_ERROR")


def test_a_workflow_with_too_large_an_output_fails_without_it() -> None:
    twice = {"one": "${a.output.v}", "two": "${a.output.v}"}
    flow = limited(simple("a"), outputParameters=twice)
    flow.start()
    flow.update("a", output={"v": "x" * 600})

    assert flow.state is not None
    assert (flow.status, flow.output) == ("FAILED", {})
    assert (flow.state.reason or "").startswith("The payload size: 1219 of workflow: ")


def test_a_start_with_too_large_an_input_is_refused() -> None:
    flow = limited(simple("a"))
    flow.start(LARGE)

    assert flow.rejected is not None
    assert (flow.rejected.code, flow.state) == ("PAYLOAD_TOO_LARGE", None)


def test_a_definition_may_set_a_lower_limit_but_no_higher_one() -> None:
    lower = Flow(simple("a"), metadata={"payloadLimitKb": 1})
    lower.start()
    lower.update("a", output={"v": "x" * 1024})
    higher = limited(simple("a"), metadata={"payloadLimitKb": 100})
    higher.start()
    higher.update("a", output=LARGE)

    assert (lower.status, higher.status) == ("FAILED", "FAILED")


def test_a_childs_output_that_is_too_large_for_its_parent_fails_the_task() -> None:
    child = op("s", "SUB_WORKFLOW", subWorkflowParam={"name": "child", "version": 1})
    flow = limited(child)
    flow.start()
    child_id = flow.row("s").child_id
    flow.send(
        cmd.ReportChildEnded,
        task_id=flow.task_id("s"),
        child_id=child_id,
        status="COMPLETED",
        output=LARGE,
    )

    assert (flow.status, flow.row("s").status) == ("FAILED", "FAILED_WITH_TERMINAL_ERROR")
