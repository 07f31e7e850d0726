"""Rules of control flow, each as one line: a definition, what happens to it, what comes of it
(spec 3.3-3.6, checklist 12). What is nearer to one operator stands with that operator.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from firmus_contracts import commands as cmd
from tests.decider.writing import decision, fork, switch, terminate
from tests.flow import Flow, op, simple, task_def

Step = Callable[[Flow], object]


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """`rows`: all rows in the end, `ref STATUS`."""

    tasks: list[dict[str, Any]]
    steps: list[Step] = []
    rows: list[str]
    status: str
    fields: dict[str, Any] = {}


def done(*refs: str, **output: Any) -> Step:
    return lambda flow: [flow.update(ref, output=output) for ref in refs]


def fails(ref: str, status: str = "FAILED") -> Step:
    return lambda flow: flow.update(ref, status, reason=f"{ref} broke")


CHILD = op("s", "SUB_WORKFLOW", subWorkflowParam={"name": "c", "version": 1})
A, B, C = simple("a"), simple("b"), simple("c")
N = op("n", "NOOP")

CASES = {
    "3.3.4 the last task of a branch in a branch leads to what follows the outer switch": Case(
        tasks=[
            switch("o", "x", decisionCases={"x": [switch("i", "y", decisionCases={"y": [A]})]}),
            B,
        ],
        steps=[done("a")],
        rows=["o COMPLETED", "i COMPLETED", "a COMPLETED", "b SCHEDULED"],
        status="RUNNING",
    ),
    "3.3.4 the last task of a branch that is a switch without a case leads to the join": Case(
        tasks=[
            *fork([A, switch("w", "z", decisionCases={"x": [N]})], [B], join_on=["w", "b"]),
            C,
        ],
        steps=[done("a", "b")],
        rows=[
            "f COMPLETED",
            "a COMPLETED",
            "b COMPLETED",
            "j COMPLETED",
            "w COMPLETED",
            "c SCHEDULED",
        ],
        status="RUNNING",
    ),
    "12.14 SWITCH: an unmatched key takes the default": Case(
        tasks=[switch("w", "z", decisionCases={"x": [A]}, defaultCase=[B])],
        rows=["w COMPLETED", "b SCHEDULED"],
        status="RUNNING",
    ),
    "12.14 SWITCH: a matched empty list takes neither branch nor default": Case(
        tasks=[switch("w", "x", decisionCases={"x": []}, defaultCase=[B]), C],
        rows=["w COMPLETED", "c SCHEDULED"],
        status="RUNNING",
    ),
    "12.14 DECISION: a matched empty list takes the default": Case(
        tasks=[decision("w", "x", decisionCases={"x": []}, defaultCase=[B])],
        rows=["w COMPLETED", "b SCHEDULED"],
        status="RUNNING",
    ),
    "12.14 DECISION: an unmatched key without a default goes on": Case(
        tasks=[decision("w", "z", decisionCases={"x": [A]}), C],
        rows=["w COMPLETED", "c SCHEDULED"],
        status="RUNNING",
    ),
    "3.6.3 a SWITCH whose script throws is not tried again": Case(
        tasks=[
            op(
                "w",
                "SWITCH",
                evaluatorType="javascript",
                expression="nowhere.x",
                decisionCases={"x": [A]},
                taskDefinition=task_def("w", retryCount=3),
            )
        ],
        rows=["w FAILED"],
        status="FAILED",
    ),
    "12.17 a failing branch fails the workflow at once and cancels its siblings": Case(
        tasks=fork([A], [B], join_on=["a", "b"]),
        steps=[fails("a")],
        rows=["f COMPLETED", "a FAILED", "b CANCELED", "j CANCELED"],
        status="FAILED",
    ),
    "12.18 a permissive branch lets its siblings go on, then the join fails": Case(
        tasks=fork([simple("a", permissive=True)], [B], join_on=["a", "b"]),
        steps=[fails("a"), done("b")],
        rows=["f COMPLETED", "a FAILED", "b COMPLETED", "j FAILED"],
        status="FAILED",
    ),
    "12.20 a branch that a worker cancels terminates the workflow": Case(
        tasks=fork([A], [B], join_on=["a", "b"]),
        steps=[done("b"), fails("a", "CANCELED")],
        rows=["f COMPLETED", "a CANCELED", "b COMPLETED", "j CANCELED"],
        status="TERMINATED",
    ),
    "12.21 a join of some branches lets the flow go on; the end waits for all": Case(
        tasks=[*fork([A], [B], join_on=["a"]), N],
        steps=[done("a")],
        rows=["f COMPLETED", "a COMPLETED", "b SCHEDULED", "j COMPLETED", "n COMPLETED"],
        status="RUNNING",
    ),
    "12.21 and then the workflow ends with the last branch": Case(
        tasks=[*fork([A], [B], join_on=["a"]), N],
        steps=[done("a", "b")],
        rows=["f COMPLETED", "a COMPLETED", "b COMPLETED", "j COMPLETED", "n COMPLETED"],
        status="COMPLETED",
    ),
    "3.6.6 a join may wait for a task in the middle of a branch": Case(
        tasks=[*fork([A, C], [B], join_on=["a", "b"]), N],
        steps=[done("a", "b")],
        rows=[
            "f COMPLETED",
            "a COMPLETED",
            "b COMPLETED",
            "j COMPLETED",
            "c SCHEDULED",
            "n COMPLETED",
        ],
        status="RUNNING",
    ),
    "3.6.6 a join on a task of a case that was not taken waits for ever": Case(
        tasks=fork([switch("w", "z", decisionCases={"x": [A]})], [B], join_on=["a", "b"]),
        steps=[done("b")],
        rows=["f COMPLETED", "w COMPLETED", "b COMPLETED", "j IN_PROGRESS"],
        status="RUNNING",
    ),
    "12.26 EXCLUSIVE_JOIN: the first row of joinOn that exists decides": Case(
        tasks=[
            *fork([A], [B], join_on=["a"]),
            op("x", "EXCLUSIVE_JOIN", joinOn=["none", "b", "a"]),
        ],
        steps=[done("a")],
        rows=["f COMPLETED", "a COMPLETED", "b SCHEDULED", "j COMPLETED", "x IN_PROGRESS"],
        status="RUNNING",
    ),
    "12.26 EXCLUSIVE_JOIN: the default counts only while no row of joinOn has ended": Case(
        tasks=[
            A,
            switch("w", "z", decisionCases={"x": [B]}),
            op("x", "EXCLUSIVE_JOIN", joinOn=["b"], defaultExclusiveJoinTask=["a"]),
        ],
        steps=[done("a")],
        rows=["a COMPLETED", "w COMPLETED", "x COMPLETED"],
        status="COMPLETED",
    ),
    "12.32 TERMINATE ends everything, from a branch and with a child that runs": Case(
        tasks=fork([CHILD], [A, terminate("COMPLETED")], join_on=["s", "end"]),
        steps=[done("a")],
        rows=[
            "f COMPLETED",
            "s CANCELED",
            "a COMPLETED",
            "j CANCELED",
            "end COMPLETED",
        ],
        status="COMPLETED",
    ),
    "3.6.10 TERMINATE in a loop ends the workflow in that pass": Case(
        tasks=[
            op("l", "DO_WHILE", loopCondition="true", loopOver=[A, terminate("TERMINATED")]),
            B,
        ],
        steps=[done("a__1")],
        rows=["l CANCELED", "a__1 COMPLETED", "end__1 COMPLETED"],
        status="TERMINATED",
    ),
    "12.31 DO_WHILE: an empty list of items is over at once": Case(
        tasks=[op("l", "DO_WHILE", {"_items": []}, loopCondition="true", loopOver=[A]), B],
        rows=["l COMPLETED", "b SCHEDULED"],
        status="RUNNING",
    ),
    "3.6.9 DO_WHILE: a condition that is missing or false runs the body once": Case(
        tasks=[op("l", "DO_WHILE", loopCondition="false", loopOver=[A]), B],
        steps=[done("a__1")],
        rows=["l COMPLETED", "a__1 COMPLETED", "b SCHEDULED"],
        status="RUNNING",
    ),
    "12.28 DO_WHILE: a pass does not end before what follows its switch has run": Case(
        tasks=[
            op(
                "l",
                "DO_WHILE",
                loopCondition="false",
                loopOver=[switch("w", "x", decisionCases={"x": [A, B]})],
            )
        ],
        steps=[done("a__1")],
        rows=["l IN_PROGRESS", "w__1 COMPLETED", "a__1 COMPLETED", "b__1 SCHEDULED"],
        status="RUNNING",
    ),
    "12.41 a child that is terminated cancels its task and terminates the parent": Case(
        tasks=[CHILD, B],
        steps=[
            lambda flow: flow.send(
                cmd.ReportChildEnded,
                task_id=flow.task_id("s"),
                child_id=flow.row("s").child_id,
                status="TERMINATED",
            )
        ],
        rows=["s CANCELED"],
        status="TERMINATED",
    ),
    "12.51 an optional child that failed lets the parent go on": Case(
        tasks=[{**CHILD, "optional": True}, B],
        steps=[
            lambda flow: flow.send(
                cmd.ReportChildEnded,
                task_id=flow.task_id("s"),
                child_id=flow.row("s").child_id,
                status="FAILED",
                reason="broke",
            )
        ],
        rows=["s COMPLETED_WITH_ERRORS", "b SCHEDULED"],
        status="RUNNING",
    ),
    "12.38 a WAIT that timed out and is tried again waits at once": Case(
        tasks=[
            op(
                "w",
                "WAIT",
                {"duration": "1h"},
                taskDefinition=task_def(
                    "w", retryCount=1, timeoutSeconds=60, timeoutPolicy="RETRY"
                ),
            )
        ],
        steps=[lambda flow: (flow.clock.advance(61_000), flow.fire("w"))],
        rows=["w TIMED_OUT", "w IN_PROGRESS"],
        status="RUNNING",
    ),
    "4.3 a WAIT that is tried again times out once more": Case(
        tasks=[
            op(
                "w",
                "WAIT",
                taskDefinition=task_def(
                    "w", retryCount=1, timeoutSeconds=60, timeoutPolicy="RETRY"
                ),
            )
        ],
        steps=[lambda flow: (flow.clock.advance(61_000), flow.fire("w"))] * 2,
        rows=["w TIMED_OUT", "w TIMED_OUT"],
        status="TIMED_OUT",
    ),
    "4.2 a WAIT that is tried again after a delay is SCHEDULED until then": Case(
        tasks=[op("w", "WAIT", taskDefinition=task_def("w", retryCount=1, retryDelaySeconds=9))],
        steps=[lambda flow: flow.fail("w")],
        rows=["w FAILED", "w SCHEDULED"],
        status="RUNNING",
    ),
    "3.6.21 NOOP is over at once, without an output": Case(
        tasks=[N], rows=["n COMPLETED"], status="COMPLETED"
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_control_flow(name: str) -> None:
    case = CASES[name]
    flow = Flow(*case.tasks, **case.fields)
    flow.start({})
    for step in case.steps:
        step(flow)
    assert (flow.rows(), flow.status) == (case.rows, case.status)
