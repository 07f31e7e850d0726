"""Cron expressions: second, minute, hour, day of month, month, day of week (spec 8.8).

Read as Conductor reads them (Spring's dialect): names of months and days in any case, `?` for `*`
in the two day fields, lists, ranges, steps, `L`, `L-3`, `LW`, `15W`, `5L`, `FRI#2`, and macros such
as `@daily`. Both day fields must agree. Sunday is 0 or 7.
"""

import re
from collections.abc import Callable
from typing import Literal

import msgspec

_MACROS = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@midnight": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
}
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_NUMBER = re.compile(r"\+?[0-9]{1,9}")
_TEXT_MAX = 1000


class CronError(ValueError):
    """An expression that cannot be read; the message says which part of it."""


Kind = Literal["day", "last_day", "last_weekday_of_month", "near", "weekday", "last", "nth"]


class DayRule(msgspec.Struct, frozen=True):
    """One way for a day to match.

    `day` n: the n-th of the month; `last_day` n: n days before the last; `last_weekday_of_month`:
    the last from Monday to Friday; `near` n: the day from Monday to Friday nearest to the n-th in
    its month; `weekday` n: each of them; `last` n: the last of the month; `nth` n: number `nth`.
    """

    kind: Kind
    n: int = 0
    nth: int = 0


class Cron(msgspec.Struct, frozen=True):
    """An expression as read. Numbers are ascending; months count from 1, weekdays from Sunday 0."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[DayRule, ...]
    months: tuple[int, ...]
    weekdays: tuple[DayRule, ...]


def parse(text: str) -> Cron:
    """Raises CronError."""
    if len(text) > _TEXT_MAX:
        raise CronError(f"longer than {_TEXT_MAX} characters")
    fields = _MACROS.get(text.strip().lower(), text).split()
    if len(fields) != 6:
        raise CronError(f"'{text}' has {len(fields)} fields, not 6 (second to day of week)")
    second, minute, hour, day, month, weekday = fields
    return Cron(
        seconds=_numbers("second", second, 0, 59),
        minutes=_numbers("minute", minute, 0, 59),
        hours=_numbers("hour", hour, 0, 23),
        days=_rules(day, _day_rules),
        months=_numbers("month", _named(month, _MONTHS, 1), 1, 12),
        weekdays=_rules(_named(weekday, _WEEKDAYS, 1).upper(), _weekday_rules),
    )


def _named(field: str, names: tuple[str, ...], first: int) -> str:
    """The field with its names written as numbers."""
    numbers = {name: str(place) for place, name in enumerate(names, first)}
    return re.sub(r"(?i)[A-Z]{3}", lambda found: numbers.get(found[0].upper(), found[0]), field)


def _rules(field: str, of: Callable[[str], tuple[DayRule, ...]]) -> tuple[DayRule, ...]:
    """What each part of a list allows; nothing twice."""
    parts = "*" if field == "?" else field
    return tuple(dict.fromkeys(rule for part in parts.split(",") for rule in of(part)))


def _day_rules(part: str) -> tuple[DayRule, ...]:
    if part == "L":
        return (DayRule("last_day"),)
    if part == "LW":
        return (DayRule("last_weekday_of_month"),)
    if part.startswith("L-"):
        return (DayRule("last_day", _number("day of month", part[2:], 1, 30)),)
    if part.endswith("W"):
        return (DayRule("near", _number("day of month", part[:-1], 1, 31)),)
    return tuple(DayRule("day", n) for n in _numbers("day of month", part, 1, 31))


def _weekday_rules(part: str) -> tuple[DayRule, ...]:
    what = "day of week"
    if part.endswith("L"):
        return (DayRule("last", _number(what, part[:-1], 0, 7) % 7),)
    weekday, sign, nth = part.partition("#")
    if sign:
        return (DayRule("nth", _number(what, weekday, 0, 7) % 7, _number(what, nth, 1, 9)),)
    return tuple(DayRule("weekday", n) for n in sorted({n % 7 for n in _days_of_week(part)}))


def _days_of_week(part: str) -> tuple[int, ...]:
    """The week begins on Monday, so `*/2` includes Monday and Sunday; a range may begin on Sunday
    all the same: `SUN-TUE`.
    """
    span, slash, step = part.partition("/")
    first, dash, last = span.partition("-")
    if span == "*":
        span = "1-7"
    elif dash and first == "7":
        span = f"0-{last}"
    return _numbers("day of week", span + slash + step, 0, 7)


def _numbers(what: str, field: str, least: int, most: int) -> tuple[int, ...]:
    """Everything that a list of numbers, ranges and steps allows, ascending."""
    found: set[int] = set()
    for part in field.split(","):
        span, slash, step = part.partition("/")
        first, last = _span(what, span, least, most)
        if slash:
            if "-" not in span and span != "*":
                last = most
            found.update(range(first, last + 1, _number(what, step, 1, 10**9)))
        else:
            found.update(range(first, last + 1))
    return tuple(sorted(found))


def _span(what: str, text: str, least: int, most: int) -> tuple[int, int]:
    if text == "*":
        return least, most
    first, dash, last = text.partition("-")
    low = _number(what, first, least, most)
    high = _number(what, last, least, most) if dash else low
    if low > high:
        raise CronError(f"{what}: {text} runs backwards")
    return low, high


def _number(what: str, text: str, least: int, most: int) -> int:
    if _NUMBER.fullmatch(text) is None:
        raise CronError(f"{what}: '{text}' is not a number")
    number = int(text)
    if not least <= number <= most:
        raise CronError(f"{what}: {number} is not within {least}..{most}")
    return number
