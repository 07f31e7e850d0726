"""Templates: JSON values whose texts may hold expressions (spec 2.3, 2.4).

A template is compiled once per definition. Parts without an expression are handed out as they
are, never copied: whoever receives a resolved value must not change it.
"""

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from firmus.workflow.expressions.grammar import Body, split
from firmus.workflow.expressions.path import compile_path
from firmus.workflow.expressions.scope import Scope, Values
from firmus.workflow.expressions.text import json_text, text_of

SECRETS = "workflow.secrets."
ENVIRONMENT = "workflow.env."
TASK_ID = "CPEWF_TASK_ID"
RESERVED = frozenset({TASK_ID, "NETFLIX_ENV", "NETFLIX_STACK"})
"""Names that are left as they stand when they have no value."""

Read = Callable[[Scope], Any]
ReadText = Callable[[Scope], str]

_BODIES_MAX = 8192


class Template:
    """A value ready to be resolved. `read` is None when it holds no expression; `entries` are the
    templates of an object's values.
    """

    __slots__ = ("entries", "read", "source")

    def __init__(self, source: Any, read: Read | None, entries: dict[str, "Template"]) -> None:
        self.source = source
        self.read = read
        self.entries = entries


def compile_template(value: Any) -> Template:
    """Never raises: an expression that does not compile resolves to null (spec 2.4)."""
    entries: dict[str, Template] = {}
    if isinstance(value, dict):
        entries = {key: compile_template(item) for key, item in value.items()}
        return Template(value, _object(value, entries), entries)
    if isinstance(value, list):
        return Template(value, _list(value, [compile_template(item) for item in value]), entries)
    return Template(value, _text(value) if isinstance(value, str) else None, entries)


def resolve(template: Template, scope: Scope) -> Any:
    """The template's value with every expression replaced by what it finds in `scope`."""
    return template.source if template.read is None else template.read(scope)


def _object(source: dict[str, Any], entries: dict[str, Template]) -> Read | None:
    moving = [(key, entry.read) for key, entry in entries.items() if entry.read is not None]
    if not moving:
        return None

    def read(scope: Scope) -> dict[str, Any]:
        out = source.copy()
        for key, entry in moving:
            out[key] = entry(scope)
        return out

    return read


def _list(source: list[Any], items: list[Template]) -> Read | None:
    moving = [(place, item.read) for place, item in enumerate(items) if item.read is not None]
    if not moving:
        return None

    def read(scope: Scope) -> list[Any]:
        out = source.copy()
        for place, item in moving:
            out[place] = item(scope)
        return out

    return read


def _text(text: str) -> Read | None:
    if "${" not in text:
        return None
    parts = split(text)
    if len(parts) == 1 and isinstance(parts[0], tuple):
        return _body_value(parts[0])
    return _joined(parts)


def _joined(parts: Body) -> ReadText:
    readers = [_constant(part) if isinstance(part, str) else _body_text(part) for part in parts]
    if len(readers) == 1:
        return readers[0]
    return lambda scope: "".join([read(scope) for read in readers])


def _body_value(body: Body) -> Read:
    """An expression that is a whole text: its value keeps its type."""
    if len(body) == 1 and isinstance(body[0], str):
        return _value_of(body[0])
    inner = _joined(body)
    return lambda scope: _value_of(inner(scope))(scope)


def _body_text(body: Body) -> ReadText:
    """An expression inside text."""
    if len(body) == 1 and isinstance(body[0], str):
        return _text_of(body[0])
    inner = _joined(body)
    return lambda scope: _text_of(inner(scope))(scope)


@lru_cache(maxsize=_BODIES_MAX)
def _value_of(body: str) -> Read:
    literal = f"${{{body}}}"
    if not body.strip():
        return _constant("")
    if body.startswith(SECRETS):
        return _constant(literal)
    if body.startswith(ENVIRONMENT):
        name, _, rest = body.removeprefix(ENVIRONMENT).partition(".")
        return lambda scope: _environment(scope, name, rest)
    if body == TASK_ID:
        return lambda scope: literal if scope.task_id is None else scope.task_id
    if body in RESERVED:
        return lambda scope: scope.environment.get(body, literal)
    return _path(body)


@lru_cache(maxsize=_BODIES_MAX)
def _text_of(body: str) -> ReadText:
    read = _value_of(body)
    if not _is_indefinite(body):
        return lambda scope: text_of(read(scope))

    def rendered(scope: Scope) -> str:
        found = read(scope)
        return json_text(found) if isinstance(found, list) else text_of(found)

    return rendered


def _path(body: str) -> Read:
    try:
        find: Read = compile_path(body).find
    except ValueError:
        find = _constant(None)

    def read(scope: Scope) -> Any:
        environment = scope.environment
        return environment[body] if environment and body in environment else find(scope)

    return read if "." not in body and "[" not in body else find


def _is_indefinite(body: str) -> bool:
    if body.startswith((SECRETS, ENVIRONMENT)) or body in RESERVED or not body.strip():
        return False
    try:
        return not compile_path(body).definite
    except ValueError:
        return False


def _environment(scope: Scope, name: str, rest: str) -> Any:
    """`${workflow.env.NAME}` or, from a value that is JSON, `${workflow.env.NAME.path}`."""
    text = scope.environment.get(name)
    if text is None or not rest:
        return text
    try:
        found = compile_path(f"value.{rest}")
        return found.find(Values({"value": json.loads(text)}))
    except (ValueError, RecursionError):
        return None


def _constant(value: Any) -> Read:
    return lambda _scope: value
