"""The two ways a WAIT says how long (spec 3.6.16)."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_DURATION = re.compile(
    r"\s*(?:(?P<d>\d+)\s*(?:days|day|d))?"
    r"\s*(?:(?P<h>\d+)\s*(?:hours|hour|hrs|hr|h))?"
    r"\s*(?:(?P<m>\d+)\s*(?:minutes|minute|mins|min|m))?"
    r"\s*(?:(?P<s>\d+)\s*(?:seconds|second|secs|sec|s))?\s*",
    re.IGNORECASE,
)
_OFFSET = re.compile(r"(?:GMT|UTC)?([+-])(\d{1,2}):?(\d{2})?", re.IGNORECASE)
_SHORT_ZONES = {
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
}


def duration_ms(text: str) -> int:
    """Milliseconds of `1d 2h 30m 10s` and the like. Raises ValueError."""
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        raise ValueError(f"Not valid duration: {text}")
    days, hours, minutes, seconds = (int(match[part] or 0) for part in "dhms")
    return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000


def until_ms(text: str) -> int:
    """Epoch milliseconds of `yyyy-MM-dd HH:mm z`, without zone in UTC. Raises ValueError."""
    parts = text.strip().split(" ", 2)
    try:
        if len(parts) == 1:
            return _epoch_ms(datetime.strptime(parts[0], "%Y-%m-%d").replace(tzinfo=UTC))
        zone = _zone(parts[2]) if len(parts) == 3 else UTC
        moment = datetime.strptime(f"{parts[0]} {parts[1]}", "%Y-%m-%d %H:%M")  # noqa: DTZ007
        return _epoch_ms(moment.replace(tzinfo=zone))
    except ValueError as problem:
        raise ValueError(f"Invalid/Unsupported Wait Until format.  Provided: {text}") from problem


def _epoch_ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _zone(name: str) -> tzinfo:
    offset = _OFFSET.fullmatch(name.strip())
    if offset:
        sign = -1 if offset[1] == "-" else 1
        return timezone(sign * timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0)))
    short = _SHORT_ZONES.get(name.strip().upper())
    if short is not None:
        return timezone(timedelta(hours=short))
    try:
        return ZoneInfo(name.strip())
    except (ZoneInfoNotFoundError, OSError) as problem:
        raise ValueError(f"unknown zone {name}") from problem
