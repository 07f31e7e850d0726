"""A request and an answer with no more than the calls of workers need, named as Falcon's are."""

from collections.abc import Callable, Mapping
from http import HTTPStatus

from firmus.gateway.express import Call

_STATUS_LINES = {
    int(each): f"HTTP/1.1 {int(each)} {each.phrase}\r\n".encode() for each in HTTPStatus
}
_NO_BODY = frozenset({204, 304})


class LeanRequest:
    """What `reading` and the handlers of these calls read, named as Falcon names it."""

    __slots__ = ("_body", "_headers", "_on_gone", "content_type", "method", "params", "path")

    def __init__(
        self,
        call: Call,
        headers: Mapping[bytes, bytes],
        body: bytes,
        on_gone: Callable[[Callable[[], None]], Callable[[], None]],
    ) -> None:
        self.method = call.method
        self.path = call.path
        self.params = call.params
        media_type = headers.get(b"content-type")
        self.content_type = None if media_type is None else media_type.decode("latin1")
        self._headers = headers
        self._body = body
        self._on_gone = on_gone

    @property
    def content_length(self) -> int:
        return len(self._body)

    @property
    def stream(self) -> "LeanRequest":
        return self

    async def read(self) -> bytes:
        return self._body

    def get_header(self, name: str) -> str | None:
        found = self._headers.get(name.lower().encode("latin1"))
        return None if found is None else found.decode("latin1")

    def on_gone(self, leave: Callable[[], None]) -> Callable[[], None]:
        """See `reading.Request.on_gone`."""
        return self._on_gone(leave)


class LeanResponse:
    """What `answers` and the error handler write."""

    __slots__ = ("content_type", "data", "headers", "status", "text")

    def __init__(self) -> None:
        self.status = 200
        self.content_type: str | None = None
        self.data: bytes | None = None
        self.text: str | None = None
        self.headers: dict[str, str] = {}

    def set_headers(self, headers: Mapping[str, str]) -> None:
        self.headers |= headers

    def written(self, *, keep_alive: bool) -> bytes:
        """The whole answer. One without a body has no content type that would promise it."""
        data = self.data or b""
        head = _STATUS_LINES[self.status]
        if self.content_type is not None:
            head += b"Content-Type: %b\r\n" % self.content_type.encode("latin1")
        if self.status not in _NO_BODY:
            head += b"content-length: %d\r\n" % len(data)
        for name, value in self.headers.items():
            head += f"{name}: {value}\r\n".encode("latin1")
        if not keep_alive:
            head += b"connection: close\r\n"
        return b"%b\r\n%b" % (head, data)
