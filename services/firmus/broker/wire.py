"""JetStream for hot loops: pipelined publishes, direct gets, API calls; one inbox for all replies.

Every call ends: with a result, with StreamRefused (the server said no), or with Unanswered.
"""

import asyncio
import base64
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Self

import msgspec
from nats.aio.subscription import Subscription

from firmus.broker.connection import BrokerUnsuitable, Connection

ANSWER_TIMEOUT_S = 2.0
PAGE_MESSAGES_MAX = 256
MULTI_LAST_MAX = 1024
PAGE_BYTES_MAX = 4 * 1024 * 1024
HEADER_MARGIN_BYTES = 1024

WRONG_LAST_SEQUENCE = (10071, 10164)  # the second while another write is on its way (replicas)
NO_MESSAGE = 10037
STREAM_NAME_IN_USE = 10058
STREAM_STORE_FAILED = 10049
_SWEEP_S = 0.25


class Unanswered(Exception):
    """No answer (time-out, no responders, lost connection): whether it was done is not known."""


class StreamRefused(Exception):
    """The server refused a request; `code` is JetStream's own error number."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(f"{description} ({code})")
        self.code = code


class WrongLastSequence(StreamRefused):
    """The expectation of a publish does not hold."""


class Stored(msgspec.Struct, frozen=True, gc=False):
    """A message as it stands in a stream."""

    sequence: int
    subject: str
    data: bytes


class _Error(msgspec.Struct):
    code: int = 0
    err_code: int = 0
    description: str = ""


class _Ack(msgspec.Struct):
    seq: int = 0
    error: _Error | None = None


class _StoredJson(msgspec.Struct):
    subject: str
    seq: int
    data: str = ""


class _Answer(msgspec.Struct):
    error: _Error | None = None
    message: _StoredJson | None = None


_decode_ack = msgspec.json.Decoder(_Ack).decode
_decode_answer = msgspec.json.Decoder(_Answer).decode


class _PageEnd(msgspec.Struct):
    """How many messages are left, and (several subjects) the sequence that the reading stops at."""

    pending: int
    up_to: int


class _Page:
    """A reply of several messages, being collected."""

    def __init__(self, future: "asyncio.Future[_PageEnd]", timeout_at: float) -> None:
        self.future = future
        self.timeout_at = timeout_at
        self.messages: list[Stored] = []


class JetStreamWire:
    """Use `await JetStreamWire.open(connection)`; many users may share one."""

    def __init__(
        self, connection: Connection, *, answer_timeout_s: float = ANSWER_TIMEOUT_S
    ) -> None:
        self.connection = connection
        self._answer_timeout_s = answer_timeout_s
        self.loop = asyncio.get_running_loop()
        self._inbox = f"{connection.new_inbox()}."
        self._token_at = len(self._inbox)
        self._tokens = itertools.count()
        self._single: dict[bytes, tuple[asyncio.Future[tuple[bytes, bytes | None]], float]] = {}
        self._pages: dict[bytes, _Page] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self._subscription: Subscription | None = None
        self._forget_loss = connection.on_loss(self._fail_all)

    @classmethod
    async def open(
        cls, connection: Connection, *, answer_timeout_s: float = ANSWER_TIMEOUT_S
    ) -> Self:
        wire = cls(connection, answer_timeout_s=answer_timeout_s)
        wire._subscription = await connection.open_lane(f"{wire._inbox}*", wire._on_reply)
        return wire

    async def close(self) -> None:
        """Ends all waiting calls with Unanswered; the connection stays open."""
        self._forget_loss()
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        self._fail_all()
        if self._subscription is not None:
            await self.connection.close_lane(self._subscription)
            self._subscription = None

    @property
    def message_max_bytes(self) -> int:
        """The largest payload that the server takes, with room for our headers."""
        return int(self.connection.max_payload) - HEADER_MARGIN_BYTES

    async def publish(
        self,
        subject: str,
        data: bytes,
        *,
        expected: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> int:
        """Stores a message and returns its sequence. `expected`: the subject's last sequence.

        Subject and header values must be free of line ends. Raises WrongLastSequence,
        StreamRefused, Unanswered.
        """
        block = "NATS/1.0\r\n"
        if expected is not None:
            block += f"Nats-Expected-Last-Subject-Sequence: {expected}\r\n"
        if headers:
            block += "".join([f"{key}: {value}\r\n" for key, value in headers.items()])
        ack = _decode_ack(await self.request(subject, data, f"{block}\r\n".encode()))
        if ack.error is not None:
            raise _refusal(ack.error)
        return ack.seq

    async def api(self, call: str, request: Any = None) -> bytes:
        """The answer to `$JS.API.<call>`, as JSON. Raises StreamRefused, Unanswered."""
        data = b"" if request is None else msgspec.json.encode(request)
        answer = await self.request(f"$JS.API.{call}", data)
        fault = _decode_answer(answer).error
        if fault is not None:
            raise _refusal(fault)
        return answer

    async def request(self, subject: str, data: bytes, block: bytes = b"") -> bytes:
        """The answer of whoever listens. `block`: headers. Raises Unanswered."""
        answer, header = await self._ask(subject, block, data)
        if header is not None and not answer:
            raise Unanswered(_status_text(header))
        return answer

    async def last(self, stream: str, subject: str, *, leader: bool = False) -> Stored | None:
        """The last message of a subject. `leader`: never from a replica that lags behind."""
        if leader:
            return await self._get(stream, {"last_by_subj": subject})
        answer, header = await self._ask(f"$JS.API.DIRECT.GET.{stream}.{subject}", b"", b"")
        return _stored(answer, header)

    async def first_after(self, stream: str, subject: str, sequence: int) -> Stored | None:
        """The first message of a subject above a sequence, read from the stream's leader."""
        return await self._get(stream, {"seq": sequence + 1, "next_by_subj": subject})

    async def _get(self, stream: str, request: dict[str, Any]) -> Stored | None:
        try:
            answer = _decode_answer(await self.api(f"STREAM.MSG.GET.{stream}", request)).message
        except StreamRefused as refused:
            if refused.code == NO_MESSAGE:
                return None
            raise
        assert answer is not None
        return Stored(answer.seq, answer.subject, base64.b64decode(answer.data))

    async def history(self, stream: str, subject: str, *, after: int = 0) -> list[Stored]:
        """All messages of a subject above a sequence, in order, read page by page."""
        found: list[Stored] = []
        while True:
            request = {
                "seq": (found[-1].sequence if found else after) + 1,
                "next_by_subj": subject,
                "batch": PAGE_MESSAGES_MAX,
                "max_bytes": PAGE_BYTES_MAX,
            }
            page, end = await self._page(stream, request)
            found += page
            if not page or not end.pending:
                return found

    async def last_of_each(self, stream: str, subjects: Sequence[str]) -> list[Stored]:
        """The last message of each subject (wildcards allowed), 1,024 at most, in stream order.

        Raises StreamRefused when there are more.
        """
        request: dict[str, Any] = {
            "multi_last": list(subjects),
            "batch": MULTI_LAST_MAX,
            "max_bytes": PAGE_BYTES_MAX,
        }
        page, end = await self._page(stream, request)
        found = page
        while page and end.pending:
            more = {"seq": found[-1].sequence + 1, "up_to_seq": end.up_to}
            page, end = await self._page(stream, request | more)
            found += page
        return found

    async def stream_state(self, stream: str) -> "StreamState":
        return _decode_info(await self.api(f"STREAM.INFO.{stream}")).state

    async def _page(self, stream: str, request: dict[str, Any]) -> tuple[list[Stored], _PageEnd]:
        token = self._token()
        page = _Page(self.loop.create_future(), self._timeout_at())
        self._pages[token] = page
        try:
            self._send(f"$JS.API.DIRECT.GET.{stream}", token, b"", msgspec.json.encode(request))
            end = await page.future
        finally:
            self._pages.pop(token, None)
        return page.messages, end

    async def _ask(self, subject: str, block: bytes, data: bytes) -> tuple[bytes, bytes | None]:
        """The reply's payload and header block."""
        token = self._token()
        future: asyncio.Future[tuple[bytes, bytes | None]] = self.loop.create_future()
        self._single[token] = (future, self._timeout_at())
        self._send(subject, token, block, data)
        return await future

    def _token(self) -> bytes:
        return b"%d" % next(self._tokens)

    def _timeout_at(self) -> float:
        if self._sweep is None:
            self._sweep = self.loop.call_later(_SWEEP_S, self._expire)
        return self.loop.time() + self._answer_timeout_s

    def _send(self, subject: str, token: bytes, block: bytes, data: bytes) -> None:
        connection = self.connection
        if self._subscription is None or not connection.is_connected:
            self._fail(token, "not connected")
            return
        if len(data) > self.message_max_bytes:
            self._fail(token, "")
            raise BrokerUnsuitable(
                f"the broker's max_payload ({connection.max_payload} bytes) is too small for a"
                f" message of {len(data)} bytes"
            )
        head = f"{subject} {self._inbox}".encode() + token
        if block:
            size = len(block)
            total = size + len(data)
            connection.send(b"HPUB %b %d %d\r\n%b%b\r\n" % (head, size, total, block, data))
        else:
            connection.send(b"PUB %b %d\r\n%b\r\n" % (head, len(data), data))

    def _on_reply(self, subject: bytes, reply: bytes, data: bytes, header: bytes | None) -> None:
        del reply
        token = subject[self._token_at :]
        entry = self._single.pop(token, None)
        if entry is not None:
            if not entry[0].done():
                entry[0].set_result((data, header))
            return
        page = self._pages.get(token)
        if page is not None and not page.future.done():
            self._on_page(page, data, header)

    def _on_page(self, page: _Page, data: bytes, header: bytes | None) -> None:
        status = status_of(header)
        if status == 0:
            stored = _stored(data, header)
            if stored is not None:
                page.messages.append(stored)
                page.timeout_at = self.loop.time() + self._answer_timeout_s
        elif status == 204:
            pending = int(header_value(header, b"Nats-Num-Pending") or 0)
            up_to = int(header_value(header, b"Nats-UpTo-Sequence") or 0)
            page.future.set_result(_PageEnd(pending, up_to))
        elif status == 404:
            page.future.set_result(_PageEnd(0, 0))
        elif status in {408, 503}:
            page.future.set_exception(Unanswered(_status_text(header)))
        else:
            page.future.set_exception(StreamRefused(status, _status_text(header)))

    def _expire(self) -> None:
        self._sweep = None
        now = self.loop.time()
        late = [token for token, page in self._pages.items() if page.timeout_at <= now]
        for token, (_, timeout_at) in self._single.items():
            if timeout_at > now:
                break
            late.append(token)
        for token in late:
            self._fail(token, "timed out")
        if self._single or self._pages:
            self._sweep = self.loop.call_later(_SWEEP_S, self._expire)

    def _fail_all(self) -> None:
        for token in [*self._single, *self._pages]:
            self._fail(token, "the connection was lost")

    def _fail(self, token: bytes, why: str) -> None:
        entry = self._single.pop(token, None)
        page = self._pages.pop(token, None)
        future: asyncio.Future[Any] | None = entry[0] if entry else page.future if page else None
        if future is not None and not future.done():
            if why:
                future.set_exception(Unanswered(why))
            else:
                future.cancel()


class StreamState(msgspec.Struct):
    messages: int
    first_seq: int
    last_seq: int


class _Info(msgspec.Struct):
    state: StreamState


_decode_info = msgspec.json.Decoder(_Info).decode


def _refusal(error: _Error) -> Exception:
    if error.err_code in WRONG_LAST_SEQUENCE:
        return WrongLastSequence(error.err_code, error.description)
    if error.code == 503:
        return Unanswered(error.description)
    return StreamRefused(error.err_code, error.description)


def _stored(data: bytes, header: bytes | None) -> Stored | None:
    """A direct get's reply; None when there is no such message."""
    status = status_of(header)
    if status == 404:
        return None
    if status:
        raise Unanswered(_status_text(header))
    sequence = header_value(header, b"Nats-Sequence")
    subject = header_value(header, b"Nats-Subject")
    if sequence is None or subject is None:
        fault = _decode_answer(data).error
        raise _refusal(fault) if fault else Unanswered("not a direct get's reply")
    return Stored(int(sequence), subject.decode(), data)


def status_of(header: bytes | None) -> int:
    """The status in a header block's first line; 0 for stored headers or none at all."""
    if header is None or header[8:9] != b" ":
        return 0
    return int(header[9:12])


def header_value(header: bytes | None, key: bytes) -> bytes | None:
    """The last value of a header (the server's own stand after the stored ones)."""
    if header is None:
        return None
    start = header.rfind(b"\r\n" + key + b":")
    if start < 0:
        return None
    start += len(key) + 3
    return header[start : header.index(b"\r\n", start)].strip()


def _status_text(header: bytes | None) -> str:
    return "" if header is None else header[9 : header.index(b"\r\n")].decode("utf-8", "replace")
