"""Runs as people search them (spec 8.8)."""

import msgspec
import pytest

from firmus.schedules.records import KEPT, Records
from firmus.schedules.runs import Outcome, RunsClaimed, ended, run_of
from firmus_contracts.errors import Refusal
from tests.schedules.samples import SECOND, T0


def claimed(name: str, version: int, at_ms: int, workflow: str = "flow") -> RunsClaimed:
    return RunsClaimed(
        originator_id=name,
        originator_version=version,
        time_ms=at_ms + 3,
        through_ms=at_ms,
        runs=(run_of(name, "* * * * * *", "UTC", at_ms),),
        request=msgspec.Raw(b'{"name":"%s"}' % workflow.encode()),
    )


@pytest.fixture
def records() -> Records:
    """a ran at 0 (EXECUTED) and 2 s (FAILED), b at 1 s (POLLED)."""
    found = Records()
    first, second = claimed("a", 1, T0), claimed("a", 3, T0 + 2 * SECOND)
    executed = Outcome(execution_id=first.runs[0].execution_id, state="EXECUTED", workflow_id="w1")
    failed = Outcome(execution_id=second.runs[0].execution_id, state="FAILED", reason="no such")
    for place, event in enumerate(
        (
            first,
            ended(first, (executed,), now_ms=T0),
            second,
            ended(second, (failed,), now_ms=T0),
            claimed("b", 1, T0 + SECOND, "other"),
        )
    ):
        found.apply(place + 1, event)
    return found


def states(records: Records, query: str, sort: str = "") -> list[str]:
    return [f"{r.schedule_name} {r.state}" for r in records.search(query, sort)]


ALL = ["a FAILED", "b POLLED", "a EXECUTED"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ALL),
        ("  ", ALL),
        ("scheduleName IN (b)", ["b POLLED"]),
        ("scheduleName IN (a, b)", ALL),
        ("scheduleName IN (a) AND scheduleName IN (b)", ALL),
        ("scheduleName IN ()", ALL),
        ("scheduleName IN (a) AND state IN (EXECUTED)", ["a EXECUTED"]),
        (f"scheduledTime>{T0}", ALL[:2]),
        (f"scheduledTime>{T0} AND scheduledTime<{T0 + 2 * SECOND}", ["b POLLED"]),
        ("workflowName=oth", ["b POLLED"]),
        ("workflowName=other AND state IN (FAILED)", []),
        ("scheduleName=a", []),
        ("state IN (FAILED) AND garbage", []),
    ],
)
def test_a_query_is_pieces_joined_by_and(records: Records, query: str, expected: list[str]) -> None:
    assert states(records, query) == expected


def test_an_execution_is_found_by_its_id_and_shows_what_became_of_it(records: Records) -> None:
    first = records.search("", "scheduledTime:ASC")[0]
    assert records.search(f"executionId={first.execution_id}", "") == [first]
    assert (first.workflow_id, first.execution_time, first.zone_id) == ("w1", T0 + 3, "UTC")


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("scheduledTime:ASC", ALL[::-1]),
        ("scheduleName:ASC", ["a EXECUTED", "a FAILED", "b POLLED"]),
        ("scheduleName:DESC,scheduledTime:DESC", ["b POLLED", "a FAILED", "a EXECUTED"]),
        ("state:ASC", ["a EXECUTED", "a FAILED", "b POLLED"]),
        ("nonsense", ALL),
    ],
)
def test_order(records: Records, sort: str, expected: list[str]) -> None:
    assert states(records, "", sort) == expected


def test_a_time_that_is_no_number_is_refused(records: Records) -> None:
    with pytest.raises(Refusal, match="scheduledTime: 'abc'") as refusal:
        records.search("scheduledTime>abc", "")
    assert refusal.value.code == "INVALID"


def test_of_a_schedule_that_runs_for_ever_the_last_runs_are_kept() -> None:
    found = Records()
    for place in range(3 * KEPT):
        found.apply(place + 1, claimed("a", place + 1, T0 + place * SECOND))
    assert len(found.search("", "")) == KEPT
    assert len(found.pending()) == KEPT
