"""SWITCH, SET_VARIABLE, INLINE, TERMINATE, WAIT, NOOP, HUMAN (spec 3.6)."""

from typing import Any

import pytest

from firmus.workflow.durations import duration_ms, until_ms
from tests.flow import START_MS, Flow, op, simple


def inline(ref: str, expression: str, **inputs: Any) -> dict[str, Any]:
    return op(ref, "INLINE", {"evaluatorType": "javascript", "expression": expression, **inputs})


def switch(expression: str, evaluator: str, cases: Any, default: Any = ()) -> dict[str, Any]:
    return op(
        "sw",
        "SWITCH",
        {"kind": "${workflow.input.kind}"},
        evaluatorType=evaluator,
        expression=expression,
        decisionCases=cases,
        defaultCase=list(default),
    )


@pytest.mark.parametrize(
    ("kind", "refs"),
    [
        ("a", ["sw", "in_a", "after"]),
        ("zzz", ["sw", "other", "after"]),
        (None, ["sw", "other", "after"]),
        ("none", ["sw", "after"]),
        (1, ["sw", "one", "after"]),
        (True, ["sw", "yes", "after"]),
    ],
)
def test_3_6_3_the_value_as_text_chooses_the_branch(kind: Any, refs: list[str]) -> None:
    cases = {
        "a": [op("in_a", "NOOP")],
        "none": [],
        "1": [op("one", "NOOP")],
        "true": [op("yes", "NOOP")],
    }
    flow = Flow(switch("kind", "value-param", cases, [op("other", "NOOP")]), op("after", "NOOP"))
    flow.start({"kind": kind})

    assert flow.status == "COMPLETED"
    assert [row.split()[0] for row in flow.rows()] == refs


def test_3_6_3_a_branch_leads_to_what_follows_the_switch() -> None:
    flow = Flow(switch("kind", "value-param", {"a": [simple("x"), simple("y")]}), simple("after"))
    flow.start({"kind": "a"})
    assert flow.row("sw").output == {"evaluationResult": ["a"], "selectedCase": "a"}
    assert flow.row("sw").input == {"kind": "a", "case": "a", "hasChildren": "true"}
    flow.update("x")
    flow.update("y")

    assert flow.row("after").status == "SCHEDULED"


def test_3_6_3_a_script_chooses_and_one_that_throws_fails_the_workflow() -> None:
    cases = {"big": [op("in_big", "NOOP")]}
    good = Flow(switch("$.kind > 3 ? 'big' : 'small'", "javascript", cases))
    good.start({"kind": 7})
    bad = Flow(switch("$.kind.deep.value", "javascript", cases), op("after", "NOOP"))
    bad.start({})

    assert good.rows() == ["sw COMPLETED", "in_big COMPLETED"]
    assert (bad.status, bad.rows()) == ("FAILED", ["sw FAILED"])


def test_3_6_3_an_unknown_evaluator_fails_the_workflow() -> None:
    flow = Flow(switch("kind", "cobol", {"a": []}))
    flow.start()

    assert flow.state is not None
    assert (flow.status, flow.state.reason) == (
        "FAILED",
        "No evaluator registered for type: cobol",
    )


def test_3_6_11_variables_are_seen_by_tasks_of_the_same_decision() -> None:
    flow = Flow(
        op("v", "SET_VARIABLE", {"n": "${workflow.input.n}"}),
        simple("a", inputParameters={"n": "${workflow.variables.n}"}),
        variables={"n": 0, "kept": 1},
    )
    flow.start({"n": 5})

    assert flow.row("a").input == {"n": 5}
    assert flow.state is not None
    assert flow.state.variables == {"n": 5, "kept": 1}


def test_3_6_11_too_large_variables_fail_the_task_and_change_nothing() -> None:
    flow = Flow(op("v", "SET_VARIABLE", {"n": "${workflow.input.n}"}))
    flow.start({"n": "x" * 300_000})

    assert (flow.status, flow.rows()) == ("FAILED", ["v FAILED_WITH_TERMINAL_ERROR"])
    assert flow.state is not None
    assert flow.state.variables == {}


def test_3_6_12_inline_gives_the_value_of_the_last_expression() -> None:
    flow = Flow(inline("i", "const q = $.a + 1; ({q, list: [1, 2].map(x => x * q)})", a=2))
    flow.start()

    assert flow.output == {"result": {"q": 3, "list": [3, 6]}}


@pytest.mark.parametrize(
    "expression", ["", "   ", "$.a.b.c", "throw new Error('no')", "syntax error("]
)
def test_3_6_12_a_script_fault_is_terminal(expression: str) -> None:
    flow = Flow(inline("i", expression))
    flow.start()

    assert (flow.status, flow.rows()) == ("FAILED", ["i FAILED_WITH_TERMINAL_ERROR"])
    assert flow.row("i").output == {"error": flow.row("i").reason}


@pytest.mark.parametrize("status", ["COMPLETED", "FAILED", "TERMINATED"])
def test_3_6_10_terminate_ends_the_workflow_from_inside_a_branch(status: str) -> None:
    inputs = {"terminationStatus": status, "workflowOutput": {"x": 1}}
    flow = Flow(
        op("f", "FORK_JOIN", forkTasks=[[simple("a")], [op("t", "TERMINATE", inputs)]]),
        op("j", "JOIN", joinOn=["a", "t"]),
    )
    flow.start()

    assert (flow.status, flow.output) == (status, {"x": 1})
    assert flow.rows() == ["f COMPLETED", "a CANCELED", "t COMPLETED", "j CANCELED"]


def test_3_6_16_wait_ends_when_its_time_has_come_and_not_before() -> None:
    flow = Flow(op("w", "WAIT", {"duration": "10 seconds"}), simple("a"))
    flow.start()
    assert flow.row("w").made.deadline_ms == START_MS + 10_000
    flow.clock.advance(9_999)
    assert flow.fire("w") == []
    flow.clock.advance(1)

    assert flow.fire("w")[:2] == ["task.completed w", "task.scheduled a"]


def test_3_6_16_a_moment_that_has_passed_ends_the_wait_at_once() -> None:
    flow = Flow(op("w", "WAIT", {"until": "2020-01-01 10:00 GMT+1"}))
    flow.start()

    assert flow.status == "COMPLETED"


@pytest.mark.parametrize("inputs", [{"duration": "1s", "until": "2020-01-01"}, {"until": "soon"}])
def test_3_6_16_times_that_cannot_be_are_a_terminal_error(inputs: dict[str, str]) -> None:
    flow = Flow(op("w", "WAIT", inputs))
    flow.start()

    assert (flow.status, flow.rows()) == ("FAILED", ["w FAILED_WITH_TERMINAL_ERROR"])


def test_3_6_17_human_and_wait_without_times_are_ended_by_an_update() -> None:
    flow = Flow(op("h", "HUMAN"), op("w", "WAIT"))
    flow.start()
    flow.update("h", output={"by": "me"})
    flow.update("w")

    assert (flow.status, flow.row("h").output) == ("COMPLETED", {"by": "me"})


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1d 2h 30m 10s", 95_410_000),
        ("2 hours", 7_200_000),
        ("5 Seconds", 5_000),
        ("90s", 90_000),
        ("1 day 1 sec", 86_401_000),
    ],
)
def test_3_6_16_durations(text: str, ms: int) -> None:
    assert duration_ms(text) == ms


@pytest.mark.parametrize("text", ["", "10", "s", "1s 1m", "ten seconds", "-1s"])
def test_3_6_16_bad_durations(text: str) -> None:
    with pytest.raises(ValueError, match="Not valid duration"):
        duration_ms(text)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2023-11-14", 1_699_920_000_000),
        ("2023-11-14 22:13", 1_699_999_980_000),
        ("2023-11-14 23:13 GMT+1", 1_699_999_980_000),
        ("2023-11-14 14:13 PST", 1_699_999_980_000),
        ("2023-11-14 17:13 America/New_York", 1_699_999_980_000),
    ],
)
def test_3_6_16_moments(text: str, ms: int) -> None:
    assert until_ms(text) == ms
