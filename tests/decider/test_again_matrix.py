"""Restart, retry and rerun of every structure, however it ended: each comes to the same end as a run
in which nothing went wrong, or is refused (spec 5.3-5.6).
"""

from typing import Any

import pytest

from firmus_contracts import commands as cmd
from tests.flow import op, simple, task_def
from tests.properties.played import Played, story

TIMED = task_def("b", timeoutSeconds=5, timeoutPolicy="TIME_OUT_WF")
Tasks = list[dict[str, Any]]


def wrong(ref: str = "b") -> dict[str, Any]:
    """The task that something happens to."""
    return simple(ref, task_def=TIMED)


def fork(ref: str, *branches: Tasks, on: list[str]) -> Tasks:
    return [
        op(ref, "FORK_JOIN", forkTasks=list(branches)),
        op(f"{ref}_join", "JOIN", joinOn=on),
    ]


def child(ref: str, *tasks: dict[str, Any]) -> dict[str, Any]:
    inline = {"name": f"of_{ref}", "version": 1, "tasks": list(tasks)}
    return op(ref, "SUB_WORKFLOW", subWorkflowParam={"workflowDefinition": inline})


def loop(ref: str, *tasks: dict[str, Any]) -> dict[str, Any]:
    condition = f"if ($.{ref}['iteration'] < 2) {{ true; }} else {{ false; }}"
    return op(ref, "DO_WHILE", loopCondition=condition, loopOver=list(tasks))


def switch(ref: str, *tasks: dict[str, Any]) -> dict[str, Any]:
    value = {"evaluatorType": "value-param", "expression": "x", "decisionCases": {"1": list(tasks)}}
    return op(ref, "SWITCH", {"x": "1"}, **value)


def dynamic(ref: str) -> Tasks:
    names = [{"name": name, "taskReferenceName": name} for name in ("b", "c")]
    branches = [{**one, "taskDefinition": TIMED} for one in names]
    asked = {"dynamicForkTasksParam": "ts", "dynamicForkTasksInputParamName": "ins"}
    return [
        op(ref, "FORK_JOIN_DYNAMIC", {"ts": branches, "ins": {}}, **asked),
        op(f"{ref}_join", "JOIN"),
    ]


SHAPES: dict[str, Tasks] = {
    "SIMPLE": [simple("a"), wrong(), simple("z")],
    "SWITCH": [simple("a"), switch("sw", wrong(), simple("c")), simple("z")],
    "FORK_JOIN": [
        simple("a"),
        *fork("f", [wrong(), simple("b2")], [simple("c"), simple("c2")], on=["b2", "c2"]),
        simple("z"),
    ],
    "FORK_JOIN_DYNAMIC": [*dynamic("df"), simple("z")],
    "DO_WHILE": [loop("lo", simple("a"), wrong(), simple("c")), simple("z")],
    "SUB_WORKFLOW": [child("s", simple("a"), child("t", wrong(), simple("c"))), simple("z")],
    "FOR_EACH": [
        op(
            "each", "FOR_EACH", {"items": [1, 2, 3], "parallel": 2}, loopOver=[simple("a"), wrong()]
        ),
        simple("z"),
    ],
    "TRY_CATCH": [
        op("block", "TRY_CATCH", tryTasks=[simple("a"), wrong()], finallyTasks=[simple("fin")]),
        simple("z"),
    ],
    "children in a fork in a loop": [
        loop(
            "lo",
            *fork(
                "f", [child("s", wrong())], [child("t", simple("c")), simple("d")], on=["s", "d"]
            ),
        ),
        simple("z"),
    ],
}
ENDS = ("FAILED", "TIMED_OUT", "TERMINATED", "COMPLETED")


def played(shape: str, end: str) -> Played:
    family = Played(SHAPES[shape], end)
    family.play()
    return family


@pytest.fixture(scope="module", params=SHAPES)
def shape(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def well(shape: str) -> Any:
    """The story of a run in which nothing goes wrong."""
    family = played(shape, "COMPLETED")
    found = story(family, family.top)
    assert found[0] == "COMPLETED"
    return found


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (cmd.RestartWorkflow, {}),
        (cmd.RetryWorkflow, {}),
        (cmd.RetryWorkflow, {"resume_subworkflow_tasks": True}),
        (cmd.RerunWorkflow, {}),
    ],
    ids=["restart", "retry", "resume", "rerun"],
)
def test_it_comes_to_the_end_it_would_have_had(
    shape: str, well: Any, end: str, kind: Any, fields: dict[str, Any]
) -> None:
    family = played(shape, end)
    if end in {"FAILED", "TERMINATED"} or shape != "SUB_WORKFLOW":
        assert family.top.status == end

    refused = family.again(kind, **fields)

    if end == "COMPLETED" and kind is cmd.RetryWorkflow:
        assert refused == "CONFLICT"
        return
    assert refused is None
    family.play()
    assert story(family, family.top) == well
    assert not family.fold.shards[0].flows


@pytest.mark.parametrize("end", ENDS)
def test_a_rerun_from_any_task_comes_to_the_end_it_would_have_had(
    shape: str, well: Any, end: str
) -> None:
    count = len(played(shape, end)._paths(played(shape, end).top))
    for number in range(count):
        family = played(shape, end)
        path = family._paths(family.top)[number]
        assert family.again(cmd.RerunWorkflow, path=path) is None
        row = family.ref_of(path)
        family.play()
        if row == "fin" and end in {"FAILED", "TIMED_OUT"}:
            assert family.top.status == end, "what was not caught is not forgiven by a finally"
            continue
        assert story(family, family.top) == well, (end, path)
        assert not family.fold.shards[0].flows


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("kind", [cmd.RestartWorkflow, cmd.RetryWorkflow, cmd.RerunWorkflow])
def test_a_child_that_runs_again_brings_its_parents_back(
    shape: str, well: Any, end: str, kind: Any
) -> None:
    count = len(played(shape, end).flows)
    for number in range(1, count):
        family = played(shape, end)
        workflow_id = list(family.flows)[number]
        family.send(kind(command_id=family._name(), workflow_id=workflow_id))
        if family.flows[workflow_id].rejected is not None:
            continue
        family.play()
        assert story(family, family.top) == well, (end, number)
        assert not family.fold.shards[0].flows
