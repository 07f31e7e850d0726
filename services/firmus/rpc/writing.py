"""Messages written, from the structs that REST shows or from their JSON.

What a message has no field for is left out, as it is in Conductor.
"""

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any, NamedTuple, TypeVar

import msgspec
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from firmus.rpc.shapes import (
    LISTS,
    VALUE,
    entry_value,
    fields_of,
    is_map,
    key_of,
    texts_of,
    unsaid,
)
from firmus.rpc.values import value_of

_KEPT_MAX_BYTES = 64 * 1024
"""Of JSON whose message is kept: definitions stand in every task, most of them are small."""

M = TypeVar("M", bound=Message)


class _Step(NamedTuple):
    """`nothing`: the number that is written where there is no value."""

    name: str
    key: str
    write: Callable[[Any], Any]
    nothing: int | None


def message_of(kind: type[M], source: msgspec.Struct | Mapping[str, Any]) -> M:
    """A message of what a struct or a JSON object says."""
    given = {}
    if isinstance(source, Mapping):
        for name, key, write, nothing in _steps(kind.DESCRIPTOR):
            value = source.get(key)
            if value is None:
                value = nothing
            if value is not None:
                given[name] = write(value)
    else:
        for name, _, write, nothing in _steps(kind.DESCRIPTOR):
            value = getattr(source, name, None)
            if value is None:
                value = nothing
            if value is not None:
                given[name] = write(value)
    return kind(**given)


def message_of_json(kind: type[M], text: bytes | msgspec.Raw) -> M:
    """A message of JSON that is encoded. What is small and comes again is the same message."""
    if len(text) <= _KEPT_MAX_BYTES:
        hashable: Any = kind
        kept: M = _kept(hashable, bytes(text))
        return kept
    return message_of(kind, msgspec.json.decode(text))


@lru_cache(maxsize=1024)
def _kept(kind: Any, text: bytes) -> Any:
    return message_of(kind, msgspec.json.decode(text))


@cache
def _steps(kind: Descriptor) -> tuple[_Step, ...]:
    return tuple(
        _Step(field.name, key_of(field), _writer(field), unsaid(field)) for field in fields_of(kind)
    )


def _writer(field: FieldDescriptor) -> Callable[[Any], Any]:
    if is_map(field):
        return _map_writer(_single(entry_value(field)))
    one = _single(field)
    if not field.is_repeated:
        return one
    return lambda items: [one(item) for item in items]


def _map_writer(one: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """An expression that stands where a map does has no place in a message."""

    def write(items: Any) -> Any:
        if not isinstance(items, Mapping):
            return {}
        return {key: one(item) for key, item in items.items()}

    return write


def _single(field: FieldDescriptor) -> Callable[[Any], Any]:
    """How one value of a field's type is written."""
    if field.enum_type is not None:
        numbers = {text: number for number, text in texts_of(field.enum_type).items()}
        return lambda text: numbers[text]
    if field.message_type is None:
        return _as_it_is
    full_name = field.message_type.full_name
    if full_name == VALUE:
        return value_of
    kind = GetMessageClass(field.message_type)
    if full_name in LISTS:
        inner = LISTS[full_name]
        element = _single(field.message_type.fields_by_name[inner])
        return lambda items: kind(**{inner: [element(item) for item in items]})
    return _message_writer(kind)


def _message_writer(kind: type[Message]) -> Callable[[Any], Any]:
    def write(source: Any) -> Any:
        if isinstance(source, msgspec.Raw):
            return message_of_json(kind, source) if source else None
        return message_of(kind, source)

    return write


def _as_it_is(value: Any) -> Any:
    return value
