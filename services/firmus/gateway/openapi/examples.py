"""Examples of what is sent, and of how requests are refused."""

from typing import Any, Final

import msgspec

_TASK: Final = {
    "name": "charge_card",
    "taskReferenceName": "charge",
    "type": "SIMPLE",
    "inputParameters": {"amount": "${workflow.input.amount}"},
}
_START: Final = {
    "name": "order",
    "version": 1,
    "correlationId": "customer-7",
    "input": {"orderId": "o-1", "amount": 1250},
}
_WORKFLOW_ID: Final = "0199c1f0-8d2a-7b3c-9d4e-000000000000"
EXAMPLES: Final[dict[str, Any]] = {
    "CorrelationIdsRequest": {"workflowNames": ["order"], "correlationIds": ["customer-7"]},
    "EventHandler": {
        "name": "orders",
        "event": "nats:orders.created",
        "condition": "$.amount > 0",
        "evaluatorType": "javascript",
        "actions": [
            {
                "action": "start_workflow",
                "start_workflow": {"name": "order", "input": {"orderId": "${id}"}},
            }
        ],
        "active": True,
    },
    "RerunWorkflowRequest": {
        "reRunFromTaskId": "0199c1f0-8d2a-7b3c-9d4e-000000000001",
        "taskInput": {"amount": 1000},
    },
    "SchemaDef": {
        "name": "order_input",
        "version": 1,
        "type": "JSON",
        "data": {"type": "object", "required": ["orderId"]},
    },
    "SkipTaskRequest": {"taskOutput": {"charged": False}},
    "StartWorkflowRequest": _START,
    "TaskDef": {
        "name": "charge_card",
        "ownerEmail": "payments@example.com",
        "retryCount": 3,
        "retryLogic": "EXPONENTIAL_BACKOFF",
        "retryDelaySeconds": 5,
        "responseTimeoutSeconds": 60,
        "timeoutSeconds": 600,
        "timeoutPolicy": "RETRY",
    },
    "TaskResult": {
        "workflowInstanceId": _WORKFLOW_ID,
        "taskId": "0199c1f0-8d2a-7b3c-9d4e-000000000001",
        "status": "COMPLETED",
        "workerId": "worker-1",
        "outputData": {"charged": True},
    },
    "UpgradeWorkflowRequest": {"name": "order", "version": 2},
    "WorkflowDef": {
        "name": "order",
        "version": 1,
        "ownerEmail": "orders@example.com",
        "inputParameters": ["orderId", "amount"],
        "tasks": [_TASK],
        "outputParameters": {"charged": "${charge.output.charged}"},
        "timeoutSeconds": 3600,
        "timeoutPolicy": "TIME_OUT_WF",
    },
    "WorkflowSchedule": {
        "name": "nightly",
        "cronExpression": "0 0 3 * * *",
        "zoneId": "Europe/Berlin",
        "startWorkflowRequest": _START,
    },
    "WorkflowStateUpdate": {
        "variables": {"approved": True},
        "taskReferenceName": "charge",
        "taskResult": {"status": "COMPLETED", "outputData": {"charged": True}},
    },
    "WorkflowTestRequest": {
        **_START,
        "taskRefToMockOutput": {"charge": [{"status": "COMPLETED", "output": {"charged": True}}]},
    },
}
"""What is sent, by the name of its schema."""


class _Refusal(msgspec.Struct, frozen=True):
    name: str
    about: str
    code: str
    message: str
    retryable: bool = False
    error: str | None = None
    headers: dict[str, Any] = {}

    def example(self, status: int) -> dict[str, Any]:
        return {
            "status": status,
            "message": self.message,
            **({"error": self.error} if self.error else {}),
            "code": self.code,
            "instance": "firmus-1",
            "retryable": self.retryable,
        }


REFUSALS: Final[dict[int, _Refusal]] = {
    400: _Refusal(
        "Invalid",
        "The request cannot be read, or breaks rules; `validationErrors` names them",
        "INVALID",
        "Required request body is missing",
    ),
    401: _Refusal(
        "Unauthorized",
        "Nobody was recognised; `error` INVALID_TOKEN or EXPIRED_TOKEN: a new token helps",
        "EXPIRED_TOKEN",
        "The token has expired",
        error="EXPIRED_TOKEN",
    ),
    403: _Refusal(
        "Forbidden",
        "Whoever was recognised has not the role",
        "FORBIDDEN",
        "billing needs the role execute on 'order'",
        error="FORBIDDEN",
    ),
    404: _Refusal(
        "NotFound",
        "What it is about does not exist",
        "NOT_FOUND",
        f"No such workflow found by id: {_WORKFLOW_ID}",
    ),
    409: _Refusal(
        "Conflict",
        "It cannot be done as things are now",
        "CONFLICT",
        "Workflow with order.1 already exists!",
    ),
    413: _Refusal(
        "PayloadTooLarge",
        "The body is too large",
        "PAYLOAD_TOO_LARGE",
        "The request body is larger than 33554432 bytes",
    ),
    415: _Refusal(
        "UnsupportedMediaType",
        "The body does not say that it is JSON",
        "UNSUPPORTED_MEDIA_TYPE",
        "Content-Type 'text/plain' is not supported",
    ),
    429: _Refusal(
        "TooManyRequests",
        "Too much is asked at once, or a limit of starts is reached",
        "TOO_MANY_REQUESTS",
        "Too many requests: try again in 0.4 s",
        retryable=True,
        headers={
            "Retry-After": {
                "description": "Seconds to wait, where a limit of requests is reached",
                "schema": {"type": "integer"},
            }
        },
    ),
    500: _Refusal(
        "InternalError",
        "A mistake of the server; its log has more",
        "INTERNAL",
        "Internal error (KeyError); the log has more",
    ),
    501: _Refusal(
        "NotImplemented",
        "Not offered by this server, for the reason in the message",
        "NOT_IMPLEMENTED",
        "This server keeps no schedules",
    ),
    503: _Refusal(
        "Unavailable",
        "The log or a service does not answer; worth trying again",
        "UNAVAILABLE",
        "The command was not carried out in time",
        retryable=True,
    ),
}
"""How requests are refused, by status."""
