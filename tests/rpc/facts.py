"""What a client of our interface relies on, one line for each fact, read from the descriptors."""

from collections.abc import Iterator

from google.protobuf.descriptor import (
    Descriptor,
    EnumDescriptor,
    FieldDescriptor,
    FileDescriptor,
    ServiceDescriptor,
)

from firmus.rpc.shapes import entry_value, is_map

_SCALARS = {
    number: name.removeprefix("TYPE_").lower()
    for name, number in vars(FieldDescriptor).items()
    if name.startswith("TYPE_")
}


def facts_of(files: list[FileDescriptor]) -> list[str]:
    found: list[str] = []
    for file in files:
        for message in file.message_types_by_name.values():
            found += _message(message)
        for enum in file.enum_types_by_name.values():
            found += _enum(enum)
        for service in file.services_by_name.values():
            found += _service(service)
    return sorted(found)


def _message(message: Descriptor) -> Iterator[str]:
    if message.GetOptions().map_entry:
        return
    for field in message.fields:
        yield f"{field.full_name} = {field.number} {_kind(field)}"
    if not message.fields:
        yield f"{message.full_name} (empty)"
    for nested in message.nested_types:
        yield from _message(nested)
    for enum in message.enum_types:
        yield from _enum(enum)


def _kind(field: FieldDescriptor) -> str:
    if is_map(field):
        key = field.message_type.fields_by_name["key"]
        return f"map<{_single(key)},{_single(entry_value(field))}>"
    return f"repeated {_single(field)}" if field.is_repeated else _single(field)


def _single(field: FieldDescriptor) -> str:
    named = field.message_type or field.enum_type
    return named.full_name if named is not None else _SCALARS[field.type]


def _enum(enum: EnumDescriptor) -> Iterator[str]:
    for value in enum.values:
        yield f"{enum.full_name}.{value.name} = {value.number} enum"


def _service(service: ServiceDescriptor) -> Iterator[str]:
    for method in service.methods:
        answer = ("stream " if method.server_streaming else "") + method.output_type.full_name
        yield f"{service.full_name}/{method.name} ({method.input_type.full_name}) returns {answer}"
