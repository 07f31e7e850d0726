"""Workflows that have ended run again in a test (spec 5.3-5.6)."""

import pytest

from firmus.testing import Refused, Run, Workflows, fail, sub_tasks
from tests.flow import op, simple
from tests.testing.test_answers import flow
from tests.testing.test_children import named, sub

WAIT = op("w", "WAIT", {"duration": "1 hour"})


@pytest.fixture
def failed(workflows: Workflows) -> Run:
    answers = [fail("no", terminal=True), {"x": 1}, {"x": 2}]
    run = workflows.run(flow(WAIT, simple("a"), simple("b")), tasks={"a": answers, "b": {}})
    assert (run.status, run.elapsed_s) == ("FAILED", 3600)
    return run


def test_a_retry_goes_on_with_the_next_answer(failed: Run) -> None:
    run = failed.retry()
    assert (run.status, run.task("a").output) == ("COMPLETED", {"x": 1})
    assert run.statuses[0] == "w COMPLETED"
    with pytest.raises(Refused):
        run.retry()


def test_a_restart_waits_and_answers_anew(failed: Run) -> None:
    run = failed.restart()
    assert run.statuses == ["w IN_PROGRESS"]
    assert run.finish().statuses == ["w COMPLETED", "a COMPLETED", "b COMPLETED"]
    assert run.task("a").output == {"x": 1}


def test_a_rerun_starts_from_a_task(failed: Run) -> None:
    run = failed.retry().rerun_from("a")
    assert (run.status, run.task("a").output) == ("COMPLETED", {"x": 2})
    assert run.events.count("task.scheduled w") == 1


def test_a_child_runs_again_with_its_parent(workflows: Workflows) -> None:
    workflows.register(named("child", simple("a")))
    tasks = {"m": sub_tasks({"a": [fail(terminal=True), {"x": 1}]})}
    run = workflows.run(flow(sub("m", "child")), tasks=tasks)
    assert run.status == "FAILED"
    run.sub_workflow("m").retry()
    assert (run.status, run.task("m").output["x"]) == ("COMPLETED", 1)
