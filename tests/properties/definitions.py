"""Random workflow definitions: every operator of the decider, nested a few levels deep."""

from typing import Any

from hypothesis import strategies as st

from tests.flow import op, simple, task_def

Tasks = list[dict[str, Any]]


class Names:
    """Fresh references within one definition."""

    def __init__(self) -> None:
        self.count = 0

    def ref(self, kind: str) -> str:
        self.count += 1
        return f"{kind}{self.count}"


@st.composite
def workflows(draw: st.DrawFn) -> Tasks:
    """The top-level list of tasks of a definition."""
    return _tasks(draw, Names(), depth=3, most=4)


def _tasks(draw: st.DrawFn, names: Names, *, depth: int, most: int) -> Tasks:
    found: Tasks = []
    for _ in range(draw(st.integers(1, most))):
        found.extend(_some(draw, names, depth))
    return found


def _some(draw: st.DrawFn, names: Names, depth: int) -> Tasks:
    leaf = ["simple", "simple", "noop", "set", "wait", "human", "sub", "dynamic"]
    kind = draw(st.sampled_from(leaf + (["switch", "fork"] if depth else [])))
    match kind:
        case "simple":
            return [_simple(draw, names)]
        case "noop":
            return [op(names.ref("n"), "NOOP")]
        case "set":
            return [op(names.ref("v"), "SET_VARIABLE", {"x": "${workflow.input.x}"})]
        case "wait":
            return [op(names.ref("w"), "WAIT", {"duration": "5s"})]
        case "human":
            return [op(names.ref("h"), "HUMAN")]
        case "sub":
            return [
                op(names.ref("s"), "SUB_WORKFLOW", subWorkflowParam={"name": "c", "version": 1})
            ]
        case "dynamic":
            return _dynamic(draw, names)
        case "switch":
            return [_switch(draw, names, depth)]
        case _:
            return _fork(draw, names, depth)


def _simple(draw: st.DrawFn, names: Names) -> dict[str, Any]:
    ref = names.ref("t")
    definition = task_def(ref, retryCount=draw(st.integers(0, 2)))
    return simple(
        ref,
        task_def=definition,
        optional=draw(st.booleans()),
        permissive=draw(st.booleans()),
        inputParameters={"x": "${workflow.variables.x}"},
    )


def _dynamic(draw: st.DrawFn, names: Names) -> Tasks:
    branches = [
        {"name": "d", "taskReferenceName": names.ref("d")} for _ in range(draw(st.integers(0, 3)))
    ]
    fork = op(
        names.ref("df"),
        "FORK_JOIN_DYNAMIC",
        {"ts": branches, "ins": {}},
        dynamicForkTasksParam="ts",
        dynamicForkTasksInputParamName="ins",
    )
    return [fork, op(names.ref("j"), "JOIN")]


def _switch(draw: st.DrawFn, names: Names, depth: int) -> dict[str, Any]:
    cases = {
        "a": _tasks(draw, names, depth=depth - 1, most=2),
        "b": [],
    }
    default = _tasks(draw, names, depth=depth - 1, most=2) if draw(st.booleans()) else []
    return op(
        names.ref("sw"),
        "SWITCH",
        {"k": draw(st.sampled_from(["a", "b", "c"]))},
        evaluatorType="value-param",
        expression="k",
        decisionCases=cases,
        defaultCase=default,
    )


def _fork(draw: st.DrawFn, names: Names, depth: int) -> Tasks:
    branches = [
        _tasks(draw, names, depth=depth - 1, most=2) for _ in range(draw(st.integers(1, 3)))
    ]
    fork = op(names.ref("f"), "FORK_JOIN", forkTasks=branches)
    last = [branch[-1]["taskReferenceName"] for branch in branches]
    return [fork, op(names.ref("j"), "JOIN", joinOn=last)]
