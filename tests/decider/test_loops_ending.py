"""What a DO_WHILE leaves when it, or the workflow within it, ends badly (spec 3.6.9, 4.4)."""

from typing import Any

import pytest

from tests.flow import Flow, op, simple


def inline(ref: str, expression: str) -> dict[str, Any]:
    return op(ref, "INLINE", {"expression": expression, "i": "${l.output.iteration}"})


def loop(*body: Any, condition: str = "$.l['iteration'] < 2", **fields: Any) -> dict[str, Any]:
    return op("l", "DO_WHILE", {}, loopCondition=condition, loopOver=list(body), **fields)


THROWS = inline("b", "if ($.i == 2) throw new Error('no'); $.i")


@pytest.mark.parametrize("fields", [{}, {"optional": True}, {"permissive": True}])
def test_3_6_9_a_condition_that_throws_leaves_the_pass_before_it(fields: dict[str, Any]) -> None:
    flow = Flow(loop(simple("a"), condition="$.no.such", **fields))
    flow.start()
    flow.update("a__1", output={"v": 1})

    assert flow.row("l").output == {"1": {"a": {"v": 1}}, "iteration": 1}
    assert flow.status == ("COMPLETED" if "optional" in fields else "FAILED")


def test_3_6_9_an_operator_that_fails_leaves_its_pass_up_to_itself() -> None:
    flow = Flow(loop(simple("a"), THROWS, simple("c")))
    flow.start()
    for i in (1, 2):
        flow.update(f"a__{i}", output={"v": i})
        if i == 1:
            flow.update("c__1")

    output = flow.row("l").output
    assert (flow.status, flow.row("l").status, output["iteration"]) == ("FAILED", "CANCELED", 2)
    assert output["1"] == {"a": {"v": 1}, "b": {"result": 1}, "c": {}}
    assert (list(output["2"]), output["2"]["a"]) == (["a", "b"], {"v": 2})
    assert "no" in output["2"]["b"]["error"]


def test_3_6_9_terminate_leaves_its_pass() -> None:
    done = op("t", "TERMINATE", {"terminationStatus": "COMPLETED", "workflowOutput": {"x": 1}})
    flow = Flow(loop(simple("a"), done))
    flow.start()
    flow.update("a__1", output={"v": 1})

    assert (flow.status, flow.output) == ("COMPLETED", {"x": 1})
    assert flow.row("l").output == {"1": {"a": {"v": 1}, "t": {}}, "iteration": 1}


def test_3_6_9_a_worker_that_fails_leaves_nothing_of_its_pass() -> None:
    flow = Flow(loop(simple("a"), simple("b")))
    flow.start()
    flow.update("a__1", output={"v": 1})
    flow.fail("b__1")

    assert (flow.status, flow.row("l").output) == ("FAILED", {"iteration": 1})


def test_4_4_a_permissive_child_that_fails_for_good_fails_the_loop_at_once() -> None:
    flow = Flow(loop({**simple("a", retryCount=1), "permissive": True}, simple("b")))
    flow.start()
    flow.fail("a__1", output={"v": 1})
    assert flow.row("l").status == "IN_PROGRESS"
    flow.fail("a__1", output={"v": 2})

    assert flow.rows() == ["l FAILED", "a__1 FAILED", "a__1 FAILED", "b__1 CANCELED"]
    assert flow.row("l").output == {"1": {"a": {"v": 2}}, "iteration": 1}
    assert flow.status == "FAILED"


def test_3_6_9_empty_items_are_none() -> None:
    flow = Flow(loop(inline("a", "$.i"), items=""))
    flow.start()

    assert flow.row("l").output == {
        "1": {"a": {"result": 1}},
        "2": {"a": {"result": 2}},
        "iteration": 2,
    }
