"""Random workflow definitions: every operator of the decider, nested a few levels deep.

Scripts are kept to conditions of loops that only the engine can work out: most choices are made
by values, which cost nothing.
"""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from tests.flow import op, simple, task_def

Tasks = list[dict[str, Any]]

LEAVES = ("simple", "simple", "noop", "set", "wait", "human", "sub", "dynamic")
OF_FAMILIES = ("sub", "sub", "pull")
BRANCHES = ("switch", "fork", "decision", "exclusive", "loop", "items", "each", "try", "deep")


class Names:
    """Fresh references within one definition; `around`: the FOR_EACHs that it is inside of.

    `generations`: so many levels of sub-workflows with blocks of their own may still stand below;
    None: sub-workflows are leaves whose end comes from nowhere.
    """

    def __init__(self, generations: int | None = None) -> None:
        self.count = 0
        self.around: list[str] = []
        self.generations = generations

    def ref(self, kind: str) -> str:
        self.count += 1
        return f"{kind}{self.count}"


@st.composite
def workflows(draw: st.DrawFn) -> Tasks:
    """The top-level list of tasks of a definition."""
    return _tasks(draw, Names(), depth=3, most=4)


@st.composite
def families(draw: st.DrawFn) -> Tasks:
    """The tasks of a workflow whose sub-workflows have tasks, down to the third generation."""
    return _tasks(draw, Names(generations=2), depth=2, most=3)


def _tasks(draw: st.DrawFn, names: Names, *, depth: int, most: int) -> Tasks:
    found: Tasks = []
    for _ in range(draw(st.integers(1, most))):
        found.extend(_some(draw, names, depth))
    return found


def _some(draw: st.DrawFn, names: Names, depth: int) -> Tasks:
    of_families = () if names.generations is None else OF_FAMILIES
    kind = draw(st.sampled_from(LEAVES + of_families + (BRANCHES if depth else ())))
    if kind == "sub" and names.generations == 0:
        kind = "simple"
    if kind in _NESTED:
        return _NESTED[kind](draw, names, depth)
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
        case "pull":
            return [op(names.ref("p"), "PULL_WORKFLOW_MESSAGES")]
        case "sub":
            return [_sub(draw, names)]
        case _:
            return _dynamic(draw, names)


def _simple(draw: st.DrawFn, names: Names) -> dict[str, Any]:
    ref = names.ref("t")
    definition = task_def(ref, retryCount=draw(st.integers(0, 2)))
    return simple(
        ref,
        task_def=definition,
        optional=draw(st.booleans()),
        permissive=draw(st.booleans()),
        inputParameters={
            "x": "${workflow.variables.x}",
            "at": {each: f"${{{each}.index}}" for each in names.around},
        },
    )


def _sub(draw: st.DrawFn, names: Names) -> dict[str, Any]:
    """A sub-workflow; in a family one with tasks of its own, blocks among them."""
    ref = names.ref("s")
    if names.generations is None:
        return op(ref, "SUB_WORKFLOW", subWorkflowParam={"name": "c", "version": 1})
    own = Names(generations=names.generations - 1)
    more = own.generations > 0 if own.generations is not None else False
    tasks = _tasks(draw, own, depth=2 if more else 1, most=2)
    child = {
        "name": "c",
        "version": 1,
        "tasks": tasks,
        "outputParameters": {"of": "${workflow.workflowId}"},
    }
    return op(
        ref,
        "SUB_WORKFLOW",
        {"x": "${workflow.input.x}"},
        subWorkflowParam={"workflowDefinition": child},
        optional=draw(st.booleans()),
        permissive=draw(st.booleans()),
    )


def _dynamic(draw: st.DrawFn, names: Names) -> Tasks:
    branches = []
    for _ in range(draw(st.integers(0, 3))):
        if names.generations and draw(st.booleans()):
            branches.append(_escaped(_sub(draw, names)))
        else:
            branches.append({"name": "d", "taskReferenceName": names.ref("d")})
    fork = op(
        names.ref("df"),
        "FORK_JOIN_DYNAMIC",
        {"ts": branches, "ins": {}},
        dynamicForkTasksParam="ts",
        dynamicForkTasksInputParamName="ins",
    )
    return [fork, op(names.ref("j"), "JOIN")]


def _escaped(task: dict[str, Any]) -> dict[str, Any]:
    """The task as data within an input, whose expressions are not the input's own."""
    found: dict[str, Any] = json.loads(json.dumps(task).replace("${", "$${"))
    return found


def _inner(draw: st.DrawFn, names: Names, depth: int) -> Tasks:
    return _tasks(draw, names, depth=depth - 1, most=2)


def _cases(draw: st.DrawFn, names: Names, depth: int) -> dict[str, Any]:
    cases = {"a": _inner(draw, names, depth), "b": []}
    default = _inner(draw, names, depth) if draw(st.booleans()) else []
    return {"decisionCases": cases, "defaultCase": default}


def _choice(draw: st.DrawFn) -> dict[str, Any]:
    return {"k": draw(st.sampled_from(["a", "b", "c"]))}


def _switch(draw: st.DrawFn, names: Names, depth: int) -> Tasks:
    cases = _cases(draw, names, depth)
    by_value = {"evaluatorType": "value-param", "expression": "k"}
    return [op(names.ref("sw"), "SWITCH", _choice(draw), **by_value, **cases)]


def _decision(draw: st.DrawFn, names: Names, depth: int) -> Tasks:
    cases = _cases(draw, names, depth)
    return [op(names.ref("de"), "DECISION", _choice(draw), caseValueParam="k", **cases)]


def _exclusive(draw: st.DrawFn, names: Names, depth: int) -> Tasks:
    """A decision and the join of its branches; the task before them is the join's default."""
    before = op(names.ref("n"), "NOOP")
    (decision,) = _decision(draw, names, depth)
    branches = [*decision["decisionCases"].values(), decision["defaultCase"]]
    last = [branch[-1]["taskReferenceName"] for branch in branches if branch]
    join = op(
        names.ref("x"),
        "EXCLUSIVE_JOIN",
        joinOn=last,
        defaultExclusiveJoinTask=[before["taskReferenceName"]],
    )
    return [before, decision, join]


def _fork(draw: st.DrawFn, names: Names, depth: int) -> Tasks:
    branches = [_inner(draw, names, depth) for _ in range(draw(st.integers(1, 3)))]
    return _joined(names, branches)


def _joined(names: Names, branches: list[Tasks]) -> Tasks:
    fork = op(names.ref("f"), "FORK_JOIN", forkTasks=branches)
    last = [branch[-1]["taskReferenceName"] for branch in branches]
    return [fork, op(names.ref("j"), "JOIN", joinOn=last)]


def _loop(draw: st.DrawFn, names: Names, depth: int) -> Tasks:
    ref = names.ref("l")
    inputs = {"keepLastN": 1} if draw(st.booleans()) else {}
    condition = f"$.{ref}['iteration'] < {draw(st.integers(0, 3))}"
    body = _inner(draw, names, depth)
    return [op(ref, "DO_WHILE", inputs, loopCondition=condition, loopOver=body)]


def _items(draw: st.DrawFn, names: Names, depth: int) -> Tasks:
    inputs = {"_items": draw(st.sampled_from([[], [1], [1, 2]]))}
    return [op(names.ref("li"), "DO_WHILE", inputs, loopOver=_inner(draw, names, depth))]


def _each(draw: st.DrawFn, names: Names, depth: int) -> Tasks:
    inputs = {"items": list(range(draw(st.integers(0, 3)))), "parallel": draw(st.integers(1, 3))}
    ref = names.ref("e")
    names.around.append(ref)
    body = _inner(draw, names, depth)
    names.around.pop()
    return [op(ref, "FOR_EACH", inputs, loopOver=body, optional=draw(st.booleans()))]


def _try(draw: st.DrawFn, names: Names, depth: int) -> Tasks:
    handlers = [
        {
            "status": draw(st.sampled_from([[], ["FAILED"], ["CANCELED", "TIMED_OUT"]])),
            "tasks": _inner(draw, names, depth) if draw(st.booleans()) else [],
        }
        for _ in range(draw(st.integers(0, 2)))
    ]
    last = _inner(draw, names, depth) if draw(st.booleans()) or not handlers else []
    tried = _inner(draw, names, depth)
    lists = {"tryTasks": tried, "catchHandlers": handlers, "finallyTasks": last}
    return [op(names.ref("tc"), "TRY_CATCH", **lists, permissive=draw(st.booleans()))]


def _deep(draw: st.DrawFn, names: Names, depth: int) -> Tasks:
    """A fork of two loops in a switch: what is most easily mixed up."""
    kind = st.sampled_from([_loop, _items, _each])
    branches = [draw(kind)(draw, names, max(1, depth - 2)) for _ in range(2)]
    by_value = {"evaluatorType": "value-param", "expression": "k"}
    cases = {"a": _joined(names, branches)}
    return [op(names.ref("sw"), "SWITCH", {"k": "a"}, **by_value, decisionCases=cases)]


_NESTED: dict[str, Callable[[st.DrawFn, Names, int], Tasks]] = {
    "switch": _switch,
    "decision": _decision,
    "exclusive": _exclusive,
    "fork": _fork,
    "loop": _loop,
    "items": _items,
    "each": _each,
    "try": _try,
    "deep": _deep,
}
