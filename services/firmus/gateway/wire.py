"""How answers are written: `Content-Type` as people write it.

HTTP takes any case and uvicorn writes lower case, but there are clients that look this one header
up by its usual name.
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class UsualNames:
    """A transport that changes the head of an answer, and nothing else."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if data.startswith(b"HTTP/1.1 "):
            data = data.replace(b"\r\ncontent-type: ", b"\r\nContent-Type: ", 1)
        self._transport.write(data)


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol over such a transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(cast("asyncio.Transport", UsualNames(transport)))
