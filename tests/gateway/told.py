"""Whether answers are what the OpenAPI document says: status, content type, headers, body.

Stricter than the document itself: properties that it does not name are mistakes.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import jsonschema_rs
import msgspec

from firmus.broker.polldata import PollTable
from firmus.gateway.openapi.document import document
from firmus.gateway.polling import Polls
from firmus.gateway.routes import Route, routes
from tests.gateway.ports import World

NO_OPERATION = frozenset({404, 405, 501})
"""How what is no operation is answered."""
ASIDE = frozenset({"HEAD", "OPTIONS"})
"""Methods that the documents leave out: HTTP itself says what they answer."""
OF_HEADERS = "firmus-"
"""Headers that begin so are ours, and have to be told."""


def table() -> list[Route]:
    world = World()
    return routes(world.ports(), Polls(world.queues, world.clock, PollTable()))


@cache
def our_document() -> Any:
    return msgspec.json.decode(msgspec.json.encode(document(table())))


@cache
def ours() -> "Told":
    return Told(our_document())


class Told:
    """A document that answers are held against."""

    def __init__(self, told: Any) -> None:
        self._responses = told["components"].get("responses", {})
        self._schemas = strict(told["components"]["schemas"])
        self._validators: dict[tuple[str, str, int], Any] = {}
        self._operations = [
            (method.upper(), _pattern(path), path, operation)
            for path in sorted(told["paths"], key=lambda path: (path.count("{"), path))
            for method, operation in told["paths"][path].items()
        ]

    def operation(self, method: str, path: str) -> tuple[str, Any] | None:
        """The path as the document has it, and the operation; fixed paths before general ones."""
        for known, pattern, shown, operation in self._operations:
            if known == method and pattern.fullmatch(path):
                return shown, operation
        return None

    def faults(
        self, method: str, path: str, status: int, headers: Mapping[str, str], body: bytes
    ) -> list[str]:
        """What the document does not say of an answer; `path` without its query."""
        found = self.operation(method, path)
        if method in ASIDE:
            return []
        if found is None:
            return [] if status in NO_OPERATION else [f"{status} of a path that is not told"]
        shown, operation = found
        answer = operation["responses"].get(str(status))
        if answer is None:
            return [f"status {status} of {method} {shown} is not told: {body[:300]!r}"]
        answer = self._responses[answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer
        told = {name.lower() for name in answer.get("headers", {})}
        faults = [
            f"header {name} of {method} {shown} is not told"
            for name in headers
            if name.lower().startswith(OF_HEADERS) and name.lower() not in told
        ]
        content = answer.get("content")
        kind = headers.get("content-type", "").partition(";")[0] or None
        if content is None or (not body and answer.get("x-may-be-empty")):
            return faults + ([f"a body is not told: {kind} {body[:99]!r}"] if body or kind else [])
        if kind not in content:
            return [*faults, f"{kind} of {method} {shown} is not told for {status}"]
        if kind == "application/json":
            validator = self._validator(method, shown, status, content[kind]["schema"])
            for error in validator.iter_errors(msgspec.json.decode(body)):
                where = "/".join(map(str, error.instance_path))
                faults.append(f"{method} {shown} {status} at /{where}: {error.message[:300]}")
        return faults

    def _validator(self, method: str, path: str, status: int, schema: Any) -> Any:
        key = (method, path, status)
        if key not in self._validators:
            whole = {"components": {"schemas": self._schemas}, "allOf": [schema]}
            self._validators[key] = jsonschema_rs.Draft202012Validator(whole)
        return self._validators[key]


def strict(schemas: dict[str, Any]) -> dict[str, Any]:
    """The same without room for properties that are not named."""
    return {
        name: {**schema, "additionalProperties": False} if "properties" in schema else schema
        for name, schema in schemas.items()
    }


def _pattern(path: str) -> re.Pattern[str]:
    pieces = re.split(r"\{\w+\}", path)
    return re.compile("[^/]+".join(map(re.escape, pieces)))
