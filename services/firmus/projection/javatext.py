"""Values as Java prints them, which is how Conductor's summaries show input and output (spec 1.9)."""

import math
from typing import Any


def java_text(value: Any) -> str:
    """A JSON value as Java's `String.valueOf` prints it: `{a=1, b=[x, null]}`."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "{" + ", ".join([f"{key}={java_text(item)}" for key, item in value.items()]) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join([java_text(item) for item in value]) + "]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return _double(value) if isinstance(value, float) else str(value)


def _double(number: float) -> str:
    """Java's Double.toString: plain between 1e-3 and 1e7, else one digit before the point."""
    if math.isnan(number) or math.isinf(number):
        return "NaN" if math.isnan(number) else ("Infinity" if number > 0 else "-Infinity")
    size = abs(number)
    if number == 0 or 1e-3 <= size < 1e7:
        return repr(number)
    mantissa, _, exponent = repr(number).partition("e")
    if exponent:
        shift = int(exponent)
        return f"{mantissa if '.' in mantissa else mantissa + '.0'}E{shift}"
    digits, shift = _scientific(mantissa.lstrip("-"))
    return f"{'-' if number < 0 else ''}{digits[0]}.{digits[1:] or '0'}E{shift}"


def _scientific(plain: str) -> tuple[str, int]:
    """The significant digits of a plain decimal, and the power of ten of the first."""
    whole, _, fraction = plain.partition(".")
    together = whole + fraction
    significant = together.lstrip("0")
    shift = len(whole) - 1 - (len(together) - len(significant))
    return significant.rstrip("0") or "0", shift
