"""Spec 5.12: a test of a workflow by mocked results."""

from typing import Any

import pytest

from firmus.rehearsal.service import Rehearsals
from firmus_contracts.bodies import decode_test_request
from firmus_contracts.errors import Refusal
from firmus_contracts.executions import Workflow
from tests.flow import op, simple, task_def
from tests.rehearsal.conftest import Rehearse

FAILED = {"status": "FAILED", "output": {}}
FOR_GOOD = {"status": "FAILED_WITH_TERMINAL_ERROR", "output": {}}
IN_PROGRESS = {"status": "IN_PROGRESS", "output": {"half": True}}


def done(**output: Any) -> list[dict[str, Any]]:
    return [{"output": output}]


def rows(execution: Workflow) -> list[str]:
    return [f"{task.reference_task_name} {task.status}" for task in execution.tasks]


def sub(ref: str, *tasks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    inner = {"name": f"{ref}-flow", "version": 1, "tasks": list(tasks), **fields}
    params = {"name": f"{ref}-flow", "version": 1, "workflowDefinition": inner}
    return op(ref, "SUB_WORKFLOW", subWorkflowParam=params)


RETRIED = simple("a", task_def=task_def("a", retryCount=2, retryDelaySeconds=60))
TIMED = simple("a", task_def=task_def("a", timeoutSeconds=2, timeoutPolicy="RETRY", retryCount=1))
FORK = [
    op("f", "FORK_JOIN", forkTasks=[[simple("a"), simple("b")], [RETRIED | {"name": "c", "taskReferenceName": "c"}]]),
    op("j", "JOIN", joinOn=["b", "c"]),
]  # fmt: skip
LOOP = op("l", "DO_WHILE", loopCondition="$.l['iteration'] < 2", loopOver=[simple("a")])
SWITCH = op(
    "s", "SWITCH", {"k": "${a.output.k}"}, evaluatorType="value-param", expression="k",
    decisionCases={"go": [simple("b")]}, defaultCase=[simple("c")],
)  # fmt: skip
JQ = op("q", "JSON_JQ_TRANSFORM", {"queryExpression": ".n + 1", "n": 1})
SCRIPT = op("i", "INLINE", {"evaluatorType": "javascript", "expression": "1 + 1"})

ENDS = {
    "one after the other": ([simple("a"), simple("b")], {"a": done(x=1), "b": done(y=2)}, ["a COMPLETED", "b COMPLETED"], {"y": 2}),
    "a retry takes the next mock": ([RETRIED], {"a": [FAILED, *done(x=1)]}, ["a FAILED", "a COMPLETED"], {"x": 1}),
    "what is left in progress takes the next one, and output adds up": ([simple("a")], {"a": [IN_PROGRESS, *done(x=1)]}, ["a COMPLETED"], {"half": True, "x": 1}),
    "left in progress for too long, it times out": ([TIMED], {"a": [{**IN_PROGRESS, "executionTime": 5000}, *done()]}, ["a TIMED_OUT", "a COMPLETED"], {}),
    "a mock that ends its task is never too late": ([TIMED], {"a": [{"output": {}, "executionTime": 5000}]}, ["a COMPLETED"], {}),
    "a wait and a person": ([op("w", "WAIT", {"duration": "30 days"}), op("h", "HUMAN")], {"w": done(), "h": done(ok=1)}, ["w COMPLETED", "h COMPLETED"], {"ok": 1}),
    "a call": ([op("c", "HTTP", {"http_request": {"uri": "http://127.0.0.1:1/", "method": "GET"}})], {"c": done(response=1)}, ["c COMPLETED"], {"response": 1}),
    "another workflow is not started": ([op("o", "START_WORKFLOW", {"startWorkflow": {"name": "other"}})], {"o": done(workflowId="x")}, ["o COMPLETED"], {"workflowId": "x"}),
    "scripts run for real": ([SCRIPT, JQ], {"i": done(result=7)}, ["i COMPLETED", "q COMPLETED"], {"result": 2, "resultList": [2]}),
    "a loop by full references": ([LOOP], {"a__1": done(x=1), "a__2": done(x=2)}, ["l COMPLETED", "a__1 COMPLETED", "a__2 COMPLETED"], {"x": 2}),
    "a switch": ([simple("a"), SWITCH], {"a": done(k="go"), "b": done(b=1)}, ["a COMPLETED", "s COMPLETED", "b COMPLETED"], {"b": 1}),
}  # fmt: skip


@pytest.mark.parametrize(("tasks", "mocks", "wanted", "output"), ENDS.values(), ids=ENDS)
async def test_mocks_lead_to_the_end(
    rehearse: Rehearse, tasks: list[Any], mocks: dict[str, Any], wanted: list[str], output: Any
) -> None:
    ended = await rehearse(tasks, mocks)
    assert (ended.status, rows(ended), ended.output) == ("COMPLETED", wanted, output)
    assert ended.reason_for_incompletion is None


STOPS = {
    "no mock": ([simple("a"), simple("b")], {"a": done()}, ["a COMPLETED", "b SCHEDULED"], "flow: no mock is left for b (b)"),
    "one branch without": (FORK, {"a": done(), "b": done()}, ["f COMPLETED", "a SCHEDULED", "c SCHEDULED", "j IN_PROGRESS"], "flow: no mock is left for c (c)"),
    "a mock used up lets the others take one more": (FORK, {"a": done(), "b": done(), "c": [FAILED]}, ["f COMPLETED", "a COMPLETED", "c FAILED", "j IN_PROGRESS", "b COMPLETED", "c SCHEDULED"], "flow: no mock is left for c (c)"),
    "a loop by its bare reference": ([LOOP], {"a": done()}, ["l IN_PROGRESS", "a__1 SCHEDULED"], "flow: no mock is left for a__1 (a)"),
    "a wait": ([op("w", "WAIT", {"duration": "1 s"})], {}, ["w IN_PROGRESS"], "flow: no mock is left for w (WAIT)"),
    "a sub-workflow without a test": ([sub("s", simple("a"))], {"s": done()}, ["s IN_PROGRESS"], "subWorkflowTestRequest has no mocks for s (SUB_WORKFLOW)"),
}  # fmt: skip


@pytest.mark.parametrize(("tasks", "mocks", "wanted", "why"), STOPS.values(), ids=STOPS)
async def test_a_task_without_a_mock_stops_the_test(
    rehearse: Rehearse, tasks: list[Any], mocks: dict[str, Any], wanted: list[str], why: str
) -> None:
    stopped = await rehearse(tasks, mocks)
    assert (stopped.status, rows(stopped)) == ("RUNNING", wanted)
    assert stopped.reason_for_incompletion == f"The test stopped. {why}"


async def test_sub_workflows_have_tests_of_their_own(rehearse: Rehearse) -> None:
    tasks = [sub("s", sub("t", simple("a"), outputParameters={"x": "${a.output.x}"}))]
    inner = {"taskRefToMockOutput": {"a": done(x=5)}}
    tests = {"s": {"subWorkflowTestRequest": {"t": inner}}}
    ended = await rehearse(tasks, {}, subWorkflowTestRequest=tests)
    assert (ended.status, ended.output["x"]) == ("COMPLETED", 5)
    missing = {"s": {"subWorkflowTestRequest": {"t": {}}}}
    stopped = await rehearse(tasks, {}, subWorkflowTestRequest=missing)
    why = "The test stopped. s: t: t-flow: no mock is left for a (a)"
    assert stopped.reason_for_incompletion == why


async def test_times_of_mocks_and_delays_pass_on_a_clock_of_its_own(rehearse: Rehearse) -> None:
    mock = {"output": {}, "queueWaitTime": 3_000, "executionTime": 86_400_000}
    ended = await rehearse([RETRIED], {"a": [FAILED, mock]})
    failed, again = ended.tasks
    assert again.scheduled_time == failed.end_time
    assert again.start_time - again.scheduled_time == 60_000 + 3_000
    assert again.end_time - again.start_time == 86_400_000


async def test_branches_run_side_by_side(rehearse: Rehearse) -> None:
    slow = [{"output": {}, "executionTime": 10_000}]
    ended = await rehearse(FORK, {"a": slow, "b": slow, "c": slow})
    assert ended.end_time - ended.create_time == 20_000


async def test_a_failure_for_good_cancels_the_other_branch(rehearse: Rehearse) -> None:
    failed = await rehearse(FORK, {"a": [FOR_GOOD], "b": done(), "c": done()})
    assert failed.status == "FAILED"
    wanted = ["a FAILED_WITH_TERMINAL_ERROR", "c CANCELED", "j CANCELED"]
    assert rows(failed)[1:] == wanted


ENDLESS = op("l", "DO_WHILE", loopCondition="true", loopOver=[op("n", "NOOP")])


async def test_an_endless_loop_is_stopped_and_named(rehearse: Rehearse) -> None:
    stopped = await rehearse([ENDLESS], {})
    assert stopped.status == "RUNNING"
    why = stopped.reason_for_incompletion or ""
    assert why.startswith(
        "The test stopped. stopped after 4000 events: flow is RUNNING, its loop l"
    )


BAD = {
    "no output": {"taskRefToMockOutput": {"a": [{"status": "COMPLETED"}]}},
    "no output below": {"subWorkflowTestRequest": {"s": {"taskRefToMockOutput": {"a": [{}]}}}},
    "unknown status": {"taskRefToMockOutput": {"a": [{"status": "SKIPPED", "output": {}}]}},
    "a key": {"idempotencyKey": "k"},
    "no input": {"input": None},
    "no name": {"name": ""},
}


@pytest.mark.parametrize("fields", BAD.values(), ids=BAD)
async def test_what_makes_no_test_is_refused(rehearse: Rehearse, fields: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as refused:
        await rehearse([simple("a")], **{"mocks": {}, **fields})
    assert refused.value.code == "INVALID"


async def test_an_unknown_definition_is_refused(rehearsals: Rehearsals) -> None:
    with pytest.raises(Refusal, match="name=nope, version=3"):
        await rehearsals.run(decode_test_request(b'{"name": "nope", "version": 3}'))


async def test_a_definition_without_a_version_is_named_as_conductor_names_it(
    rehearsals: Rehearsals,
) -> None:
    with pytest.raises(Refusal, match="name=nope, version=null"):
        await rehearsals.run(decode_test_request(b'{"name": "nope"}'))
