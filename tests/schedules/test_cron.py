"""When expressions are due. `spring_cases.json` is what Spring's own parser answered (the one that
Conductor uses): expression, zone, start, the next times, null for one that it refuses.
"""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from firmus.schedules.cron import CronError, parse
from firmus.schedules.occurrences import next_after
from firmus.schedules.zones import ZoneError, zone_of

RECORDED = msgspec.json.decode(
    Path(__file__).with_name("spring_cases.json").read_bytes(),
    type=list[tuple[str, str, int, list[int] | None]],
)


def following(text: str, zone: str, after_ms: int, count: int) -> list[int]:
    cron, found = parse(text), []
    at_ms: int | None = after_ms
    while len(found) < count:
        at_ms = next_after(cron, zone_of(zone), at_ms)
        if at_ms is None:
            break
        found.append(at_ms)
    return found


def local(text: str, zone: str, start: str, count: int) -> list[str]:
    """Wall clock times with their offset, from a wall clock time on."""
    begin = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone))
    found = following(text, zone, int(begin.timestamp() * 1000), count)
    shown = (datetime.fromtimestamp(ms / 1000, ZoneInfo(zone)) for ms in found)
    return [f"{at:%d %H:%M %z}" for at in shown]


def test_expressions_mean_what_they_mean_to_conductor() -> None:
    wrong = []
    for text, zone, start_ms, expected in RECORDED:
        try:
            found = following(text, zone, start_ms, 5)
        except CronError:
            found = None
        if found != expected:
            wrong.append((text, zone, start_ms, expected, found))
    assert wrong == []
    assert len(RECORDED) > 300


@pytest.mark.parametrize(
    ("text", "zone", "start", "expected"),
    [
        ("0 30 2 * * *", "Europe/Berlin", "2030-03-30T02:30", ["01 02:30 +0200"]),
        (
            "0 30 1,3 * * *",
            "Europe/Berlin",
            "2030-03-31T01:00",
            ["31 01:30 +0100", "31 03:30 +0200"],
        ),
        (
            "0 30 2 * * *",
            "Europe/Berlin",
            "2030-10-26T12:00",
            ["27 02:30 +0200", "27 02:30 +0100", "28 02:30 +0100"],
        ),
        (
            "0 0 * * * *",
            "America/New_York",
            "2030-11-03T00:30",
            ["03 01:00 -0400", "03 01:00 -0500", "03 02:00 -0500"],
        ),
        ("@daily", "Africa/Cairo", "2026-04-23T12:00", ["25 00:00 +0300"]),
        (
            "0 45 * * * *",
            "Australia/Lord_Howe",
            "2030-04-07T00:50",
            ["07 01:45 +1100", "07 01:45 +1030", "07 02:45 +1030"],
        ),
    ],
    ids=["skipped", "around the gap", "doubled", "hourly", "midnight skipped", "half an hour"],
)
def test_a_skipped_time_is_left_out_and_a_doubled_one_comes_twice_spec_8_8(
    text: str, zone: str, start: str, expected: list[str]
) -> None:
    assert local(text, zone, start, len(expected)) == expected


@pytest.mark.parametrize(
    ("text", "start", "expected"),
    [
        ("0 0 0 31W * *", "2030-02-01", "29 00:00 +0000"),
        ("0 0 0 1W * *", "2030-05-31", "03 00:00 +0000"),
        ("0 0 0 L-30 * *", "2030-02-01", "01 00:00 +0000"),
        ("0 0 0 29 2 MON", "2030-01-01", "29 00:00 +0000"),
    ],
    ids=["never over the end of a month", "nor its beginning", "long months only", "rare"],
)
def test_days_that_are_not_plain_numbers(text: str, start: str, expected: str) -> None:
    assert local(text, "UTC", start, 1) == [expected]


def test_what_can_never_be_has_no_next_time() -> None:
    assert following("0 0 0 30 2 *", "UTC", 0, 1) == []
    assert following("0 0 0 * * MON#6", "UTC", 0, 1) == []
    assert following("* * * * * *", "UTC", 2**63, 1) == []


def test_a_time_itself_is_not_after_itself() -> None:
    assert following("* * * * * *", "UTC", 1000, 2) == [2000, 3000]
    assert following("* * * * * *", "UTC", 999, 1) == [1000]
    assert following("* * * * * *", "UTC", -5, 1) == [0]


@pytest.mark.parametrize("text", ["", "* * * * *", "a b c d e f", "0 0 0 * * L", "9" * 2000])
def test_a_bad_expression_says_what_is_wrong(text: str) -> None:
    with pytest.raises(CronError, match=r"."):
        parse(text)


@pytest.mark.parametrize(
    ("name", "offset_h"), [("Z", 0), ("UTC", 0), ("+02:00", 2), ("UTC+2", 2), ("GMT-0530", -5.5)]
)
def test_zones_are_named_as_java_names_them(name: str, offset_h: float) -> None:
    offset = datetime.fromtimestamp(0, zone_of(name)).utcoffset()
    assert offset is not None
    assert offset.total_seconds() / 3600 == offset_h


@pytest.mark.parametrize(
    "name", ["", "Mars/Phobos", "../../etc/passwd", "/etc/localtime", "+19:00"]
)
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(ZoneError, match="Unknown time-zone ID"):
        zone_of(name)
