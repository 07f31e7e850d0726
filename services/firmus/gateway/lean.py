"""A request and an answer with no more than the calls of workers need, named as Falcon's are."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Protocol

import falcon

from firmus.gateway.express import Call
from firmus.security.grants import EVERYBODY

_STATUS_LINES = {
    int(each): f"HTTP/1.1 {int(each)} {each.phrase}\r\n".encode() for each in HTTPStatus
}
_NO_BODY = frozenset({204, 304})


class Client(Protocol):
    """Who waits for the answer. `peer`: address and port."""

    disconnected: bool
    peer: tuple[str, int] | None

    def on_gone(self, leave: Callable[[], None]) -> Callable[[], None]:
        """Calls `leave` should it close the connection; what is returned ends that."""
        ...


class LeanRequest:
    """What `reading`, middlewares and the handlers of these calls read, as Falcon names it."""

    __slots__ = (
        "_body",
        "_client",
        "_context",
        "_headers",
        "content_type",
        "method",
        "options",
        "params",
        "path",
        "principal",
        "uri_template",
    )

    def __init__(
        self,
        call: Call,
        headers: Mapping[bytes, bytes],
        body: bytes,
        client: Client,
        options: falcon.RequestOptions,
    ) -> None:
        self.method = call.method
        self.path = call.path
        self.params = call.params
        self.options = options
        self.uri_template: str | None = None
        self.principal = EVERYBODY
        media_type = headers.get(b"content-type")
        self.content_type = None if media_type is None else media_type.decode("latin1")
        self._headers = headers
        self._body = body
        self._client = client
        self._context: falcon.Context | None = None

    @property
    def context(self) -> falcon.Context:
        if self._context is None:
            self._context = falcon.Context()
        return self._context

    @property
    def remote_addr(self) -> str:
        peer = self._client.peer
        return "" if peer is None else peer[0]

    @property
    def content_length(self) -> int:
        return len(self._body)

    @property
    def stream(self) -> "LeanRequest":
        return self

    async def read(self, size: int = -1) -> bytes:
        return self._body if size < 0 else self._body[:size]

    def get_header(self, name: str, *, default: str | None = None) -> str | None:
        found = self._headers.get(name.lower().encode("latin1"))
        return default if found is None else found.decode("latin1")

    def on_gone(self, leave: Callable[[], None]) -> Callable[[], None]:
        """See `reading.Request.on_gone`."""
        return self._client.on_gone(leave)

    @property
    def left(self) -> bool:
        """See `reading.Request.left`."""
        return self._client.disconnected


class LeanResponse:
    """What `answers`, middlewares and the error handler write."""

    __slots__ = ("_headers", "complete", "content_type", "data", "status", "text")

    def __init__(self) -> None:
        self.status = 200
        self.complete = False
        self.content_type: str | None = None
        self.data: bytes | None = None
        self.text: str | None = None
        self._headers: dict[str, str] = {}

    def get_header(self, name: str) -> str | None:
        return self._headers.get(name.lower())

    def set_header(self, name: str, value: str) -> None:
        self._headers[name.lower()] = value

    def append_header(self, name: str, value: str) -> None:
        """Adds to a header, separated by a comma."""
        known = self.get_header(name)
        self.set_header(name, value if known is None else f"{known}, {value}")

    def set_headers(self, headers: Mapping[str, str]) -> None:
        for name, value in headers.items():
            self.set_header(name, value)

    def written(self, *, keep_alive: bool) -> bytes:
        """The whole answer. One without a body has no content type that would promise it."""
        data = self.data or b""
        head = _STATUS_LINES[self.status]
        if self.content_type is not None:
            head += b"Content-Type: %b\r\n" % self.content_type.encode("latin1")
        if self.status not in _NO_BODY:
            head += b"content-length: %d\r\n" % len(data)
        for name, value in self._headers.items():
            head += f"{name}: {value}\r\n".encode("latin1")
        if not keep_alive:
            head += b"connection: close\r\n"
        return b"%b\r\n%b" % (head, data)
