"""The OpenAPI document of this server at `/api-docs`, where Conductor has its own.

Made from the table of routes, so that every path in it is answered; parameters of paths have the
names that Conductor gives them.
"""

import re
from collections.abc import Iterable
from inspect import getdoc
from typing import Any

import msgspec

from firmus.gateway.openapi_parts import BODIES, NAMES, NO_BODY, RESULTS, query_of
from firmus_contracts.envelope import ENGINE_VERSION
from firmus_contracts.errors import ErrorResponse

_PARAMETER = re.compile(r"\{(\w+)\}")
_REF = "#/components/schemas/{name}"
_ERRORS = {
    "description": "Refused: by the caller's mistake, or because it cannot be done now",
    "content": {"application/json": {"schema": {"$ref": _REF.format(name="ErrorResponse")}}},
}
_LATER = {"501": {"description": "Not offered yet"}}


def document(routes: Iterable[tuple[str, str, Any]], not_yet: Any) -> bytes:
    """The document as JSON; `routes` are (method, path, handler) rows, `not_yet` the handler of
    those that answer 501.
    """
    types = [ErrorResponse, *BODIES.values(), *RESULTS.values()]
    written, components = msgspec.json.schema_components(types, ref_template=_REF)
    schema = dict(zip(map(repr, types), written, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for method, path, handler in routes:
        shown = named(method, path)
        operation = _operation(method, shown, handler, schema)
        if handler is not_yet:
            operation["responses"] = _LATER
        paths.setdefault(shown, {})[method.lower()] = operation
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": "firmus", "version": ENGINE_VERSION, "description": __doc__},
            "paths": dict(sorted(paths.items())),
            "components": {"schemas": components},
        }
    )


def named(method: str, path: str) -> str:
    """A path with Conductor's names for its parameters."""
    for pattern, names in NAMES:
        if re.match(pattern, f"{method} {path}"):
            return path.format_map(_Renaming(names))
    return path


class _Renaming(dict[str, str]):
    """For `format_map`: parameters under their new names, others as they are."""

    def __getitem__(self, name: str) -> str:
        return f"{{{self.get(name, name)}}}"


def _operation(method: str, path: str, handler: Any, schema: dict[str, Any]) -> dict[str, Any]:
    key = f"{method} {path}"
    said = (getdoc(handler) or "").split("\n\n", 1)[0].replace("\n", " ")
    result = RESULTS.get(key)
    content = {} if result is None else {"application/json": {"schema": schema[repr(result)]}}
    operation: dict[str, Any] = {
        "operationId": _PARAMETER.sub(r"by-\1", key).lower().replace(" ", "").replace("/", "-"),
        "parameters": [*map(_of_path, _PARAMETER.findall(path)), *map(_of_query, query_of(key))],
        "responses": {
            "200": {"description": "Done", **({"content": content} if content else {})},
            "default": _ERRORS,
        },
    }
    if said:
        operation["summary"] = said
    if key in BODIES or (method in {"POST", "PUT"} and key not in NO_BODY):
        body = schema[repr(BODIES[key])] if key in BODIES else {}
        operation["requestBody"] = {"content": {"application/json": {"schema": body}}}
    return operation


def _of_path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _of_query(text: str) -> dict[str, Any]:
    name, _, kind = text.partition(":")
    many = {"type": "array", "items": {"type": "string"}}
    return {
        "name": name.rstrip("!"),
        "in": "query",
        "required": name.endswith("!"),
        "schema": many if kind == "array" else {"type": kind or "string"},
    }
