"""What parents and children that run again say to each other (spec 5.6)."""

from typing import Any

import pytest

from firmus_contracts import commands as cmd
from firmus_contracts.statuses import WorkflowStatus
from tests.flow import Flow, op, simple


def sub(ref: str, **fields: Any) -> dict[str, Any]:
    return op(ref, "SUB_WORKFLOW", subWorkflowParam={"name": "c", "version": 3}, **fields)


def parent(*tasks: dict[str, Any], more: tuple[dict[str, Any], ...] = ()) -> Flow:
    """A workflow whose child `s` has begun."""
    flow = Flow(*(tasks or (sub("s"),)), *more)
    flow.start()
    row = flow.row("s")
    flow.send(cmd.ReportChildStarted, task_id=flow.task_id("s"), child_id=row.child_id)
    return flow


def says(flow: Flow, status: str, *, again: int = 0, **fields: Any) -> list[str]:
    """The child reports an end of the run that began at its version `again`."""
    return flow.send(
        cmd.ReportChildEnded,
        task_id=flow.task_id("s"),
        child_id=flow.row("s").child_id,
        status=WorkflowStatus(status),
        again_version=again,
        **fields,
    )


def returns(flow: Flow, version: int, **fields: Any) -> list[str]:
    """The child says that it runs again since that version."""
    fields = {"operation": "retried", "child_id": flow.row("s").child_id, **fields}
    return flow.send(cmd.ReviveParent, task_id=flow.task_id("s"), child_version=version, **fields)


def test_a_parent_that_failed_with_its_child_goes_on_with_it() -> None:
    flow = parent(more=(simple("z"),))
    says(flow, "FAILED", reason="broke", output={"half": 1})
    assert returns(flow, 9) == ["workflow.revived", "task.reopened s", "task.logged s"]
    assert flow.state is not None
    row = flow.row("s")
    assert (flow.status, flow.state.reason, flow.state.failed_refs) == ("RUNNING", None, ())
    assert (row.status, row.output, row.reason) == (
        "IN_PROGRESS",
        {"subWorkflowId": row.child_id, "half": 1},
        None,
    )
    says(flow, "COMPLETED", again=9, output={"n": 1})
    assert flow.row("s").output == {"subWorkflowId": row.child_id, "n": 1}
    flow.update("z")
    assert flow.status == "COMPLETED"


def test_the_log_of_the_task_says_what_was_done_to_the_child() -> None:
    flow = parent()
    says(flow, "FAILED")
    returns(flow, 9, operation="rerun")
    (logged,) = [e for c in flow.commits for e in c.events if type(e).__name__ == "TaskLogged"]
    assert logged.lines[0][0] == f"Sub workflow c.3/{flow.row('s').child_id} reran."


def test_an_end_of_before_is_not_heard_after_the_child_came_back() -> None:
    flow = parent()
    assert returns(flow, 9) == ["task.child_revived s"]
    assert says(flow, "FAILED") == []
    assert flow.status == "RUNNING"
    says(flow, "COMPLETED", again=9)
    assert flow.status == "COMPLETED"


def test_an_end_that_overtakes_the_word_of_coming_back_tells_both() -> None:
    flow = parent()
    says(flow, "FAILED")
    says(flow, "COMPLETED", again=9)
    assert flow.status == "COMPLETED"
    assert returns(flow, 9) == []


@pytest.mark.parametrize("times", [1, 2])
def test_the_word_of_coming_back_is_heard_once(times: int) -> None:
    flow = parent()
    says(flow, "FAILED")
    returns(flow, 9)
    for _ in range(times):
        assert returns(flow, 9) == []
    assert returns(flow, 8) == []


def test_what_was_forgiven_stays_so() -> None:
    optional = parent(sub("s", optional=True), more=(simple("z"),))
    says(optional, "FAILED")
    assert returns(optional, 9) == []
    caught = op("block", "TRY_CATCH", tryTasks=[sub("s")], catchHandlers=[{"tasks": [simple("h")]}])
    flow = parent(caught)
    says(flow, "FAILED")
    assert returns(flow, 9) == []
    flow.update("h")
    assert flow.status == "COMPLETED"
    assert returns(flow, 9) == []


def test_5_4_retry_with_resume_asks_the_child_and_hears_only_its_answer() -> None:
    flow = parent()
    says(flow, "FAILED")
    asked = flow.send(cmd.RetryWorkflow, resume_subworkflow_tasks=True)
    assert asked == ["workflow.retried", "task.reopened s", "task.logged s"]
    at = flow.row("s").child_asked
    assert says(flow, "FAILED") == []
    assert returns(flow, 7) == [], "somebody else's doing"
    assert returns(flow, 9, parent_version=at) == ["task.child_revived s"]
    says(flow, "COMPLETED", again=9, parent_version=at)
    assert flow.status == "COMPLETED"


def test_a_child_that_stays_as_it_ended_ends_its_task() -> None:
    flow = parent()
    says(flow, "TERMINATED", reason="no")
    flow.send(cmd.RetryWorkflow, resume_subworkflow_tasks=True)
    says(flow, "COMPLETED", final=True)
    assert flow.status == "COMPLETED"


def test_a_child_that_comes_back_for_nobody_is_refused() -> None:
    flow = parent()
    says(flow, "FAILED")
    flow.send(cmd.RetryWorkflow, resume_subworkflow_tasks=True)
    at = flow.row("s").child_asked
    flow.send(cmd.TerminateWorkflow)
    assert returns(flow, 9, parent_version=at) == []
    assert flow.rejected is not None
    assert flow.status == "TERMINATED"


def test_a_child_is_asked_once_and_tells_if_it_never_ended() -> None:
    flow = Flow(simple("a"))
    flow.start(parent_workflow_id="p", parent_task_id="t")
    assert flow.send(cmd.ReviveChild, parent_version=5) == ["workflow.parent_revived"]
    assert flow.send(cmd.ReviveChild, parent_version=5) == []
    flow.fail("a")
    assert flow.send(cmd.ReviveChild, parent_version=5) == []
    assert flow.send(cmd.ReviveChild, parent_version=8) == ["workflow.retried", "task.scheduled a"]
    flow.update("a")
    assert flow.send(cmd.ReviveChild, parent_version=11) == []
    assert flow.rejected is not None, "a completed one cannot go on"


def test_the_end_of_a_parent_does_not_reach_a_child_that_runs_again_since() -> None:
    flow = Flow(simple("a"))
    flow.start(parent_workflow_id="p", parent_task_id="t")
    flow.fail("a")
    flow.send(cmd.RestartWorkflow)
    assert flow.state is not None
    at = flow.state.again_version
    assert flow.send(cmd.TerminateWorkflow, by_parent=True) == []
    assert flow.status == "RUNNING"
    flow.send(cmd.TerminateWorkflow, by_parent=True, child_since=at)
    assert flow.status == "TERMINATED"
