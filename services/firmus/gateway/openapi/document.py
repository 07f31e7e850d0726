"""The OpenAPI document of this server, made of the table of routes and what is told of each.

Every path in it is answered, for it is a route; `tests/gateway` holds the rest against what the
handlers read and answer.
"""

from collections.abc import Iterable, Mapping
from inspect import getdoc
from typing import Any, Final

import msgspec

from firmus.gateway.openapi import (
    definitions,
    readmodels,
    schedules,
    server,
    steering,
    tasks,
    workflows,
)
from firmus.gateway.openapi.examples import EXAMPLES, REFUSALS
from firmus.gateway.openapi.operations import JSON, Answer, Body, Operation, Parameter
from firmus.gateway.openapi.parameters import ACTOR
from firmus.gateway.openapi.paths import CHECKED, PARAMETER, named, of_path
from firmus.gateway.openapi.schemas import components, flowing, schema_of
from firmus.gateway.rules import OPEN, Rule, rule_of
from firmus.gateway.unsupported import FAMILIES
from firmus_contracts.envelope import ENGINE_VERSION
from firmus_contracts.errors import ErrorResponse


def _by_somebody(told: Mapping[str, Operation]) -> dict[str, Operation]:
    """Changes are somebody's: the header that says whose is taken by each of them."""
    return {
        key: msgspec.structs.replace(operation, parameters=(*operation.parameters, ACTOR))
        if not key.startswith("GET ") and not key.endswith("/validate")
        else operation
        for key, operation in told.items()
    }


OPERATIONS: Final[dict[str, Operation]] = {
    **workflows.STARTS,
    **workflows.READS,
    **workflows.SEARCHES,
    **steering.ONE,
    **steering.MANY,
    **tasks.WORK,
    **tasks.QUEUES,
    **tasks.PAYLOADS,
    **_by_somebody(definitions.WORKFLOWS),
    **_by_somebody(definitions.TASKS),
    **_by_somebody(definitions.SCHEMAS),
    **schedules.SCHEDULES,
    **_by_somebody(schedules.EVENT_HANDLERS),
    **server.SERVER,
    **server.KEYS,
    **server.SURROUNDINGS,
    **readmodels.READ_MODELS,
}
"""What is told of each operation, by its method and its path as the document has it."""

_TAGS: Final = {
    "Workflow": "Executions: starting, reading, finding, steering",
    "Bulk": "Many executions at once; each succeeds or fails by itself",
    "Task": "Tasks: taking, reporting, reading",
    "Task queue": "What waits for workers, and who polls",
    "Payload": "Inputs and outputs that are too large for a request",
    "Metadata - Workflow": "Definitions of workflows",
    "Metadata - Task": "Definitions of tasks",
    "Schema": "Schemas that definitions name",
    "Scheduler": "Workflows started by the clock",
    "Event": "What is done when a message comes",
    "Admin": "The server itself",
    "Keys": "Who may do what, where security is on",
    "Environment": "Variables and secrets that workflows may read",
    "Documentation": "What you are reading",
}
_ABOUT: Final = """\
Conductor's REST API on an event-sourced engine. Answers leave null out; in a request null is the
same as nothing, and properties that are not known are ignored. Times are epoch milliseconds unless
they are texts. Ids are answered as plain text, and what has nothing to say has no body.

The public events and the start events over NATS are in the AsyncAPI document, which
`firmus asyncapi` prints."""
_SHUT_OUT: Final = (401, 403)
_ALWAYS_SERVED: Final = frozenset({"/health", "/api/health"})
"""Paths that no limit of requests counts for; at `/metrics` guesses of credentials count."""
_CREDENTIALS: Final = {
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Authorization",
        "description": "A token of `POST /api/token`; asked for where security is on",
    },
    "bearer": {"type": "http", "scheme": "bearer", "description": "The same, or one of OIDC"},
    "basic": {"type": "http", "scheme": "basic", "description": "The id and secret of a key"},
}
_ON: Final = {
    "name": "on the name in the path",
    "workflow": "on the name of the workflow",
    "task": "on the name of the workflow or of the task",
    "server": "on all names",
    "some": "on any name",
}
"""What the role of an operation is asked for on, where security is on."""
_SERVERS: Final = [
    {
        "url": "https://localhost:8080",
        "description": "This machine, with TLS; without it the same paths over plain HTTP",
    }
]


def document(routes: Iterable[tuple[str, str, Any]]) -> dict[str, Any]:
    """The document of (method, path, handler) rows. A row that nothing is told of has what its
    handler says of itself.
    """
    paths: dict[str, dict[str, Any]] = {}
    shown: list[Operation] = []
    for method, path, handler in routes:
        place = named(method, path)
        operation = OPERATIONS.get(f"{method} {place}") or _untold(method, place, handler)
        shown.append(operation)
        rule = OPEN if operation.reason else rule_of(method, path)
        paths.setdefault(place, {})[method.lower()] = _operation(method, place, operation, rule)
    answers = [a.shape for each in shown for a in each.answers.values() if a.media == JSON]
    bodies = [each.body.shape for each in shown if each.body is not None]
    schemas = components(answered=[ErrorResponse, *answers], asked=bodies)
    for name, example in EXAMPLES.items():
        schemas[name]["examples"] = [example]
    used = {each.tag for each in shown}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "firmus",
            "version": ENGINE_VERSION,
            "description": flowing(_ABOUT),
            "contact": {"name": "firmus"},
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": _SERVERS,
        "tags": [{"name": n, "description": about} for n, about in _TAGS.items() if n in used],
        "paths": dict(sorted(paths.items())),
        "security": [{}, *({name: []} for name in _CREDENTIALS)],
        "components": {
            "schemas": schemas,
            "responses": _refusals(),
            "securitySchemes": _CREDENTIALS,
        },
        "x-not-offered": [
            {"path": beginning, "reason": reason} for beginning, reason in FAMILIES.items()
        ],
    }


def _operation(method: str, path: str, told: Operation, rule: Rule) -> dict[str, Any]:
    closed = rule.of != "open"
    shown: dict[str, Any] = {
        "operationId": told.id,
        "tags": [told.tag],
        "summary": told.summary,
        "description": told.reason or told.about or f"{told.summary}.",
    }
    parameters = [*of_path(method, path), *map(_parameter, told.parameters)]
    if parameters:
        shown["parameters"] = parameters
    if told.body is not None:
        shown["requestBody"] = _body(told.body)
    answers = {str(status): _answer(answer) for status, answer in told.answers.items()}
    refused = {
        str(status): {"$ref": f"#/components/responses/{REFUSALS[status].name}"}
        for status in sorted({*refused_with(path, told), *(_SHUT_OUT if closed else ())})
    }
    if not closed:
        shown["security"] = []
    elif rule.of in _ON:
        shown["x-role"] = f"{rule.role} {_ON[rule.of]}"
    shown["responses"] = {**refused, **answers}
    return shown


def refused_with(path: str, told: Operation) -> list[int]:
    """The statuses of all refusals of an operation."""
    if told.reason:
        return [501]
    statuses = {*told.refuses, 500}
    if path not in _ALWAYS_SERVED:
        statuses.add(429)
    if told.parameters or told.body or CHECKED & set(PARAMETER.findall(path)):
        statuses.add(400)
    if told.body is not None:
        statuses.add(413)
        if told.body.media == JSON and not told.body.any_type:
            statuses.add(415)
    if path.startswith("/api/"):
        statuses |= {429, 503}
    return sorted(statuses)


def _parameter(told: Parameter) -> dict[str, Any]:
    return {
        "name": told.name,
        "in": told.place,
        "required": told.required,
        "description": told.about,
        "schema": told.schema,
    }


def _body(told: Body) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "required": told.required,
        "content": {told.media: {"schema": schema_of(told.shape)}},
    }
    return {"description": told.about, **shown} if told.about else shown


def _answer(told: Answer) -> dict[str, Any]:
    shown: dict[str, Any] = {"description": told.about}
    if told.headers:
        shown["headers"] = {
            name: {"description": about, "schema": {"type": "string"}}
            for name, about in told.headers
        }
    if told.media is not None:
        shown["content"] = {told.media: {"schema": schema_of(told.shape)}}
    if told.or_empty:
        shown["x-may-be-empty"] = True
    return shown


def _refusals() -> Mapping[str, Any]:
    schema = schema_of(ErrorResponse)
    return {
        refusal.name: {
            "description": refusal.about,
            "content": {JSON: {"schema": schema, "example": refusal.example(status)}},
            **({"headers": refusal.headers} if refusal.headers else {}),
        }
        for status, refusal in REFUSALS.items()
    }


def _untold(method: str, path: str, handler: Any) -> Operation:
    said = flowing(getdoc(handler) or f"{method} {path}")
    parts = [part for part in path.split("/") if part not in {"", "api"}]
    return Operation(
        id=method.lower() + "".join(part.strip("{}").title() for part in parts),
        tag="Admin",
        summary=said.partition(". ")[0].rstrip("."),
        about=said,
    )
