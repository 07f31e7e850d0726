"""Pause, resume, terminate, timeouts, children, failure workflows, domains (spec 4, 5, 3.6.14)."""

from typing import Any

from firmus_contracts import commands as cmd
from firmus_contracts.statuses import WorkflowStatus
from tests.flow import START_MS, Flow, op, simple, task_def


def test_5_2_a_paused_workflow_schedules_nothing_until_it_is_resumed() -> None:
    flow = Flow(simple("a"), simple("b"))
    flow.start()
    assert flow.send(cmd.PauseWorkflow) == ["workflow.paused"]
    flow.begin("a")
    assert flow.update("a") == ["task.completed a"]

    assert flow.send(cmd.ResumeWorkflow) == [
        "workflow.resumed",
        "task.scheduled b",
        "workflow.tasks_settled",
    ]


def test_5_2_not_even_a_retry_is_made_while_paused() -> None:
    flow = Flow(simple("a", task_def=task_def("a", retryCount=1)))
    flow.start()
    flow.send(cmd.PauseWorkflow)
    assert flow.fail("a") == ["task.failed a"]

    assert flow.send(cmd.ResumeWorkflow) == ["workflow.resumed", "task.scheduled a"]


def test_5_1_pausing_twice_is_nothing_and_resuming_a_running_one_is_refused() -> None:
    flow = Flow(simple("a"))
    flow.start()
    flow.send(cmd.ResumeWorkflow)
    assert flow.rejected is not None
    assert flow.rejected.code == "ILLEGAL_STATE"
    flow.send(cmd.PauseWorkflow)

    assert flow.send(cmd.PauseWorkflow) == []
    assert flow.rejected is None


def test_5_8_terminate_cancels_what_is_open_and_starts_no_failure_workflow() -> None:
    flow = Flow(simple("a"), failureWorkflow="handler")
    flow.start()
    assert flow.send(cmd.TerminateWorkflow, reason="enough") == [
        "task.canceled a",
        "workflow.terminated",
    ]
    assert flow.state is not None
    assert (flow.state.reason, flow.state.failure_workflow) == ("enough", None)


def test_5_1_a_completed_workflow_cannot_be_terminated_a_terminated_one_stays() -> None:
    done = Flow(op("n", "NOOP"))
    done.start()
    done.send(cmd.TerminateWorkflow)
    assert done.rejected is not None
    assert done.rejected.code == "CONFLICT"
    gone = Flow(simple("a"))
    gone.start()
    gone.send(cmd.TerminateWorkflow)

    assert gone.send(cmd.TerminateWorkflow) == []
    assert gone.rejected is None


def timed(**fields: Any) -> Flow:
    flow = Flow(simple("a", task_def=task_def("a", **fields)), simple("b"))
    flow.start()
    return flow


def test_4_3_a_response_timeout_is_retried_whatever_the_policy() -> None:
    flow = timed(retryCount=1, responseTimeoutSeconds=5)
    flow.begin("a")
    flow.clock.advance(4_999)
    assert flow.fire("a") == []
    flow.clock.advance(1)

    assert flow.fire("a") == ["task.timed_out a", "task.scheduled a"]


def test_4_3_a_lease_extension_moves_the_response_timeout() -> None:
    flow = timed(responseTimeoutSeconds=5)
    flow.begin("a")
    flow.clock.advance(4_000)
    flow.update("a", extend_lease=True)
    flow.clock.advance(4_000)
    assert flow.fire("a") == []
    flow.clock.advance(1_000)

    assert flow.fire("a") == ["task.timed_out a", "workflow.timed_out"]


def test_4_3_policy_time_out_wf_ends_the_workflow_at_once() -> None:
    flow = timed(retryCount=3, timeoutSeconds=10, responseTimeoutSeconds=10)
    flow.begin("a")
    flow.clock.advance(10_000)

    assert flow.fire("a") == ["task.timed_out a", "workflow.timed_out"]
    assert flow.status == "TIMED_OUT"


def test_4_3_policy_retry_retries_and_alert_only_does_nothing() -> None:
    fields = {"retryCount": 1, "timeoutSeconds": 10, "responseTimeoutSeconds": 10}
    retried = timed(**fields, timeoutPolicy="RETRY")
    alert = timed(**{**fields, "responseTimeoutSeconds": 9999}, timeoutPolicy="ALERT_ONLY")
    for flow in (retried, alert):
        flow.begin("a")
        flow.clock.advance(10_000)

    assert retried.fire("a") == ["task.timed_out a", "task.scheduled a"]
    assert alert.fire("a") == []


def test_4_3_a_workflow_times_out_even_while_paused() -> None:
    flow = Flow(simple("a"), timeoutSeconds=60, timeoutPolicy="TIME_OUT_WF")
    flow.start()
    flow.send(cmd.PauseWorkflow)
    flow.clock.advance(59_999)
    assert flow.fire() == []
    flow.clock.advance(1)

    assert flow.fire() == ["task.canceled a", "workflow.timed_out"]


def test_5_2_resuming_restarts_the_workflows_clock() -> None:
    flow = Flow(simple("a"), timeoutSeconds=60, timeoutPolicy="TIME_OUT_WF")
    flow.start()
    flow.send(cmd.PauseWorkflow)
    flow.clock.advance(50_000)
    flow.send(cmd.ResumeWorkflow)
    flow.clock.advance(50_000)

    assert flow.fire() == []


def parent(**fields: Any) -> Flow:
    sub = {"name": "child", "version": 1}
    flow = Flow(
        op("s", "SUB_WORKFLOW", {"n": "${workflow.input.n}"}, subWorkflowParam=sub, **fields),
        simple("after"),
    )
    flow.start({"n": 5})
    return flow


def ended(flow: Flow, status: WorkflowStatus, **fields: Any) -> list[str]:
    row = flow.row("s")
    return flow.send(
        cmd.ReportChildEnded,
        task_id=flow.task_id("s"),
        child_id=fields.pop("child_id", row.child_id),
        status=status,
        **fields,
    )


def test_3_6_14_a_child_is_minted_started_and_its_output_becomes_the_tasks() -> None:
    flow = parent()
    child = flow.row("s").child_id
    assert flow.row("s").input["workflowInput"] == {"n": 5}
    flow.send(cmd.ReportChildStarted, task_id=flow.task_id("s"), child_id=child)
    assert (flow.row("s").status, flow.row("s").output) == ("IN_PROGRESS", {"subWorkflowId": child})
    ended(flow, WorkflowStatus.COMPLETED, output={"y": 1})

    assert flow.row("s").output == {"subWorkflowId": child, "y": 1}
    assert flow.row("after").status == "SCHEDULED"


def test_3_6_14_how_a_child_ends_is_how_its_task_ends() -> None:
    outcomes = {}
    for status in (WorkflowStatus.FAILED, WorkflowStatus.TIMED_OUT, WorkflowStatus.TERMINATED):
        flow = parent()
        ended(flow, status, reason="r")
        outcomes[status.value] = (flow.row("s").status.value, flow.status)

    assert outcomes == {
        "FAILED": ("FAILED", "FAILED"),
        "TIMED_OUT": ("TIMED_OUT", "TIMED_OUT"),
        "TERMINATED": ("CANCELED", "TERMINATED"),
    }


def test_3_6_14_a_retry_starts_a_child_of_its_own_and_the_old_one_is_stale() -> None:
    flow = parent(taskDefinition=task_def("s", retryCount=1))
    old = flow.row("s").child_id
    ended(flow, WorkflowStatus.FAILED)
    assert flow.row("s").child_id not in (None, old)

    assert ended(flow, WorkflowStatus.COMPLETED, child_id=old) == []


def test_4_7_a_failure_names_its_failure_workflow_and_mints_its_id() -> None:
    flow = Flow(simple("a"), failureWorkflow="handler")
    flow.known_definitions.add("handler")
    flow.start()
    flow.fail("a", output={"n": 2})
    assert flow.state is not None
    handler = flow.state.failure_workflow

    assert handler is not None
    assert flow.output == {"n": 2, "conductor.failure_workflow": handler.workflow_id}


def test_4_7_a_failure_workflow_may_be_named_by_an_input_and_may_be_missing() -> None:
    named = Flow(simple("a"), failureWorkflow="$workflow.input.onError")
    named.known_definitions.add("other")
    named.start({"onError": "other"})
    named.fail("a")
    missing = Flow(simple("a"), failureWorkflow="nobody")
    missing.start()
    missing.fail("a")

    assert named.state is not None
    assert named.state.failure_workflow is not None
    assert named.state.failure_workflow.name == "other"
    assert "failed to start" in missing.output["conductor.failure_workflow"]


def test_4_7_an_input_that_names_no_failure_workflow_starts_none() -> None:
    for name in ("$workflow.input.onError", "${workflow.input.onError}"):
        flow = Flow(simple("a"), failureWorkflow=name)
        flow.start()
        flow.fail("a", output={"n": 1})

        assert flow.state is not None
        assert (flow.state.failure_workflow, flow.output) == (None, {"n": 1})


def test_4_10_the_first_domain_with_a_fresh_poll_is_chosen_else_the_last() -> None:
    chosen = {}
    for listed in ("x,y", "x,NO_DOMAIN", "y"):
        for polled in ((), ("y",)):
            flow = Flow(simple("a"))
            flow.polls = {("a", domain): START_MS - 1000 for domain in polled}
            flow.start(task_to_domain={"*": "z", "a": listed})
            chosen[listed, polled] = flow.row("a").made.domain

    assert chosen == {
        ("x,y", ()): "y",
        ("x,y", ("y",)): "y",
        ("x,NO_DOMAIN", ()): None,
        ("x,NO_DOMAIN", ("y",)): None,
        ("y", ()): "y",
        ("y", ("y",)): "y",
    }


def test_a_long_decision_is_split_and_goes_on_under_continue() -> None:
    flow = Flow(*(op(f"n{i}", "NOOP") for i in range(20)), events_max=12)
    assert flow.start()[-1] == "workflow.decision_split"
    commits = 1
    while flow.status == "RUNNING":
        flow.send(cmd.Continue)
        commits += 1

    assert (flow.status, len(flow.rows())) == ("COMPLETED", 20)
    assert commits > 1
    assert max(len(commit.events) for commit in flow.commits) <= 14


def test_5_2_on_resume_a_retry_is_made_before_the_join_looks() -> None:
    retried = simple("b", task_def=task_def("b", retryCount=1))
    fork = op("f", "FORK_JOIN", forkTasks=[[simple("a"), retried]])
    flow = Flow(fork, op("j", "JOIN", joinOn=["b"]))
    flow.start()
    flow.update("a")
    flow.send(cmd.PauseWorkflow)
    flow.fail("b")
    flow.send(cmd.ResumeWorkflow)

    assert (flow.status, flow.row("j").status) == ("RUNNING", "IN_PROGRESS")
    flow.update("b")
    assert flow.status == "COMPLETED"
