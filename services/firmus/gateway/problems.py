"""The one mapping from what went wrong to a status and Conductor's error body (spec 8.1, 8.2).

What Conductor answers 500 for a caller's mistake is a 4xx here.
"""

import math
from collections.abc import Awaitable, Callable

import falcon
import msgspec
import structlog

from firmus.gateway.reading import Request, Response
from firmus.ports import Unavailable
from firmus_contracts.errors import ERRORS, ErrorResponse, Refusal, ValidationError

_log = structlog.get_logger(__name__)
_ENCODER = msgspec.json.Encoder()

UNAUTHORIZED = 401
FORBIDDEN = 403

Handler = Callable[[Request, Response, Exception, dict[str, str]], Awaitable[None]]


def problem(error: Exception, *, method: str, path: str) -> ErrorResponse | None:
    """The error body for an exception; None for one that nobody foresaw."""
    match error:
        case Refusal():
            return _body(error.code, error.message, errors=error.errors)
        case Unavailable():
            return _body("UNAVAILABLE", str(error) or "The service did not answer in time")
        case msgspec.DecodeError():
            return _body("INVALID", f"The request cannot be read: {error}")
        case falcon.HTTPNotFound():
            return _body("NOT_FOUND", f"No such path: {path}")
        case falcon.HTTPMethodNotAllowed():
            return _body("METHOD_NOT_ALLOWED", f"Request method '{method}' is not supported")
        case falcon.HTTPError():
            code = "INTERNAL" if error.status_code >= 500 else "INVALID"
            text = error.description or error.title or "The request cannot be read"
            return _body(code, text, status=error.status_code)
        case _:
            return None


def handler(instance: str) -> Handler:
    """What Falcon calls for every exception of a request. `instance` signs the error bodies."""

    async def handle(
        req: Request, resp: Response, error: Exception, _params: dict[str, str]
    ) -> None:
        body = problem(error, method=req.method, path=req.path)
        if body is None:
            _log.error("request_failed", method=req.method, path=req.path, exc_info=error)
            body = _body("INTERNAL", f"Internal error ({type(error).__name__}); the log has more")
        resp.status = body.status
        if body.status == UNAUTHORIZED:
            resp.set_headers({"WWW-Authenticate": "Bearer"})
        resp.content_type = falcon.MEDIA_JSON
        resp.text = None
        resp.data = _ENCODER.encode(msgspec.structs.replace(body, instance=instance))
        if isinstance(error, Refusal) and error.retry_s:
            resp.set_header("Retry-After", str(math.ceil(error.retry_s)))
        if isinstance(error, falcon.HTTPError) and error.headers:
            resp.set_headers(error.headers)

    return handle


def _body(
    code: str,
    message: str,
    *,
    status: int | None = None,
    errors: tuple[ValidationError, ...] | None = None,
) -> ErrorResponse:
    known = ERRORS.get(code, ERRORS["INTERNAL"])
    return ErrorResponse(
        status=status or known.status,
        message=message,
        error=_shut_out(code) if known.status in (UNAUTHORIZED, FORBIDDEN) else None,
        code=code,
        retryable=known.retryable,
        validation_errors=errors,
    )


def _shut_out(code: str) -> str:
    """What the official clients look at: for INVALID_TOKEN and EXPIRED_TOKEN they fetch a new token
    and try once more, which also helps one that has none because the first try met no server.
    """
    return "INVALID_TOKEN" if code == "UNAUTHENTICATED" else code
