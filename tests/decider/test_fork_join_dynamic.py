"""FORK_JOIN_DYNAMIC in its other two forms, and what a branch may be (spec 3.6.8)."""

from typing import Any

import pytest

from firmus_contracts.definitions import TaskDef
from tests.flow import Flow, op, simple


def forked(inputs: dict[str, Any], *before: Any, **fields: Any) -> Flow:
    flow = Flow(*before, op("fork", "FORK_JOIN_DYNAMIC", inputs, **fields), op("join", "JOIN"))
    flow.registered["t"] = TaskDef(name="t", retry_count=1, retry_delay_seconds=0)
    flow.start({"list": [{"n": 1}, "text"], "other": "a"})
    return flow


def test_each_element_of_fork_task_inputs_is_a_branch_with_its_entries_and_its_index() -> None:
    flow = forked({"forkTaskName": "t", "forkTaskInputs": "${workflow.input.list}"})

    assert flow.row("join").input == {"joinOn": ["_t_0", "_t_1"]}
    assert flow.row("_t_0").input == {"n": 1, "__index": 0}
    assert flow.row("_t_1").input == {"input": "text", "__index": 1}
    assert flow.row("_t_0").made.task_type == "t"


def test_a_later_dynamic_fork_puts_its_own_reference_before_the_name() -> None:
    flow = forked({"forkTaskName": "t", "forkTaskInputs": []}, *_a_fork_before())

    assert flow.row("join").input == {"joinOn": []}
    later = forked({"forkTaskName": "t", "forkTaskInputs": [1]}, *_a_fork_before())
    assert later.row("join").input == {"joinOn": ["_fork_t_0"]}


def _a_fork_before() -> tuple[dict[str, Any], dict[str, Any]]:
    first = op("first", "FORK_JOIN_DYNAMIC", {"forkTaskName": "t", "forkTaskInputs": []})
    return first, op("first_join", "JOIN")


@pytest.mark.parametrize(
    ("inputs", "ref", "kind"),
    [
        ({"forkTaskType": "NOOP"}, "_NOOP_0", "NOOP"),
        ({"forkTaskType": "MINE"}, "_fork_0", "MINE"),
        ({"forkTaskType": "NOOP", "forkTaskName": "n"}, "_n_0", "NOOP"),
        ({"forkTaskWorkflow": "child"}, "_fork_0", "SUB_WORKFLOW"),
    ],
)
def test_the_name_of_a_branch_comes_from_name_system_type_or_fork(
    inputs: dict[str, Any], ref: str, kind: str
) -> None:
    flow = forked({**inputs, "forkTaskInputs": [{}]})

    assert flow.row(ref).made.task_type == kind


def test_the_version_of_a_forked_workflow_counts_only_as_digits_in_a_text() -> None:
    given = {"forkTaskWorkflow": "child", "forkTaskInputs": [{"taskToDomain": {"*": "blue"}}]}
    flow = forked({**given, "forkTaskWorkflowVersion": "7"})
    latest = forked({**given, "forkTaskWorkflowVersion": "newest"})

    assert flow.row("_fork_0").input["subWorkflowVersion"] == 7
    assert flow.row("_fork_0").input["subWorkflowTaskToDomain"] == {"*": "blue"}
    assert latest.row("_fork_0").input["subWorkflowVersion"] is None
    assert forked({**given, "forkTaskWorkflowVersion": 7}).status == "FAILED"


def test_what_an_element_says_of_its_task_applies_and_an_optional_fork_makes_all_optional() -> None:
    elements = [{"retryCount": 0}, {"n": 2}]
    once = forked({"forkTaskName": "t", "forkTaskInputs": elements})
    once.fail("_t_0")
    forgiving = forked({"forkTaskName": "u", "forkTaskInputs": [{}, {}]}, optional=True)
    forgiving.fail("_u_0")
    forgiving.update("_u_1")

    assert once.status == "FAILED"
    assert (forgiving.status, forgiving.row("_u_0").status) == (
        "COMPLETED",
        "COMPLETED_WITH_ERRORS",
    )


def test_a_retried_branch_keeps_its_input_in_every_form() -> None:
    legacy = {
        "plan": {"dynamicTasks": [{"taskName": "t", "referenceName": "r", "input": {"n": 1}}]}
    }
    for flow, ref, given in (
        (
            forked({"forkTaskName": "t", "forkTaskInputs": [{"n": 1}]}),
            "_t_0",
            {"n": 1, "__index": 0},
        ),
        (forked(legacy, dynamicForkJoinTasksParam="plan"), "r", {"n": 1}),
    ):
        assert flow.fail(ref) == [f"task.failed {ref}", f"task.scheduled {ref}"]
        assert flow.row(ref).input == given


def test_of_two_branches_with_one_reference_the_later_one_counts() -> None:
    entries = [
        {"taskName": name, "referenceName": "r", "input": {"n": name}} for name in ("a", "b")
    ]
    flow = forked({"plan": {"dynamicTasks": entries}}, dynamicForkJoinTasksParam="plan")

    assert flow.row("join").input == {"joinOn": ["r"]}
    assert (flow.row("r").made.task_type, flow.row("r").input) == ("b", {"n": "b"})


def test_a_switch_as_a_branch_is_joined_on_the_first_task_of_its_case() -> None:
    switch = op(
        "s",
        "SWITCH",
        evaluatorType="value-param",
        expression="v",
        decisionCases={"a": [simple("x", inputParameters={"o": "${workflow.input.other}"})]},
    )
    flow = forked(
        {"ts": [switch], "ins": {"s": {"v": "${workflow.input.other}"}}},
        dynamicForkTasksParam="ts",
        dynamicForkTasksInputParamName="ins",
    )
    assert flow.row("join").input == {"joinOn": ["x"]}
    assert flow.row("x").input == {"o": "a"}
    flow.update("x", output={"v": 1})

    assert (flow.status, flow.output) == ("COMPLETED", {"x": {"v": 1}})


@pytest.mark.parametrize("kind", ["DO_WHILE", "FORK_JOIN", "FORK_JOIN_DYNAMIC"])
def test_a_branch_that_would_need_more_tasks_behind_it_fails_the_workflow(kind: str) -> None:
    flow = forked({"forkTaskType": kind, "forkTaskInputs": [{}]})

    assert (flow.status, flow.rows()) == ("FAILED", [])
    assert flow.state is not None
    assert "sub-workflow" in (flow.state.reason or "")


@pytest.mark.parametrize("value", [None, "text", 1, {"dynamicTasks": None}, {"dynamicTasks": [1]}])
def test_the_oldest_form_without_a_list_fails_the_workflow(value: Any) -> None:
    flow = forked({"plan": value}, dynamicForkJoinTasksParam="plan")

    assert flow.state is not None
    assert (flow.status, flow.rows()) == ("FAILED", [])
    assert "The value of plan from task's input" in (flow.state.reason or "")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"ts": [{"card": "4711"}], "ins": {}}, "from '[{'card': '***'}]'"),
        ({"ts": [], "ins": [{"card": "4711"}]}, "but found [{'card': '***'}]"),
        ({"forkTaskInputs": [], "forkTaskName": {"card": "4711"}}, "is {'card': '***'}"),
        ({"forkTaskInputs": [], "forkTaskName": ["4711"], "card": 1}, "is ['4711']"),
    ],
)
def test_a_fault_quotes_its_input_without_masked_fields(given: dict, shown: str) -> None:
    parameters = {"dynamicForkTasksParam": "ts", "dynamicForkTasksInputParamName": "ins"}
    fork = op("f", "FORK_JOIN_DYNAMIC", given, **parameters)
    flow = Flow(fork, op("j", "JOIN"), maskedFields=["card"])
    flow.start()

    assert flow.state is not None
    assert flow.status == "FAILED"
    assert shown in str(flow.state.reason)


def test_a_fault_quotes_only_the_beginning_of_a_long_input() -> None:
    given = {"ts": ["x" * 100_000], "ins": {}}
    parameters = {"dynamicForkTasksParam": "ts", "dynamicForkTasksInputParamName": "ins"}
    flow = Flow(op("f", "FORK_JOIN_DYNAMIC", given, **parameters), op("j", "JOIN"))
    flow.start()

    assert flow.state is not None
    assert len(str(flow.state.reason)) < 3_000
