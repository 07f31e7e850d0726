"""The one mapping from what went wrong to a gRPC status.

Conductor says INTERNAL, or UNKNOWN, to nearly everything; here a caller's mistake has its own code.
"""

import grpc
import msgspec
from google.protobuf.message import DecodeError

from firmus.ports import Unavailable
from firmus_contracts.errors import Refusal

_CODES: dict[str, grpc.StatusCode] = {
    "NOT_FOUND": grpc.StatusCode.NOT_FOUND,
    "CONFLICT": grpc.StatusCode.FAILED_PRECONDITION,
    "ILLEGAL_STATE": grpc.StatusCode.FAILED_PRECONDITION,
    "INVALID": grpc.StatusCode.INVALID_ARGUMENT,
    "UNSUPPORTED": grpc.StatusCode.INVALID_ARGUMENT,
    "NOT_IMPLEMENTED": grpc.StatusCode.UNIMPLEMENTED,
    "PAYLOAD_TOO_LARGE": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "TOO_MANY_REQUESTS": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "LIMIT_REACHED": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "UNAVAILABLE": grpc.StatusCode.UNAVAILABLE,
    "UNAUTHENTICATED": grpc.StatusCode.UNAUTHENTICATED,
    "INVALID_CREDENTIALS": grpc.StatusCode.UNAUTHENTICATED,
    "INVALID_TOKEN": grpc.StatusCode.UNAUTHENTICATED,
    "EXPIRED_TOKEN": grpc.StatusCode.UNAUTHENTICATED,
    "FORBIDDEN": grpc.StatusCode.PERMISSION_DENIED,
}
"""The others of `firmus_contracts.errors` are INTERNAL."""

_CREATE = frozenset({"StartWorkflow", "CreateWorkflow", "AddEventHandler"})
"""Methods whose conflict is that what they make is there already."""


def status_of(error: Exception, method: str) -> tuple[grpc.StatusCode, str] | None:
    """The status and its text for an exception; None for one that nobody foresaw."""
    match error:
        case Refusal(code="CONFLICT") if method in _CREATE:
            return grpc.StatusCode.ALREADY_EXISTS, error.message
        case Refusal():
            return _CODES.get(error.code, grpc.StatusCode.INTERNAL), _text(error)
        case Unavailable():
            text = str(error) or "The service did not answer in time"
            return grpc.StatusCode.UNAVAILABLE, text
        case DecodeError():
            return grpc.StatusCode.INVALID_ARGUMENT, f"The message cannot be read: {error}"
        case msgspec.DecodeError():
            return grpc.StatusCode.INVALID_ARGUMENT, f"The request cannot be read: {error}"
    return None


def _text(refusal: Refusal) -> str:
    """All of it in one text: a status has no place for single faults."""
    if not refusal.errors:
        return refusal.message
    faults = "; ".join(f"{fault.path}: {fault.message}" for fault in refusal.errors)
    return f"{refusal.message} {faults}"
