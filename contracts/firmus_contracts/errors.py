"""Every refusal firmus knows: its code, HTTP status and whether trying again can help.

The gateway turns a code into Conductor's error body by this table alone (spec 8.1, 8.2); what
Conductor answers 500 for a caller's mistake is a 4xx here.
"""

import msgspec


class Problem(msgspec.Struct, frozen=True):
    status: int
    retryable: bool = False


ERRORS: dict[str, Problem] = {
    "NOT_FOUND": Problem(404),
    "CONFLICT": Problem(409),
    "INVALID": Problem(400),
    "ILLEGAL_STATE": Problem(409),
    "UNSUPPORTED": Problem(400),
    "NOT_IMPLEMENTED": Problem(501),
    "METHOD_NOT_ALLOWED": Problem(405),
    "UNAUTHENTICATED": Problem(401),
    "INVALID_TOKEN": Problem(401),
    "EXPIRED_TOKEN": Problem(401),
    "INVALID_CREDENTIALS": Problem(401),
    "FORBIDDEN": Problem(403),
    "UNSUPPORTED_MEDIA_TYPE": Problem(415),
    "PAYLOAD_TOO_LARGE": Problem(413),
    "TOO_MANY_REQUESTS": Problem(429, retryable=True),
    "LIMIT_REACHED": Problem(429),
    "UNREADABLE_LOG": Problem(500),
    "INTERNAL": Problem(500),
    "UNAVAILABLE": Problem(503, retryable=True),
}


class ValidationError(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """`invalid_value` is told as text, whatever it was."""

    path: str
    message: str
    invalid_value: str | None = None


class ErrorResponse(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Conductor's error body. `error`: what clients look at when they are not let in."""

    status: int
    message: str
    error: str | None = None
    code: str | None = None
    instance: str | None = None
    retryable: bool | None = None
    validation_errors: tuple[ValidationError, ...] | None = None


class Refusal(Exception):
    """A request that cannot be met, with the code that says why.

    Raised at the edges (registration, decoding); inside, a refusal is a `Rejected` value.
    `retry_s`: when it may be met, 0 where nobody knows.
    """

    def __init__(
        self,
        code: str,
        message: str,
        errors: tuple[ValidationError, ...] | None = None,
        *,
        retry_s: float = 0.0,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.errors = errors
        self.retry_s = retry_s


def no_workflow(workflow_id: str) -> str:
    """What is said of a workflow that does not exist, or was removed."""
    return f"No such workflow found by id: {workflow_id}"


def no_task(task_id: str) -> str:
    """What is said of a task that does not exist, or was taken away."""
    return f"No such task found by id: {task_id}"
