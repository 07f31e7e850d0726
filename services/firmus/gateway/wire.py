"""Connections: uvicorn's, with a short way for the calls of workers and `Content-Type` as people
write it.

HTTP takes any case and uvicorn writes lower case, but there are clients that look this one header
up by its usual name.
"""

import asyncio
from collections import deque
from typing import Any, cast

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from firmus.gateway.doorman import (
    BAD_REQUEST,
    HEAD_BYTES_MAX,
    HEAD_TOO_LARGE,
    TOO_MANY,
    TOO_SLOW,
    Limits,
    Phase,
)
from firmus.gateway.exchange import Exchange
from firmus.gateway.express import Express, plain

_GOODBYE_S = 1.0


class UsualNames:
    """A transport that changes the head of an answer, and nothing else."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._head = b""
        self.is_closing = transport.is_closing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if self._head:
            data = self._head + data
            self._head = b""
        elif data.startswith(b"HTTP/1.1 "):
            self._head = data.replace(b"\r\ncontent-type: ", b"\r\nContent-Type: ", 1)
            self._loop.call_soon(self._flush)
            return
        self._transport.write(data)

    def write_whole(self, data: bytes) -> None:
        """An answer that needs no change."""
        if self._head:
            self._flush()
        self._transport.write(data)

    def _flush(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head)

    def close(self) -> None:
        self._flush()
        self._transport.close()


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol over such a transport, with a short way for some requests."""

    transport: UsualNames  # type: ignore[assignment]  # it is all that is called of one
    cycle: RequestResponseCycle | Exchange  # type: ignore[assignment]  # used alike
    pipeline: deque[tuple[RequestResponseCycle | Exchange, Any]]  # type: ignore[assignment]  # alike

    def __init__(
        self,
        *given: Any,
        express: Express | None = None,
        limits: Limits | None = None,
        **named: Any,
    ) -> None:
        super().__init__(*given, **named)
        self._express = express
        limits = limits or Limits()
        self._connections_max = limits.connections_max
        self._requests_max = limits.requests_max
        self._head_bytes = 0
        self._body_came = False
        self._idle_since_s: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(cast("asyncio.Transport", UsualNames(transport)))
        if self._connections_max and len(self.connections) > self._connections_max:
            self._end_with(TOO_MANY)

    def data_received(self, data: bytes) -> None:
        """What brings neither a part of a body nor the end of a head belongs to a head or to
        trailers, and those may not go on for ever.
        """
        self._idle_since_s = None
        before, self._body_came = self.cycle, False
        try:
            self._feed(data)
        except httptools.HttpParserError:
            self._end_with(BAD_REQUEST)
            return
        if self._body_came or self.cycle is not before:
            self._head_bytes = 0
        else:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self._end_with(HEAD_TOO_LARGE)

    def _feed(self, data: bytes | memoryview) -> None:
        """A request that offers another protocol is read again as one that does not: the parser has
        left out its body, for the other protocol. Raises HttpParserError.
        """
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offered:
                data = memoryview(data)[offered.args[0] :]
                self.parser.feed_data(self._head_without_upgrade())
            else:
                return

    def _head_without_upgrade(self) -> bytes:
        method, version = self.parser.get_method(), self.parser.get_http_version()
        if method == b"CONNECT":
            raise httptools.HttpParserInvalidMethodError
        lines = [b"%b %b HTTP/%b" % (method, self.url, version.encode())]
        lines += [b"%b: %b" % header for header in self.headers if header[0] != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])

    def phase(self) -> Phase:
        """See `doorman`."""
        cycle, left = self.cycle, self.transport.get_write_buffer_size()
        if left:
            return ("answer", id(cycle), left)
        if cycle is None or cycle.response_complete:
            return None if self._idle_since_s is not None else ("head", id(cycle), 0)
        return ("body", id(cycle), 0) if cycle.more_body else None

    def give_up(self) -> None:
        """Ends what has taken too long; who does not take an answer is told nothing."""
        phase = self.phase()
        if phase is None or phase[0] == "answer":
            self.transport.abort()
        else:
            self._end_with(TOO_SLOW)

    def shutdown(self) -> None:
        """As uvicorn's, but a client that reads nothing now and so never answers the goodbye of
        TLS does not hold up the end of the server.
        """
        super().shutdown()
        if self.transport.is_closing():
            self.loop.call_later(_GOODBYE_S, self._leave)

    def _leave(self) -> None:
        if not self.transport.get_write_buffer_size():
            self.transport.abort()

    def _end_with(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write_whole(answer)
            self.transport.close()

    def on_message_begin(self) -> None:
        self.url = b""
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if self._requests_max and len(self.tasks) >= self._requests_max:
            self._end_with(TOO_MANY)
            return
        exchange = self._exchange()
        if exchange is None:
            self._begin_as_usual()
            return
        before, self.cycle = self.cycle, exchange
        if before is None or before.response_complete:
            exchange.begin(self.tasks)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((exchange, None))

    def _begin_as_usual(self) -> None:
        """Tells uvicorn now what it would have heard by and by. Trailers are no part of it."""
        if self.parser.should_upgrade():
            return  # it comes again, see `_feed`
        url, headers = self.url, self.headers
        super().on_message_begin()
        self.on_url(url)
        for name, value in headers:
            super().on_header(name, value)
        super().on_headers_complete()
        self.headers = []

    def on_body(self, body: bytes) -> None:
        self._body_came = True
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.more_body = False
            cycle.message_event.set()

    def _exchange(self) -> Exchange | None:
        """The request whose head has just come, if it may go the short way."""
        express, parser = self._express, self.parser
        if express is None or parser.get_http_version() != "1.1":
            return None
        call = express.call(parser.get_method(), self.url)
        headers = None if call is None else plain(self.headers)
        if call is None or headers is None:
            return None
        return Exchange(
            call,
            headers,
            express=express,
            flow=self.flow,
            keep_alive=parser.should_keep_alive(),
            answer=self._answer,
            peer=self.client,
        )

    def _answer(self, exchange: Exchange, whole: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write_whole(whole)
            if not exchange.keep_alive:
                self.transport.close()
        self.on_response_complete()

    def on_response_complete(self) -> None:
        """As uvicorn's, but one timer lasts for many requests of a connection."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._idle_since_s = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._look_again_after(self.timeout_keep_alive)

    def timeout_keep_alive_handler(self) -> None:
        self.timeout_keep_alive_task = None
        if self._idle_since_s is None:
            return
        left_s = self._idle_since_s + self.timeout_keep_alive - self.loop.time()
        if left_s > 0:
            self._look_again_after(left_s)
        else:
            super().timeout_keep_alive_handler()

    def _look_again_after(self, time_s: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(time_s, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None

    def _start_asgi_task(self, cycle: RequestResponseCycle | Exchange, app: Any) -> None:
        if isinstance(cycle, Exchange):
            cycle.begin(self.tasks)
        else:
            super()._start_asgi_task(cycle, app)
