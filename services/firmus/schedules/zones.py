"""Time zones by their names: the ids of the tz database, `Z`, and offsets such as `+02:00` or
`UTC+2`, as Java writes them.
"""

import re
from datetime import UTC, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_OFFSET = re.compile(
    r"(?:UTC|GMT|UT)?([+-])([0-9]{1,2})(?::?([0-5][0-9])(?::?([0-5][0-9]))?)?", re.ASCII
)
_HOURS_MAX = 18
_REGION = re.compile(r"[A-Za-z][A-Za-z0-9~/._+-]{1,99}", re.ASCII)
_UTC_NAMES = frozenset({"Z", "UT"})


class ZoneError(ValueError):
    """No such zone."""


@cache
def zone_of(name: str) -> tzinfo:
    """Raises ZoneError."""
    if name in _UTC_NAMES:
        return UTC
    offset = _OFFSET.fullmatch(name)
    if offset is not None:
        return _fixed(name, offset)
    if _REGION.fullmatch(name) is None or ".." in name:
        raise ZoneError(f"Unknown time-zone ID: {name}")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ZoneError(f"Unknown time-zone ID: {name}") from None


def _fixed(name: str, found: "re.Match[str]") -> tzinfo:
    sign, hours, minutes, seconds = found.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes or 0), seconds=int(seconds or 0))
    if offset > timedelta(hours=_HOURS_MAX):
        raise ZoneError(f"Unknown time-zone ID: {name}")
    return timezone(-offset if sign == "-" else offset)
