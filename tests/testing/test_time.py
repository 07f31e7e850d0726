"""Time in a test passes when the test says so (spec 4.1-4.3, 3.6.16)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from firmus.testing import Bounds, Refused, TooMuch, Workflows, complete, fail, in_progress, never
from firmus.testing.scripting import ScriptThread
from tests.flow import op, simple, task_def
from tests.testing.test_answers import flow

MONTH = op("w", "WAIT", {"duration": "30 days"})


def timed(**fields: Any) -> dict[str, Any]:
    return simple("a", task_def=task_def("a", **fields))


RETRY = {"timeoutPolicy": "RETRY", "retryCount": 1, "retryDelaySeconds": 10}
TIMES: dict[str, tuple[list[Any], Any, list[str], float]] = {
    "a wait of a month": ([MONTH, simple("a")], {}, ["w COMPLETED", "a COMPLETED"], 30 * 86_400),
    "a fixed delay": ([timed(retryCount=2, retryDelaySeconds=60)], [fail(), fail(), {}], ["a FAILED", "a FAILED", "a COMPLETED"], 120),
    "an exponential delay": ([timed(retryCount=2, retryDelaySeconds=60, retryLogic="EXPONENTIAL_BACKOFF")], [fail(), fail(), {}], ["a FAILED", "a FAILED", "a COMPLETED"], 180),
    "a task that takes long": ([timed(responseTimeoutSeconds=100)], complete(took="90s"), ["a COMPLETED"], 90),
    "a task that takes too long": ([timed(responseTimeoutSeconds=100, **RETRY)], [complete(took=101), {}], ["a TIMED_OUT", "a COMPLETED"], 110),
    "a worker that vanishes": ([timed(responseTimeoutSeconds=100, **RETRY)], [never(), {}], ["a TIMED_OUT", "a COMPLETED"], 110),
    "progress keeps the response timeout away": ([timed(responseTimeoutSeconds=100, **RETRY)], [in_progress(took=60), complete(took=60)], ["a COMPLETED"], 120),
    "progress does not keep the timeout away": ([timed(timeoutSeconds=100, responseTimeoutSeconds=70, **RETRY)], [in_progress(took=60, callback_after=30), complete(took=60), {}], ["a TIMED_OUT", "a COMPLETED"], 110),
    "a task that starts late": ([{**simple("a"), "startDelay": 7}], {}, ["a COMPLETED"], 7),
}  # fmt: skip


@pytest.mark.parametrize(("tasks", "given", "statuses", "elapsed_s"), TIMES.values(), ids=TIMES)
def test_time_passes(
    workflows: Workflows, tasks: list[Any], given: Any, statuses: list[str], elapsed_s: float
) -> None:
    run = workflows.run(flow(*tasks), tasks={"a": given})
    assert (run.status, run.statuses, run.elapsed_s) == ("COMPLETED", statuses, elapsed_s)


def test_deadlines_of_passes_that_a_loop_let_go_are_passed_over(workflows: Workflows) -> None:
    passes = op("l", "DO_WHILE", {"keepLastN": 1}, loopCondition="$.l['iteration'] < 5")
    body = timed(responseTimeoutSeconds=3600, timeoutSeconds=7200)
    run = workflows.run(flow({**passes, "loopOver": [body]}, MONTH), tasks={"a": {}})
    assert (run.status, run.elapsed_s) == ("COMPLETED", 30 * 86_400)


def test_nobody_polls_and_the_poll_timeout_passes(workflows: Workflows) -> None:
    definition = flow(timed(pollTimeoutSeconds=5, timeoutPolicy="TIME_OUT_WF"))
    run = workflows.start(definition)
    assert run.advance("4s").status == "RUNNING"
    assert run.advance("1s").status == "TIMED_OUT"


def test_a_workflow_times_out(workflows: Workflows) -> None:
    limits = {"timeoutSeconds": 60, "timeoutPolicy": "TIME_OUT_WF"}
    run = workflows.run(flow(op("h", "HUMAN"), **limits))
    assert (run.status, run.statuses, run.elapsed_s) == ("TIMED_OUT", ["h CANCELED"], 60)


def test_time_stands_still_until_it_is_moved(workflows: Workflows) -> None:
    run = workflows.start(flow(simple("b"), MONTH, op("h", "HUMAN")), tasks={"b": {}})
    assert run.statuses == ["b COMPLETED", "w IN_PROGRESS"]
    assert run.waiting == ["w (WAIT) waits for another 30 days, 0:00:00"]
    assert run.advance("29d").until_blocked().statuses[1] == "w IN_PROGRESS"
    assert run.advance(timedelta(days=1)).statuses[1:] == ["w COMPLETED", "h IN_PROGRESS"]
    assert run.complete("h", {"ok": True}).status == "COMPLETED"
    assert (run.output, run.elapsed_s) == ({"ok": True}, 30 * 86_400)


def test_branches_take_their_time_side_by_side(workflows: Workflows) -> None:
    branches = [[simple("a"), simple("b")], [MONTH], [simple("c")]]
    fork = op("f", "FORK_JOIN", forkTasks=branches)
    given = {"a": complete(took=10), "b": complete(took=10), "c": complete(took=15)}
    run = workflows.run(flow(fork, op("j", "JOIN", joinOn=["b", "w", "c"])), tasks=given)
    ended = {one.ref: one.ended_s for one in run.tasks}
    assert [ended[ref] for ref in ("a", "b", "c", "w", "j")] == [10, 20, 15, 2_592_000, 2_592_000]


def test_a_test_chooses_the_day(workflows: Workflows) -> None:
    until = op("w", "WAIT", {"until": "2030-01-02 00:00 UTC"})
    run = workflows.start(flow(until), at=datetime(2030, 1, 1, 12, tzinfo=UTC))
    assert run.now == datetime(2030, 1, 1, 12, tzinfo=UTC)
    assert run.finish().elapsed_s == 12 * 3_600


def test_a_paused_workflow_schedules_nothing(workflows: Workflows) -> None:
    run = workflows.start(flow(op("h", "HUMAN"), simple("a")), tasks={"a": {}})
    run.pause().complete("h")
    assert run.waiting == ["it is paused: run.resume()"]
    assert run.resume().statuses == ["h COMPLETED", "a COMPLETED"]


def test_an_operator_skips_and_sets_variables(workflows: Workflows) -> None:
    human = op("h", "HUMAN")
    out = {"v": "${workflow.variables.v}"}
    run = workflows.start(
        flow(human, simple("a"), simple("b"), outputParameters=out), tasks={"b": {}}
    )
    run.skip("a").set_variables({"v": 7}).complete("h")
    assert (run.status, run.output) == ("COMPLETED", {"v": 7})
    assert [row for row in run.statuses if row[0] in "hab"] == [
        "a SKIPPED",
        "h COMPLETED",
        "b COMPLETED",
    ]


def test_what_ended_takes_no_commands(workflows: Workflows) -> None:
    run = workflows.run(flow(simple("a")), tasks={"a": {}})
    with pytest.raises(Refused, match="has ended"):
        run.pause()
    with pytest.raises(Refused, match="task a is COMPLETED"):
        run.complete("a")
    with pytest.raises(LookupError, match=r"no task b in \['a COMPLETED'\]"):
        run.complete("b")


ENDLESS = op("l", "DO_WHILE", loopCondition="true", loopOver=[simple("a")])


def test_an_endless_loop_is_stopped_and_named(workflows: Workflows) -> None:
    with pytest.raises(TooMuch, match=r"stopped after 500 decisions: flow is RUNNING, its loop l"):
        workflows.run(flow(ENDLESS), tasks={"a": {}})


def test_data_that_grows_without_end_is_stopped(scripts: ScriptThread) -> None:
    bounded = Workflows(bounds=Bounds(bytes_max=10_000), scripts=scripts)
    with pytest.raises(TooMuch, match="stopped after 10000 bytes of data"):
        bounded.run(flow(ENDLESS), tasks={"a": {"x": "x" * 1_000}})


def test_an_answer_may_be_long_in_coming(workflows: Workflows) -> None:
    late = timed(pollTimeoutSeconds=2, **RETRY)
    run = workflows.run(flow(late), tasks={"a": [complete(queued=5), complete(queued=1, took=1)]})
    assert run.statuses == ["a TIMED_OUT", "a COMPLETED"]
    again = run.task("a")
    assert (again.scheduled_s, again.started_s, again.ended_s) == (2, 13, 14)
