"""The AsyncAPI document, made from the types of the public events.

Channels of events carry the names of the published Conductor contract; the subject of a message
is the channel's name followed by the tokens that `x-firmus-subject` shows. Ours are added.
"""

from typing import Any

import msgspec

from firmus_contracts import public_events as public
from firmus_contracts.envelope import ENGINE_VERSION

_REF = "#/components/schemas/{name}"
_CLOUDEVENT_HEADERS = {
    "ce-specversion": "CloudEvents version, 1.0",
    "ce-id": "<workflowId>/<version>: the same event never has another id",
    "ce-source": "The installation that the event comes from",
    "ce-type": "io.firmus.<workflow or task>.<transition>.v1; the payload's version is its end",
    "ce-time": "When it happened, RFC 3339",
    "ce-subject": "The id of the workflow or of the task",
    "content-type": "application/json",
    "traceparent": "W3C trace context of the decision, when it was traced",
    public.POSITION_HEADER: "Position in the log of the commit that the event comes from",
    public.COMMIT_HEADER: "SHA-256 of that commit's stored bytes, hexadecimal",
    public.CAUSE_HEADER: "Kind of the command that led to it",
    public.COMMAND_HEADER: "Id of that command",
    public.ACTOR_HEADER: "Who gave that command, percent-encoded; left out when nobody is named",
    public.OMITTED_HEADER: "Properties that were emptied because the event was too large",
}


def document() -> dict[str, Any]:
    """The whole document (AsyncAPI 2.6)."""
    types = (public.WorkflowStatusEvent, public.TaskStatusEvent, public.StartEvent)
    _, schemas = msgspec.json.schema_components(types, ref_template=_REF)
    return {
        "asyncapi": "2.6.0",
        "info": _info(),
        "servers": {
            "local": {
                "url": "localhost:4222",
                "protocol": "nats",
                "description": "The nats-server of a local firmus",
            }
        },
        "defaultContentType": "application/json",
        "tags": [
            {"name": "workflow", "description": "Executions that change, and start"},
            {"name": "task", "description": "Tasks that change"},
        ],
        "channels": {
            **_channels("workflow", "WorkflowStatusEvent", public.WORKFLOW_TRANSITIONS),
            **_channels("task", "TaskStatusEvent", public.TASK_TRANSITIONS),
            "firmus.start.{definition}": _start_channel(),
        },
        "components": {"messages": _messages(), "schemas": _flat(schemas)},
    }


def _info() -> dict[str, Any]:
    return {
        "title": "firmus events",
        "version": ENGINE_VERSION,
        "description": (
            "State changes of workflows and tasks, and events that start workflows. Conforms to"
            " Conductor's event contract: same channels, same flat payloads; CloudEvents"
            " attributes ride in headers (binary mode)."
        ),
        "contact": {"name": "firmus"},
        "license": {"name": "Apache 2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
    }


def _channels(scope: str, message: str, transitions: dict[str, str]) -> dict[str, Any]:
    rest = "<definition>.<workflowId>" + (".<taskReference>" if scope == "task" else "")
    return {
        f"{scope}.{transition}": {
            "description": f"Emitted when {when}",
            "x-firmus-subject": f"{scope}.{transition}.{rest}",
            "subscribe": {
                "operationId": f"on{scope.title()}{transition.title().replace('_', '')}",
                "summary": f"Receive {scope} {transition.replace('_', ' ')} events",
                "description": (
                    f"One message each time {when}; in the order of the log within a workflow, and"
                    " under an id that a repeated delivery has too"
                ),
                "tags": [{"name": scope}],
                "message": {"$ref": f"#/components/messages/{message}"},
            },
        }
        for transition, when in transitions.items()
    }


def _start_channel() -> dict[str, Any]:
    return {
        "description": (
            "Starts a workflow of the definition that the channel names; a JetStream publish is"
            " acknowledged once the event is stored, and the workflow is started exactly once for"
            " each Nats-Msg-Id or idempotencyKey"
        ),
        "parameters": {
            "definition": {
                "description": (
                    "Name of the definition; characters other than letters, digits, _ and - are"
                    " percent-encoded"
                ),
                "schema": {"type": "string"},
            }
        },
        "publish": {
            "operationId": "startWorkflow",
            "summary": "Start a workflow",
            "description": "The message is the request; what it asks for is done once",
            "tags": [{"name": "workflow"}],
            "message": {"$ref": "#/components/messages/StartEvent"},
        },
    }


def _messages() -> dict[str, Any]:
    headers = {
        "type": "object",
        "properties": {
            name: {"type": "string", "description": text}
            for name, text in _CLOUDEVENT_HEADERS.items()
        },
    }
    events = {
        kind.__name__: _message(kind) | {"headers": headers}
        for kind in (public.WorkflowStatusEvent, public.TaskStatusEvent)
    }
    return events | {"StartEvent": _message(public.StartEvent)}


def _message(kind: type) -> dict[str, Any]:
    name = kind.__name__
    words = "".join(f" {letter}" if letter.isupper() else letter for letter in name).strip()
    return {
        "name": name,
        "title": words,
        "summary": (kind.__doc__ or "").strip(),
        "contentType": "application/json",
        "payload": {"$ref": _REF.format(name=name)},
    }


def _flat(schemas: dict[str, Any]) -> dict[str, Any]:
    """The schemas as the contract writes them: enumerations in place, open maps, no titles."""
    return {
        name: {
            "type": "object",
            "description": schema["description"],
            "properties": {
                key: _property(schemas, prop) for key, prop in schema["properties"].items()
            },
            **({"required": schema["required"]} if schema.get("required") else {}),
        }
        for name, schema in schemas.items()
        if "properties" in schema
    }


def _property(schemas: dict[str, Any], prop: dict[str, Any]) -> dict[str, Any]:
    found = {key: value for key, value in prop.items() if key != "default"}
    for choice in (found, *found.pop("anyOf", ())):
        reference = choice.pop("$ref", None)
        if reference is not None:
            found["type"] = "string"
            found["enum"] = schemas[reference.rpartition("/")[2]]["enum"]
    if "enum" in found:
        found["type"] = "string"
    if found.get("type") == "object":
        found.setdefault("additionalProperties", True)
    return found
