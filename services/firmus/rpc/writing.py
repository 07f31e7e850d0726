"""Messages written, from the structs that REST shows or from their JSON.

Everything is written in its place: a message that is put into another one is copied, however large
it is. What a message has no field for is left out, as it is in Conductor.
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
from firmus.rpc.values import fill as fill_value

_KEPT_MAX_BYTES = 64 * 1024
"""Of JSON whose message is kept: definitions stand in every task, most of them are small."""

M = TypeVar("M", bound=Message)
Write = Callable[[Any, Any], None]
"""Writes a value into a message (given first), or into a message that stands for that value."""


class _Step(NamedTuple):
    """`nothing`: the number that is written where there is no value."""

    name: str
    key: str
    write: Write
    nothing: int | None


def message_of(kind: type[M], source: msgspec.Struct | Mapping[str, Any]) -> M:
    """A message of what a struct or a JSON object says. Raises Refusal ILLEGAL_STATE for values
    that nest too deep.
    """
    message = kind()
    fill(message, source)
    return message


def message_of_json(kind: type[M], text: bytes | msgspec.Raw) -> M:
    """A message of JSON that is encoded. What is small and comes again is the same message."""
    if len(text) <= _KEPT_MAX_BYTES:
        hashable: Any = kind
        kept: M = _kept(hashable, bytes(text))
        return kept
    return message_of(kind, msgspec.json.decode(text))


def fill(message: Message, source: msgspec.Struct | Mapping[str, Any]) -> None:
    """Writes what a struct or a JSON object says into an empty message."""
    if isinstance(source, Mapping):
        for _, key, write, nothing in _steps(message.DESCRIPTOR):
            value = source.get(key)
            if value is None:
                value = nothing
            if value is not None:
                write(message, value)
    else:
        for name, _, write, nothing in _steps(message.DESCRIPTOR):
            value = getattr(source, name, None)
            if value is None:
                value = nothing
            if value is not None:
                write(message, value)


@lru_cache(maxsize=1024)
def _kept(kind: Any, text: bytes) -> Any:
    return message_of(kind, msgspec.json.decode(text))


@cache
def _steps(kind: Descriptor) -> tuple[_Step, ...]:
    return tuple(
        _Step(field.name, key_of(field), _writer(field), unsaid(field)) for field in fields_of(kind)
    )


def _writer(field: FieldDescriptor) -> Write:
    name = field.name
    if is_map(field):
        return _map_writer(name, entry_value(field))
    put = _put(field)
    if put is None:
        return _scalar_writer(field)
    if field.is_repeated:

        def write_all(message: Any, items: Any) -> None:
            made = getattr(message, name)
            for item in items:
                put(made.add(), item)

        return write_all

    def write(message: Any, value: Any) -> None:
        inner = getattr(message, name)
        inner.SetInParent()
        put(inner, value)

    return _unless_absent(write)


def _unless_absent(write: Write) -> Write:
    """An empty Raw is a property that is not there."""

    def checked(message: Any, value: Any) -> None:
        if not (isinstance(value, msgspec.Raw) and not value):
            write(message, value)

    return checked


def _scalar_writer(field: FieldDescriptor) -> Write:
    name = field.name
    numbers: dict[str, int] = {}
    if field.enum_type is not None:
        numbers = {text: number for number, text in texts_of(field.enum_type).items()}
    if field.is_repeated:
        return lambda message, items: getattr(message, name).extend(items)
    if numbers:
        return lambda message, text: setattr(message, name, numbers[text])
    return lambda message, value: setattr(message, name, value)


def _map_writer(name: str, value: FieldDescriptor) -> Write:
    """An expression that stands where a map does has no place in a message."""
    put = _put(value)

    def write(message: Any, items: Any) -> None:
        if not isinstance(items, Mapping):
            return
        entries = getattr(message, name)
        for key, item in items.items():
            if put is None:
                entries[key] = item
            else:
                put(entries[key], item)

    return write


def _put(field: FieldDescriptor) -> Write | None:
    """How a message of a field's type is written from its value; None for what is no message."""
    if field.message_type is None:
        return None
    full_name = field.message_type.full_name
    if full_name == VALUE:
        return fill_value
    if full_name in LISTS:
        inner = LISTS[full_name]

        def write_list(wrapper: Any, items: Any) -> None:
            made = getattr(wrapper, inner)
            for item in items:
                fill(made.add(), item)

        return write_list
    kind = GetMessageClass(field.message_type)

    def write_message(message: Message, source: Any) -> None:
        if isinstance(source, msgspec.Raw):
            message.CopyFrom(message_of_json(kind, source))
        else:
            fill(message, source)

    return write_message
