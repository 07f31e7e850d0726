"""What operators say and put out, where no other test names the rule (spec 2.6, 3.1, 3.3, 3.4, 3.6,
checklist 12).
"""

from typing import Any

import pytest

from firmus_contracts import events as ev
from tests.decider.writing import decision, fork, switch, terminate
from tests.flow import Flow, op, simple, task_def

A, B = simple("a"), simple("b")
N = op("n", "NOOP")


@pytest.mark.parametrize(
    ("rule", "tasks", "reason"),
    [
        (
            "3.6.2",
            [op("d", "DYNAMIC", {"t": None}, dynamicTaskNameParam="t")],
            "Cannot map a dynamic task based on the parameter and input. Parameter= t, input= ",
        ),
        (
            "3.6.5",
            [op("f", "FORK_JOIN", forkTasks=[[A]]), B],
            "Fork task definition is not followed by a join task.  Check the blueprint",
        ),
        (
            "3.6.8",
            [
                op(
                    "f",
                    "FORK_JOIN_DYNAMIC",
                    {"ts": [], "ins": {}},
                    dynamicForkTasksParam="ts",
                    dynamicForkTasksInputParamName="ins",
                ),
                B,
            ],
            "Dynamic join definition is not followed by a join task.  Check the workflow definition",
        ),
        ("3.6.3", [op("w", "SWITCH", evaluatorType="x", expression="k", decisionCases={"a": [A]})],
         "No evaluator registered for type: x"),
        (
            "3.6.10",
            [op("end", "TERMINATE", {"terminationStatus": "${workflow.input.none}"})],
            "given termination status is not valid",
        ),
        (
            "3.6.10",
            [terminate("FAILED")],
            "Workflow is FAILED by TERMINATE task: ",
        ),
        ("3.6.10", [terminate("FAILED", terminationReason="enough")], "enough"),
        ("3.6.13", [op("q", "JSON_JQ_TRANSFORM", {})], "Missing 'queryExpression' in input param"),
        ("3.6.12", [op("i", "INLINE", {"expression": " "})], "Empty 'expression' in INLINE task"),
        (
            "3.6.16",
            [op("w", "WAIT", {"duration": "1s", "until": "2030-01-01"})],
            "Both 'duration' and 'until' specified. Please provide only one input",
        ),
        (
            "3.6.16",
            [op("w", "WAIT", {"until": "tomorrow"})],
            "Invalid/Unsupported Wait Until format.  Provided: tomorrow",
        ),
        (
            "3.6.18",
            [op("e", "EVENT", sink="conductorx")],
            "Invalid / Unsupported sink specified: conductorx",
        ),
        ("3.6.14", [op("s", "SUB_WORKFLOW")], "is missing subWorkflowParams"),
    ],
)  # fmt: skip
def test_a_start_that_finds_a_mistake_fails_the_workflow_with_conductors_words(
    rule: str, tasks: list[dict[str, Any]], reason: str
) -> None:
    flow = Flow(*tasks)
    flow.start({})
    assert flow.state is not None
    assert flow.status == "FAILED", rule
    assert reason in str(flow.state.reason)


@pytest.mark.parametrize(
    ("given", "output"),
    [
        ({"a": 1}, {"a": 1}),
        ([1, 2], {"output": [1, 2]}),
        ("text", {"output": "text"}),
        (None, {}),
        ({}, {}),
    ],
)
def test_3_6_10_2_6_the_output_that_terminate_gives(given: Any, output: dict[str, Any]) -> None:
    flow = Flow(
        terminate("COMPLETED", workflowOutput=given), outputParameters={"never": "looked at"}
    )
    flow.start({})
    assert (flow.status, flow.output) == ("COMPLETED", output)


def test_12_19_in_a_loop_a_joins_output_names_the_rows_of_its_pass() -> None:
    body = fork([A], [B], join_on=["a", "b"])
    flow = Flow(op("l", "DO_WHILE", loopCondition="$.l['iteration'] < 2", loopOver=body))
    flow.start({})
    for number in (1, 2):
        flow.update(f"a__{number}", output={"of": number})
        flow.update(f"b__{number}")
    assert flow.row("j__1").output == {"a__1": {"of": 1}}
    assert flow.row("j__2").output == {"a__2": {"of": 2}}


def test_12_15_what_switch_and_decision_put_out() -> None:
    flow = Flow(
        switch("w", "x", decisionCases={"x": [N]}),
        decision("d", "x", decisionCases={"x": [op("n2", "NOOP")]}),
    )
    flow.start({})
    assert flow.row("w").output == {"evaluationResult": ["x"], "selectedCase": "x"}
    assert flow.row("d").output == {"caseOutput": ["x"]}
    assert flow.row("w").input == {"k": "x", "case": "x", "hasChildren": "true"}


def test_3_6_11_a_variable_is_replaced_whole_and_may_become_null() -> None:
    flow = Flow(
        op("v", "SET_VARIABLE", {"deep": {"b": 2}, "gone": None}),
        variables={"deep": {"a": 1}, "gone": 1, "kept": 1},
    )
    flow.start({})
    assert flow.state is not None
    assert flow.state.variables == {"deep": {"b": 2}, "gone": None, "kept": 1}
    assert flow.row("v").output == {}


def test_3_4_the_end_names_failed_tasks_retried_ones_too_and_never_timed_out_ones() -> None:
    late = task_def("b", retryCount=1, timeoutSeconds=5, timeoutPolicy="RETRY")
    flow = Flow(
        simple("a", task_def=task_def("charge", retryCount=1), name="charge"),
        simple("b", task_def=late),
    )
    flow.start({})
    flow.fail("a")
    flow.update("a")
    flow.begin("b")
    flow.clock.advance(6_000)
    flow.fire("b")
    flow.update("b")
    (ended,) = [e for e in flow.commits[-1].events if isinstance(e, ev.WorkflowCompleted)]
    assert (ended.failed_refs, ended.failed_names) == (("a",), ("charge",))


def test_12_10_null_values_inside_inputs_and_outputs_stay() -> None:
    flow = Flow(
        simple("a", inputParameters={"v": "${workflow.input.v}", "n": {"x": None}}),
        outputParameters={"all": "${a.output}", "none": "${a.output.none}"},
    )
    flow.start({"v": None})
    flow.update("a", output={"k": None})
    assert flow.row("a").input == {"v": None, "n": {"x": None}}
    assert flow.output == {"all": {"k": None}, "none": None}


def test_3_1_a_definition_without_tasks_completes_at_once() -> None:
    flow = Flow()
    flow.start({"x": 1})
    assert (flow.status, flow.rows(), flow.output) == ("COMPLETED", [], {})


def test_3_3_3_rows_of_one_batch_are_numbered_in_order_with_the_join_last() -> None:
    flow = Flow(*fork([A], [B], join_on=["a", "b"]))
    flow.start({})
    assert flow.state is not None
    assert [(row.ref, row.made.seq) for row in flow.state.rows()] == [
        ("f", 1),
        ("a", 2),
        ("b", 3),
        ("j", 4),
    ]


def test_12_38_a_wait_that_is_tried_again_waits_its_time_anew() -> None:
    again = task_def("w", retryCount=1)
    flow = Flow(op("w", "WAIT", {"duration": "30s"}, taskDefinition=again))
    flow.start({})
    flow.clock.advance(20_000)
    flow.fail("w")
    flow.clock.advance(29_000)
    flow.fire("w")
    assert flow.rows() == ["w FAILED", "w IN_PROGRESS"]
    flow.clock.advance(1_000)
    flow.fire("w")
    assert (flow.rows()[1], flow.status) == ("w COMPLETED", "COMPLETED")
