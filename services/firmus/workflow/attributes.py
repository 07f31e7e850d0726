"""Search attributes: values of an execution that its definition lets it be found by.

A definition names them in `metadata.searchAttributes` (beyond Conductor, which keeps the map and
hands it back): `"customer": "${workflow.input.customer.id}"`, or with a type
`"total": {"value": "${workflow.output.total}", "type": "number"}`. What does not read as its type
is no value. Of a list every element is one. Masked fields are no part of what is looked at.
"""

import math
import re
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import Any, Final, Literal, cast, get_args

import msgspec

from firmus.workflow.expressions import Path, Values, compile_path
from firmus.workflow.expressions.grammar import split
from firmus.workflow.expressions.parse import parse
from firmus.workflow.expressions.steps import Key, Keys, Scan, Step
from firmus.workflow.expressions.text import json_text
from firmus.workflow.masking import EVERYTHING
from firmus.workflow.state import WorkflowState

KEY: Final = "searchAttributes"
ATTRIBUTES_MAX: Final = 32
NAME_MAX: Final = 64
LIST_MAX: Final = 64
"""Elements of a list that count."""
CHARACTERS_MAX: Final = 500
"""Of a longer text, its beginning is the value."""

Kind = Literal["text", "number", "boolean", "time"]
KINDS: Final[tuple[str, ...]] = get_args(Kind)

BUILT_IN: Final = frozenset(
    {
        *("workflowId", "workflowType", "version", "status", "correlationId", "parentWorkflowId"),
        *("classifier", "priority", "startTime", "updateTime", "endTime", "executionTime"),
        *("stopped", "failedTaskNames", "input", "output", "reasonForIncompletion", "event"),
        *("failedReferenceTaskNames", "externalInputPayloadStoragePath", "createdBy"),
        *("externalOutputPayloadStoragePath", "taskToDomain", "idempotencyKey"),
    }
)
"""The names that a search gives a meaning already."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = frozenset({"AND", "OR", "NOT", "IN", "IS", "NULL", "BETWEEN", "STARTS_WITH", "attributes"})
_PLACES = ("input", "output", "variables")
_WHOLE = re.compile(r"[+-]?\d{1,30}")
_NUMBER = re.compile(r"[+-]?\d{1,30}(\.\d{1,30})?([eE][+-]?\d{1,3})?")
_LONG = 2**63


class Chosen(msgspec.Struct, frozen=True):
    """One attribute of a definition: where its value is found, and how it is read."""

    name: str
    kind: Kind
    path: Path


class Problem(msgspec.Struct, frozen=True):
    """Why a part of `metadata.searchAttributes` is no attribute; `place` is its path."""

    place: str
    message: str


class Choice(msgspec.Struct, frozen=True):
    """What a definition chooses, by what can be read of it."""

    attributes: tuple[Chosen, ...] = ()
    problems: tuple[Problem, ...] = ()


class Attribute(msgspec.Struct, frozen=True, gc=False):
    """A value of an execution. Texts and booleans (`true`, `false`) have a `text`, numbers and
    times (epoch milliseconds) a `number` of 64 bits or floating point.
    """

    name: str
    kind: Kind
    text: str | None = None
    number: float | None = None

    @property
    def shown(self) -> str | float | bool:
        """As JSON shows it."""
        if self.kind == "boolean":
            return self.text == "true"
        return self.text if self.number is None else self.number  # type: ignore[return-value]  # one of both is there


NONE: Final = Choice()


def choice_of(metadata: dict[str, Any], masked: Collection[str] = ()) -> Choice:
    """What `metadata` of a definition chooses; `masked` are its masked fields."""
    given = metadata.get(KEY)
    if given is None:
        return NONE
    if not isinstance(given, dict):
        return Choice((), (Problem("", "must be an object of names and what they stand for"),))
    attributes: list[Chosen] = []
    problems: list[Problem] = []
    for name, what in given.items():
        found = _attribute(name, what, masked)
        if isinstance(found, Problem):
            problems.append(found)
        elif len(attributes) < ATTRIBUTES_MAX:
            attributes.append(found)
        else:
            problems.append(Problem("", f"at most {ATTRIBUTES_MAX} attributes"))
            break
    return Choice(tuple(attributes), tuple(problems))


def _attribute(name: str, what: Any, masked: Collection[str]) -> Chosen | Problem:
    if _NAME.fullmatch(name) is None or len(name) > NAME_MAX:
        return Problem(
            name, f"a name has letters, digits and underscores, {NAME_MAX} at most, no digit first"
        )
    if name in BUILT_IN or name in _WORDS or name.upper() in _WORDS:
        return Problem(name, "the name has a meaning in searches already")
    if isinstance(what, str):
        what = {"value": what}
    if not isinstance(what, dict) or not what.keys() <= {"value", "type"}:
        return Problem(name, 'must be an expression or {"value": expression, "type": type}')
    kind = what.get("type", "text")
    if kind not in KINDS:
        return Problem(f"{name}.type", f"must be one of {', '.join(KINDS)}")
    found = _path(what.get("value"), masked)
    if isinstance(found, str):
        return Problem(f"{name}.value" if "type" in what else name, found)
    return Chosen(name, cast("Kind", kind), found)


def _path(text: Any, masked: Collection[str]) -> Path | str:
    """The path of an expression, or what is wrong with it."""
    parts = split(text) if isinstance(text, str) else ()
    body = parts[0] if len(parts) == 1 else ""
    inside = body[0] if isinstance(body, tuple) and len(body) == 1 else None
    if not isinstance(inside, str):
        return "must be one expression: ${workflow.input.…}, output or variables"
    try:
        path, steps = compile_path(inside), parse(inside)
    except (ValueError, RecursionError) as problem:
        return f"cannot be read: {problem}"
    first, second = (*steps, None, None)[:2]
    if first != Key("workflow") or not isinstance(second, Key) or second.name not in _PLACES:
        return "must begin with workflow.input, workflow.output or workflow.variables"
    hidden = sorted({name for step in steps for name in _names(step)} & set(masked))
    return f"reads the masked field {hidden[0]}" if hidden else path


def _names(step: Step | None) -> tuple[str, ...]:
    match step:
        case Key(name):
            return (name,)
        case Keys(names=names):
            return names
        case Scan(inner):
            return _names(inner)
        case _:
            return ()


def attributes_of(
    chosen: tuple[Chosen, ...], state: WorkflowState, masked: frozenset[str]
) -> tuple[Attribute, ...]:
    """The values of an execution, those of one attribute side by side, each once and the lowest
    first.
    """
    if not chosen or masked is EVERYTHING:
        return ()
    shown = {
        "input": _without(state.input, masked),
        "output": _without(state.output, masked),
        "variables": _without(state.variables, masked),
    }
    scope = Values({"workflow": shown})
    found: list[Attribute] = []
    for one in chosen:
        value = one.path.find(scope)
        items = value[:LIST_MAX] if isinstance(value, list) else [value]
        made = {it for item in items for it in _read(one.name, one.kind, item)}
        found += sorted(made, key=_order)
    return tuple(found)


def _order(attribute: Attribute) -> tuple[str, float]:
    return attribute.text or "", attribute.number or 0


def shown(attributes: tuple[Attribute, ...]) -> dict[str, Any]:
    """As a summary shows them: a list where there are several values."""
    found: dict[str, Any] = {}
    for one in attributes:
        if one.name not in found:
            found[one.name] = one.shown
        elif isinstance(found[one.name], list):
            found[one.name].append(one.shown)
        else:
            found[one.name] = [found[one.name], one.shown]
    return found


def time_ms(text: str) -> int | None:
    """Epoch milliseconds of a whole number or an ISO 8601 date or time (without a zone: UTC)."""
    if _WHOLE.fullmatch(text):
        return int(text)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return round(at.timestamp() * 1000)


def number_of(text: str) -> float | None:
    """A number as it is written in JSON; whole ones stay whole."""
    if _NUMBER.fullmatch(text) is None:
        return None
    return _storable(int(text) if _WHOLE.fullmatch(text) else float(text))


def _storable(number: float) -> float | None:
    """Whole numbers of 64 bits as they are, larger ones in floating point; None for infinite."""
    if isinstance(number, int) and -_LONG <= number < _LONG:
        return number
    try:
        return float(number) if math.isfinite(number) else None
    except OverflowError:
        return None


def _read(name: str, kind: Kind, value: Any) -> Iterator[Attribute]:
    """The attribute of one value; none when it does not read as its kind."""
    if value is None:
        return
    if kind == "text":
        text = value if isinstance(value, str) else json_text(value)
        yield Attribute(name, kind, text=text[:CHARACTERS_MAX])
    elif kind == "boolean":
        written = value.strip().lower() if isinstance(value, str) else json_text(value)
        if written in ("true", "false"):
            yield Attribute(name, kind, text=written)
    else:
        number = _numeric(value, number_of if kind == "number" else time_ms)
        if number is not None and kind == "time":
            number = int(number) if abs(number) < _LONG else None
        if number is not None:
            yield Attribute(name, kind, number=number)


def _numeric(value: Any, read: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    found = read(value.strip()) if isinstance(value, str) else value
    return None if found is None else _storable(found)


def _without(value: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    """The value without what its masked fields hold, at any depth; itself when none are."""
    return cast("dict[str, Any]", _left(value, names)) if names else value


def _left(value: Any, names: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {key: _left(item, names) for key, item in value.items() if key not in names}
    if isinstance(value, list):
        return [_left(item, names) for item in value]
    return value
