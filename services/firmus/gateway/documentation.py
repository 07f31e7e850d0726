"""The OpenAPI document and its page over HTTP. Both are made when first asked for, and once."""

import base64
import gzip
import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

import msgspec

from firmus.gateway.compression import is_wanted
from firmus.gateway.openapi.document import document
from firmus.gateway.openapi.page import HTML, inline
from firmus.gateway.openapi.schemas import standing_alone
from firmus.gateway.reading import Request, Response
from firmus_contracts.errors import Refusal

_HTML: Final = "text/html;charset=utf-8"


class _Kept(msgspec.Struct, frozen=True):
    """What is answered again and again; `tag` changes with it."""

    plain: bytes
    zipped: bytes
    tag: str


class Documentation:
    """Handlers of `/api-docs…` and `/docs`. The table of routes may still grow until then."""

    def __init__(self, table: Sequence[tuple[str, str, Any]]) -> None:
        self._table = table
        self._schemas: dict[str, _Kept] = {}

    async def openapi(self, req: Request, resp: Response) -> None:
        resp.content_type = "application/json"
        _answer(req, resp, self._document)

    async def schema(self, req: Request, resp: Response, name: str) -> None:
        kept = self._schemas.get(name) or self._written(name)
        resp.content_type = "application/schema+json"
        _answer(req, resp, kept)

    async def page(self, req: Request, resp: Response) -> None:
        """Everything it needs is in it, but for the document, which it asks this server for."""
        resp.content_type = _HTML
        resp.set_headers(_SAFE)
        _answer(req, resp, self._page)

    def _written(self, name: str) -> _Kept:
        parts = self._told["components"]["schemas"]
        if name not in parts:
            raise Refusal("NOT_FOUND", f"No such schema: {name}")
        kept = _kept(msgspec.json.encode(standing_alone(name, parts)))
        self._schemas[name] = kept
        return kept

    @cached_property
    def _told(self) -> dict[str, Any]:
        return document(self._table)

    @cached_property
    def _document(self) -> _Kept:
        return _kept(msgspec.json.encode(self._told))

    @cached_property
    def _page(self) -> _Kept:
        return _kept(HTML.encode())


def _kept(data: bytes) -> _Kept:
    return _Kept(
        plain=data,
        zipped=gzip.compress(data, mtime=0),
        tag=hashlib.sha256(data).hexdigest()[:32],
    )


def _answer(req: Request, resp: Response, kept: _Kept) -> None:
    resp.set_headers({"cache-control": "no-cache", "vary": "accept-encoding"})
    resp.etag = kept.tag
    if any(known in {"*", kept.tag} for known in req.if_none_match or ()):
        resp.status = 304
        resp.content_type = None
    elif is_wanted(req.get_header("accept-encoding") or ""):
        resp.set_header("content-encoding", "gzip")
        resp.data = kept.zipped
    else:
        resp.data = kept.plain


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


_SAFE: Final = {
    "content-security-policy": (
        "default-src 'none'; connect-src 'self'; base-uri 'none'; form-action 'none';"
        f" frame-ancestors 'none'; script-src 'sha256-{_digest(inline('script'))}';"
        f" style-src 'sha256-{_digest(inline('style'))}'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
"""The page runs its own script and style, asks this server only, and stands in no frame."""
