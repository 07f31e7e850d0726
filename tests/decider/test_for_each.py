"""FOR_EACH: a body for every item of a list, one after the other or several at a time."""

from typing import Any

import pytest

from firmus_contracts import commands as cmd
from tests.flow import Flow, op, simple, task_def


def each(ref: str, *body: Any, items: Any = "${workflow.input.list}", **fields: Any) -> Any:
    parallel = fields.pop("parallel", None)
    inputs = {"items": items} if parallel is None else {"items": items, "parallel": parallel}
    return op(ref, "FOR_EACH", inputs, loopOver=list(body), **fields)


def item(ref: str, **fields: Any) -> dict[str, Any]:
    """A worker's task that is given its item, its index and what `first` of its pass said."""
    seen = {"item": "${e.item}", "index": "${e.index}", "first": "${first.output.v}"}
    return simple(ref, inputParameters=seen, **fields)


def run_on(flow: Flow) -> None:
    while flow.status == "RUNNING":
        before = len(flow.commits)
        flow.send(cmd.Continue)
        assert len(flow.commits) > before


def test_the_body_runs_for_each_item_in_order_and_the_flow_goes_on() -> None:
    flow = Flow(each("e", simple("first"), item("a")), simple("end"))
    flow.start({"list": ["x", {"y": 1}]})
    for number, seen in ((1, "x"), (2, {"y": 1})):
        assert flow.row("e").status == "IN_PROGRESS"
        flow.update(f"first__{number}", output={"v": number})
        assert flow.row(f"a__{number}").input == {
            "item": seen, "index": number - 1, "first": number,
        }  # fmt: skip
        flow.update(f"a__{number}")

    assert flow.row("end").status == "SCHEDULED"
    assert flow.row("e").output == {
        "results": [{"first": {"v": 1}, "a": {}}, {"first": {"v": 2}, "a": {}}],
        "count": 2,
    }


def test_as_many_passes_are_open_as_parallel_says() -> None:
    flow = Flow(each("e", simple("a"), parallel=2))
    flow.start({"list": [1, 2, 3, 4]})
    assert flow.rows() == ["e IN_PROGRESS", "a__1 SCHEDULED", "a__2 SCHEDULED"]
    flow.update("a__2")
    assert flow.rows()[-1] == "a__3 SCHEDULED"
    for ref in ("a__3", "a__4", "a__1"):
        flow.update(ref, output={"r": ref})

    assert flow.status == "COMPLETED"
    results = flow.row("e").output["results"]
    assert [one["a"].get("r") for one in results] == ["a__1", None, "a__3", "a__4"]


def test_in_a_pass_a_reference_means_the_same_pass_however_others_overtake_it() -> None:
    flow = Flow(each("e", simple("first"), item("a"), parallel=3))
    flow.start({"list": ["x", "y", "z"]})
    for number in (3, 1, 2):
        flow.update(f"first__{number}", output={"v": number})

    inputs = [flow.row(f"a__{number}").input for number in (1, 2, 3)]
    assert [(one["item"], one["first"]) for one in inputs] == [("x", 1), ("y", 2), ("z", 3)]


def test_a_task_of_another_pass_is_never_seen() -> None:
    flow = Flow(each("e", item("a"), simple("first"), parallel=2))
    flow.start({"list": [1, 2, 3]})
    flow.update("a__1")
    flow.update("first__1", output={"v": "of the first pass"})

    assert flow.row("a__3").input["first"] is None


def test_outside_of_the_body_there_is_no_item_and_the_newest_pass_counts() -> None:
    flow = Flow(each("e", simple("first")), item("end"))
    flow.start({"list": [1, 2]})
    flow.update("first__1", output={"v": 1})
    flow.update("first__2", output={"v": 2})

    assert flow.row("end").input == {"item": None, "index": None, "first": 2}


@pytest.mark.parametrize("value", [[], None])
def test_an_empty_list_runs_nothing(value: Any) -> None:
    flow = Flow(each("e", simple("a")))
    flow.start({"list": value})

    assert (flow.rows(), flow.output) == (["e COMPLETED"], {"results": [], "count": 0})


@pytest.mark.parametrize(
    ("inputs", "wrong"),
    [
        ({"items": "x"}, "items"),
        ({"items": {"a": 1}}, "items"),
        *(({"items": [1], "parallel": n}, "parallel") for n in (0, -1, "x", True, 1.5)),
    ],
)
def test_what_is_no_list_or_no_number_is_a_terminal_error(inputs: Any, wrong: str) -> None:
    flow = Flow(op("e", "FOR_EACH", inputs, loopOver=[simple("a")]))
    flow.start()

    assert flow.row("e").status == "FAILED_WITH_TERMINAL_ERROR"
    assert (flow.row("e").reason or "").startswith(f"{wrong} of FOR_EACH e is not a")
    assert flow.status == "FAILED"


def test_items_may_stand_on_the_task_and_parallel_be_an_expression() -> None:
    task = op("e", "FOR_EACH", {"parallel": "${workflow.input.n}"}, items="${workflow.input.list}")
    flow = Flow({**task, "loopOver": [simple("a")]})
    flow.start({"list": [1, 2, 3], "n": "2"})

    assert flow.rows() == ["e IN_PROGRESS", "a__1 SCHEDULED", "a__2 SCHEDULED"]


def test_a_failing_pass_fails_it_and_the_workflow_as_if_the_task_stood_alone() -> None:
    flow = Flow(each("e", simple("a"), parallel=2), simple("end"))
    flow.start({"list": [1, 2, 3]})
    flow.fail("a__2", "no stock")

    assert flow.rows() == ["e FAILED", "a__1 CANCELED", "a__2 FAILED"]
    assert flow.row("e").output["error"]["taskRef"] == "a__2"
    assert flow.state is not None
    assert flow.state.failed_ordinal == flow.row("a__2").ordinal
    assert flow.state.reason == (
        f"Task {flow.task_id('a__2')} failed with status: FAILED and reason: 'no stock'"
    )


def test_an_optional_one_goes_on_after_a_failing_pass() -> None:
    flow = Flow(each("e", simple("a"), optional=True), simple("end"))
    flow.start({"list": [1, 2]})
    flow.fail("a__1")
    assert (flow.row("e").status, flow.status) == ("COMPLETED_WITH_ERRORS", "RUNNING")
    flow.update("end")

    assert flow.status == "COMPLETED"


def test_a_permissive_one_goes_on_and_the_workflow_fails_at_its_end() -> None:
    flow = Flow(each("e", simple("a"), permissive=True), simple("end"))
    flow.start({"list": [1, 2]})
    flow.fail("a__1")
    assert (flow.row("e").status, flow.status) == ("FAILED", "RUNNING")
    flow.update("end")

    assert flow.status == "FAILED"


def test_a_permissive_task_lets_its_pass_end_first_an_optional_one_does_not_count() -> None:
    flow = Flow(each("e", simple("o", optional=True), simple("p", permissive=True), simple("a")))
    flow.start({"list": [1, 2]})
    flow.fail("o__1")
    flow.fail("p__1")
    assert flow.status == "RUNNING"
    flow.update("a__1")

    assert (flow.row("e").status, flow.status) == ("FAILED", "FAILED")
    assert flow.row("e").output["error"]["taskRef"] == "p__1"


def test_a_retry_stays_in_its_pass() -> None:
    flow = Flow(each("e", simple("first"), item("a", task_def=task_def("a", retryCount=1)),
                     parallel=2))  # fmt: skip
    flow.start({"list": ["x", "y"]})
    flow.update("first__1", output={"v": 1})
    flow.fail("a__1")
    flow.update("first__2", output={"v": 2})

    assert flow.row("a__1").made.retry_count == 1
    assert flow.row("a__1").input == {"item": "x", "index": 0, "first": 1}


def test_forks_switches_and_loops_inside_belong_to_their_pass() -> None:
    seen = {"i": "${e.item}", "k": "${inner.item}", "x": "${x.output.r}"}
    fork = op("f", "FORK_JOIN", forkTasks=[[simple("x")], [simple("y")]])
    inner = op("inner", "FOR_EACH", {"items": [7, 8], "parallel": 2},
               loopOver=[simple("in", inputParameters=seen)])  # fmt: skip
    flow = Flow(each("e", fork, op("j", "JOIN", joinOn=["x", "y"]), inner, parallel=2))
    flow.start({"list": ["p", "q"]})
    for ref in ("x__2", "x__1", "y__1", "y__2"):
        flow.update(ref, output={"r": ref})

    places = [f"in__{outer}__{number}" for outer in (1, 2) for number in (1, 2)]
    assert [tuple(flow.row(ref).input.values()) for ref in places] == [
        ("p", 7, "x__1"), ("p", 8, "x__1"), ("q", 7, "x__2"), ("q", 8, "x__2"),
    ]  # fmt: skip
    for ref in reversed(places):
        flow.update(ref)
    assert flow.status == "COMPLETED"


def test_scripts_of_passes_that_begin_together_are_not_mixed_up() -> None:
    sw = op("sw", "SWITCH", {"i": "${e.item}"}, evaluatorType="javascript",
            expression="$.i", decisionCases={"a": [simple("a")], "b": [simple("b")]})  # fmt: skip
    flow = Flow(each("e", op("n", "NOOP"), sw, parallel=2))
    flow.start({"list": ["a", "b"]})

    assert [row.split()[0] for row in flow.rows() if "SCHEDULED" in row] == ["a__1", "b__2"]


def test_a_do_while_in_a_pass_reads_its_own_latest_pass() -> None:
    body = simple("a", inputParameters={"was": "${a.output.v}", "i": "${e.item}"})
    loop = op("l", "DO_WHILE", {}, loopCondition="$.l['iteration'] < 2", loopOver=[body])
    flow = Flow(each("e", loop, simple("last", inputParameters={"a": "${a.output.v}"}), parallel=2))
    flow.start({"list": ["x", "y"]})
    for ref in ("a__2__1", "a__1__1", "a__1__2"):
        flow.update(ref, output={"v": ref})

    assert flow.row("a__2__2").input == {"was": "a__2__1", "i": "y"}
    assert flow.row("last__1").input == {"a": "a__1__2"}


@pytest.mark.parametrize("parallel", [1, 50, 2000])
def test_many_items_need_neither_recursion_nor_one_large_decision(parallel: int) -> None:
    flow = Flow(each("e", op("n", "NOOP"), parallel=parallel), events_max=200)
    flow.start({"list": list(range(600))})
    assert flow.status == "RUNNING"
    run_on(flow)

    assert flow.row("e").output["count"] == 600
    assert max(len(commit.events) for commit in flow.commits) <= 210
