"""The commands that children, parents and failure workflows get (spec 3.6.14, 4.7)."""

from typing import Any

import msgspec
import pytest

from firmus.scheduler.child_requests import start_child, strategy_of
from firmus.scheduler.children import (
    ChildEnded,
    StartFailure,
    report_child_ended,
    start_failure,
)
from firmus.workflow.evolve import fold
from firmus.workflow.state import WorkflowState
from firmus_contracts import events as ev
from firmus_contracts import ids
from firmus_contracts.commands import StartWorkflow
from firmus_contracts.envelope import Commit
from tests.scheduler.world import START_MS, child_row, started, workflow_id

PARENT, CHILD = workflow_id(1), workflow_id(2)
GIVEN = {
    "subWorkflowName": "kid",
    "subWorkflowVersion": None,
    "subWorkflowDefinition": None,
    "subWorkflowTaskToDomain": None,
    "priority": None,
    "workflowInput": {"a": 1},
}


def state(*events: ev.WorkflowEvent, workflow: str = PARENT) -> WorkflowState:
    commit = Commit(
        commit_id="c", workflow_id=workflow, first_version=1, time_ms=START_MS, events=events
    )
    return fold(None, commit)


def start(**given: Any) -> StartWorkflow:
    first = started(correlation_id="corr", priority=7, task_to_domain={"*": "eu"})
    parent = state(first, child_row(1, CHILD, input={**GIVEN, **given}))
    return start_child(parent, parent.tasks[1])


def test_a_child_is_started_under_the_id_that_its_row_says() -> None:
    command = start()
    assert command == StartWorkflow(
        command_id=f"{CHILD}/start",
        workflow_id=CHILD,
        actor="scheduler",
        name="kid",
        input={"a": 1},
        correlation_id="corr",
        task_to_domain={"*": "eu"},
        parent_workflow_id=PARENT,
        parent_task_id=ids.task_id(PARENT, 1),
        depth=1,
    )


def test_its_idempotency_key_travels_with_the_start() -> None:
    assert start(idempotencyKey="k").idempotency_key == "k"
    assert [start(idempotencyKey=none).idempotency_key for none in (None, "")] == [None, None]


@pytest.mark.parametrize(
    ("given", "strategy"), [({}, None), ({"idempotencyStrategy": "FAIL"}, "FAIL")]
)
def test_the_strategy_is_that_of_the_row(given: dict[str, Any], strategy: str | None) -> None:
    row = state(started(), child_row(1, CHILD, input={**GIVEN, **given})).tasks[1]
    assert strategy_of(row) == strategy


def test_a_strategy_that_there_is_not_is_refused() -> None:
    row = state(started(), child_row(1, CHILD, input={"idempotencyStrategy": "MAYBE"})).tasks[1]
    with pytest.raises(ValueError, match="idempotencyStrategy"):
        strategy_of(row)


def test_an_empty_input_is_replaced_by_the_whole_task_input() -> None:
    assert start(workflowInput={}).input == {**GIVEN, "workflowInput": {}}


def test_an_inline_definition_is_carried_and_marks_the_input() -> None:
    definition = {"name": "inline", "tasks": []}
    command = start(subWorkflowName=None, subWorkflowDefinition=definition, subWorkflowVersion=4)
    assert msgspec.json.decode(command.definition) == definition
    assert (command.name, command.version) == ("inline", None)
    assert command.input == {"a": 1, "_systemMetadata": {"dynamic": True}}


@pytest.mark.parametrize(
    ("given", "expected"), [(None, None), (0, None), (3, 3), ("3", 3), (2.0, 2)]
)
def test_no_version_or_zero_is_the_latest(given: object, expected: int | None) -> None:
    assert start(subWorkflowVersion=given).version == expected


@pytest.mark.parametrize(
    ("given", "expected"), [(None, 0), (5, 5), ("5", 5), ("high", 0), (True, 0)]
)
def test_only_a_numeric_priority_counts_and_none_is_inherited(given: object, expected: int) -> None:
    assert start(priority=given).priority == expected


def test_own_domains_beat_those_of_the_parent() -> None:
    assert start(subWorkflowTaskToDomain={"x": "us"}).task_to_domain == {"x": "us"}


@pytest.mark.parametrize("given", [{"subWorkflowName": None}, {"subWorkflowVersion": "two"}])
def test_an_input_that_names_no_workflow_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"sub-workflow|subWorkflowVersion"):
        start(**given)


def test_a_parent_is_told_status_output_and_reason() -> None:
    task = ids.task_id(PARENT, 1)
    ended = ev.WorkflowFailed(output={"o": 1}, reason="broke")
    child = state(started(), ended, workflow=CHILD)
    command = report_child_ended(ChildEnded(CHILD, 2, PARENT, task), child)
    assert command is not None
    assert (command.command_id, command.workflow_id) == (f"{CHILD}/2/ended", PARENT)
    assert (command.task_id, command.child_id) == (task, CHILD)
    assert (command.status, command.output, command.reason) == ("FAILED", {"o": 1}, "broke")
    assert command.child == f"flow.1/{CHILD}"


def test_a_child_that_is_open_again_is_not_reported() -> None:
    child = state(started(), workflow=CHILD)
    assert report_child_ended(ChildEnded(CHILD, 1, PARENT, ids.task_id(PARENT, 1)), child) is None


def test_a_failure_workflow_gets_correlation_and_domains_but_no_parent() -> None:
    failed = state(started(correlation_id="corr", task_to_domain={"*": "eu"}))
    target = ev.FailureWorkflow(workflow_id=CHILD, name="handler", version=2)
    command = start_failure(StartFailure(PARENT, 2, target), failed, {"reason": "r"})
    assert (command.command_id, command.workflow_id) == (f"{CHILD}/start", CHILD)
    assert (command.name, command.version, command.input) == ("handler", 2, {"reason": "r"})
    assert (command.correlation_id, command.task_to_domain) == ("corr", {"*": "eu"})
    assert (command.parent_workflow_id, command.parent_task_id) == (None, None)


def test_to_its_parent_a_child_removed_while_it_ran_was_terminated() -> None:
    child = state(started(), ev.WorkflowRemoved(), workflow=CHILD)
    command = report_child_ended(ChildEnded(CHILD, 2, PARENT, ids.task_id(PARENT, 1)), child)
    assert command is not None
    assert (command.status, command.reason) == (
        "TERMINATED",
        "The workflow was removed while it ran",
    )
