"""SUB_WORKFLOW: which child is asked for, and how deep children may go (spec 3.6.14)."""

from typing import Any

import pytest

from firmus.definitions.children import refuse_child
from firmus_contracts import commands as cmd
from firmus_contracts.errors import Refusal
from firmus_contracts.statuses import WorkflowStatus
from tests.flow import Flow, definition, op, simple


def child(params: dict[str, Any], **given: Any) -> dict[str, Any]:
    flow = Flow(op("s", "SUB_WORKFLOW", subWorkflowParam=params))
    flow.start(given)
    return flow.row("s").input


def test_name_and_definition_may_be_given_by_expressions() -> None:
    by_name = child({"name": "${workflow.input.n}", "version": 2}, n="other")
    inline = {"name": "made up", "tasks": [{"name": "k", "taskReferenceName": "k"}]}
    by_definition = child({"workflowDefinition": "${workflow.input.d}"}, d=inline)

    assert (by_name["subWorkflowName"], by_name["subWorkflowVersion"]) == ("other", 2)
    assert by_definition["subWorkflowDefinition"] == inline
    assert by_definition["subWorkflowName"] == "made up"


def test_branches_of_one_reference_ask_for_their_own_child_in_every_execution() -> None:
    flow = Flow(
        op(
            "f",
            "FORK_JOIN_DYNAMIC",
            {"forkTaskWorkflow": "${workflow.input.w}", "forkTaskInputs": [1]},
        ),
        op("j", "JOIN"),
    )
    flow.start({"w": "one"})
    first = flow.row("_f_0").input["subWorkflowName"]
    flow.state = None
    flow.commits.clear()
    flow.start({"w": "two"})

    assert (first, flow.row("_f_0").input["subWorkflowName"]) == ("one", "two")


def test_children_nested_too_deep_are_refused() -> None:
    flow = Flow(simple("t"))
    flow.start(depth=256)
    assert flow.rejected is None
    deeper = Flow(simple("t"))
    deeper.start(depth=257)

    assert deeper.rejected is not None
    assert "nested more than 256 levels deep" in deeper.rejected.message


@pytest.mark.parametrize(
    "tasks",
    [[], [simple("a"), simple("a")], [{"name": "a"}], [op("m", "EVENT", sink="sqs:q")]],
    ids=["no tasks", "a reference twice", "no reference", "not supported"],
)
def test_an_inline_child_that_could_not_run_is_refused(tasks: list[dict[str, Any]]) -> None:
    with pytest.raises(Refusal):
        refuse_child(definition(*tasks))


def test_a_long_reason_of_a_child_is_told_by_its_beginning_and_its_end() -> None:
    flow = Flow(op("s", "SUB_WORKFLOW", subWorkflowParam={"name": "c", "version": 1}))
    flow.start()
    flow.send(
        cmd.ReportChildEnded,
        task_id=flow.task_id("s"),
        child_id=flow.row("s").child_id,
        status=WorkflowStatus.FAILED,
        child="c.1/id",
        reason=f"first {'x' * 5000} at last" + "'" * 200,
    )
    reason = flow.row("s").reason or ""

    assert reason.startswith("Sub workflow c.1/id failure reason: first xxx")
    assert reason.endswith("xxx at last")
    assert len(reason) < 1100
