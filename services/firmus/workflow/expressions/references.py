"""What expressions a value holds, for checks before anything runs."""

from collections.abc import Iterator
from typing import Any

from firmus.workflow.expressions.grammar import Body, split
from firmus.workflow.expressions.path import compile_path
from firmus.workflow.expressions.template import RESERVED


def references(value: Any) -> set[str]:
    """The first names of all expressions in a JSON value: `workflow` and references of tasks.

    System names are left out, and so are expressions whose first name is known only when they are
    resolved, or that do not compile.
    """
    return {name for body in bodies(value) if (name := _first_name(body)) is not None}


def bodies(value: Any) -> Iterator[str]:
    """The inside of every expression in a JSON value, as written; nested ones come by themselves
    too, and stand as `${…}` in the outer one.
    """
    pending = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, dict):
            pending.extend(current.values())
        elif isinstance(current, list):
            pending.extend(current)
        elif isinstance(current, str) and "${" in current:
            yield from _inside(split(current))


def _inside(parts: Body) -> Iterator[str]:
    for part in parts:
        if isinstance(part, tuple):
            yield _written(part)
            yield from _inside(part)


def _written(body: Body) -> str:
    return "".join(part if isinstance(part, str) else f"${{{_written(part)}}}" for part in body)


def _first_name(body: str) -> str | None:
    before, nested, _ = body.partition("${")
    head, dot, _ = before.partition(".")
    if body in RESERVED or (nested and not dot):
        return None
    try:
        return compile_path(head if nested else body).root
    except ValueError:
        return None
