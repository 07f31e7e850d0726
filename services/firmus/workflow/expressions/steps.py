"""The steps of a path and what each finds (spec 2.4, Jayway's dialect of JSONPath).

Every step turns a list of nodes into the list of what it finds below them, in document order.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from firmus.workflow.expressions.scope import MISSING, Scope

Predicate = Callable[[Any, Scope], bool]
Argument = Callable[[Any, Scope], Any]


class Key(msgspec.Struct, frozen=True):
    name: str


class Keys(msgspec.Struct, frozen=True):
    """`['a','b']`: at the end of a path one object of those present, else each value by itself."""

    names: tuple[str, ...]
    last: bool = False


class Index(msgspec.Struct, frozen=True):
    at: int


class Indexes(msgspec.Struct, frozen=True):
    places: tuple[int, ...]


class Slice(msgspec.Struct, frozen=True):
    start: int | None
    stop: int | None


class Wildcard(msgspec.Struct, frozen=True):
    """`*`: all elements of a list, all values of an object."""


class Scan(msgspec.Struct, frozen=True):
    """`..`: `step` below every node, parents first."""

    step: "Step"


class Filter(msgspec.Struct, frozen=True):
    """`[?(…)]`: the elements of a list that pass; an object passes as a whole."""

    accepts: Predicate


class Call(msgspec.Struct, frozen=True):
    """`.length()` and its like: made from each value that the path before it found, and the end of
    a path. Raises ValueError where a value is none that it can work with.
    """

    function: Callable[..., Any]
    arguments: tuple[Argument, ...] = ()


Step = Key | Keys | Index | Indexes | Slice | Wildcard | Scan | Filter | Call


def is_definite(steps: tuple[Step, ...]) -> bool:
    """Whether a path finds one value at most (and null when there is none), not a list."""
    definite = True
    for step in steps:
        match step:
            case Key() | Index() | Call():
                pass
            case Keys():
                definite = definite and step.last
            case _:
                definite = False
    return definite


def follow(steps: tuple[Step, ...], value: Any, scope: Scope) -> Any:
    """What the steps find below `value`: one value or MISSING when definite, else a list. Raises
    ValueError when a function has nothing to work with.
    """
    nodes = [value]
    for step in steps:
        nodes = _apply(step, nodes, scope)
    if not is_definite(steps):
        return nodes
    return nodes[0] if nodes else MISSING


def _apply(step: Step, nodes: list[Any], scope: Scope) -> list[Any]:
    match step:
        case Key(name):
            return [n[name] for n in nodes if isinstance(n, dict) and name in n]
        case Index(at):
            return [n[at] for n in nodes if isinstance(n, list) and -len(n) <= at < len(n)]
        case Keys(names, last):
            objects = [n for n in nodes if isinstance(n, dict)]
            if last:
                return [{k: n[k] for k in names if k in n} for n in objects]
            return [n[k] for n in objects for k in names if k in n]
        case Indexes(places):
            lists = [n for n in nodes if isinstance(n, list)]
            return [n[at] for n in lists for at in places if -len(n) <= at < len(n)]
        case Slice(start, stop):
            return [item for n in nodes if isinstance(n, list) for item in n[start:stop]]
        case Wildcard():
            return [item for n in nodes for item in _children(n)]
        case Scan(Call()):
            return []
        case Scan(inner):
            found = [_apply(inner, [below], scope) for n in nodes for below in _descent(n)]
            return [item for part in found for item in part]
        case Filter(accepts):
            candidates = [item for n in nodes for item in _candidates(n)]
            return [item for item in candidates if accepts(item, scope)]
        case Call(function, arguments):
            return [function(n, *(read(n, scope) for read in arguments)) for n in nodes]


def _children(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []


def _candidates(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return [node]
    return node if isinstance(node, list) else []


def _descent(node: Any) -> Iterator[Any]:
    pending = [node]
    while pending:
        current = pending.pop()
        if isinstance(current, dict | list):
            yield current
            pending.extend(reversed(_children(current)))
