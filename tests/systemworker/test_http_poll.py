"""HTTP_POLL: one request at a time until the condition holds."""

from typing import Any

import pytest

from firmus.decider.scripts import QuickJsScripts
from firmus.systemworker.http_poll import HttpPolls, pause_s
from firmus.systemworker.work import Outcome, Work, done, failed
from firmus_contracts import commands as cmd
from tests.flow import Flow, op


class Answers:
    """An Executor that gives these bodies in turn."""

    def __init__(self, *bodies: Any) -> None:
        self.bodies = list(bodies)

    async def execute(self, work: Work) -> Outcome:
        body = self.bodies.pop(0)
        if body is None:
            return failed("no answer")
        return done(work, {"response": {"statusCode": 200, "body": body}})

    async def close(self) -> None: ...


def work(polls: int = 1, **request: Any) -> Work:
    given = {"terminationCondition": "$.output.response.body.n > 1", **request}
    return Work(
        task_type="HTTP_POLL",
        task_id="t",
        workflow_instance_id="w",
        input_data={"http_request": given},
        poll_count=polls,
    )


@pytest.fixture
def scripts():
    made = QuickJsScripts(threads=1)
    yield made
    made.close()


async def test_it_is_due_again_until_the_condition_holds(scripts) -> None:
    polls = HttpPolls(Answers({"n": 1}, {"n": 2}), scripts)
    first = await polls.execute(work(pollingInterval="5"))
    second = await polls.execute(work(2, pollingInterval="5"))

    assert (first.status, first.callback_after_s) == ("IN_PROGRESS", 5)
    assert (second.status, second.output["response"]["body"]) == ("COMPLETED", {"n": 2})


async def test_a_failed_request_and_a_condition_that_throws_fail_the_attempt(scripts) -> None:
    polls = HttpPolls(Answers(None, {"n": 1}), scripts)
    unanswered = await polls.execute(work())
    thrown = await polls.execute(work(terminationCondition="$.no.such"))

    assert (unanswered.status, unanswered.reason) == ("FAILED", "no answer")
    assert (thrown.status, str(thrown.reason)[:20]) == ("FAILED", "terminationCondition")


async def test_without_a_condition_or_with_a_bad_interval_nothing_is_sent(scripts) -> None:
    polls = HttpPolls(Answers(), scripts)
    for bad in ({"terminationCondition": ""}, {"pollingInterval": "soon"}, {"pollingInterval": 0}):
        assert (await polls.execute(work(**bad))).status == "FAILED"


@pytest.mark.parametrize(
    ("strategy", "pauses"),
    [(None, [10, 10, 10]), ("LINEAR_BACKOFF", [10, 20, 30]), ("EXPONENTIAL_BACKOFF", [10, 20, 40])],
)
def test_the_strategy_says_how_long_to_wait(strategy: str | None, pauses: list[int]) -> None:
    given = {"pollingInterval": 10, "pollingStrategy": strategy}

    assert [pause_s(given, polls) for polls in (1, 2, 3)] == pauses


def test_its_row_goes_back_to_its_queue_between_two_requests() -> None:
    flow = Flow(op("p", "HTTP_POLL", {"http_request": {"uri": "http://a", "method": "GET"}}))
    flow.start()
    flow.begin("p")
    flow.update("p", "IN_PROGRESS", {"response": {}}, callback_after_s=7)

    row = flow.row("p")
    assert (row.status, row.callback_after_s, row.made.queued) == ("SCHEDULED", 7, True)
    assert flow.begin("p") == ["task.in_progress p"]
    flow.send(cmd.UpdateTask, task_id=flow.task_id("p"), output={"response": {"body": 1}})
    assert flow.status == "COMPLETED"
