"""When a cron expression comes next, in a zone with its changes of the clock.

Time is looked at in stretches with one offset from UTC. Within a stretch the wall clock runs evenly
and the expression is plain calendar arithmetic; an occurrence that the wall clock skips (spring)
lies in no stretch and does not happen, one that it shows twice (autumn) lies in two and happens
twice, both as in Conductor (spec 8.8).
"""

from bisect import bisect_left
from calendar import monthrange
from collections.abc import Iterator
from datetime import datetime, time, timedelta, timezone, tzinfo

from firmus.schedules.cron import Cron, DayRule

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - wall clock times have no zone here
_UTC_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017 - `datetime` is the class here
_SECOND_MS = 1000
_STEP_MS = 7 * 24 * 3600 * _SECOND_MS
"""Two changes of a zone's offset have been further apart for as long as schedules exist."""
_EARLIEST_MS = 0
_LATEST_MS = 200_000_000_000_000
"""Beyond the year 8000 nothing is due: the calendar of Python ends soon after."""
_YEARS = 400
"""After so many years the calendar repeats itself: what has not come by then never comes."""
_FRIDAY = 4


def next_after(cron: Cron, zone: tzinfo, after_ms: int) -> int | None:
    """The first occurrence later than `after_ms` (epoch milliseconds); None when there is none."""
    at_ms = (max(after_ms, _EARLIEST_MS - 1) // _SECOND_MS + 1) * _SECOND_MS
    while at_ms < _LATEST_MS:
        offset_ms = _offset_ms(zone, at_ms)
        local = _first_local(cron, _EPOCH + timedelta(milliseconds=at_ms + offset_ms))
        if local is None:
            return None
        found_ms = (local - _EPOCH) // timedelta(milliseconds=1) - offset_ms
        changed_ms = _change(zone, at_ms, found_ms, offset_ms)
        if changed_ms is None:
            return found_ms
        at_ms = changed_ms
    return None


def _offset_ms(zone: tzinfo, at_ms: int) -> int:
    offset = (_UTC_EPOCH + timedelta(milliseconds=at_ms)).astimezone(zone).utcoffset()
    return 0 if offset is None else offset // timedelta(milliseconds=1)


def _change(zone: tzinfo, from_ms: int, to_ms: int, offset_ms: int) -> int | None:
    """The first whole second up to `to_ms` with another offset than at `from_ms`."""
    if isinstance(zone, timezone):
        return None
    same_ms = from_ms
    while same_ms < to_ms:
        look_ms = min(same_ms + _STEP_MS, to_ms)
        if _offset_ms(zone, look_ms) != offset_ms:
            return _boundary(zone, same_ms, look_ms, offset_ms)
        same_ms = look_ms
    return None


def _boundary(zone: tzinfo, same_ms: int, other_ms: int, offset_ms: int) -> int:
    while other_ms - same_ms > _SECOND_MS:
        middle_ms = (same_ms + other_ms) // (2 * _SECOND_MS) * _SECOND_MS
        if _offset_ms(zone, middle_ms) == offset_ms:
            same_ms = middle_ms
        else:
            other_ms = middle_ms
    return other_ms


def _first_local(cron: Cron, at: datetime) -> datetime | None:
    """The first matching wall clock time not before `at`, by the calendar alone."""
    for day in _days(cron, at):
        if day.date() > at.date():
            return day.replace(hour=cron.hours[0], minute=cron.minutes[0], second=cron.seconds[0])
        found = _first_time(cron, at.time())
        if found is not None:
            return datetime.combine(day, found)
    return None


def _first_time(cron: Cron, at: time) -> time | None:
    """The first matching time of a day not before `at`."""
    for hour in _from(cron.hours, at.hour):
        if hour > at.hour:
            return time(hour, cron.minutes[0], cron.seconds[0])
        for minute in _from(cron.minutes, at.minute):
            if minute > at.minute:
                return time(hour, minute, cron.seconds[0])
            for second in _from(cron.seconds, at.second):
                return time(hour, minute, second)
    return None


def _from(allowed: tuple[int, ...], least: int) -> tuple[int, ...]:
    return allowed[bisect_left(allowed, least) :]


def _days(cron: Cron, at: datetime) -> Iterator[datetime]:
    """Midnights of the matching days from that of `at` on."""
    for year in range(at.year, at.year + _YEARS + 1):
        for month in cron.months:
            if year == at.year and month < at.month:
                continue
            earliest = at.day if (year, month) == (at.year, at.month) else 1
            for day in days_of(cron, year, month):
                if day >= earliest:
                    yield datetime(year, month, day)  # noqa: DTZ001 - as above


def days_of(cron: Cron, year: int, month: int) -> list[int]:
    """The days of a month on which both day fields match, ascending."""
    first_weekday, length = monthrange(year, month)
    by_date = _matching(cron.days, first_weekday, length)
    return sorted(by_date & _matching(cron.weekdays, first_weekday, length))


def _matching(rules: tuple[DayRule, ...], first_weekday: int, length: int) -> set[int]:
    found: set[int] = set()
    for rule in rules:
        found.update(_matches(rule, first_weekday, length))
    return {day for day in found if 1 <= day <= length}


def _matches(rule: DayRule, first_weekday: int, length: int) -> range | tuple[int, ...]:
    """The days of a month that begins on `first_weekday` (Monday 0) and has `length` days."""
    match rule.kind:
        case "day":
            return (rule.n,)
        case "last_day":
            return (length - rule.n,)
        case "last_weekday_of_month":
            over = (first_weekday + length - 1) % 7 - _FRIDAY
            return (length - max(over, 0),)
        case "near":
            return (_nearest(rule.n, first_weekday, length),) if rule.n <= length else ()
        case "weekday":
            return range(_first_such(rule.n, first_weekday), length + 1, 7)
        case "last":
            first = _first_such(rule.n, first_weekday)
            return (first + (length - first) // 7 * 7,)
        case "nth":
            return (_first_such(rule.n, first_weekday) + (rule.nth - 1) * 7,)


def _first_such(weekday: int, first_weekday: int) -> int:
    """The first day of a month on a weekday that counts from Sunday 0."""
    return (weekday - 1 - first_weekday) % 7 + 1


def _nearest(day: int, first_weekday: int, length: int) -> int:
    """From Monday to Friday and in the same month: one day off, two at the ends of the month."""
    over = (first_weekday + day - 1) % 7 - _FRIDAY
    if over <= 0:
        return day
    if over == 1:
        return day - 1 if day > 1 else day + 2
    return day + 1 if day < length else day - 2
