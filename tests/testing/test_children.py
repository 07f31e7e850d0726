"""Workflows that start workflows (spec 3.6.14, 3.6.15, 4.7)."""

from typing import Any

import pytest

from firmus.testing import Blocked, DefinitionRefused, Refused, Workflows, fail, sub_tasks
from tests.flow import op, simple, task_def
from tests.testing.test_answers import flow


def sub(ref: str, name: str, **fields: Any) -> dict[str, Any]:
    return op(ref, "SUB_WORKFLOW", subWorkflowParam={"name": name}, **fields)


def named(name: str, *tasks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {**flow(*tasks, **fields), "name": name}


@pytest.fixture
def nested(workflows: Workflows) -> Workflows:
    out = {"x": "${a.output.x}"}
    workflows.register(named("inner", simple("a"), outputParameters=out))
    workflows.register(named("middle", sub("i", "inner"), outputParameters={"x": "${i.output.x}"}))
    workflows.register(named("outer", sub("m", "middle"), simple("a")))
    return workflows


def test_sub_workflows_run_for_real_two_deep(nested: Workflows) -> None:
    run = nested.run("outer", tasks={"m": sub_tasks({"i": sub_tasks({"a": {"x": 5}})}), "a": {}})
    assert (run.status, run.task("m").output["x"]) == ("COMPLETED", 5)
    inner = run.sub_workflow("m").sub_workflow("i")
    assert (inner.state.name, inner.status, inner.calls("a")) == ("inner", "COMPLETED", [{}])


def test_answers_of_the_whole_hold_for_sub_workflows_too(nested: Workflows) -> None:
    run = nested.run("outer", tasks={"a": [{"x": 1}, {"x": 2}]})
    assert (run.task("m").output["x"], run.output) == (1, {"x": 2})


def test_a_sub_workflow_may_be_answered_itself(workflows: Workflows) -> None:
    workflows.register(named("middle", simple("z")))
    run = workflows.run(flow(sub("m", "middle")), tasks={"m": {"x": 9}})
    assert (run.statuses, run.output) == (["m COMPLETED"], {"x": 9})
    with pytest.raises(LookupError, match="m has started no workflow"):
        run.sub_workflow("m")


def test_a_sub_workflow_that_cannot_go_on_is_told_by_its_parent(nested: Workflows) -> None:
    with pytest.raises(Blocked, match=r"m > i > a \(worker task a\) waits for an answer"):
        nested.run("outer")


def test_a_failed_sub_workflow_is_tried_again(workflows: Workflows) -> None:
    workflows.register(named("child", simple("a")))
    again = {"taskDefinition": task_def("m", retryCount=1, retryDelaySeconds=30)}
    run = workflows.run(
        flow(sub("m", "child", **again)), tasks={"m": sub_tasks({"a": [fail(), {}]})}
    )
    assert (run.statuses, run.elapsed_s) == (["m FAILED", "m COMPLETED"], 30)


def test_the_failure_workflow_is_played_too(workflows: Workflows) -> None:
    workflows.register(named("undo", op("w", "WAIT", {"duration": "1 hour"}), simple("refund")))
    definition = flow(simple("a"), failureWorkflow="undo")
    run = workflows.run(definition, tasks={"a": fail("broken", terminal=True), "refund": {}})
    assert run.status == "FAILED"
    undo = run.failure_workflow
    assert undo is not None
    assert (undo.status, undo.statuses) == ("COMPLETED", ["w COMPLETED", "refund COMPLETED"])
    assert undo.state.input["failedWorkflow"]["tasks"][0]["reasonForIncompletion"] == "broken"


def test_another_workflow_is_started_and_goes_its_own_way(workflows: Workflows) -> None:
    workflows.register(named("other", op("h", "HUMAN")))
    start = op("s", "START_WORKFLOW", {"startWorkflow": {"name": "other", "input": {"n": 1}}})
    run = workflows.run(flow(start))
    assert run.statuses == ["s COMPLETED"]
    other = run.sub_workflow("s")
    assert (other.status, other.state.input) == ("RUNNING", {"n": 1})


def test_terminating_a_workflow_ends_its_children(nested: Workflows) -> None:
    run = nested.start("outer").terminate("enough")
    inner = run.sub_workflow("m").sub_workflow("i")
    assert (run.status, inner.status, inner.statuses) == (
        "TERMINATED",
        "TERMINATED",
        ["a CANCELED"],
    )


def test_messages_reach_those_who_pull_them(workflows: Workflows) -> None:
    run = workflows.start(flow(op("p", "PULL_WORKFLOW_MESSAGES")))
    assert run.send_message({"n": 1}).status == "COMPLETED"
    assert run.output["messages"][0]["payload"] == {"n": 1}


def test_what_no_server_would_register_is_refused(workflows: Workflows) -> None:
    with pytest.raises(DefinitionRefused, match=r"definition flow is refused:\n  .*unique"):
        workflows.run(flow(simple("a"), simple("a")))
    with pytest.raises(DefinitionRefused, match="definition t is refused:\n  responseTimeout"):
        workflows.register_tasks({"name": "t", "responseTimeoutSeconds": -1})
    with pytest.raises(LookupError, match="no workflow is registered as 'nope'"):
        workflows.run("nope")
    with pytest.raises(Refused, match="has no workflow definition"):
        workflows.run(flow(sub("m", "nope")))
