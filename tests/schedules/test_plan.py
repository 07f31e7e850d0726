"""What is due, and what is made up for (spec 8.8)."""

from typing import Any

import pytest

from firmus.schedules import aggregate as aggregates
from firmus.schedules.aggregate import EMPTY, Asked, evolve
from firmus.schedules.plan import CATCH_UP_AT_ONCE, Timetable, claim, next_due, timetable
from firmus.schedules.runs import Cursor, cursor_after, ended
from tests.schedules.samples import HOUR, MINUTE, SECOND, T0, each, schedule


def saved(**given: Any) -> Timetable | None:
    return timetable(evolve(EMPTY, aggregates.save(EMPTY, schedule(**given), Asked(T0))))


def due(table: Timetable | None, now_ms: int, cursor: Cursor | None = None) -> list[int]:
    """Which instants are claimed, in milliseconds after T0."""
    assert table is not None
    claimed = claim(table, cursor or Cursor(), now_ms=now_ms)
    return [run.scheduled_ms - T0 for run in claimed.runs] if claimed else []


DAY = {"schedule_start_time": T0 + 90 * SECOND, "schedule_end_time": T0 + 3 * MINUTE}


@pytest.mark.parametrize(
    ("given", "after_ms", "expected"),
    [
        ({}, MINUTE - 1, []),
        ({}, MINUTE, [MINUTE]),
        ({}, HOUR, [MINUTE]),
        ({"run_catchup_schedule_instances": True}, 3 * MINUTE, [MINUTE, 2 * MINUTE, 3 * MINUTE]),
        (DAY, 90 * SECOND, []),
        (DAY, HOUR, [2 * MINUTE]),
        ({**DAY, "run_catchup_schedule_instances": True}, HOUR, [2 * MINUTE, 3 * MINUTE]),
        ({"schedule_start_time": T0 + MINUTE}, MINUTE, [MINUTE]),
        ({"schedule_end_time": T0 + MINUTE}, MINUTE, [MINUTE]),
        ({"schedule_end_time": T0 + MINUTE - 1}, HOUR, []),
        ({"zone_id": "Asia/Kolkata", "cron": "0 0 6 * * *"}, HOUR, [30 * MINUTE]),
    ],
    ids=[
        *("early", "in time", "missed ones become one", "or all of them", "before its start"),
        *("within its window", "all within its window", "its start counts", "its end counts"),
        *("after its end", "in its zone"),
    ],
)
def test_what_is_due(given: dict[str, Any], after_ms: int, expected: list[int]) -> None:
    assert due(saved(**given), T0 + after_ms) == expected


@pytest.mark.parametrize(
    "given",
    [
        {"paused": True},
        {"cron": None},
        {"cron": "nonsense"},
        {"cron_schedules": each(("nonsense", "UTC"), ("0 * * * * *", "Mars/Phobos"))},
    ],
    ids=["paused", "without expression", "unreadable", "nor any entry readable"],
)
def test_what_never_runs_has_no_timetable(given: dict[str, Any]) -> None:
    assert saved(**given) is None


def test_each_expression_is_a_timer_of_its_own_and_equal_ones_are_one_spec_8_8() -> None:
    table = saved(
        cron="* * * * * *",
        cron_schedules=each(
            ("0 * * * * *", "UTC"),
            ("0 * * * * *", "Asia/Tokyo"),
            ("0 * * * * *", "UTC"),
            ("x", "UTC"),
        ),
    )
    assert table is not None
    claimed = claim(table, Cursor(), now_ms=T0 + MINUTE)
    assert claimed is not None
    assert [(run.zone_id, run.scheduled_ms - T0) for run in claimed.runs] == [
        ("UTC", MINUTE),
        ("Asia/Tokyo", MINUTE),
    ]
    assert len({run.workflow_id for run in claimed.runs}) == 2


def test_after_a_late_run_comes_what_is_due_after_it() -> None:
    table = saved()
    assert table is not None
    claimed = claim(table, Cursor(), now_ms=T0 + HOUR + 1)
    assert claimed is not None
    over = cursor_after(ended(claimed, (), now_ms=T0 + HOUR + 5))
    assert next_due(table, over) == T0 + HOUR + MINUTE
    assert over.version == 2


def test_a_long_standstill_is_made_up_for_in_steps_that_lose_nothing() -> None:
    table = saved(
        cron_schedules=each(("* * * * * *", "UTC"), ("*/2 * * * * *", "Asia/Tokyo")),
        run_catchup_schedule_instances=True,
    )
    assert table is not None
    found, cursor = [], Cursor()
    while claimed := claim(table, cursor, now_ms=T0 + 300 * SECOND):
        assert len(claimed.runs) <= CATCH_UP_AT_ONCE + 1
        found += [(run.cron, run.scheduled_ms) for run in claimed.runs]
        cursor = cursor_after(ended(claimed, (), now_ms=T0))
    assert [at for cron, at in found if cron == "* * * * * *"] == [
        T0 + n * SECOND for n in range(1, 301)
    ]
    assert len(found) == len(set(found)) == 450
    assert cursor.through_ms == T0 + 300 * SECOND


def test_the_ids_of_a_run_follow_from_schedule_expression_and_instant() -> None:
    tables = (saved(), saved(), saved(name="b"))
    claims = [table and claim(table, Cursor(), now_ms=T0 + MINUTE) for table in tables]
    first, again, other = (claimed.runs[0] for claimed in claims if claimed)
    assert first == again
    assert first.workflow_id != other.workflow_id
    assert first.workflow_id != first.execution_id
