"""What the gateway asks of its clients and offers them, whatever they call, as middlewares of
Falcon's that are there only when they were asked for.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from firmus.edge.rates import Rate
from firmus.gateway import compression
from firmus.gateway.doorman import Limits
from firmus.gateway.reading import BODY_BYTES_MAX, Request, Response

_PREFLIGHT_S = "600"
_SHOWN = "firmus-search-position, firmus-search-lag, firmus-search-next, retry-after"


class Manners(msgspec.Struct, frozen=True, kw_only=True):
    """`gzip_bytes_min`: answers of this size are packed for who takes gzip, 0 none.
    `allowed_origins`: whose pages in a browser may call, `*` everybody's; none is the rule.
    `rate`: of each client's requests.
    """

    body_bytes_max: int = BODY_BYTES_MAX
    gzip_bytes_min: int = 16 * 1024
    allowed_origins: tuple[str, ...] = ()
    limits: Limits = Limits()
    rate: Rate | None = None

    def middleware(self) -> list[Any]:
        """What stands around every request."""
        return [Origins(self.allowed_origins)] if self.allowed_origins else []

    def packing(self) -> "Packing | None":
        """What stands around all the others, for answers that are large."""
        return Packing(self.gzip_bytes_min) if self.gzip_bytes_min else None


class Packing:
    """Answers of some size in gzip, for clients that take it."""

    def __init__(self, bytes_min: int) -> None:
        self.bytes_min = bytes_min

    async def process_response(
        self, req: Request, resp: Response, _resource: object, _succeeded: bool
    ) -> None:
        data = resp.data
        if data is None or len(data) < self.bytes_min or resp.get_header("Content-Encoding"):
            return
        resp.append_header("Vary", "Accept-Encoding")
        accepted = req.get_header("Accept-Encoding")
        if accepted is not None and req.method != "HEAD" and compression.is_wanted(accepted):
            resp.data = await compression.packed(data)
            resp.set_header("Content-Encoding", "gzip")


class Origins:
    """Cross-origin calls from the pages of some origins (the Fetch standard's CORS protocol)."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed = frozenset(allowed)
        self._everybody = "*" in self._allowed

    async def process_request(self, req: Request, resp: Response) -> None:
        """Answers the question that a browser asks before a call; such a question has no actor."""
        origin = req.get_header("Origin")
        method = req.get_header("Access-Control-Request-Method")
        if origin is None or method is None or req.method != "OPTIONS":
            return
        if self._lets(origin):
            resp.set_header("Access-Control-Allow-Methods", method)
            headers = req.get_header("Access-Control-Request-Headers")
            if headers:
                resp.set_header("Access-Control-Allow-Headers", headers)
            resp.set_header("Access-Control-Max-Age", _PREFLIGHT_S)
        resp.status = 204
        resp.complete = True

    async def process_response(
        self, req: Request, resp: Response, _resource: object, _succeeded: bool
    ) -> None:
        resp.append_header("Vary", "Origin")
        origin = req.get_header("Origin")
        if origin is not None and self._lets(origin):
            resp.set_header("Access-Control-Allow-Origin", "*" if self._everybody else origin)
            resp.set_header("Access-Control-Expose-Headers", _SHOWN)

    def _lets(self, origin: str) -> bool:
        return self._everybody or origin in self._allowed
