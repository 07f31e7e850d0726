"""What handlers read from a request: its body, its query, its headers.

Every refusal here is the caller's mistake and says which part of the request it is about.
"""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import falcon.asgi

from firmus_contracts.bodies import decode_object, decode_texts
from firmus_contracts.errors import Refusal
from firmus_contracts.statuses import ResultStatus

BODY_BYTES_MAX = 32 * 1024 * 1024
"""Well above the largest payload (10 MiB): one that is too large is to be refused by its reason."""

_TRUE = frozenset({"true", "on", "yes", "1"})
_FALSE = frozenset({"false", "off", "no", "0"})
_TRACEPARENT_CHARS = 55
_DIGITS_MAX = 20
_ACTOR_HEADER = "Firmus-Actor"
_ACTOR_CHARS_MAX = 256


class Request(falcon.asgi.Request):
    """A request that can also tell when its client has left."""

    def on_gone(self, leave: Callable[[], None]) -> Callable[[], None]:
        """Calls `leave` should the client close the connection; what is returned ends that."""
        watcher = asyncio.get_running_loop().create_task(self._watch(leave))
        return lambda: cast("None", watcher.cancel())

    async def _watch(self, leave: Callable[[], None]) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        leave()


Response = falcon.asgi.Response


async def raw_body(req: Request) -> bytes:
    """The body as it came, at most BODY_BYTES_MAX."""
    length = req.content_length
    if length is not None and length > BODY_BYTES_MAX:
        raise _too_large()
    if length is None:
        data = await req.stream.read(BODY_BYTES_MAX + 1)
        if len(data) > BODY_BYTES_MAX:
            raise _too_large()
        return data
    return await req.stream.read()


async def json_body(req: Request) -> bytes:
    """A body that says it is JSON, or does not say what it is; it may not be missing."""
    data = await optional_json_body(req)
    if not data:
        raise Refusal("INVALID", "Required request body is missing")
    return data


async def optional_json_body(req: Request) -> bytes:
    """A body that says it is JSON, or does not say what it is; empty when there is none."""
    media_type = req.content_type
    if media_type is not None and not media_type.startswith("application/json"):
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
    found = text(req, name)
    return default if found is None else whole_number(name, found, bits=bits)


def optional_integer(req: Request, name: str) -> int | None:
    found = text(req, name)
    return None if found is None else whole_number(name, found)


def whole_number(name: str, found: str, *, bits: int = 32) -> int:
    """A number in a query or a path, in the range of Java's int or long."""
    limit = 1 << (bits - 1)
    try:
        number = int(found) if len(found) <= _DIGITS_MAX else limit
    except ValueError:
        raise Refusal("INVALID", f"{name}: '{found}' is not a number") from None
    if not -limit <= number < limit:
        raise Refusal("INVALID", f"{name}: '{found}' is out of range")
    return number


def flag(req: Request, name: str, *, default: bool) -> bool:
    """A boolean in any case (spec 8.4)."""
    found = text(req, name)
    if found is None:
        return default
    lowered = found.lower()
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
    found = req.get_header("traceparent")
    return found if found is not None and len(found) == _TRACEPARENT_CHARS else None


def actor_of(req: Request) -> str:
    """Who asks, as the client or a proxy before us tells; Conductor has nothing of the kind."""
    found = req.get_header(_ACTOR_HEADER)
    if found is not None and len(found) > _ACTOR_CHARS_MAX:
        raise Refusal("INVALID", f"{_ACTOR_HEADER} is longer than {_ACTOR_CHARS_MAX} characters")
    return found or ""


def _too_large() -> Refusal:
    return Refusal("PAYLOAD_TOO_LARGE", f"The request body is larger than {BODY_BYTES_MAX} bytes")
