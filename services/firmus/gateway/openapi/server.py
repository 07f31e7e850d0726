"""Operations about the server itself, as they are told."""

from typing import Any, Final

from firmus.gateway.openapi import answered
from firmus.gateway.openapi import parameters as p
from firmus.gateway.openapi.operations import (
    JSON,
    Answer,
    Operation,
    body,
    done,
    plain,
    plain_or_empty,
    shaped,
)
from firmus_contracts import access
from firmus_contracts.executions import EnvironmentVariable, Task

_ADMIN: Final = "Admin"
_SECRETS: Final = "Environment"
_DOCS: Final = "Documentation"
_NO_QUEUE: Final = "Completion queues are not configured, so every status is refused."
_UNCHANGED: Final = {304: Answer(about="It is still the one that `If-None-Match` names")}
_EMPTY: Final = shaped(answered.Nothing, "Nothing: none are configured")


def _health(named: str) -> Operation:
    return Operation(
        id=named,
        tag=_ADMIN,
        summary="Get whether the server is well",
        answers={
            **shaped(answered.HealthCheckStatus, "Nothing is wrong"),
            503: Answer(about="What is wrong", shape=answered.HealthCheckStatus, media=JSON),
        },
    )


_NOT_NEEDED: Final = "404 where security is off, by which clients know that they need none."
_KEYS: Final = "Keys"

SERVER: Final = {
    "GET /health": _health("health"),
    "GET /api/health": _health("healthCheck"),
    "GET /metrics": Operation(
        id="metrics",
        tag=_ADMIN,
        summary="Get measurements for Prometheus",
        answers=plain("Measurements, in Prometheus' text format"),
    ),
    "GET /api/version": Operation(
        id="getVersion",
        tag=_ADMIN,
        summary="Get the version of the server",
        answers=plain("The version"),
    ),
    "GET /api/admin/config": Operation(
        id="getConfiguration",
        tag=_ADMIN,
        summary="Get the configuration of the server",
        answers=shaped(answered.ServerConfig, "What is told of it"),
    ),
    "GET /api/admin/queues": Operation(
        id="getEventQueues",
        tag=_ADMIN,
        summary="Get the queues of events that active handlers wait for",
        parameters=(p.flag("verbose", "Whether the messages are counted that are not done with."),),
        answers=shaped(
            dict[str, str] | dict[str, answered.Sizes],
            "The queue of each event; with `verbose` the number of messages by queue",
        ),
    ),
    "GET /api/admin/task/{tasktype}": Operation(
        id="getTaskQueueInfo",
        tag=_ADMIN,
        summary="List the open tasks of a type",
        parameters=(
            p.integer("start", "How many to leave out.", default=0, minimum=0),
            p.integer("count", "How many to answer with.", default=100, minimum=0, maximum=5000),
        ),
        answers=shaped(list[Task], "The tasks"),
    ),
    "POST /api/admin/sweep/requeue/{workflowId}": Operation(
        id="requeueSweep",
        tag=_ADMIN,
        summary="Decide an execution again (operators' name)",
        about="Harmless: what is due is done anyway.",
        parameters=p.COMMAND,
        answers=plain("`true.` and the id"),
        refuses=(404, 409),
    ),
    "POST /api/admin/consistency/verifyAndRepair/{workflowId}": Operation(
        id="verifyAndRepairWorkflow",
        tag=_ADMIN,
        summary="Decide an execution again and tell whether there was anything to do",
        about="There is nothing else to repair: queues and timers are made of the log.",
        parameters=p.COMMAND,
        answers=plain("`true` or `false`"),
        refuses=(404, 409),
    ),
    "GET /api/token": Operation(
        id="getToken",
        tag=_ADMIN,
        summary="Get no token, which is asked for with POST",
        about=_NOT_NEEDED,
        refuses=(404,),
    ),
    "POST /api/token": Operation(
        id="createToken",
        tag=_ADMIN,
        summary="Get a token for a key",
        about=_NOT_NEEDED,
        body=body(access.TokenRequest),
        answers=shaped(access.Token, "The token"),
        refuses=(401, 404),
    ),
    "GET /api/queue/size": Operation(
        id="getCompletionQueueSizes",
        tag=_ADMIN,
        summary="Get the sizes of completion queues",
        answers=_EMPTY,
    ),
    "GET /api/queue/": Operation(
        id="getCompletionQueues",
        tag=_ADMIN,
        summary="Get the addresses of completion queues",
        answers=_EMPTY,
    ),
    "POST /api/queue/update/{workflowId}/{taskRefName}/{status}": Operation(
        id="completeThroughQueue",
        tag=_ADMIN,
        summary="Report a task through a completion queue",
        about=_NO_QUEUE,
        refuses=(400,),
    ),
    "POST /api/queue/update/{workflowId}/task/{taskId}/{status}": Operation(
        id="completeTaskThroughQueue",
        tag=_ADMIN,
        summary="Report a task by its id through a completion queue",
        about=_NO_QUEUE,
        refuses=(400,),
    ),
}

KEYS: Final = {
    "GET /api/keys": Operation(
        id="listKeys",
        tag=_KEYS,
        summary="List the API keys",
        about="Oldest first, revoked ones included; never a secret.",
        answers=shaped(list[access.KeyView], "The keys"),
        refuses=(501,),
    ),
    "POST /api/keys": Operation(
        id="createKey",
        tag=_KEYS,
        summary="Create an API key",
        parameters=(p.ACTOR,),
        body=body(access.KeyRequest),
        answers=shaped(access.NewKey, "The key; its secret is told this once"),
        refuses=(501,),
    ),
    "DELETE /api/keys/{keyId}": Operation(
        id="revokeKey",
        tag=_KEYS,
        summary="Revoke an API key and all its tokens, for good",
        parameters=(p.ACTOR,),
        answers=done(),
        refuses=(404, 501),
    ),
    "PUT /api/keys/{keyId}/grants": Operation(
        id="grantKey",
        tag=_KEYS,
        summary="Give an API key exactly these grants",
        parameters=(p.ACTOR,),
        body=body(list[access.KeyGrant]),
        answers=done(),
        refuses=(404, 501),
    ),
    "POST /api/keys/{keyId}/rotate": Operation(
        id="rotateKey",
        tag=_KEYS,
        summary="Give an API key a new secret",
        parameters=(
            p.integer(
                "overlapSeconds",
                "How long the secret before counts still.",
                default=0,
                minimum=0,
                maximum=2592000,
            ),
            p.ACTOR,
        ),
        answers=shaped(access.NewKey, "The key; its secret is told this once"),
        refuses=(404, 501),
    ),
}

SURROUNDINGS: Final = {
    "GET /api/environment": Operation(
        id="getEnvironment",
        tag=_SECRETS,
        summary="List the environment variables that workflows may read",
        answers=shaped(list[EnvironmentVariable], "The variables"),
    ),
    "GET /api/environment/{key}": Operation(
        id="getEnvironmentVariable",
        tag=_SECRETS,
        summary="Get an environment variable that workflows may read",
        answers=plain_or_empty("Its value; no body for none"),
    ),
    "GET /api/secrets": Operation(
        id="listSecretNames",
        tag=_SECRETS,
        summary="List the names of secrets",
        about="Their values are never shown.",
        answers=shaped(answered.Names, "The names"),
    ),
    "POST /api/secrets": Operation(
        id="listSecretNamesByPost",
        tag=_SECRETS,
        summary="List the names of secrets, for clients that ask so",
        about="Their values are never shown.",
        answers=shaped(answered.Names, "The names"),
    ),
    "GET /api/secrets/{key}/exists": Operation(
        id="secretExists",
        tag=_SECRETS,
        summary="Get whether there is a secret of a name",
        answers=shaped(bool, "Whether there is"),
    ),
    "GET /api-docs": Operation(
        id="getOpenapi",
        tag=_DOCS,
        summary="Get this document",
        answers={**shaped(dict[str, Any], "OpenAPI 3.1"), **_UNCHANGED},
    ),
    "GET /api-docs/schemas/{name}": Operation(
        id="getSchemaOfDocument",
        tag=_DOCS,
        summary="Get a schema of this document as a JSON schema of its own",
        about="Such as `WorkflowDef`: for editors, and for checks before a request.",
        answers={
            200: Answer(
                about="JSON Schema 2020-12", shape=dict[str, Any], media="application/schema+json"
            ),
            **_UNCHANGED,
        },
        refuses=(404,),
    ),
    "GET /docs": Operation(
        id="getDocs",
        tag=_DOCS,
        summary="Get this document as a page to try it on",
        answers={200: Answer(about="The page", shape=str, media="text/html"), **_UNCHANGED},
    ),
}
