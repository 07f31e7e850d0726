"""START_WORKFLOW: what is started has no parent and outlives its starter (spec 3.6.15)."""

from typing import Any

import msgspec
import pytest

from firmus.scheduler.child_requests import start_child
from firmus.scheduler.children import StopChild
from firmus.scheduler.fold import Fold
from firmus.workflow.evolve import fold
from firmus_contracts import events as ev
from firmus_contracts.commands import NO_DEFINITION, StartWorkflow
from firmus_contracts.envelope import Commit
from tests.scheduler.world import SHARDS, START_MS, Story, scheduled, started, workflow_id

STARTER, OTHER = workflow_id(1), workflow_id(2)


def row(given: Any) -> ev.TaskScheduled:
    return scheduled(
        1,
        "START_WORKFLOW",
        queued=False,
        child_id=OTHER,
        input={} if given is None else {"startWorkflow": given},
    )


def start(given: Any) -> StartWorkflow:
    first = started(correlation_id="mine", task_to_domain={"*": "blue"})
    commit = Commit(
        commit_id="c",
        workflow_id=STARTER,
        first_version=1,
        time_ms=START_MS,
        events=(first, row(given)),
    )
    state = fold(None, commit)
    return start_child(state, state.tasks[1])


def test_it_is_started_without_a_parent_and_inherits_what_is_not_given() -> None:
    command = start({"name": "other", "version": 2, "input": {"n": 1}, "priority": "3"})
    assert (command.workflow_id, command.name, command.version) == (OTHER, "other", 2)
    assert (command.parent_workflow_id, command.parent_task_id, command.depth) == (None, None, 0)
    assert (command.correlation_id, command.task_to_domain) == ("mine", {"*": "blue"})
    assert (command.input, command.priority, command.definition) == ({"n": 1}, 3, NO_DEFINITION)


def test_own_correlation_and_domains_win() -> None:
    command = start({"name": "other", "correlationId": "own", "taskToDomain": {"a": "red"}})
    assert (command.correlation_id, command.task_to_domain) == ("own", {"a": "red"})


def test_an_inline_definition_travels_with_the_start() -> None:
    task = {"name": "a", "taskReferenceName": "a"}
    command = start({"name": "other", "workflowDef": {"name": "other", "tasks": [task]}})
    assert msgspec.json.decode(command.definition)["tasks"][0]["name"] == "a"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (None, "Missing 'startWorkflow' in input data."),
        ("text", "Error reading StartWorkflowRequest. "),
        ({"name": "x", "priority": "abc"}, "Error reading StartWorkflowRequest. "),
        ({"name": "x", "input": None}, "Error reading StartWorkflowRequest. input: NULL input"),
        ({}, "startWorkflow validation failed. 'name' -> Workflow name cannot be null"),
        ({"name": "x", "priority": 100}, "startWorkflow validation failed. 'priority' -> "),
        (
            {"name": "x", "externalInputPayloadStoragePath": "p"},
            "startWorkflow validation failed. 'externalInputPayloadStoragePath' -> not supported",
        ),
        (
            {"name": "x", "idempotencyStrategy": "MAYBE"},
            "Error reading StartWorkflowRequest. ",
        ),
    ],
)
def test_what_cannot_be_started_is_told_why(given: Any, reason: str) -> None:
    with pytest.raises(ValueError) as refused:
        start(given)
    assert str(refused.value).startswith(reason)


@pytest.mark.parametrize(
    "end", [(ev.WorkflowTerminated(),), (ev.TaskCanceled(ordinal=1), ev.WorkflowTerminated())]
)
def test_the_starters_end_does_not_stop_it(end: Any) -> None:
    story, folded = Story(), Fold(SHARDS, range(SHARDS))
    folded.apply(story.commit(STARTER, started(), row({"name": "other"})))
    folded.apply(story.commit(STARTER, *end))
    assert [effect for effect in folded.owed.values() if isinstance(effect, StopChild)] == []
