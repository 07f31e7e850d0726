"""JSON values and protobuf's own form of them.

As in Conductor a number is a double on this wire: it comes in as a float, 3 as 3.0. Whole numbers
beyond 2^53 go out as the nearest double.
"""

import math
from typing import Any

from google.protobuf.struct_pb2 import NULL_VALUE, ListValue, Struct, Value

from firmus_contracts.errors import Refusal


def value_of(thing: Any) -> Value:
    """The message for a JSON value."""
    match thing:
        case None:
            return Value(null_value=NULL_VALUE)
        case bool():
            return Value(bool_value=thing)
        case int() | float():
            return Value(number_value=thing)
        case str():
            return Value(string_value=thing)
        case dict():
            fields = {key: value_of(item) for key, item in thing.items()}
            return Value(struct_value=Struct(fields=fields))
        case _:
            return Value(list_value=ListValue(values=map(value_of, thing)))


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
