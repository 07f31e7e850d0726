"""A lean HTTP/1.1 client: kept connections, one request at a time on each, nothing but the body.

It costs a third of a general client, so that the driver leaves the machine to what it measures.
"""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple, cast
from urllib.parse import urlsplit

import httptools

from firmus.console.rest import credentials


class Answer(NamedTuple):
    status: int
    body: bytes


class Lost(Exception):
    """The connection ended before the answer did; whether the server acted is not known."""


class _Lane(asyncio.Protocol):
    """One connection. httptools calls the `on_` methods."""

    def __init__(self) -> None:
        self.usable = True
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Answer] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by class

    def ask(self, request: bytes) -> "asyncio.Future[Answer]":
        assert self._transport is not None
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._waiter

    def close(self) -> None:
        self.usable = False
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, part: bytes) -> None:
        self._body.append(part)

    def on_message_complete(self) -> None:
        answer = Answer(self._parser.get_status_code(), b"".join(self._body))
        self._body = []
        self.usable = self._parser.should_keep_alive()
        self._parser = httptools.HttpResponseParser(self)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self.usable = False
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(Lost(str(exc or "the server closed the connection")))


def credential_lines(environ: Mapping[str, str]) -> bytes:
    """The header of the key that the commands use; nothing when there is none."""
    return "".join(f"{name}: {said}\r\n" for name, said in credentials(environ).items()).encode()


class Http:
    """Requests to one server, at most `most` at once. `headers` go with each: whole lines."""

    def __init__(self, url: str, *, most: int = 64, headers: bytes = b"") -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or 80
        self._free: list[_Lane] = []
        self._room = asyncio.Semaphore(most)
        self._head = f" HTTP/1.1\r\nHost: {parts.netloc}\r\n".encode() + headers

    async def call(self, method: str, path: str, body: bytes | None = None) -> Answer:
        """Raises Lost, OSError."""
        request = b"%b %b%b" % (method.encode(), path.encode(), self._head)
        if body is None:
            request += b"\r\n"
        else:
            request += (
                b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
            )
        async with self._room:
            lane = await self._lane()
            try:
                answer = await lane.ask(request)
            except BaseException:
                lane.close()
                raise
            if lane.usable:
                self._free.append(lane)
            else:
                lane.close()
            return answer

    async def _lane(self) -> _Lane:
        while self._free:
            lane = self._free.pop()
            if lane.usable:
                return lane
        loop = asyncio.get_running_loop()
        _, lane = await loop.create_connection(_Lane, self._host, self._port)
        return lane

    def close(self) -> None:
        for lane in self._free:
            lane.close()
        self._free.clear()
