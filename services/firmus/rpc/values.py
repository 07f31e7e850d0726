"""JSON values and protobuf's own form of them.

As in Conductor a number is a double on this wire: it comes in as a float, 3 as 3.0. Whole numbers
beyond 2^53 go out as the nearest double.
"""

import math
from typing import Any

from google.protobuf.struct_pb2 import NULL_VALUE, Value

from firmus_contracts.errors import Refusal

DEPTH_MAX = 28
"""Each level is three messages in one another, and readers of protobuf follow a hundred."""


def value_of(thing: Any) -> Value:
    """The message for a JSON value. Raises Refusal as `fill` does."""
    value = Value()
    fill(value, thing)
    return value


def fill(value: Value, thing: Any, depth: int = 0) -> None:
    """Writes a JSON value into a message that is empty: in its place, as what is put together from
    parts is copied with each of them. Raises Refusal ILLEGAL_STATE for what this wire cannot say.
    """
    if isinstance(thing, str):
        value.string_value = thing
    elif thing is None:
        value.null_value = NULL_VALUE
    elif isinstance(thing, bool):
        value.bool_value = thing
    elif isinstance(thing, int | float):
        value.number_value = _double(thing)
    elif depth == DEPTH_MAX:
        message = f"A value nests more than {DEPTH_MAX} levels deep, which only REST can show"
        raise Refusal("ILLEGAL_STATE", message)
    elif isinstance(thing, dict):
        value.struct_value.SetInParent()
        fields = value.struct_value.fields
        for key, item in thing.items():
            fill(fields[key], item, depth + 1)
    else:
        value.list_value.SetInParent()
        values = value.list_value.values
        for item in thing:
            fill(values.add(), item, depth + 1)


def _double(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        raise Refusal(
            "ILLEGAL_STATE", "A number is larger than any double, which only REST can show"
        ) from None


def thing_of(value: Value) -> Any:
    """The JSON value of a message; null for one that says nothing. Raises Refusal INVALID for a
    number that JSON does not have.
    """
    match value.WhichOneof("kind"):
        case "string_value":
            return value.string_value
        case "number_value":
            number = value.number_value
            if not math.isfinite(number):
                raise Refusal("INVALID", f"{number} is no number that JSON has")
            return number
        case "bool_value":
            return value.bool_value
        case "struct_value":
            return {key: thing_of(item) for key, item in value.struct_value.fields.items()}
        case "list_value":
            return [thing_of(item) for item in value.list_value.values]
    return None
