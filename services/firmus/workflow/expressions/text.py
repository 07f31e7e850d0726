"""How values read inside text: the notation of Conductor's runtime, not JSON (spec 2.3.3)."""

import math
from decimal import Decimal
from typing import Any

import msgspec

_PLAIN_FROM = 1e-3
_PLAIN_BELOW = 1e7


def text_of(value: Any) -> str:
    """`null`, `true`, `7`, `2.5`, `[1, two, null]`, `{a=1}`; any depth."""
    if type(value) is str:
        return value
    if type(value) is dict and (flat := _flat(value)) is not None:
        return flat
    out: list[str] = []
    pending = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, dict):
            pending.extend(reversed(_object_parts(current)))
        elif isinstance(current, list | tuple):
            pending.extend(reversed(_list_parts(current)))
        else:
            out.append(_scalar(current))
    return "".join(out)


def json_text(value: Any) -> str:
    """Compact JSON, the text of what an indefinite path found."""
    return msgspec.json.encode(value).decode()


def number_text(number: float) -> str:
    """A floating point number as Java prints it: `2.0`, `1.0E7`, `1.5E-4`, `NaN`, `Infinity`."""
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    if number == 0 or _PLAIN_FROM <= abs(number) < _PLAIN_BELOW:
        return repr(number)
    sign, digits, _ = Decimal(repr(number)).normalize().as_tuple()
    fraction = "".join(map(str, digits[1:])) or "0"
    exponent = Decimal(repr(number)).adjusted()
    return f"{'-' if sign else ''}{digits[0]}.{fraction}E{exponent}"


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    return number_text(value) if isinstance(value, float) else str(value)


def _flat(value: dict[str, Any]) -> str | None:
    """An object that holds nothing but scalars, which most inputs and outputs are; else None."""
    parts = []
    for key, item in value.items():
        kind = type(item)
        if kind is str or kind is int:
            parts.append(f"{key}={item}")
        elif item is None or kind is bool or kind is float:
            parts.append(f"{key}={_scalar(item)}")
        else:
            return None
    return f"{{{', '.join(parts)}}}"


def _object_parts(value: dict[str, Any]) -> list[Any]:
    parts: list[Any] = ["{"]
    for key, item in value.items():
        parts += (f"{', ' if len(parts) > 1 else ''}{key}=", item)
    parts.append("}")
    return parts


def _list_parts(value: list[Any] | tuple[Any, ...]) -> list[Any]:
    parts: list[Any] = ["["]
    for item in value:
        if len(parts) > 1:
            parts.append(", ")
        parts.append(item)
    parts.append("]")
    return parts
