"""What a test may say of a task, and what the workflow makes of it."""

from typing import Any

import pytest

from firmus.testing import Blocked, Workflows, complete, fail, in_progress, never, sub_tasks
from firmus.worker import InProgress, NonRetryableError, TaskContext, task
from tests.flow import op, simple, task_def

Row = tuple[Any, list[str], dict[str, Any]]

RETRIED = simple("a", task_def=task_def("a", retryCount=2, retryDelaySeconds=60))


def flow(*tasks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"name": "flow", "version": 1, "tasks": list(tasks), **fields}


class Typed(Exception):
    pass


@task("a")
def worker(given: dict[str, int], context: TaskContext) -> dict[str, int]:
    if context.retry_count == 0:
        raise Typed("first")
    return {"n": given["n"] + context.retry_count}


@task("a")
async def hopeless() -> None:
    raise NonRetryableError("no")


@task("a")
def patient(context: TaskContext) -> Any:
    return InProgress({"at": 1}, callback_after_s=5)


def doubled(given: dict[str, Any]) -> dict[str, Any]:
    return {"n": given["n"] * 2}


def broken(given: dict[str, Any]) -> None:
    raise ValueError("not today")


OK, BAD = "a COMPLETED", "a FAILED"
KINDS: dict[str, Row] = {
    "an output": ({"x": 1}, [OK], {"x": 1}),
    "nothing": (None, [OK], {}),
    "an answer": (complete({"x": 1}), [OK], {"x": 1}),
    "a list, one after the other": ([fail("busy"), {"x": 2}], [BAD, OK], {"x": 2}),
    "a failure for good": (fail("no", terminal=True), ["a FAILED_WITH_TERMINAL_ERROR"], {}),
    "a failure again and again": (fail("no", output={"x": 1}), [BAD, BAD, BAD], {"x": 1}),
    "an exception": ([ValueError("x"), {}], [BAD, OK], {}),
    "the type of an exception": ([Typed, {}], [BAD, OK], {}),
    "a function": (doubled, [OK], {"n": 6}),
    "a function that gives an answer": (lambda _: complete({"x": 3}), [OK], {"x": 3}),
    "a function that raises": ([broken, doubled], [BAD, OK], {"n": 6}),
    "a function of a worker": (worker, [BAD, OK], {"n": 4}),
    "one that cannot be retried": (hopeless, ["a FAILED_WITH_TERMINAL_ERROR"], {}),
    "progress, then the end": ([in_progress({"x": 1}), {"x": 2}], [OK], {"x": 2}),
    "progress of a worker": ([patient, {"x": 2}], [OK], {"x": 2}),
}


@pytest.mark.parametrize(("given", "statuses", "output"), KINDS.values(), ids=KINDS)
def test_a_task_is_answered_by(
    workflows: Workflows, given: Any, statuses: list[str], output: dict[str, Any]
) -> None:
    definition = flow({**RETRIED, "inputParameters": {"n": 3}})
    run = workflows.run(definition, tasks={"a": given})
    assert run.statuses == statuses
    assert run.tasks[-1].output == output


def test_a_failure_keeps_its_reason(workflows: Workflows) -> None:
    run = workflows.run(flow(RETRIED), tasks={"a": [fail("busy"), broken, Typed("t"), {}][:3]})
    assert [one.reason for one in run.tasks] == ["busy", "ValueError: not today", "Typed: t"]
    assert run.status == "FAILED"


def test_answers_are_found_by_turn_reference_or_name(workflows: Workflows) -> None:
    loop = op(
        "l", "DO_WHILE", loopCondition="$.l['iteration'] < 3", loopOver=[simple("a"), simple("b")]
    )
    by = {"a__2": {"by": "turn"}, "a": {"by": "reference"}, "b": {"by": "name"}}
    run = workflows.run(flow(loop), tasks=by)
    assert [one.output["by"] for one in run.tasks if one.type == "a"] == [
        "reference",
        "turn",
        "reference",
    ]
    assert run.task("a", iteration=2).ref == "a__2"
    assert run.task("b").iteration == 3
    assert len(run.calls("a")) == 3
    assert len(run.calls("a__2")) == 1


NONSENSE: dict[str, tuple[Any, str]] = {
    "a number": (7, r"tasks\['a'\] gives 7, which is not an output"),
    "text": ("done", "which is not an output"),
    "what JSON cannot hold": ({"x": object()}, "an output cannot be written as JSON"),
    "answers for a sub-workflow": ([sub_tasks({})], r"sub_tasks\(\) answers no single attempt"),
}


@pytest.mark.parametrize(("given", "words"), NONSENSE.values(), ids=NONSENSE)
def test_what_is_no_answer_is_refused(workflows: Workflows, given: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        workflows.run(flow(simple("a")), tasks={"a": given})


def test_an_assertion_in_a_function_fails_the_test(workflows: Workflows) -> None:
    def check(given: dict[str, Any]) -> None:
        assert given == {"n": 2}

    with pytest.raises(AssertionError):
        workflows.run(flow(simple("a")), tasks={"a": check})


def test_secrets_are_bound_for_answers_only(workflows: Workflows) -> None:
    given = {"key": "${workflow.secrets.api}", "zone": "${workflow.env.zone}"}
    definition = flow({**simple("a"), "inputParameters": given})
    run = workflows.run(
        definition, tasks={"a": {}}, secrets={"api": "s3"}, environment={"zone": "eu"}
    )
    assert run.calls("a") == [{"key": "s3", "zone": "eu"}]
    assert run.task("a").input["key"] == "${workflow.secrets.api}"


def test_a_workflow_that_cannot_go_on_says_why(workflows: Workflows) -> None:
    fork = op(
        "f", "FORK_JOIN", forkTasks=[[RETRIED], [op("h", "HUMAN")], [simple("c")], [simple("d")]]
    )
    join = op("j", "JOIN", joinOn=["a", "h", "c", "d"])
    unresponsive = task_def("d", responseTimeoutSeconds=0)
    fork["forkTasks"][3] = [simple("d", task_def=unresponsive)]
    with pytest.raises(Blocked) as blocked:
        workflows.run(flow(fork, join), tasks={"a": [fail()], "d": never(), "typo": {}})
    assert str(blocked.value).splitlines() == [
        "flow is RUNNING and nothing moves it any more:",
        '  h (HUMAN) waits for somebody: run.complete("h", …), or tasks={"h": …}',
        '  c (worker task c) waits for an answer: tasks={"c": …}, or run.complete("c", …)',
        "  d (worker task d) was handed out and has not been answered",
        "  a (worker task a) waits for an answer: the 1 given were used",
        "  never asked for so far: the answers for typo",
    ]  # fmt: skip
