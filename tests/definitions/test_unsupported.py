"""What Conductor acts on and firmus does not yet is refused by name; the rest is accepted."""

from typing import Any

import pytest

from firmus.definitions import unsupported
from firmus_contracts.bodies import convert_workflow_def, convert_workflow_task
from firmus_contracts.definitions import TaskDef


def task(kind: str, ref: str = "t", **fields: Any) -> dict[str, Any]:
    return {"name": ref, "taskReferenceName": ref, "type": kind, **fields}


def paths(*tasks: dict[str, Any], **fields: Any) -> list[str]:
    definition = convert_workflow_def({"name": "w", "tasks": list(tasks), **fields})
    return [fault.path for fault in unsupported.workflow_unsupported(definition)]


def test_the_message_names_the_property_and_says_what_to_use() -> None:
    definition = convert_workflow_def({"name": "w", "tasks": [task("EVENT", sink="sqs:q")]})
    (fault,) = unsupported.workflow_unsupported(definition)
    assert fault.message.startswith("tasks[0].sink: not supported by firmus: use conductor")


SUPPORTED = [
    "SIMPLE",
    "MY_OWN_TYPE",
    "USER_DEFINED",
    "FORK_JOIN",
    "JOIN",
    "FORK_JOIN_DYNAMIC",
    "SWITCH",
    "SET_VARIABLE",
    "INLINE",
    "TERMINATE",
    "WAIT",
    "SUB_WORKFLOW",
    "NOOP",
    "HUMAN",
    "HTTP",
    "KAFKA_PUBLISH",
    "JDBC",
    "START_WORKFLOW",
    "JSON_JQ_TRANSFORM",
    "LLM_CHAT_COMPLETE",
]


@pytest.mark.parametrize("kind", SUPPORTED)
def test_a_supported_type_passes(kind: str) -> None:
    assert paths(task(kind)) == []


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (task("SWITCH", evaluatorType="python"), "evaluatorType"),
        (task("EVENT", sink="sqs:orders"), "sink"),
        (task("EVENT", sink="kafka:orders"), "sink"),
        (
            task("INLINE", inputParameters={"evaluatorType": "python"}),
            "inputParameters.evaluatorType",
        ),
    ],
)
def test_a_property_that_is_not_honoured_yet_is_refused(given: dict[str, Any], field: str) -> None:
    assert paths(given) == [f"tasks[0].{field}"]


@pytest.mark.parametrize(
    "given",
    [
        task("SIMPLE", inputParameters={"forkTaskInputs": []}, dynamicForkJoinTasksParam="d"),
        task("EVENT", sink="conductor:mine"),
        task("EVENT", sink="jsm:orders.new"),
        task("EVENT", sink="${workflow.input.sink}"),
        task("SWITCH", evaluatorType="graaljs"),
        task("SWITCH", evaluatorType="no-such-evaluator"),
        task("INLINE", inputParameters={"evaluatorType": "graaljs", "expression": "1"}),
        task("INLINE", inputParameters={"evaluatorType": ["python"]}),
        task("SUB_WORKFLOW", subWorkflowParam={"name": "child", "version": 1}),
        task("SIMPLE", rateLimited=True, cacheConfig={"key": "k"}, joinStatus="x", joinMode="SYNC"),
        task("SIMPLE", optional=True, permissive=True, startDelay=5, retryCount=2),
        task("SIMPLE", taskDefinition={"name": "t", "concurrentExecLimit": 2, "retryCount": 1}),
        task("SIMPLE", taskDefinition={"name": "t", "rateLimitPerFrequency": 2}),
    ],
)
def test_what_is_honoured_or_what_conductor_itself_ignores_passes(given: dict[str, Any]) -> None:
    assert paths(given, rateLimitConfig={"rateLimitKey": "k"}, maskedFields=["x"]) == []


SQS = task("EVENT", "e", sink="sqs:q")


@pytest.mark.parametrize(
    ("outer", "path"),
    [
        (task("SWITCH", decisionCases={"x": [SQS]}), "decisionCases[x][0].sink"),
        (task("SWITCH", defaultCase=[SQS]), "defaultCase[0].sink"),
        (task("FORK_JOIN", forkTasks=[[], [SQS]]), "forkTasks[1][0].sink"),
        (task("SIMPLE", loopOver=[SQS]), "loopOver[0].sink"),
        (
            task(
                "SUB_WORKFLOW",
                subWorkflowParam={"workflowDefinition": {"name": "c", "tasks": [SQS]}},
            ),
            "subWorkflowParam.workflowDefinition.tasks[0].sink",
        ),
        (
            task("SUB_WORKFLOW", subWorkflowParam={"workflowDefinition": {"tasks": "none"}}),
            "subWorkflowParam.workflowDefinition",
        ),
    ],
)
def test_it_is_found_wherever_it_stands_in_the_tree(outer: dict[str, Any], path: str) -> None:
    assert paths(outer) == [f"tasks[0].{path}"]


def test_a_task_definition_with_all_that_is_honoured_passes() -> None:
    honoured = TaskDef(
        name="t",
        retry_count=5,
        retry_logic="LINEAR_BACKOFF",
        backoff_jitter_ms=10,
        max_retry_delay_seconds=9,
        poll_timeout_seconds=3,
        total_timeout_seconds=90,
        timeout_policy="RETRY",
        input_template={"x": 1},
        rate_limit_frequency_in_seconds=60,
        base_type="HTTP",
        concurrent_exec_limit=3,
        isolation_group_id="g",
        execution_name_space="n",
        enforce_schema=True,
    )
    assert unsupported.task_def_unsupported(honoured) == ()


def test_a_task_that_comes_as_data_is_held_to_the_same_table() -> None:
    branch = convert_workflow_task(task("FORK_JOIN", forkTasks=[[SQS]]))
    assert [f.path for f in unsupported.task_unsupported(branch)] == ["forkTasks[0][0].sink"]
