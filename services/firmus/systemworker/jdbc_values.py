"""Values of a database as JSON, without loss."""

import base64
import datetime as dt
import math
from decimal import Decimal
from typing import Any

import msgspec

INTEGERS = range(-(1 << 63), 1 << 64)
"""What JSON numbers hold in every service; greater ones become text."""


def json_safe(value: Any) -> Any:
    """Dates are ISO 8601, decimals text, bytes base64; what JSON has no word for is text too."""
    match value:
        case None | bool() | str():
            return value
        case int():
            return value if value in INTEGERS else str(value)
        case float():
            return value if math.isfinite(value) else _not_finite(value)
        case Decimal():
            return format(value, "f")
        case dt.date() | dt.time():
            return value.isoformat()
        case dt.timedelta():
            return msgspec.to_builtins(value)
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(value).decode()
        case dict():
            return {str(key): json_safe(inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [json_safe(inner) for inner in value]
    return str(value)


def _not_finite(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
