"""JSON schemas of the types that the API reads and writes, under the names Conductor gives them.

Everything is taken from the types: properties, defaults, ranges, enumerations, descriptions. Said
here is only what a type cannot say: what stands where it holds JSON as it is, and what a caller
has to give. Null is not shown: in a request it is the same as nothing, answers leave it out.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from inspect import getdoc
from types import UnionType
from typing import Any, Final, get_args

import msgspec
from msgspec import inspect

from firmus.gateway.openapi.words import PROPERTIES, SCHEMAS
from firmus_contracts import event_handlers, executions
from firmus_contracts.definitions import WorkflowDef, WorkflowTask
from firmus_contracts.shape import ABSENT

Schema = dict[str, Any]

REF: Final = "#/components/schemas/"
DEFS: Final = "#/$defs/"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_NAMES: Final[dict[type, str]] = {
    executions.WorkflowStatusView: "WorkflowStatus",
    event_handlers.StartWorkflowAction: "StartWorkflow",
    event_handlers.TaskAction: "TaskDetails",
    event_handlers.TerminateWorkflowAction: "TerminateWorkflow",
    event_handlers.UpdateVariablesAction: "UpdateWorkflowVariables",
    event_handlers.StartAgentAction: "StartAgent",
}
"""Types that Conductor's document calls otherwise."""
_RAW: Final[dict[tuple[str, str], type]] = {
    ("Task", "workflowTask"): WorkflowTask,
    ("Workflow", "workflowDefinition"): WorkflowDef,
}
"""What the JSON is that a property holds as it stands; elsewhere it may be anything."""
REQUIRED: Final[dict[str, tuple[str, ...]]] = {
    "EventHandler": ("name", "event", "actions"),
    "SchemaDef": ("name",),
    "StartWorkflowRequest": ("name",),
    "TaskDef": ("name",),
    "UpgradeWorkflowRequest": ("name",),
    "WorkflowDef": ("name", "tasks"),
    "WorkflowSchedule": ("name",),
    "WorkflowTask": ("name", "taskReferenceName"),
    "WorkflowTestRequest": ("name",),
}
"""Properties that have a default and may not be left out all the same."""
_FORMATS: Final = {2**31 - 1: "int32", 2**63 - 1: "int64"}


def components(*, answered: Iterable[Any], asked: Iterable[Any]) -> dict[str, Schema]:
    """The schemas of all structs in these types, by name. What only answers have names every
    property that is always written as required.
    """
    answered, asked = list(answered), list(asked)
    only_answered = _Writer().all(answered).keys() - _Writer().all(asked).keys()
    return _Writer(frozenset(only_answered)).all([*answered, *asked])


def schema_of(given: Any) -> Schema:
    """The schema of a type: a reference where it is a struct. A union may hold several structs."""
    kinds = [_Writer(referring=True).of(_info(kind)) for kind in _kinds(given)]
    return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}


def standing_alone(name: str, parts: dict[str, Schema]) -> Schema:
    """One of the components as a document of its own, with those that it leads to."""
    needed, pending = {name}, [name]
    while pending:
        found = set(_led_to(parts[pending.pop()])) - needed
        needed |= found
        pending += found
    moved = {each: _moved(parts[each]) for each in sorted(needed)}
    if any(name in _led_to(parts[each]) for each in needed):
        return {"$schema": DIALECT, "title": name, "$ref": DEFS + name, "$defs": moved}
    own = moved.pop(name)
    return {"$schema": DIALECT, **own, **({"$defs": moved} if moved else {})}


def _led_to(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].removeprefix(REF)
        for inner in schema.values():
            yield from _led_to(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from _led_to(inner)


def _moved(schema: Any) -> Any:
    """The same with references to definitions within the document."""
    if isinstance(schema, dict):
        return {
            key: DEFS + value.removeprefix(REF)
            if key == "$ref" and isinstance(value, str)
            else _moved(value)
            for key, value in schema.items()
        }
    return [_moved(inner) for inner in schema] if isinstance(schema, list) else schema


def name_of(struct: type) -> str:
    return _NAMES.get(struct, struct.__name__)


class _Writer:
    def __init__(self, always: frozenset[str] = frozenset(), *, referring: bool = False) -> None:
        self._components: dict[str, Schema] = {}
        self._always = always
        self._referring = referring

    def all(self, types: Iterable[Any]) -> dict[str, Schema]:
        for given in types:
            for kind in _kinds(given):
                self.of(_info(kind))
        return dict(sorted(self._components.items()))

    def of(self, found: inspect.Type) -> Schema:
        write = _WRITES.get(type(found))
        if write is None:
            raise TypeError(f"{found!r} has no schema")
        return write(self, found)

    def struct(self, found: Any) -> Schema:
        name = name_of(found.cls)
        if not self._referring and name not in self._components:
            self._components[name] = {}  # a type may hold itself
            self._components[name] = self._component(name, found)
        return {"$ref": REF + name}

    def _component(self, name: str, whole: Any) -> Schema:
        always = name in self._always
        required = [
            field.encode_name
            for field in whole.fields
            if field.required
            or field.encode_name in REQUIRED.get(name, ())
            or (always and _always_written(field))
        ]
        schema: Schema = {"title": name, "type": "object"}
        about = SCHEMAS.get(name) or (getdoc(whole.cls) if whole.cls.__doc__ else None)
        if about:
            schema["description"] = flowing(about)
        if required:
            schema["required"] = required
        schema["properties"] = {
            field.encode_name: self._property(name, field) for field in whole.fields
        }
        return schema

    def _property(self, name: str, field: inspect.Field) -> Schema:
        raw = _RAW.get((name, field.encode_name))
        schema = self.of(field.type if raw is None else _info(raw))
        about = PROPERTIES.get(f"{name}.{field.encode_name}") or PROPERTIES.get(field.encode_name)
        if about:
            schema = {**schema, "description": about}
        if field.encode_name not in REQUIRED.get(name, ()):
            default = _default(field)
            schema = schema if default is None else {**schema, "default": default}
        return schema

    def union(self, found: Any) -> Schema:
        kinds = [self.of(each) for each in found.types if not isinstance(each, inspect.NoneType)]
        if any(isinstance(each, inspect.AnyType) for each in found.types):
            return {}
        return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}


@cache
def _info(given: Any) -> inspect.Type:
    return inspect.type_info(given)


def _kinds(given: Any) -> tuple[Any, ...]:
    return get_args(given) if isinstance(given, UnionType) else (given,)


def flowing(text: str) -> str:
    """A docstring with its lines joined; paragraphs stay."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _default(field: inspect.Field) -> Any:
    """What a property is when it is left out; None for nothing."""
    if field.default_factory is not msgspec.NODEFAULT:
        return msgspec.to_builtins(field.default_factory())
    if field.default is msgspec.NODEFAULT or field.default is ABSENT:
        return None
    return msgspec.to_builtins(field.default)


def _always_written(field: inspect.Field) -> bool:
    """Msgspec leaves out a plain default, and what an empty `list` or `dict` makes."""
    return field.default_factory not in {msgspec.NODEFAULT, list, dict}


def _whole(_: _Writer, found: Any) -> Schema:
    bounds = {"minimum": found.ge, "maximum": found.le}
    schema: Schema = {"type": "integer"}
    if found.le in _FORMATS:
        schema["format"] = _FORMATS[found.le]
    return schema | {key: bound for key, bound in bounds.items() if bound is not None}


_WRITES: Final[dict[type, Callable[[_Writer, Any], Schema]]] = {
    inspect.AnyType: lambda _, __: {},
    inspect.RawType: lambda _, __: {},
    inspect.NoneType: lambda _, __: {"type": "null"},
    inspect.BoolType: lambda _, __: {"type": "boolean"},
    inspect.FloatType: lambda _, __: {"type": "number"},
    inspect.StrType: lambda _, __: {"type": "string"},
    inspect.IntType: _whole,
    inspect.EnumType: lambda _, found: {"type": "string", "enum": [e.value for e in found.cls]},
    inspect.LiteralType: lambda _, found: {"type": "string", "enum": list(found.values)},
    inspect.ListType: lambda writer, found: {"type": "array", "items": writer.of(found.item_type)},
    inspect.VarTupleType: lambda w, found: {"type": "array", "items": w.of(found.item_type)},
    inspect.DictType: lambda writer, found: {
        "type": "object",
        "additionalProperties": writer.of(found.value_type) or True,
    },
    inspect.StructType: _Writer.struct,
    inspect.UnionType: _Writer.union,
}
