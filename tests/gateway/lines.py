"""Requests as bytes, on connections of their own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

UNUSUAL = b"X-Twice: 1\r\nX-Twice: 2\r\n"
"""Headers that make a request go the usual way."""


class Line:
    """A connection on which bytes are written as they are."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, request: bytes) -> bytes:
        self.writer.write(request)
        return await self.answer()

    async def answer(self) -> bytes:
        head = await self.reader.readuntil(b"\r\n\r\n")
        _, found, size = head.partition(b"content-length: ")
        return head + (await self.reader.readexactly(int(size.split(b"\r\n")[0])) if found else b"")


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    yield Line(reader, writer)
    writer.close()


def get(path: str, headers: bytes = b"") -> bytes:
    return b"GET %b HTTP/1.1\r\nHost: x\r\n%b\r\n" % (path.encode(), headers)


def post(path: str, body: bytes, headers: bytes = b"Content-Type: application/json\r\n") -> bytes:
    head = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % (path.encode(), len(body))
    return b"%b%b\r\n%b" % (head, headers, body)
