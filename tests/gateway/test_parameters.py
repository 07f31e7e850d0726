"""The parameters that the document names are those that handlers read: no more, and no fewer.

What a handler reads is found in its source, and in that of everything of the gateway that it calls.
"""

import ast
import contextlib
import inspect
import textwrap
from collections.abc import Iterator
from types import FunctionType, MethodType
from typing import Any

import pytest

from firmus.edge import headers
from firmus.gateway.openapi.document import OPERATIONS
from firmus.gateway.openapi.paths import named
from firmus.gateway.reading import Request
from firmus.gateway.routes import Route, not_yet
from firmus.gateway.rules import rule_of
from firmus_contracts.errors import Refusal
from tests.gateway.told import table

OURS = ("firmus.gateway.", "firmus.edge.")
OF_HTTP = frozenset({"accept-encoding", "content-encoding"})
"""Headers that the document leaves to HTTP."""
ROUTES = [route for route in table() if route.handler is not not_yet]


class Reading:
    """What is read of a request from one function on: names of the query, and of headers."""

    def __init__(self) -> None:
        self.query: set[str] = set()
        self.headers: set[str] = set()
        self._seen: set[Any] = set()

    def follow(self, function: FunctionType, owner: Any) -> None:
        if (function, type(owner)) in self._seen:
            return
        self._seen.add((function, type(owner)))
        for call in _calls(function):
            self._called(call, function, owner)

    def _called(self, call: ast.Call, function: FunctionType, owner: Any) -> None:
        if _reads_header(call.func, function):
            self.headers.add(str(_value(call.args[0], function)).lower())
            return
        target = _target(call.func, function, owner)
        method = isinstance(target, MethodType)
        found = target.__func__ if method else target
        if not isinstance(found, FunctionType) or not found.__module__.startswith(OURS):
            return
        if not method and len(call.args) > 1 and _is_request(call.args[0]):
            name = _value(call.args[1], function)
            if isinstance(name, str):
                self.query.add(name)
        self.follow(found, target.__self__ if method else None)


def _calls(function: FunctionType) -> Iterator[ast.Call]:
    source = ast.parse(textwrap.dedent(inspect.getsource(function)))
    return (node for node in ast.walk(source) if isinstance(node, ast.Call))


def _reads_header(node: ast.expr, function: FunctionType) -> bool:
    """`req.get_header`, or that as an argument of what looks at headers."""
    if isinstance(node, ast.Attribute):
        return node.attr == "get_header"
    looks = function.__module__ == headers.__name__
    return looks and isinstance(node, ast.Name) and node.id in function.__code__.co_varnames


def _is_request(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "req"


def _value(node: ast.expr, function: FunctionType) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    return function.__globals__.get(node.id) if isinstance(node, ast.Name) else None


def _target(node: ast.expr, function: FunctionType, owner: Any) -> Any:
    """What a call is of: a function by its name, or a method found from `self` on."""
    if isinstance(node, ast.Name):
        return owner if node.id == "self" else function.__globals__.get(node.id)
    if isinstance(node, ast.Attribute):
        holder = _target(node.value, function, owner)
        with contextlib.suppress(Refusal):  # a part that this server goes without
            return None if holder is None else getattr(holder, node.attr, None)
    return None


def read_by(route: Route) -> Reading:
    """What its handler reads, and the entrance before it: a ticket, where the rule lets one in."""
    reading = Reading()
    if rule_of(route.method, route.path).ticket:
        reading.query.add("ticket")
    handler: Any = route.handler
    reading.follow(handler.__func__, handler.__self__)
    return reading


def told_of(route: Route) -> tuple[set[str], set[str]]:
    given = OPERATIONS[f"{route.method} {named(route.method, route.path)}"].parameters
    return (
        {one.name for one in given if one.place == "query" and not one.unused},
        {one.name.lower() for one in given if one.place == "header"},
    )


@pytest.mark.parametrize("route", ROUTES, ids=[f"{r.method} {r.path}" for r in ROUTES])
def test_what_is_told_is_what_is_read(route: Route) -> None:
    query, header = told_of(route)
    reading = read_by(route)
    before = {"ticket"} if rule_of(route.method, route.path).ticket else set()

    assert reading.query | before == query
    assert reading.headers - OF_HTTP == header


def test_what_is_taken_without_effect_is_read_nowhere() -> None:
    for route in ROUTES:
        given = OPERATIONS[f"{route.method} {named(route.method, route.path)}"].parameters
        assert not {one.name for one in given if one.unused} & read_by(route).query


def test_a_request_is_called_req_everywhere() -> None:
    """Else the reading above would miss it."""
    for route in ROUTES:
        for parameter in inspect.signature(route.handler).parameters.values():
            if parameter.annotation is Request:
                assert parameter.name in {"req", "_req"}
