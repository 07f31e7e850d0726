"""Messages read: the JSON that the same request would be over REST.

A text that is empty counts as absent, as nothing tells the two apart on this wire. Numbers, truth
values and enumerations count as said.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import msgspec
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from firmus.rpc.shapes import (
    ANY,
    LISTS,
    VALUE,
    entry_value,
    fields_of,
    is_map,
    key_of,
    texts_of,
    unsaid,
)
from firmus.rpc.values import thing_of
from firmus_contracts.errors import Refusal

_encode = msgspec.json.Encoder().encode

Read = Callable[[Message], Any]
"""The JSON value of one field of a message; ABSENT where it has none."""
ABSENT = object()


class _Step(NamedTuple):
    key: str
    read: Read


def body_of(message: Message) -> bytes:
    """The message as a JSON body. Raises Refusal INVALID."""
    return _encode(document_of(message))


def bodies_of(messages: Any) -> bytes:
    """Messages as a JSON body that is a list. Raises Refusal INVALID."""
    return _encode([document_of(message) for message in messages])


def document_of(message: Message) -> dict[str, Any]:
    found = {}
    for key, read in _steps(message.DESCRIPTOR):
        value = read(message)
        if value is not ABSENT:
            found[key] = value
    return found


@cache
def _steps(kind: Descriptor) -> tuple[_Step, ...]:
    return tuple(_Step(key_of(field), _reader(field)) for field in fields_of(kind))


def _reader(field: FieldDescriptor) -> Read:
    name = field.name
    if is_map(field):
        one = _single(entry_value(field))
        return lambda message: {key: one(item) for key, item in getattr(message, name).items()}
    one = _single(field)
    if field.is_repeated:
        return lambda message: [one(item) for item in getattr(message, name)]
    if field.message_type is not None:
        return lambda message: one(getattr(message, name)) if message.HasField(name) else ABSENT
    if field.type == FieldDescriptor.TYPE_STRING:
        return lambda message: getattr(message, name) or ABSENT
    nothing = unsaid(field)
    if nothing is None:
        return lambda message: one(getattr(message, name))
    return lambda message: ABSENT if (given := getattr(message, name)) == nothing else given


def _single(field: FieldDescriptor) -> Callable[[Any], Any]:
    """How one value of a field's type is read."""
    if field.enum_type is not None:
        return _enumeration(key_of(field), field.enum_type)
    if field.message_type is None:
        return _as_it_is
    full_name = field.message_type.full_name
    if full_name == VALUE:
        return thing_of
    if full_name == ANY:
        return _refuser(field)
    if full_name in LISTS:
        inner = LISTS[full_name]
        return lambda wrapped: [document_of(item) for item in getattr(wrapped, inner)]
    return document_of


def _as_it_is(value: Any) -> Any:
    return value


def _enumeration(key: str, enum: EnumDescriptor) -> Callable[[Any], Any]:
    texts = texts_of(enum)

    def read(number: int) -> str:
        if number not in texts:
            raise Refusal("INVALID", f"{key}: unknown value {number}")
        return texts[number]

    return read


def _refuser(field: FieldDescriptor) -> Callable[[Any], Any]:
    def refuse(_: Any) -> Any:
        raise Refusal("INVALID", f"{key_of(field)}: messages of any type are not supported")

    return refuse
