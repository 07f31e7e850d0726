"""What handlers read from a request: its body, its query, its headers.

Every refusal here is the caller's mistake and says which part of the request it is about.
"""

import asyncio
import re
from collections.abc import Callable
from typing import Any, cast

import falcon
import falcon.asgi

from firmus.edge import headers
from firmus.gateway import compression
from firmus.security.grants import EVERYBODY, READ, Principal, allows
from firmus_contracts.bodies import decode_object, decode_texts
from firmus_contracts.errors import Refusal
from firmus_contracts.statuses import ResultStatus

BODY_BYTES_MAX = 32 * 1024 * 1024
"""Well above the largest payload (10 MiB): one that is too large is to be refused by its reason."""

_TRUE = frozenset({"true", "on", "yes", "1"})
_FALSE = frozenset({"false", "off", "no", "0"})
_DIGITS_MAX = 20
_NUMBER = re.compile(r"[-+]?[0-9]+")


class Options(falcon.RequestOptions):
    """What an application asks of its requests, beside what Falcon does."""

    def __init__(self, body_bytes_max: int = BODY_BYTES_MAX) -> None:
        super().__init__()
        self.body_bytes_max = body_bytes_max


class Request(falcon.asgi.Request):
    """A request that can also tell who sends it, and when its client has left."""

    principal: Principal = EVERYBODY

    options: Options

    def on_gone(self, leave: Callable[[], None]) -> Callable[[], None]:
        """Calls `leave` should the client close the connection; what is returned ends that."""
        watcher = asyncio.get_running_loop().create_task(self._watch(leave))
        return lambda: cast("None", watcher.cancel())

    @property
    def left(self) -> bool:
        """Whether the client is known to have closed the connection; by itself only the short way
        of requests notices.
        """
        return False

    async def _watch(self, leave: Callable[[], None]) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        leave()


Response = falcon.asgi.Response


async def raw_body(req: Request) -> bytes:
    """The body as its sender meant it, at most `body_bytes_max`, counted while it comes."""
    limit = req.options.body_bytes_max
    length = req.content_length
    if length is not None and length > limit:
        raise _too_large(limit)
    data = await (req.stream.read() if length is not None else req.stream.read(limit + 1))
    if len(data) > limit:
        raise _too_large(limit)
    coding = req.get_header("Content-Encoding")
    return data if coding is None else await _decoded(data, coding, limit)


async def _decoded(data: bytes, coding: str, limit: int) -> bytes:
    """What was packed with gzip. Raises Refusal for other codings and for what grows too large."""
    named = coding.strip().lower()
    if named in compression.PLAIN:
        return data
    if named not in compression.GZIP:
        message = f"Content-Encoding '{coding}' is not supported: gzip is"
        raise Refusal("UNSUPPORTED_MEDIA_TYPE", message)
    try:
        return await compression.unpacked(data, limit)
    except compression.TooLargeError:
        raise _too_large(limit) from None
    except compression.DamagedError:
        raise Refusal("INVALID", "The request body is not gzip, as its header says") from None


async def json_body(req: Request) -> bytes:
    """A body that says it is JSON, or does not say what it is; it may not be missing."""
    data = await optional_json_body(req)
    if not data:
        raise Refusal("INVALID", "Required request body is missing")
    return data


async def optional_json_body(req: Request) -> bytes:
    """A body that says it is JSON, or does not say what it is; empty when there is none."""
    media_type = req.content_type
    if media_type and not media_type.startswith("application/json"):
        plain = media_type.partition(";")[0].strip().lower()
        if plain != "application/json" and not plain.endswith("+json"):
            raise Refusal("UNSUPPORTED_MEDIA_TYPE", f"Content-Type '{media_type}' is not supported")
    return await raw_body(req)


async def json_object(req: Request) -> dict[str, Any]:
    """A body that is any JSON object, such as a workflow's input."""
    return decode_object(await json_body(req))


async def json_texts(req: Request) -> list[str]:
    """A body that is a list of texts, such as workflow ids."""
    return decode_texts(await json_body(req))


def text(req: Request, name: str, default: str | None = None) -> str | None:
    """A query parameter; the first one when it is repeated."""
    found: Any = req.params.get(name, default)
    first: str | None = found[0] if isinstance(found, list) else found
    return first


def texts(req: Request, name: str) -> list[str]:
    """All values of a query parameter, repeated or separated by commas."""
    found: Any = req.params.get(name)
    if found is None:
        return []
    given = found if isinstance(found, list) else [found]
    return [part for value in given for part in value.split(",") if part]


def required(req: Request, name: str) -> str:
    found = text(req, name)
    if found is None:
        raise Refusal("INVALID", f"Required parameter '{name}' is not present.")
    return found


def integer(req: Request, name: str, default: int, *, bits: int = 32) -> int:
    """A number; a parameter that is there and empty is one that is absent."""
    found = text(req, name)
    return whole_number(name, found, bits=bits) if found else default


def optional_integer(req: Request, name: str) -> int | None:
    found = text(req, name)
    return whole_number(name, found) if found else None


def whole_number(name: str, found: str, *, bits: int = 32) -> int:
    """A number in a query or a path, in the range of Java's int or long."""
    limit = 1 << (bits - 1)
    digits = found.strip()
    if not _NUMBER.fullmatch(digits):
        raise Refusal("INVALID", f"{name}: '{found}' is not a number")
    number = int(digits) if len(digits) <= _DIGITS_MAX else limit
    if not -limit <= number < limit:
        raise Refusal("INVALID", f"{name}: '{found}' is out of range")
    return number


def flag(req: Request, name: str, *, default: bool) -> bool:
    """A boolean in any case (spec 8.4); empty is absent."""
    found = text(req, name)
    if not found:
        return default
    lowered = found.strip().lower()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    raise Refusal("INVALID", f"{name}: '{found}' is not a boolean")


def result_status(found: str) -> ResultStatus:
    """The status of a report that stands in a path."""
    if found not in ResultStatus.__members__:
        raise Refusal("INVALID", f"status: unknown value '{found}'")
    return ResultStatus(found)


def trace_of(req: Request) -> str | None:
    """The caller's W3C trace context, when it has the right shape."""
    return headers.trace_of(req.get_header)


def actor_of(req: Request) -> str:
    """Who asks, as the client or a proxy before us tells, behind whoever was recognised."""
    return headers.actor_of(req.get_header, req.principal)


def may_read(req: Request, name: str) -> bool:
    """Whether a definition of this name, and what belongs to it, may be shown in a list."""
    return allows(req.principal, READ, name)


def _too_large(limit: int) -> Refusal:
    return Refusal("PAYLOAD_TOO_LARGE", f"The request body is larger than {limit} bytes")
