"""Which operators' inputs know the id of the task being scheduled (spec 2.4)."""

from typing import Any

import pytest

from tests.flow import Flow, op, simple

GIVEN = {"id": "${CPEWF_TASK_ID}"}
A = simple("a")


@pytest.mark.parametrize(
    ("task", "known"),
    [
        (simple("t", inputParameters=GIVEN), True),
        (op("t", "HTTP", GIVEN), True),
        (op("t", "INLINE", {**GIVEN, "expression": "1"}), True),
        (op("t", "HUMAN", GIVEN), True),
        (op("t", "WAIT", GIVEN), True),
        (op("t", "DO_WHILE", GIVEN, loopCondition="false", loopOver=[A]), True),
        (op("t", "SET_VARIABLE", GIVEN), False),
        (
            op("t", "SWITCH", GIVEN, evaluatorType="value-param", expression="id",
               decisionCases={"a": [A]}),
            False,
        ),
        (op("t", "START_WORKFLOW", {**GIVEN, "startWorkflow": {"name": "x"}}), False),
        (op("t", "FORK_JOIN", GIVEN, forkTasks=[[A]]), False),
    ],
)  # fmt: skip
def test_2_4_the_task_id_is_known_where_conductor_knows_it(
    task: dict[str, Any], known: bool
) -> None:
    flow = Flow(task, *([op("j", "JOIN", joinOn=["a"])] if task.get("type") == "FORK_JOIN" else []))
    flow.start()

    expected = flow.task_id("t") if known else "${CPEWF_TASK_ID}"
    assert flow.row("t").input["id"] == expected


def test_3_6_12_an_evaluator_that_is_null_is_the_default_one() -> None:
    flow = Flow(op("i", "INLINE", {"evaluatorType": None, "expression": "1 + 1"}))
    flow.start()

    assert flow.output == {"result": 2}


def test_3_6_16_a_blank_duration_is_none() -> None:
    flow = Flow(op("w", "WAIT", {"duration": "  "}))
    flow.start()

    assert (flow.status, flow.row("w").made.deadline_ms) == ("RUNNING", None)
