"""What comes over a connection, byte by byte: where a request ends and what belongs to it."""

import asyncio
import contextlib
import json

import pytest

from firmus.gateway import service
from firmus.gateway.app import build
from firmus.gateway.doorman import HEAD_BYTES_MAX
from firmus.gateway.polling import Polls
from firmus.gateway.reading import Request, Response
from tests.gateway.client import Api
from tests.gateway.lines import Line, connected, get, post
from tests.gateway.ports import World

START = b'{"name":"w"}'
CHUNKED = b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"


def chunked(body: bytes, trailers: bytes = b"") -> bytes:
    head = b"POST /api/workflow HTTP/1.1\r\nHost: x\r\n%b\r\n" % CHUNKED
    return b"%b%x\r\n%b\r\n0\r\n%b\r\n" % (head, len(body), body, trailers)


async def test_trailers_are_no_headers(api: Api, line: Line) -> None:
    await api.register("w", "a")
    trailers = b"Content-Encoding: br\r\nIdempotency-Key: the same\r\n"
    answers = [await line.ask(chunked(START, trailers)) for _ in range(2)]

    assert [answer.partition(b"\r\n")[0] for answer in answers] == [b"HTTP/1.1 200 OK"] * 2
    assert len({answer.partition(b"\r\n\r\n")[2] for answer in answers}) == 2


@pytest.mark.parametrize(
    "request_",
    [
        post("/api/workflow", START, b"Content-Type: application/json\r\n" + H2C),
        chunked(START).replace(b"Host: x\r\n", b"Host: x\r\n" + H2C),
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
async def test_an_offer_of_another_protocol_is_declined_and_the_request_is_answered(
    api: Api, line: Line, request_: bytes, size: int
) -> None:
    await api.register("w", "a")
    whole = request_ * 2 + get("/api/version", H2C)
    for begin in range(0, len(whole), size):
        line.writer.write(whole[begin : begin + size])
        await line.writer.drain()
        await asyncio.sleep(0)
    answers = [await line.answer() for _ in range(3)]

    assert [answer.partition(b"\r\n")[0] for answer in answers] == [b"HTTP/1.1 200 OK"] * 3
    assert len({answer.partition(b"\r\n\r\n")[2] for answer in answers}) == 3


async def test_a_tunnel_is_not_made(line: Line) -> None:
    line.writer.write(b"CONNECT /api HTTP/1.1\r\nHost: x\r\n\r\n")

    assert (await line.reader.read()).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "begin",
    [
        chunked(START)[:-2],
        chunked(START, b"x: " + b"y" * 100)[:-4],
        post("/api/nosuch", b"{}") + b"GET / HTTP/1.1\r\nx: ",
    ],
)
async def test_what_is_no_body_ends_somewhere(line: Line, begin: bytes) -> None:
    line.writer.write(begin)
    more = b"y" * 10_000 if begin.endswith((b"y", b" ")) else b"x: y\r\n" * 1000
    with contextlib.suppress(ConnectionResetError):
        async with asyncio.timeout(10):
            for _ in range(4 * HEAD_BYTES_MAX // len(more)):
                line.writer.write(more)
                await line.writer.drain()
                await asyncio.sleep(0)
            while await line.reader.read(1000):
                """Answers to what came before; the end of the connection is next."""
    assert line.reader.at_eof() or line.reader.exception()


@pytest.mark.parametrize("headers", [b"Content-Length: 12\r\n", b"Content-Length: 0\r\n"])
async def test_a_body_whose_end_is_told_twice_is_refused(line: Line, headers: bytes) -> None:
    line.writer.write(chunked(START).replace(CHUNKED, headers + CHUNKED) + get("/api/version"))

    found = await line.reader.read()
    assert found.startswith(b"HTTP/1.1 400 ")
    assert found.count(b"HTTP/1.1 ") == 1


class Broken:
    """A middleware that fails, or is cut off, when an answer is ready."""

    async def process_response(
        self, req: Request, _resp: Response, _resource: object, _succeeded: bool
    ) -> None:
        raise asyncio.CancelledError if req.get_header("X-Cut") else RuntimeError("broken")


@pytest.mark.parametrize("headers", [b"", b"X-Cut: 1\r\n"])
async def test_who_cannot_be_answered_is_told_so(world: World, headers: bytes) -> None:
    polls = Polls(world.queues, world.clock, world.polls)
    listener = await service.listen(
        build(world.ports(), polls, [Broken()]), polls, host="127.0.0.1", port=0
    )
    async with connected(listener.port) as line, asyncio.timeout(10):
        line.writer.write(get("/api/tasks/poll/batch/a?timeout=1", headers))
        head, _, body = (await line.reader.read()).partition(b"\r\n\r\n")
    await listener.close()

    assert head.startswith(b"HTTP/1.1 500 ")
    assert head.endswith(b"\r\nconnection: close")
    assert json.loads(body)["code"] == "INTERNAL"
