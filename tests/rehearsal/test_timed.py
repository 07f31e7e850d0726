"""A test by mocked results in which time passes."""

from typing import Any

import pytest

from tests.flow import op, simple, task_def
from tests.rehearsal.conftest import Rehearse
from tests.rehearsal.test_mocks import FAILED, FORK, IN_PROGRESS, done, rows, sub

MONTH = op("w", "WAIT", {"duration": "30 days"})
OTHER = op("o", "START_WORKFLOW", {"startWorkflow": {"name": "other"}})


def timed(**fields: Any) -> dict[str, Any]:
    policy = {"timeoutPolicy": "RETRY", "retryCount": 1, "retryDelaySeconds": 10}
    return simple("a", task_def=task_def("a", **policy, **fields))


def mock(**fields: Any) -> dict[str, Any]:
    return {"output": {}, **fields}


ENDS: dict[str, tuple[list[Any], dict[str, Any], list[str], int]] = {
    "a wait passes": ([MONTH, simple("a")], {"a": done()}, ["w COMPLETED", "a COMPLETED"], 2_592_000),
    "a wait that somebody ends": ([MONTH], {"w": [mock(executionTime=5000)]}, ["w COMPLETED"], 5),
    "a retry waits": ([timed()], {"a": [FAILED, *done()]}, ["a FAILED", "a COMPLETED"], 10),
    "a worker that is too slow": ([timed(timeoutSeconds=2)], {"a": [mock(executionTime=5000), *done()]}, ["a TIMED_OUT", "a COMPLETED"], 12),
    "a worker that comes too late": ([timed(pollTimeoutSeconds=2)], {"a": [mock(queueWaitTime=5000), *done()]}, ["a TIMED_OUT", "a COMPLETED"], 12),
    "progress": ([timed()], {"a": [{**IN_PROGRESS, "executionTime": 1000}, mock(executionTime=1000)]}, ["a COMPLETED"], 2),
    "an exhausted workflow": ([simple("a"), simple("b")], {"a": [mock(executionTime=90_000)]}, ["a CANCELED"], 60),
}  # fmt: skip


@pytest.mark.parametrize(("tasks", "mocks", "wanted", "elapsed_s"), ENDS.values(), ids=ENDS)
async def test_time_passes(
    rehearse: Rehearse, tasks: list[Any], mocks: dict[str, Any], wanted: list[str], elapsed_s: int
) -> None:
    limit = {"timeoutSeconds": 60, "timeoutPolicy": "TIME_OUT_WF"} if elapsed_s == 60 else {}
    ended = await rehearse(tasks, mocks, timed=True, definition=limit)
    assert rows(ended) == wanted
    assert ended.status == ("TIMED_OUT" if limit else "COMPLETED")
    assert ended.end_time - ended.create_time == elapsed_s * 1000


async def test_a_branch_without_a_mock_does_not_stop_the_others(rehearse: Rehearse) -> None:
    stopped = await rehearse(FORK, {"a": done(), "b": done()}, timed=True)
    assert stopped.status == "RUNNING"
    assert "b COMPLETED" in rows(stopped)
    assert stopped.reason_for_incompletion == "The test stopped. Nothing moves c (c)"


async def test_sub_workflows_have_mocks_of_their_own(rehearse: Rehearse) -> None:
    tasks = [sub("s", sub("t", simple("a"), MONTH, simple("b")))]
    inner = {"taskRefToMockOutput": {"a": done(x=5), "b": done(y=6)}}
    tests = {"s": {"subWorkflowTestRequest": {"t": inner}}}
    ended = await rehearse(tasks, {"a": done()}, timed=True, subWorkflowTestRequest=tests)
    assert (ended.status, ended.output["y"]) == ("COMPLETED", 6)
    inner["taskRefToMockOutput"].pop("b")
    stopped = await rehearse(tasks, {"b": done()}, timed=True, subWorkflowTestRequest=tests)
    assert stopped.reason_for_incompletion == "The test stopped. Nothing moves s > t > b (b)"


async def test_another_workflow_takes_a_mock_and_is_never_started(rehearse: Rehearse) -> None:
    ended = await rehearse([OTHER], {"o": done(workflowId="x")}, timed=True)
    assert (ended.status, ended.output) == ("COMPLETED", {"workflowId": "x"})
    stopped = await rehearse([OTHER], {}, timed=True)
    assert stopped.reason_for_incompletion == "The test stopped. Nothing moves o (START_WORKFLOW)"
