"""The request that an HTTP task's input describes (spec 3.6.19). Pure.

The uri is sent as it is written: only what no URI can hold (blanks, letters beyond ASCII) is
encoded.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

import msgspec

from firmus.workflow.expressions.text import text_of

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
DEFAULT_TIMEOUT_MS = 3_000
TIMEOUT_MAX_MS = 24 * 3_600_000
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
NO_URI = "Missing HTTP URI.  See documentation for HttpTask for required input parameters"
NO_METHOD = "No HTTP method specified"
_KEPT = "%/:?#[]@!$&'()*+,;=~"


class Unusable(Exception):
    """The input describes no request; the message is the task's reason."""


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`body` is ready to be sent; None: none is."""

    method: str
    uri: str
    headers: dict[str, str]
    body: bytes | None = None
    connect_timeout_ms: int = DEFAULT_TIMEOUT_MS
    read_timeout_ms: int = DEFAULT_TIMEOUT_MS

    @property
    def target(self) -> str:
        """The server alone: path and query may hold secrets, and a reason goes into the log."""
        parts = urlsplit(self.uri)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def request_of(given: Mapping[str, Any]) -> HttpRequest:
    """The request in `http_request`, else in the input itself. Raises Unusable."""
    inner = given.get("http_request")
    if inner is not None and not isinstance(inner, dict):
        raise Unusable("http_request is not an object")
    asked: Mapping[str, Any] = given if inner is None else inner
    if not asked.get("uri"):
        raise Unusable(NO_URI)
    if not asked.get("method"):
        raise Unusable(NO_METHOD)
    method = str(asked["method"]).upper()
    if method not in METHODS:
        raise Unusable(f"Failed to invoke HTTP task due to: Invalid HTTP method: {method}")
    headers = _headers(asked)
    return HttpRequest(
        method=method,
        uri=_uri(str(asked["uri"])),
        headers=headers,
        body=_body(asked.get("body"), headers["Content-Type"]),
        connect_timeout_ms=_milliseconds(asked, "connectionTimeOut"),
        read_timeout_ms=_milliseconds(asked, "readTimeOut"),
    )


def _uri(text: str) -> str:
    try:
        parts = urlsplit(text.strip())
        host = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode()
    except (ValueError, UnicodeError):
        raise Unusable("Failed to invoke HTTP task due to: the uri cannot be read") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Unusable("Failed to invoke HTTP task due to: the uri is not an absolute http(s) one")
    path, query = quote(parts.path, safe=_KEPT), quote(parts.query, safe=_KEPT)
    return urlunsplit((parts.scheme, host, path, query, ""))


def _headers(asked: Mapping[str, Any]) -> dict[str, str]:
    """The task's own headers beat what `accept` and `contentType` say."""
    given = asked.get("headers") or {}
    if not isinstance(given, dict):
        raise Unusable("Failed to invoke HTTP task due to: headers is not an object")
    own = {name: _one_line(name, value) for name, value in given.items() if value is not None}
    named = {name.lower() for name in own}
    defaults = {
        "Content-Type": _one_line("contentType", asked.get("contentType") or JSON),
        "Accept": _accept(asked.get("accept") or JSON),
    }
    headers = {name: value for name, value in defaults.items() if name.lower() not in named}
    content_type = next((v for name, v in own.items() if name.lower() == "content-type"), None)
    if content_type is not None:
        own = {name: v for name, v in own.items() if name.lower() != "content-type"}
        headers["Content-Type"] = content_type
    return {**headers, **own}


def _accept(given: Any) -> str:
    types = given if isinstance(given, list) else [given]
    return ", ".join(_one_line("accept", one) for one in types)


def _one_line(name: str, value: Any) -> str:
    text = text_of(value)
    if any(char in text or char in name for char in "\r\n\0"):
        raise Unusable(f"Failed to invoke HTTP task due to: header {name!r} has a line break")
    return text


def _body(body: Any, content_type: str) -> bytes | None:
    """Text goes as it is, an object as form fields where the type says so, all else as JSON."""
    if body is None:
        return None
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, dict) and content_type.partition(";")[0].strip().lower() == FORM:
        fields = [
            (name, text_of(one))
            for name, value in body.items()
            for one in (value if isinstance(value, list) else [value])
        ]
        return urlencode(fields).encode()
    return msgspec.json.encode(body)


def _milliseconds(asked: Mapping[str, Any], field: str) -> int:
    value = asked.get(field)
    if value is None:
        return DEFAULT_TIMEOUT_MS
    try:
        number = int(float(value))
    except (TypeError, ValueError, OverflowError):
        number = -1
    if number < 0 or isinstance(value, bool):
        raise Unusable(f"Failed to invoke HTTP task due to: {field} is not a number from 0 on")
    return min(number or TIMEOUT_MAX_MS, TIMEOUT_MAX_MS)
