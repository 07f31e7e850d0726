"""Schemas of workflows and task definitions are kept, which Conductor does not do."""

import msgspec
import pytest

from firmus_contracts import commands as cmd
from firmus_contracts.errors import ValidationError
from tests.flow import Flow, op, simple, task_def

SCHEMA = {
    "name": "order",
    "type": "JSON",
    "data": {"properties": {"n": {"type": "integer"}}, "required": ["n"]},
}


def strict(name: str, side: str = "output", **fields) -> dict:
    return task_def(name, enforceSchema=True, **{f"{side}Schema": SCHEMA}, **fields)


def begun(**fields) -> Flow:
    flow = Flow(simple("a", task_def=strict("a"), **fields), simple("b"))
    flow.start()
    flow.begin("a")
    return flow


def test_a_start_whose_input_does_not_fit_is_refused_with_the_path() -> None:
    flow = Flow(simple("a"), inputSchema=SCHEMA)
    flow.start({"n": "x"})

    assert flow.state is None
    assert isinstance(flow.rejected, cmd.Rejected)
    assert flow.rejected.code == "INVALID"
    details = msgspec.json.decode(flow.rejected.details, type=list[ValidationError])
    assert [(d.path, d.message) for d in details] == [("input.n", '"x" is not of type "integer"')]
    assert "input.n" in flow.rejected.message


@pytest.mark.parametrize(
    ("fields", "started"),
    [
        ({}, False),
        ({"inputTemplate": {"n": 4}}, True),
        ({"enforceSchema": False}, True),
        ({"inputSchema": {**SCHEMA, "data": None}}, True),
    ],
)
def test_the_input_is_what_the_template_makes_of_it_unless_nothing_is_enforced(
    fields: dict, started: bool
) -> None:
    flow = Flow(simple("a"), **{"inputSchema": SCHEMA, **fields})
    flow.start({"other": 1})

    assert (flow.state is not None) is started


def test_a_message_hides_values_where_fields_are_masked() -> None:
    flow = Flow(simple("a"), inputSchema=SCHEMA, maskedFields=["n"])
    flow.start({"n": "4711"})

    assert "4711" not in flow.rejected.message
    assert b"4711" not in bytes(flow.rejected.details)


def test_a_task_whose_input_does_not_fit_fails_when_it_is_made_and_is_not_tried_again() -> None:
    definition = strict("a", "input", retryCount=3)
    flow = Flow(simple("a", task_def=definition, inputParameters={"n": "${workflow.input.n}"}))

    assert flow.start({"n": "x"}) == [
        "workflow.started",
        "task.scheduled a",
        "task.failed a",
        "workflow.failed",
    ]
    assert flow.row("a").status == "FAILED_WITH_TERMINAL_ERROR"
    assert 'input.n: "x" is not of type "integer"' in (flow.row("a").reason or "")


def test_a_task_whose_input_fits_waits_for_its_worker() -> None:
    definition = strict("a", "input")
    flow = Flow(simple("a", task_def=definition, inputParameters={"n": "${workflow.input.n}"}))
    flow.start({"n": 1})

    assert flow.row("a").status == "SCHEDULED"


def test_an_output_that_does_not_fit_is_a_terminal_failure_with_the_path() -> None:
    flow = begun()
    flow.update("a", output={"n": "x"})

    row = flow.row("a")
    assert (row.status, row.output) == ("FAILED_WITH_TERMINAL_ERROR", {"n": "x"})
    assert 'output.n: "x" is not of type "integer"' in (row.reason or "")
    assert flow.status == "FAILED"


def test_an_output_that_fits_completes_its_task() -> None:
    flow = begun()
    flow.update("a", output={"n": 1})

    assert flow.rows() == ["a COMPLETED", "b SCHEDULED"]


def test_progress_and_failures_may_have_any_output() -> None:
    flow = begun()
    flow.update("a", "IN_PROGRESS", {"half": 1})
    flow.begin("a")
    assert flow.row("a").status == "IN_PROGRESS"
    flow.fail("a")
    assert flow.row("a").status == "FAILED"


def test_an_optional_task_with_a_wrong_output_is_forgiven() -> None:
    flow = begun(optional=True)
    flow.update("a", output={})

    assert flow.rows() == ["a COMPLETED_WITH_ERRORS", "b SCHEDULED"]


def test_the_output_of_an_operator_is_checked_like_a_workers() -> None:
    flow = Flow(op("h", "HUMAN", taskDefinition=strict("h")))
    flow.start()
    flow.update("h", output={"n": None})

    assert flow.row("h").status == "FAILED_WITH_TERMINAL_ERROR"


def test_a_branch_of_a_dynamic_fork_keeps_the_schemas_of_its_definition() -> None:
    fork = op(
        "f",
        "FORK_JOIN_DYNAMIC",
        {"tasks": [simple("x", task_def=strict("x"))], "inputs": {"x": {}}},
        dynamicForkTasksParam="tasks",
        dynamicForkTasksInputParamName="inputs",
    )
    flow = Flow(fork, op("j", "JOIN"))
    flow.start()
    flow.begin("x")
    flow.update("x", output={"n": []})

    assert flow.row("x").status == "FAILED_WITH_TERMINAL_ERROR"


def test_a_workflow_whose_output_does_not_fit_fails_at_its_end_and_keeps_the_output() -> None:
    flow = Flow(simple("a"), outputSchema=SCHEMA, outputParameters={"n": "${a.output.n}"})
    flow.start()
    flow.begin("a")
    flow.update("a", output={"n": "x"})

    assert (flow.status, flow.output) == ("FAILED", {"n": "x"})
    assert 'outputSchema order/1: output.n: "x" is not' in (flow.state.reason or "")


def test_a_failure_workflow_starts_for_an_output_that_does_not_fit() -> None:
    end = op("t", "TERMINATE", {"terminationStatus": "COMPLETED", "workflowOutput": {"n": "x"}})
    flow = Flow(end, outputSchema=SCHEMA, failureWorkflow="cleanup")
    flow.known_definitions = {"cleanup"}
    flow.start()

    assert flow.status == "FAILED"
    assert flow.state.failure_workflow is not None
    assert flow.state.failure_workflow.name == "cleanup"


def test_the_input_of_a_new_attempt_is_checked_again() -> None:
    shape = {"type": "JSON", "data": {"properties": {"n": {"type": ["integer", "null"]}}}}
    definition = task_def("a", retryCount=2, enforceSchema=True, inputSchema=shape)
    task = simple("a", task_def=definition, inputParameters={"n": "${v.output.n}"})
    fork = op("f", "FORK_JOIN", forkTasks=[[task], [simple("v")]])
    flow = Flow(fork, op("j", "JOIN", joinOn=["a", "v"]))
    flow.start()
    flow.begin("a")
    flow.begin("v")
    flow.update("v", output={"n": "x"})
    flow.fail("a")

    assert flow.row("a").made.retry_count == 1
    assert flow.row("a").status == "FAILED_WITH_TERMINAL_ERROR"
    assert flow.status == "FAILED"
