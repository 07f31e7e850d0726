"""How answers are written. Ids are plain text, everything else JSON, void answers have no body."""

from collections.abc import Iterable
from typing import Any

import msgspec

from firmus.gateway.reading import Response

_ENCODER = msgspec.json.Encoder()
_TEXT = "text/plain;charset=utf-8"


def json(resp: Response, value: Any) -> None:
    resp.data = _ENCODER.encode(value)


def rows(resp: Response, values: Iterable[msgspec.Raw]) -> None:
    """A list of what is JSON already."""
    resp.data = b"[" + b",".join(map(bytes, values)) + b"]"


def plain(resp: Response, value: str) -> None:
    resp.content_type = _TEXT
    resp.data = value.encode()


def empty(resp: Response, status: int = 200) -> None:
    """No body, and no content type that would promise one."""
    resp.status = status
    resp.content_type = None
