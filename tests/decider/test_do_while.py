"""DO_WHILE, EXCLUSIVE_JOIN, DECISION, DYNAMIC, LAMBDA (spec 3.6.2, 3.6.4, 3.6.7, 3.6.9, 3.6.12)."""

from typing import Any

import pytest

from firmus_contracts import commands as cmd
from tests.flow import Flow, op, simple, task_def


def inline(ref: str, expression: str, **inputs: Any) -> dict[str, Any]:
    return op(ref, "INLINE", {"evaluatorType": "javascript", "expression": expression, **inputs})


def loop(ref: str, condition: str, *body: Any, **fields: Any) -> dict[str, Any]:
    inputs = fields.pop("inputs", {})
    return op(ref, "DO_WHILE", inputs, loopCondition=condition, loopOver=list(body), **fields)


def test_3_6_9_the_body_runs_again_while_the_condition_holds_after_each_pass() -> None:
    flow = Flow(loop("l", "$.l['iteration'] < 2", simple("a"), simple("b")), simple("end"))
    flow.start()
    for i in (1, 2):
        flow.update(f"a__{i}", output={"v": i})
        assert flow.row("l").status == "IN_PROGRESS"
        flow.update(f"b__{i}")

    assert (flow.row("l").status, flow.row("end").status) == ("COMPLETED", "SCHEDULED")
    assert flow.row("l").output == {
        "1": {"a": {"v": 1}, "b": {}},
        "2": {"a": {"v": 2}, "b": {}},
        "iteration": 2,
    }


def test_3_6_9_inside_a_loop_references_mean_the_latest_pass() -> None:
    seen = simple("a", inputParameters={"i": "${l.output.iteration}", "was": "${b.output.v}"})
    flow = Flow(loop("l", "$.l['iteration'] < 2", seen, simple("b")))
    flow.start()
    flow.update("a__1")
    flow.update("b__1", output={"v": "b1"})

    assert flow.row("a__2").input == {"i": 2, "was": "b1"}


def test_3_6_9_a_list_gives_its_items_and_ends_the_loop() -> None:
    body = inline("a", "$.i + ':' + $.x", i="${l.output.loopIndex}", x="${l.output.loopItem}")
    flow = Flow(loop("l", "true", body, items="${workflow.input.list}"))
    flow.start({"list": ["x", "y"]})

    assert flow.status == "COMPLETED"
    assert [flow.row(f"a__{i}").output["result"] for i in (1, 2)] == ["0:x", "1:y"]


@pytest.mark.parametrize("value", [[], None])
def test_3_6_9_an_empty_list_runs_nothing(value: Any) -> None:
    flow = Flow(loop("l", "true", inline("a", "1"), items="${workflow.input.list}"))
    flow.start({"list": value})

    assert (flow.rows(), flow.row("l").output) == (["l COMPLETED"], {"iteration": 0})


def test_3_6_9_keep_last_n_lets_older_passes_go() -> None:
    flow = Flow(loop("l", "$.l['iteration'] < 5", inline("a", "1"), inputs={"keepLastN": 2}))
    flow.start()

    assert set(flow.row("l").output) == {"4", "5", "iteration"}
    assert flow.rows() == ["l COMPLETED", "a__4 COMPLETED", "a__5 COMPLETED"]


def test_3_6_9_nothing_is_left_of_passes_that_were_let_go() -> None:
    keep = {"keepLastN": 2}
    fork = op("f", "FORK_JOIN", forkTasks=[[simple("a")], [simple("b")]])
    inner = loop("in", "$.in['iteration'] < 2", inline("x", "1"), inputs=keep)
    join = op("j", "JOIN", joinOn=["a", "b"])
    flow = Flow(loop("l", "$.l['iteration'] < 9", fork, join, inner, inputs=keep))
    flow.start()
    sizes: dict[int, list[int]] = {}
    for number in range(1, 9):
        for ref in "ab":
            flow.update(f"{ref}__{number}")
        assert flow.state is not None
        maps = ("tasks", "latest", "looped", "pending", "awaited", "missing", "inside")
        sizes[number] = [len(getattr(flow.state, name)) for name in maps]
    assert sizes[4] == sizes[8]
    joins = {o for o, row in flow.state.tasks.items() if row.made.task_type == "JOIN"}
    assert set(flow.state.missing) == joins


def test_3_6_9_a_retry_keeps_the_suffix_and_the_loop_takes_the_last_output() -> None:
    flow = Flow(loop("l", "false", simple("a", task_def=task_def("a", retryCount=1))))
    flow.start()
    flow.fail("a__1")
    flow.update("a__1", output={"v": 2})

    assert flow.row("l").output["1"] == {"a": {"v": 2}}


def test_3_6_9_a_pass_waits_for_the_tail_of_a_switch_and_for_a_fork() -> None:
    sw = op(
        "sw",
        "SWITCH",
        {"i": "${l.output.iteration}"},
        evaluatorType="javascript",
        expression="$.i % 2 == 0 ? 'even' : 'odd'",
        decisionCases={"even": [simple("e"), simple("tail")]},
    )
    fork = op("f", "FORK_JOIN", forkTasks=[[simple("x")], [simple("y")]])
    flow = Flow(loop("l", "$.l.iteration < 2", sw, fork, op("j", "JOIN", joinOn=["x", "y"])))
    flow.start()
    for ref in ("x__1", "y__1", "e__2", "tail__2", "x__2"):
        flow.update(ref, output={"r": ref})
    assert flow.status == "RUNNING"
    flow.update("y__2")

    assert flow.status == "COMPLETED"
    assert flow.row("j__1").output == {"x__1": {"r": "x__1"}, "y__1": {"r": "y__1"}}


def test_a_loop_in_a_loop_names_its_rows_by_both_passes() -> None:
    inner = loop("in", "$.in['iteration'] < 2", simple("a"))
    flow = Flow(loop("out", "$.out['iteration'] < 2", inner))
    flow.start()
    for ref in ("a__1__1", "a__1__2", "a__2__1", "a__2__2"):
        assert flow.status == "RUNNING"
        flow.update(ref, output={"r": ref})

    assert flow.status == "COMPLETED"
    assert flow.row("in__2").output["2"] == {"a": {"r": "a__2__2"}}
    assert flow.row("a__2__1").iteration == 1


def test_3_6_9_a_failing_body_fails_the_workflow_a_permissive_one_the_loop() -> None:
    plain = Flow(loop("l", "true", simple("a")))
    plain.start()
    plain.fail("a__1")
    permissive = Flow(loop("l", "true", simple("a", permissive=True)))
    permissive.start()
    permissive.fail("a__1")

    assert (plain.status, plain.row("l").status) == ("FAILED", "CANCELED")
    assert (permissive.status, permissive.row("l").status) == ("FAILED", "FAILED")


def test_3_6_9_a_condition_that_throws_is_a_terminal_error() -> None:
    flow = Flow(loop("l", "$.no.such.thing", inline("a", "1")))
    flow.start()

    assert flow.row("l").status == "FAILED_WITH_TERMINAL_ERROR"


def test_a_thousand_passes_need_no_recursion() -> None:
    flow = Flow(loop("l", "$.l['iteration'] < 300", op("n", "NOOP")))
    flow.start()
    while flow.status == "RUNNING":
        flow.send(cmd.Continue)

    assert flow.row("l").output["iteration"] == 300


def exclusive(default: Any = ()) -> Flow:
    cases = {"a": [simple("a")], "b": [simple("b")]}
    sw = op("sw", "SWITCH", {"k": "${workflow.input.k}"}, evaluatorType="value-param",
            expression="k", decisionCases=cases)  # fmt: skip
    join = op("x", "EXCLUSIVE_JOIN", joinOn=["a", "b"], defaultExclusiveJoinTask=list(default))
    return Flow(simple("first"), sw, join, simple("last"))


def test_3_6_7_the_branch_that_ran_gives_the_output() -> None:
    flow = exclusive()
    flow.start({"k": "b"})
    flow.update("first")
    flow.update("b", output={"v": "b"})

    assert (flow.row("x").output, flow.row("last").status) == ({"v": "b"}, "SCHEDULED")


def test_3_6_7_the_default_gives_it_when_no_branch_ran() -> None:
    flow = exclusive(["first"])
    flow.start({"k": "none"})
    flow.update("first", output={"v": 1})

    assert flow.row("x").output == {"v": 1}


@pytest.mark.parametrize(("n", "ref"), [(20, "high"), (7, "other"), (1, "low")])
def test_3_6_4_a_decision_falls_back_to_its_default_for_an_empty_case(n: int, ref: str) -> None:
    expression = "if ($.n > 10) { 'high' } else if ($.n > 5) { 'none' } else { 'low' }"
    cases = {"high": [op("high", "NOOP")], "none": [], "low": [op("low", "NOOP")]}
    flow = Flow(
        op("d", "DECISION", {"n": "${workflow.input.n}"}, caseExpression=expression,
           decisionCases=cases, defaultCase=[op("other", "NOOP")])
    )  # fmt: skip
    flow.start({"n": n})

    assert [row.split()[0] for row in flow.rows()] == ["d", ref]


def test_3_6_2_a_dynamic_task_takes_its_type_from_its_input() -> None:
    flow = Flow(op("d", "DYNAMIC", {"t": "${workflow.input.t}"}, dynamicTaskNameParam="t"))
    flow.start({"t": "worker_x"})
    missing = Flow(op("d", "DYNAMIC", {}, dynamicTaskNameParam="t"))
    missing.start()

    assert (flow.row("d").made.task_type, flow.row("d").made.queued) == ("worker_x", True)
    assert missing.status == "FAILED"


def test_3_6_2_a_dynamic_operator_has_the_name_it_resolved_to() -> None:
    flow = Flow(op("d", "DYNAMIC", {"t": "${workflow.input.t}"}, dynamicTaskNameParam="t"))
    flow.start({"t": "NOOP"})
    other = Flow(op("d", "DYNAMIC", {"t": "${workflow.input.t}"}, dynamicTaskNameParam="t"))
    other.start({"t": True})

    assert (flow.row("d").made.task_type, flow.row("d").made.task_def_name) == ("NOOP", "NOOP")
    assert other.row("d").made.task_type == "true"


def test_3_6_12_a_lambda_returns() -> None:
    flow = Flow(op("f", "LAMBDA", {"scriptExpression": "return {n: $.n + 1}", "n": 1}))
    flow.start()

    assert flow.output == {"result": {"n": 2}}
