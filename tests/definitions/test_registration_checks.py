"""What makes a definition invalid, in Conductor's words (spec 1.3-1.6)."""

from typing import Any

import msgspec
import pytest

from firmus.definitions import checks
from firmus.definitions.syntax import javascript_error
from firmus.definitions.task_checks import Outside
from firmus_contracts.bodies import convert_workflow_def
from firmus_contracts.definitions import TaskDef, WorkflowDef

TEMPLATED = TaskDef(name="templated", input_template={"http_request": {}, "queryExpression": "."})
OUTSIDE = Outside(
    script_error=javascript_error,
    compiles=lambda path: "[}" not in path and not path.endswith("["),
    task_def={"templated": TEMPLATED}.get,
)


def task(kind: str, ref: str = "t", **fields: Any) -> dict[str, Any]:
    return {"name": ref, "taskReferenceName": ref, "type": kind, **fields}


A, B = task("SIMPLE", "a"), task("SIMPLE", "b")
GOOD_SWITCH = {
    "evaluatorType": "value-param",
    "expression": "k",
    "inputParameters": {"k": "1"},
    "decisionCases": {"x": [A]},
}


def definition(*tasks: dict[str, Any], **fields: Any) -> WorkflowDef:
    return convert_workflow_def({"name": "w", "tasks": list(tasks), **fields})


def messages(*tasks: dict[str, Any], **fields: Any) -> list[str]:
    return [e.message for e in checks.workflow_errors(definition(*tasks, **fields), OUTSIDE)]


def without(fields: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: item for name, item in fields.items() if name != key}


def needs(field: str, kind: str) -> str:
    return f"{field} field is required for taskType: {kind} taskName: t"


TERMINATE = (
    "terminate task must have an terminationStatus parameter and must be set to "
    "COMPLETED or FAILED, taskName: t"
)
EITHER = (
    "dynamicForkJoinTasksParam or combination of dynamicForkTasksInputParamName and "
    "dynamicForkTasksParam cam be used for taskType: FORK_JOIN_DYNAMIC taskName: t"
)
NO_CASES = "decisionCases should have atleast one task for taskType: {} taskName: t"
BOTH_TIMES = "Both 'duration' and 'until' specified. Please provide only one input"
SWITCH_CASES = NO_CASES.format("SWITCH")
PAIR = {"dynamicForkTasksParam": "d", "dynamicForkTasksInputParamName": "i"}

BAD: list[tuple[dict[str, Any], list[str]]] = [
    (task("EVENT"), [needs("sink", "EVENT")]),
    (task("DYNAMIC"), [needs("dynamicTaskNameParam", "DYNAMIC")]),
    (task("SUB_WORKFLOW"), [needs("subWorkflowParam", "SUB_WORKFLOW")]),
    (
        task("DECISION"),
        [needs("caseValueParam or caseExpression", "DECISION"), NO_CASES.format("DECISION")],
    ),
    (
        task("SWITCH", **without(GOOD_SWITCH, "evaluatorType")),
        [needs("evaluatorType", "SWITCH")],
    ),
    (task("SWITCH", **without(GOOD_SWITCH, "expression")), [needs("expression", "SWITCH")]),
    (task("SWITCH", **without(GOOD_SWITCH, "decisionCases")), [SWITCH_CASES]),
    (task("SWITCH", **{**GOOD_SWITCH, "decisionCases": {}, "defaultCase": [A]}), [SWITCH_CASES]),
    (
        task("FORK_JOIN"),
        ["forkTasks should have atleast one task for taskType: FORK_JOIN taskName: t"],
    ),
    (
        task("FORK_JOIN_DYNAMIC"),
        [
            needs("dynamicForkTasksParam", "FORK_JOIN_DYNAMIC"),
            needs("dynamicForkTasksInputParamName", "FORK_JOIN_DYNAMIC"),
        ],
    ),
    (
        task("FORK_JOIN_DYNAMIC", dynamicForkTasksParam="d"),
        [needs("dynamicForkTasksInputParamName", "FORK_JOIN_DYNAMIC")],
    ),
    (task("FORK_JOIN_DYNAMIC", **PAIR, dynamicForkJoinTasksParam="j"), [EITHER]),
    (task("DO_WHILE", loopOver=[A]), [needs("loopCondition", "DO_WHILE")]),
    (task("DO_WHILE", loopCondition="true"), [needs("loopOver", "DO_WHILE")]),
    (
        task("HTTP", inputParameters={"x": 1}),
        [needs("inputParameters.http_request or inputParameters.uri", "HTTP")],
    ),
    (
        task("JDBC"),
        [
            needs("inputParameters.statement", "JDBC"),
            needs("inputParameters.connectionId or inputParameters.integrationName", "JDBC"),
        ],
    ),
    (task("JDBC", inputParameters={"integrationName": "a", "statement": "SELECT 1"}), []),
    (task("KAFKA_PUBLISH"), [needs("inputParameters.kafka_request", "KAFKA_PUBLISH")]),
    (task("JSON_JQ_TRANSFORM"), [needs("inputParameters.queryExpression", "JSON_JQ_TRANSFORM")]),
    *(
        (task("TERMINATE", inputParameters={"terminationStatus": status}), [TERMINATE])
        for status in ("RUNNING", "completed", "${workflow.input.s}", None, ["FAILED"])
    ),
    (task("TERMINATE"), [TERMINATE]),
    (
        task("TERMINATE", inputParameters={"terminationStatus": "FAILED"}, optional=True),
        ["terminate task cannot be optional, taskName: t"],
    ),
    (task("WAIT", inputParameters={"duration": "1s", "until": "2030-01-01 00:00"}), [BOTH_TIMES]),
    (
        task("WAIT", inputParameters={"duration": "soon"}),
        ["Either date or duration is passed as null "],
    ),
    (task("WAIT", inputParameters={"until": "tomorrow"}), ["Unable to parse date "]),
    ({**A, "startDelay": -1}, ["must be greater than or equal to 0"]),
    (without(A, "name"), ["WorkflowTask name cannot be empty or null"]),
    (
        without(A, "taskReferenceName"),
        ["WorkflowTask taskReferenceName name cannot be empty or null"],
    ),
]

GOOD: list[dict[str, Any]] = [
    task("EVENT", sink="conductor"),
    task("DYNAMIC", dynamicTaskNameParam="p"),
    task("SUB_WORKFLOW", subWorkflowParam={}),
    task("DECISION", caseValueParam="p", decisionCases={"x": [A]}),
    task("SWITCH", **GOOD_SWITCH),
    task("SWITCH", **{**GOOD_SWITCH, "evaluatorType": "no-such-evaluator"}),
    task("SWITCH", **{**GOOD_SWITCH, "decisionCases": {"x": []}}),
    task("FORK_JOIN", forkTasks=[[A]]),
    task("JOIN", joinOn=["nope"]),
    task("FORK_JOIN_DYNAMIC", **PAIR),
    task("FORK_JOIN_DYNAMIC", dynamicForkJoinTasksParam="d"),
    task("FORK_JOIN_DYNAMIC", inputParameters={"forkTaskInputs": []}),
    task("DO_WHILE", loopCondition="false", loopOver=[task("EVENT", "e")]),
    task("HTTP", inputParameters={"uri": "http://example.com"}),
    task("HTTP", name="templated"),
    task("JSON_JQ_TRANSFORM", name="templated"),
    task("HTTP", taskDefinition={"name": "h", "inputTemplate": {"http_request": {}}}),
    *(
        task("TERMINATE", inputParameters={"terminationStatus": status})
        for status in ("COMPLETED", "FAILED", "TERMINATED")
    ),
    task("WAIT"),
    task("WAIT", inputParameters={"duration": "1 hour 2 minutes"}),
    task("WAIT", inputParameters={"until": "2030-01-01 00:00"}),
    task("WAIT", inputParameters={"duration": "${workflow.input.d}"}),
    task("MY_OWN_TYPE"),
    {**A, "retryCount": -1},
]


@pytest.mark.parametrize(("bad", "expected"), BAD)
def test_a_bad_task_is_told_with_all_its_faults(bad: dict[str, Any], expected: list[str]) -> None:
    assert sorted(messages(bad)) == sorted(expected)


@pytest.mark.parametrize("good", GOOD)
def test_its_acceptable_neighbour_passes(good: dict[str, Any]) -> None:
    assert messages(good) == []


def test_a_definition_needs_a_name_tasks_and_schema_version_2() -> None:
    assert messages(A, name="") == ["WorkflowDef name cannot be null or empty"]
    assert messages() == ["WorkflowTask list cannot be empty"]
    assert messages(A, schemaVersion=1) == ["workflowDef schemaVersion: 2 is only supported"]
    assert messages(A, timeoutSeconds=-1) == []


DUPLICATE = "taskReferenceName: a should be unique across tasks for a given workflowDefinition: w"


@pytest.mark.parametrize(
    "tasks",
    [
        (A, A, A),
        (A, task("SWITCH", "s", **GOOD_SWITCH)),
        (A, task("SWITCH", "s", **{**GOOD_SWITCH, "decisionCases": {"1": []}}, defaultCase=[A])),
        (task("FORK_JOIN", "f", forkTasks=[[A], [A]]), task("JOIN", "j")),
        (A, task("DO_WHILE", "l", loopCondition="false", loopOver=[A])),
    ],
)
def test_references_are_unique_in_the_whole_tree_and_each_is_told_once(tasks: Any) -> None:
    assert messages(*tasks) == [DUPLICATE]


@pytest.mark.parametrize(
    ("outer", "path"),
    [
        (task("SWITCH", **{**GOOD_SWITCH, "decisionCases": {"x": [A, task("EVENT", "e")]}}), "x"),
        (task("SWITCH", **GOOD_SWITCH, defaultCase=[task("EVENT", "e")]), "default"),
        (task("FORK_JOIN", forkTasks=[[A], [B, task("EVENT", "e")]]), "fork"),
    ],
)
def test_a_mistake_inside_a_branch_is_found_with_its_path(outer: dict[str, Any], path: str) -> None:
    (fault,) = checks.workflow_errors(definition(outer), OUTSIDE)
    assert (
        fault.path
        == {
            "x": "tasks[0].decisionCases[x][1].sink",
            "default": "tasks[0].defaultCase[0].sink",
            "fork": "tasks[0].forkTasks[1][1].sink",
        }[path]
    )


@pytest.mark.parametrize("text", ["${nope.output.y}", "see ${nope.output.y}", "${nope}"])
@pytest.mark.parametrize("shape", [lambda t: t, lambda t: {"x": t}, lambda t: [[t]]])
def test_an_expression_of_a_top_level_task_names_something_that_exists(
    text: str, shape: Any
) -> None:
    words = "taskReferenceName: nope for given task: a input value: x of input parameter:"
    assert messages({**A, "inputParameters": {"x": shape(text)}}) == [
        f"{words} {text} is not defined in workflow definition."
    ]


@pytest.mark.parametrize(
    "text",
    ["${}", "${  }", "${ workflow.input.x }", "${$.workflow.input.x}", "${workflow['input'].x}"],
)
def test_unusual_roots_are_refused_as_conductor_does(text: str) -> None:
    assert len(messages({**A, "inputParameters": {"x": text}})) == 1


@pytest.mark.parametrize(
    "text",
    [
        "text",
        "${b.output.y}",
        "${workflow.input.y}",
        "${workflow.variables['c d']}",
        "${workflow.secrets.KEY[}",
        "${workflow.env.HOME}",
        "${CPEWF_TASK_ID}",
        "$${nope.output.y}",
        "${workflow.input.map.${b.output.key}[${workflow.input.i}]}",
        "${unfinished",
    ],
)
def test_expressions_with_a_known_root_pass(text: str) -> None:
    assert messages({**A, "inputParameters": {"x": text}}, B) == []


def test_an_unknown_reference_inside_a_nested_expression_is_found() -> None:
    nested = {**A, "inputParameters": {"x": "${workflow.input.${nope.output.k}}"}}
    assert len(messages(nested)) == 1


def test_a_path_that_does_not_compile_is_refused() -> None:
    (message,) = messages({**A, "inputParameters": {"x": "${workflow.input.[}"}})
    assert "not a valid expression" in message


def test_expressions_of_branch_tasks_and_outputs_are_not_looked_at() -> None:
    inner = {**B, "inputParameters": {"x": "${nope.output.y}"}}
    outer = task("SWITCH", **{**GOOD_SWITCH, "decisionCases": {"x": [inner]}})
    assert messages(outer, outputParameters={"o": "${nope.output.y}"}) == []


TASK_DEF_BAD = [
    ({"name": ""}, "TaskDef name cannot be null or empty"),
    ({"retry_count": -1}, "TaskDef retryCount: 0 must be >= 0"),
    ({"backoff_scale_factor": 0}, "Backoff scale factor. Applicable for LINEAR_BACKOFF"),
    ({"max_retry_delay_seconds": -1}, "TaskDef maxRetryDelaySeconds: 0 must be >= 0"),
    ({"backoff_jitter_ms": -1}, "TaskDef backoffJitterMs: 0 must be >= 0"),
    (
        {"response_timeout_seconds": 0},
        "TaskDef responseTimeoutSeconds: 0 should be minimum 1 second",
    ),
    ({"poll_timeout_seconds": -1}, "TaskDef pollTimeoutSeconds: 0 must be >= 0"),
    ({"total_timeout_seconds": -1}, "TaskDef totalTimeoutSeconds: 0 must be >= 0"),
    (
        {"timeout_seconds": 10},
        "TaskDef: t responseTimeoutSeconds: 3600 must be less than timeoutSeconds: 10",
    ),
    (
        {"timeout_seconds": 20, "response_timeout_seconds": 5, "total_timeout_seconds": 19},
        "TaskDef: t timeoutSeconds: 20 must be less than or equal to totalTimeoutSeconds: 19",
    ),
]


@pytest.mark.parametrize(("fields", "message"), TASK_DEF_BAD)
def test_a_bad_task_definition_is_told(fields: dict[str, Any], message: str) -> None:
    given = msgspec.structs.replace(TaskDef(name="t"), **fields)
    assert [fault.message for fault in checks.task_def_errors(given)] == [message]


def test_equal_timeouts_and_a_negative_retry_delay_are_fine() -> None:
    equal = TaskDef(
        name="t", timeout_seconds=10, response_timeout_seconds=10, total_timeout_seconds=10
    )
    assert checks.task_def_errors(equal) == ()
    assert checks.task_def_errors(TaskDef(name="t", retry_delay_seconds=-1)) == ()


def test_a_list_names_the_place_of_each_fault_and_may_not_be_empty() -> None:
    bad = definition(A, name="")
    faults = checks.workflow_list_errors([definition(A), bad], OUTSIDE)
    assert [fault.path for fault in faults] == ["[1].name"]
    assert checks.workflow_list_errors([], OUTSIDE)[0].message == "WorkflowDefList is empty"
    task_faults = checks.task_def_list_errors([TaskDef(name="t"), TaskDef()])
    assert [fault.path for fault in task_faults] == ["[1].name"]
    assert checks.task_def_list_errors([])[0].message == "TaskDefList is empty"
