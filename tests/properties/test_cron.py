"""Cron expressions: what comes next is what a search second by second would find."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from firmus.schedules.cron import Cron, parse
from firmus.schedules.occurrences import days_of, next_after

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")
CHANGES = ("2030-03-10T06:00", "2030-03-31T00:00", "2030-04-06T14:00", "2030-11-03T05:00")
SPAN = timedelta(hours=4)


def some(least: int, most: int) -> st.SearchStrategy[str]:
    numbers = st.lists(st.integers(least, most), min_size=1, max_size=4)
    return st.one_of(
        st.just("*"),
        st.builds("*/{}".format, st.integers(1, most)),
        st.builds(lambda found: ",".join(map(str, found)), numbers),
    )


def matches(cron: Cron, at: datetime) -> bool:
    return (
        at.second in cron.seconds
        and at.minute in cron.minutes
        and at.hour in cron.hours
        and at.month in cron.months
        and at.day in days_of(cron, at.year, at.month)
    )


@settings(max_examples=60, deadline=None)
@given(
    fields=st.tuples(some(0, 59), some(0, 23), st.sampled_from(("*", "?", "L", "15W")), some(0, 7)),
    zone=st.sampled_from(ZONES),
    start=st.sampled_from(CHANGES),
    later=st.integers(0, 3600),
)
def test_the_next_time_is_the_first_that_matches_on_the_wall_clock(
    fields: tuple[str, str, str, str], zone: str, start: str, later: int
) -> None:
    minute, hour, day, weekday = fields
    cron, place = parse(f"0 {minute} {hour} {day} * {weekday}"), ZoneInfo(zone)
    begin = datetime.fromisoformat(f"{start}+00:00") + timedelta(seconds=later)
    minutes = (begin.replace(second=0) + timedelta(minutes=n) for n in range(1, 241))
    expected = [at for at in minutes if matches(cron, at.astimezone(place))]
    found, at_ms = [], int(begin.timestamp() * 1000)
    while (next_ms := next_after(cron, place, at_ms)) is not None:
        at_ms = next_ms
        if at_ms > (begin.replace(second=0) + SPAN).timestamp() * 1000:
            break
        found.append(at_ms)
    assert found == [int(at.timestamp() * 1000) for at in expected]
