"""Limits hold in a test too (spec 4.9; rateLimitConfig of workflows)."""

from typing import Any

from firmus.testing import Workflows, complete
from tests.flow import op, simple, task_def
from tests.testing.test_answers import flow
from tests.testing.test_children import named, sub


def three(**limits: Any) -> dict[str, Any]:
    limited = task_def("a", **limits)
    branches = [[{**simple("a", task_def=limited), "taskReferenceName": f"a{n}"}] for n in range(3)]
    fork = op("f", "FORK_JOIN", forkTasks=branches)
    return flow(fork, op("j", "JOIN", joinOn=["a0", "a1", "a2"]))


def started_s(run: Any) -> list[float | None]:
    return [run.task(f"a{n}").started_s for n in range(3)]


def test_so_many_at_once(workflows: Workflows) -> None:
    run = workflows.run(three(concurrentExecLimit=2), tasks={"a": complete(took=10)})
    assert started_s(run) == [0, 0, 10]
    assert run.elapsed_s == 20


def test_so_many_within_a_time(workflows: Workflows) -> None:
    limits = {"rateLimitPerFrequency": 1, "rateLimitFrequencyInSeconds": 60}
    assert started_s(workflows.run(three(**limits), tasks={"a": {}})) == [0, 60, 120]


def test_sub_workflows_that_share_a_limit_wait_in_line(workflows: Workflows) -> None:
    limit = {"rateLimitKey": "all", "concurrentExecLimit": 1, "policy": "QUEUE"}
    wait = op("w", "WAIT", {"duration": "10 s"})
    workflows.register(named("child", wait, rateLimitConfig=limit))
    fork = op("f", "FORK_JOIN", forkTasks=[[sub("x", "child")], [sub("y", "child")]])
    run = workflows.run(flow(fork, op("j", "JOIN", joinOn=["x", "y"])))
    assert (run.status, run.elapsed_s) == ("COMPLETED", 20)
    assert [run.task(ref).ended_s for ref in ("x", "y")] == [10, 20]
