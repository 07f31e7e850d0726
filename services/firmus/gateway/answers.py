"""How answers are written. Ids are plain text, everything else JSON, void answers have no body."""

from collections.abc import Iterable
from typing import Any

import msgspec

from firmus.gateway.reading import Response

_ENCODER = msgspec.json.Encoder()
_JSON = "application/json"
_TEXT = "text/plain;charset=utf-8"


def json(resp: Response, value: Any) -> None:
    resp.content_type = _JSON
    resp.data = _ENCODER.encode(value)


def row(resp: Response, value: msgspec.Raw) -> None:
    """What is JSON already."""
    resp.content_type = _JSON
    resp.data = bytes(value)


def rows(resp: Response, values: Iterable[msgspec.Raw]) -> None:
    """A list of what is JSON already."""
    resp.content_type = _JSON
    resp.data = b"[" + b",".join(values) + b"]"


def plain(resp: Response, value: str) -> None:
    resp.content_type = _TEXT
    resp.data = value.encode()


def empty(resp: Response, status: int = 200) -> None:
    """No body, and no content type that would promise one."""
    resp.status = status
