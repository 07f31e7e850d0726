"""Whether answers are what the OpenAPI document says: status, content type, headers, body.

Stricter than the document itself: properties that it does not name are mistakes.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

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


class Fault(NamedTuple):
    """What a document does not say: of which operation, and what."""

    operation: str
    what: str
    detail: str = ""


class Told:
    """A document that answers are held against. `below`: where its paths begin. `closed`: it
    names all properties, bodies and headers of ours.
    """

    def __init__(self, told: Any, *, below: str = "", closed: bool = True) -> None:
        parts = told.get("components", {})
        schemas = parts.get("schemas", {})
        self._responses = parts.get("responses", {})
        self._closed = closed
        self._schemas = strict(schemas) if closed else schemas
        self._validators: dict[tuple[str, str, int], Any] = {}
        self._operations = [
            (method.upper(), _pattern(below + path), below + path, operation)
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
    ) -> list[Fault]:
        """What the document does not say of an answer; `path` without its query."""
        found = self.operation(method, path)
        if method in ASIDE:
            return []
        if found is None:
            known = status in NO_OPERATION
            return [] if known else [Fault(f"{method} {path}", f"status {status}", "no operation")]
        shown, operation = found
        key = f"{method} {shown}"
        answer = operation["responses"].get(str(status))
        if answer is None:
            return [Fault(key, f"status {status}", repr(body[:300]))]
        answer = self._responses[answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer
        told = {name.lower() for name in answer.get("headers", {})}
        faults = [
            Fault(key, f"header {name.lower()}")
            for name in headers
            if self._closed and name.lower().startswith(OF_HEADERS) and name.lower() not in told
        ]
        content = answer.get("content")
        kind = headers.get("content-type", "").partition(";")[0] or None
        if content is None or (not body and answer.get("x-may-be-empty")):
            untold = self._closed and (body or kind)
            return [*faults, Fault(key, f"body of {kind}")] if untold else faults
        if kind not in content:
            return [*faults, Fault(key, f"{kind} for {status}")]
        if kind == "application/json":
            validator = self._validator(method, shown, status, content[kind]["schema"])
            for error in validator.iter_errors(msgspec.json.decode(body)):
                where = "/".join(map(str, error.instance_path))
                faults.append(Fault(key, f"{status} at /{where}", error.message[:300]))
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
