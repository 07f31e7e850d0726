"""What rows a task of each type becomes (spec 3.5, 1.8), and whose definitions fill them (2.5)."""

from typing import Any

import pytest

from firmus.decider.operators import ai_task
from firmus.decider.operators.registry import OPERATORS
from firmus_contracts import events as ev
from firmus_contracts.statuses import TaskStatus, WorkflowStatus
from tests.flow import Flow, op, task_def

A = op("a", "NOOP")
CHILD = {"subWorkflowParam": {"name": "c", "version": 1}}
VALUE = {"evaluatorType": "value-param", "expression": "k"}
LISTED = {"dynamicForkTasksParam": "ts", "dynamicForkTasksInputParamName": "ins"}
GIVEN: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "SWITCH": ({"k": "x"}, {**VALUE, "decisionCases": {"x": [A]}}),
    "DECISION": ({"k": "x"}, {"caseValueParam": "k", "decisionCases": {"x": [A]}}),
    "FORK_JOIN": ({}, {"forkTasks": [[op("h", "HUMAN")]]}),
    "FORK_JOIN_DYNAMIC": ({"ts": [], "ins": {}}, LISTED),
    "JOIN": ({}, {"joinOn": []}),
    "EXCLUSIVE_JOIN": ({}, {"joinOn": ["x"]}),
    "DO_WHILE": ({}, {"loopCondition": "false", "loopOver": [op("h", "HUMAN")]}),
    "FOR_EACH": ({"items": []}, {"loopOver": [A]}),
    "TRY_CATCH": ({}, {"tryTasks": [A], "finallyTasks": [op("n", "NOOP")]}),
    "SUB_WORKFLOW": ({}, CHILD),
    "START_WORKFLOW": ({"startWorkflow": {"name": "c"}}, {}),
    "EVENT": ({}, {"sink": "conductor"}),
    "INLINE": ({"expression": "1"}, {}),
    "LAMBDA": ({"scriptExpression": "return 1"}, {}),
    "JSON_JQ_TRANSFORM": ({"queryExpression": "."}, {}),
    "TERMINATE": ({"terminationStatus": "COMPLETED"}, {}),
    "DYNAMIC": ({"t": "resolved"}, {"dynamicTaskNameParam": "t"}),
}
"""What a task of a type needs beside its type: inputs, and fields."""
SCHEDULED, IN_PROGRESS, COMPLETED = (
    TaskStatus.SCHEDULED,
    TaskStatus.IN_PROGRESS,
    TaskStatus.COMPLETED,
)


def made(kind: str, **fields: Any) -> ev.TaskScheduled:
    """The first row of a workflow of one task, as it came into being."""
    inputs, more = GIVEN.get(kind, ({}, {}))
    tasks = [op("x", kind, inputs, name="def_of_x", **{**more, **fields})]
    if kind in {"FORK_JOIN", "FORK_JOIN_DYNAMIC"}:
        tasks.append(op("j", "JOIN", joinOn=["h"]))
    flow = Flow(*tasks)
    flow.start({})
    return next(e for e in flow.commits[0].events if isinstance(e, ev.TaskScheduled))


@pytest.mark.parametrize(
    ("kind", "status", "queued", "task_type", "task_def_name"),
    [
        ("SIMPLE", SCHEDULED, True, "def_of_x", "def_of_x"),
        ("SOME_KIND", SCHEDULED, True, "SOME_KIND", "def_of_x"),
        ("DYNAMIC", SCHEDULED, True, "resolved", "resolved"),
        ("FORK_JOIN", COMPLETED, False, "FORK", "FORK"),
        ("FORK_JOIN_DYNAMIC", COMPLETED, False, "FORK", "FORK"),
        ("JOIN", IN_PROGRESS, False, "JOIN", "JOIN"),
        ("EXCLUSIVE_JOIN", IN_PROGRESS, False, "EXCLUSIVE_JOIN", "EXCLUSIVE_JOIN"),
        ("SWITCH", IN_PROGRESS, False, "SWITCH", "SWITCH"),
        ("DECISION", IN_PROGRESS, False, "DECISION", "DECISION"),
        ("DO_WHILE", IN_PROGRESS, False, "DO_WHILE", "def_of_x"),
        ("SUB_WORKFLOW", SCHEDULED, False, "SUB_WORKFLOW", "def_of_x"),
        ("START_WORKFLOW", SCHEDULED, False, "START_WORKFLOW", "def_of_x"),
        ("EVENT", SCHEDULED, False, "EVENT", "def_of_x"),
        ("WAIT", IN_PROGRESS, False, "WAIT", "def_of_x"),
        ("HUMAN", IN_PROGRESS, False, "HUMAN", "def_of_x"),
        ("TERMINATE", IN_PROGRESS, False, "TERMINATE", "def_of_x"),
        ("SET_VARIABLE", IN_PROGRESS, False, "SET_VARIABLE", "def_of_x"),
        ("INLINE", IN_PROGRESS, False, "INLINE", "def_of_x"),
        ("LAMBDA", IN_PROGRESS, False, "LAMBDA", "def_of_x"),
        ("JSON_JQ_TRANSFORM", IN_PROGRESS, False, "JSON_JQ_TRANSFORM", "def_of_x"),
        ("NOOP", IN_PROGRESS, False, "NOOP", "def_of_x"),
        ("HTTP", SCHEDULED, True, "HTTP", "def_of_x"),
        ("KAFKA_PUBLISH", SCHEDULED, True, "KAFKA_PUBLISH", "def_of_x"),
        ("PULL_WORKFLOW_MESSAGES", IN_PROGRESS, False, "PULL_WORKFLOW_MESSAGES", "def_of_x"),
    ],
)
def test_3_5_1_8_the_row_that_a_type_becomes(
    kind: str, status: TaskStatus, queued: bool, task_type: str, task_def_name: str
) -> None:
    row = made(kind)
    found = (row.status, row.queued, row.task_type, row.task_def_name)
    assert found == (status, queued, task_type, task_def_name)


WITH_TEMPLATE = {
    *("SIMPLE", "SOME_KIND", "DYNAMIC", "HTTP", "KAFKA_PUBLISH", "INLINE", "LAMBDA"),
    *("JSON_JQ_TRANSFORM", "DO_WHILE", "HTTP_POLL", "JDBC", "FOR_EACH", "TRY_CATCH"),
}
WITHOUT = {
    *("WAIT", "HUMAN", "EVENT", "TERMINATE", "SET_VARIABLE", "SWITCH", "DECISION"),
    *("SUB_WORKFLOW", "START_WORKFLOW", "FORK_JOIN", "FORK_JOIN_DYNAMIC", "JOIN"),
    *("PULL_WORKFLOW_MESSAGES", "NOOP", "EXCLUSIVE_JOIN"),
}


@pytest.mark.parametrize("kind", sorted(WITH_TEMPLATE | WITHOUT))
def test_2_5_which_types_take_the_template_of_their_task_definition(kind: str) -> None:
    definition = task_def("def_of_x", inputTemplate={"filled": "${workflow.workflowType}"})
    row = made(kind, taskDefinition=definition)
    filled = row.input.get("workflowInput", row.input).get("filled")
    assert filled == ("flow" if kind in WITH_TEMPLATE else None)


def test_2_5_every_type_is_known_to_take_it_or_not() -> None:
    known = WITH_TEMPLATE | WITHOUT | set(ai_task.TYPES) | {"USER_DEFINED"}
    assert OPERATORS.keys() <= known


@pytest.mark.parametrize(
    ("kind", "delay_ms", "start_delay_s"),
    [
        ("SIMPLE", 7000, 7),
        ("SOME_KIND", 7000, 0),
        ("DYNAMIC", 7000, 7),
        ("HTTP", 7000, 0),
        ("SUB_WORKFLOW", 7000, 0),
        ("START_WORKFLOW", 7000, 0),
        ("INLINE", 0, 0),
        ("WAIT", 0, 0),
        ("SWITCH", 0, 0),
    ],
)
def test_3_5_which_types_honour_a_start_delay(kind: str, delay_ms: int, start_delay_s: int) -> None:
    row = made(kind, startDelay=7)
    assert (row.delay_ms, row.start_delay_s) == (delay_ms, start_delay_s)


@pytest.mark.parametrize(
    ("status", "terminal", "successful", "retriable"),
    [
        ("SCHEDULED", False, True, True),
        ("IN_PROGRESS", False, True, True),
        ("COMPLETED", True, True, True),
        ("COMPLETED_WITH_ERRORS", True, True, True),
        ("SKIPPED", True, True, False),
        ("FAILED", True, False, True),
        ("TIMED_OUT", True, False, True),
        ("FAILED_WITH_TERMINAL_ERROR", True, False, False),
        ("CANCELED", True, False, False),
    ],
)
def test_1_2_12_1_which_statuses_of_tasks_are_ends_good_and_tried_again(
    status: str, terminal: bool, successful: bool, retriable: bool
) -> None:
    found = TaskStatus(status)
    assert (found.terminal, found.successful, found.retriable) == (terminal, successful, retriable)


def test_1_2_a_paused_workflow_has_not_ended() -> None:
    assert {s for s in WorkflowStatus if not s.terminal} == {"RUNNING", "PAUSED"}
