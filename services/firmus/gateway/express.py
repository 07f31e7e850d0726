"""The calls of workers past Falcon and ASGI: the same handlers, called with a request and an
answer of a few fields, written in one piece.

Falcon, and uvicorn around it, cost more than such a call itself does (docs/performance.md).
A request that is in any way unusual goes the usual way: escapes in its path, a body of unknown
size or large, a header twice, an upgrade, HTTP/1.0.
"""

import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import falcon
from falcon.uri import parse_query_string

from firmus.gateway.manners import Packing
from firmus.gateway.routes import Handler, Route

BODY_BYTES_MAX = 64 * 1024
"""uvicorn stops reading a connection when more of a body waits for its handler."""
_KNOWN_MAX = 4_096
_URL_BYTES_MAX = 512
_UNUSUAL = frozenset({b"transfer-encoding", b"expect", b"upgrade", b"content-encoding"})
_PATHS = frozenset(
    {
        ("POST", "/api/workflow"),
        ("POST", "/api/tasks"),
        ("POST", "/api/tasks/update-v2"),
        ("GET", "/api/tasks/poll/{task_type}"),
        ("GET", "/api/tasks/poll/batch/{task_type}"),
    }
)

Failed = Callable[..., Awaitable[None]]
"""The application's error handler: takes request, response, exception, parameters."""
After = Callable[..., Awaitable[None]]
"""What a middleware does with a response: takes request, response, resource, success."""


class Call(NamedTuple):
    """What a URL asks for. Nobody changes its `params`: all requests of that URL share them."""

    handler: Handler
    method: str
    path: str
    params: dict[str, Any]
    bound: dict[str, str]


class Express:
    """Which requests go the short way. `failed` answers those whose handler raises; the middlewares
    are those of the application, called in its order; `packing` looks at large answers alone.
    """

    def __init__(
        self,
        table: Iterable[Route],
        failed: Failed,
        *,
        options: falcon.RequestOptions,
        middleware: Sequence[Any] = (),
        packing: Packing | None = None,
    ) -> None:
        self.failed = failed
        self.options = options
        self.pack: After | None = None if packing is None else packing.process_response
        self.packed_from_bytes = sys.maxsize if packing is None else packing.bytes_min
        self.before = [each.process_request for each in middleware if _has(each, "request")]
        self.routed = [each.process_resource for each in middleware if _has(each, "resource")]
        self.after: list[After] = [
            each.process_response for each in reversed(middleware) if _has(each, "response")
        ]
        self._fixed: dict[tuple[bytes, bytes], Handler] = {}
        self._named: list[tuple[bytes, bytes, Handler]] = []
        for method, path, plain_handler in table:
            handler = self._through(plain_handler, path)
            fixed, brace, _ = path.partition("{")
            if (method, path) not in _PATHS:
                continue
            if brace:
                self._named.append((method.encode(), fixed.encode(), handler))
            else:
                self._fixed[method.encode(), fixed.encode()] = handler
        self._named.sort(key=lambda entry: -len(entry[1]))
        self._known: dict[tuple[bytes, bytes], Call] = {}

    def call(self, method: bytes, url: bytes) -> Call | None:
        """What is called for a request line; None: it goes the usual way."""
        known = self._known.get((method, url))
        if known is not None:
            return known
        found = self._find(method, url)
        if found is not None and len(url) <= _URL_BYTES_MAX:
            if len(self._known) >= _KNOWN_MAX:
                self._known.clear()
            self._known[method, url] = found
        return found

    def _through(self, handler: Handler, template: str) -> Handler:
        """The handler behind the middlewares; the very same when none looks at requests."""
        if not (self.before or self.routed):
            return handler

        async def guarded(request: Any, response: Any, **params: str) -> None:
            for ask in self.before:
                await ask(request, response)
                if response.complete:
                    return
            request.uri_template = template
            for ask in self.routed:
                await ask(request, response, None, params)
                if response.complete:
                    return
            await handler(request, response, **params)

        return guarded

    def _find(self, method: bytes, url: bytes) -> Call | None:
        raw_path, _, query = url.partition(b"?")
        if b"%" in raw_path or b"#" in url:
            return None
        bound: dict[str, str] = {}
        try:
            path = raw_path.decode("ascii")
            params = parse_query_string(
                query.decode("ascii"),
                keep_blank=self.options.keep_blank_qs_values,
                csv=self.options.auto_parse_qs_csv,
            )
        except UnicodeDecodeError:
            return None
        handler = self._fixed.get((method, raw_path))
        if handler is None:
            for its_method, start, named in self._named:
                if method == its_method and raw_path.startswith(start):
                    name = path[len(start) :]
                    if not name or "/" in name:
                        return None
                    handler, bound = named, {"task_type": name}
                    break
            else:
                return None
        return Call(handler, method.decode(), path, params, bound)


def _has(middleware: object, step: str) -> bool:
    return hasattr(middleware, f"process_{step}")


def plain(headers: list[tuple[bytes, bytes]]) -> Mapping[bytes, bytes] | None:
    """The headers by name; None when they say that the request is unusual."""
    by_name = dict(headers)
    if len(by_name) != len(headers) or not _UNUSUAL.isdisjoint(by_name):
        return None
    size = by_name.get(b"content-length")
    if size is not None and (len(size) > len(str(BODY_BYTES_MAX)) or int(size) > BODY_BYTES_MAX):
        return None
    return by_name
