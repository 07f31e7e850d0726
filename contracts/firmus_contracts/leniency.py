"""Reading bodies as leniently as Conductor's JSON mapper does (spec 1.1).

A body that fits its type exactly is decoded at once. One that does not is read a second time
with Conductor's tolerance: null and an empty text stand for 0 or false where a number or a truth
value belongs; elsewhere null is the default of a property that cannot be null. Numbers, texts and
truth values become one another where the target leaves no doubt. Null inside a free map stays.
UTF-16, UTF-32 and a byte order mark are read as Conductor reads them. What still does not fit is
refused with the path of the offending property.
"""

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import inspect

from firmus_contracts.errors import Refusal

T = TypeVar("T")

NESTING_MAX = 200
_DIGITS = re.compile(r"[-+]?[0-9]{1,19}")
_TRUTHS = {"true": True, "false": False}


class Body(Generic[T]):
    """A type that request bodies are read as."""

    def __init__(self, target: type[T]) -> None:
        self._target: Any = target
        self._decode = msgspec.json.Decoder(target).decode

    def read(self, body: bytes) -> T:
        """Raises Refusal INVALID for what is no JSON, nests too deep or does not fit."""
        if body.count(b"[") + body.count(b"{") > NESTING_MAX:
            _refuse_deep(body)
        try:
            return self._decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._read_again(body)

    def _read_again(self, body: bytes) -> T:
        """Texts are looked into only where they are made: bad UTF-8 may be found late."""
        try:
            text = body.decode(json.detect_encoding(body))
            document = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeError) as problem:
            raise Refusal("INVALID", f"The request body is not valid JSON: {problem}") from None
        return self.convert(document)

    def convert(self, document: Any) -> T:
        """The same tolerance for JSON that is decoded already. Raises Refusal INVALID."""
        try:
            fitted: T = msgspec.convert(_loosen(document, _type_of(self._target)), self._target)
        except msgspec.ValidationError as problem:
            raise Refusal("INVALID", f"The request body cannot be read: {problem}") from None
        return fitted


def _refuse_deep(body: bytes) -> None:
    """Counts the nesting outside of texts; only for bodies with enough brackets to be too deep."""
    depth = 0
    in_text = escaped = False
    for byte in body:
        if in_text:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                in_text = False
        elif byte == 0x22:
            in_text = True
        elif byte in (0x5B, 0x7B):
            depth += 1
            if depth > NESTING_MAX:
                raise Refusal(
                    "INVALID", f"The request body nests more than {NESTING_MAX} levels deep"
                )
        elif byte in (0x5D, 0x7D):
            depth -= 1


@cache
def _type_of(target: Any) -> inspect.Type:
    return inspect.type_info(target)


def _loosen(value: Any, wanted: inspect.Type) -> Any:
    """The value with everything Conductor would overlook put right; other faults are left in."""
    change = _CHANGES.get(type(wanted))
    return value if change is None else change(value, wanted)


def _struct(value: Any, wanted: Any) -> Any:
    if not isinstance(value, dict):
        return value
    fields = {}
    for field in wanted.fields:
        given = value.get(field.encode_name)
        given = None if given is None else _loosen(given, field.type)
        if given is not None:
            fields[field.encode_name] = given
        elif field.encode_name in value:
            if _nullable(field.type):
                fields[field.encode_name] = None
            elif type(field.type) in _ZEROS and field.encode_name not in _OWN_DEFAULTS:
                fields[field.encode_name] = _ZEROS[type(field.type)]
    return fields


def _list(value: Any, wanted: Any) -> Any:
    if not isinstance(value, list):
        return value
    return [_loosen(item, wanted.item_type) for item in value]


def _dict(value: Any, wanted: Any) -> Any:
    if not isinstance(value, dict):
        return value
    keeps_null = _nullable(wanted.value_type)
    return {
        key: _loosen(item, wanted.value_type)
        for key, item in value.items()
        if item is not None or keeps_null
    }


def _union(value: Any, wanted: Any) -> Any:
    if value is None:
        return None
    kinds: list[inspect.Type] = [
        kind for kind in wanted.types if not isinstance(kind, inspect.NoneType)
    ]
    shapes: tuple[type, ...] = ()
    if isinstance(value, dict):
        shapes = (inspect.StructType, inspect.DictType)
    elif isinstance(value, list):
        shapes = (inspect.ListType,)
    fitting = [kind for kind in kinds if isinstance(kind, shapes)]
    if fitting:
        return _loosen(value, fitting[0])
    return _loosen(value, kinds[0]) if len(kinds) == 1 else value


def _int(value: Any, _: Any) -> Any:
    if isinstance(value, float):
        return int(value)
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        return int(text) if _DIGITS.fullmatch(text) else value
    return value


def _bool(value: Any, _: Any) -> Any:
    if isinstance(value, str):
        text = value.strip().lower()
        return _TRUTHS.get(text, value) if text else None
    if isinstance(value, int):
        return value != 0
    return value


def _str(value: Any, _: Any) -> Any:
    if isinstance(value, bool | int | float):
        return msgspec.json.encode(value).decode()
    return value


_ZEROS: dict[type, int] = {inspect.IntType: 0, inspect.BoolType: False}
_OWN_DEFAULTS = frozenset({"backoffScaleFactor", "rateLimitFrequencyInSeconds"})
"""Numbers of which Conductor knows that they may be null, and means their default then."""

_CHANGES: dict[type, Callable[[Any, Any], Any]] = {
    inspect.StructType: _struct,
    inspect.ListType: _list,
    inspect.DictType: _dict,
    inspect.UnionType: _union,
    inspect.IntType: _int,
    inspect.BoolType: _bool,
    inspect.StrType: _str,
}


def _nullable(kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.AnyType):
        return True
    return isinstance(kind, inspect.UnionType) and kind.includes_none
