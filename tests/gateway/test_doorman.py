"""Connections that take too long or too much, on real sockets."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from firmus.edge.rates import Rate
from firmus.gateway import service
from firmus.gateway.doorman import HEAD_BYTES_MAX, Doorman, Limits
from firmus.gateway.manners import Manners
from tests.gateway.client import Api
from tests.gateway.ports import World

GET = b"GET /health HTTP/1.1\r\nHost: here\r\n\r\n"
CLIENTS: list[asyncio.StreamWriter] = []
"""What tests have opened; closed with the server."""
POST = b"POST /api/workflow HTTP/1.1\r\nHost: here\r\nContent-Length: 100\r\n\r\n"


@asynccontextmanager
async def listening(world: World, manners: Manners) -> AsyncIterator[service.Listener]:
    listener = await service.start(world.ports(), host="127.0.0.1", port=0, manners=manners)
    yield listener
    await listener.close()
    while CLIENTS:
        CLIENTS.pop().close()


async def said(
    listener: service.Listener, *parts: bytes, then: bool = False
) -> tuple[int, bytes, asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    CLIENTS.append(writer)
    for part in parts:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0)
    head = await reader.readuntil(b"\r\n\r\n") if then else b""
    return int(head.split()[1]) if head else 0, head, reader, writer


async def all_of(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """What comes until the server ends the connection."""
    async with asyncio.timeout(10):
        found = await reader.read()
    writer.close()
    return found


async def met(listener: service.Listener, number: int) -> None:
    """Waits until the server has so many connections, all of which have been read."""
    state = listener._server.server_state
    async with asyncio.timeout(10):
        while len(state.connections) < number:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("parts", [(), (b"GET /hea",), (GET, b"GET /hea"), (POST, b"{")])
async def test_who_sends_a_request_too_slowly_is_told_so(world: World, parts: tuple[bytes, ...]):
    async with listening(world, Manners()) as listener:
        answered = parts[:1] == (GET,)
        _, _, reader, writer = await said(listener, *parts[:1], then=answered)
        if answered:
            await reader.readexactly(64)
        for part in parts[1:]:
            writer.write(part)
        await met(listener, 1)
        now_s = 0.0
        state = listener._server.server_state
        doorman = Doorman(lambda: state.connections, Limits(), lambda: now_s)
        doorman.look()
        now_s = 19.0
        doorman.look()
        assert len(state.connections) == 1
        now_s = 121.0
        doorman.look()
        assert (await all_of(reader, writer)).startswith(b"HTTP/1.1 408 ")


async def test_idle_connections_and_waiting_polls_are_left_alone(world: World):
    async with listening(world, Manners()) as listener:
        _, _, reader, writer = await said(listener, GET, then=True)
        await reader.readexactly(64)
        poll = b"GET /api/tasks/poll/batch/a?timeout=3000 HTTP/1.1\r\nHost: here\r\n\r\n"
        await said(listener, poll)
        await world.queues.polling.wait()
        now_s = 0.0
        state = listener._server.server_state
        doorman = Doorman(lambda: state.connections, Limits(), lambda: now_s)
        for now_s in (0.0, 1000.0, 2000.0):  # noqa: B007 - the doorman's clock
            doorman.look()
        writer.write(GET)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


async def test_a_head_without_an_end_is_431(world: World):
    async with listening(world, Manners()) as listener:
        lines = [b"x-%d: %s\r\n" % (number, b"y" * 1000) for number in range(200)]
        for parts in ([b"GET / HTTP/1.1\r\nx: " + b"y" * 200_000], [GET[:-2], *lines]):
            with contextlib.suppress(ConnectionResetError):
                _, _, reader, writer = await said(listener, *parts)
                assert (await all_of(reader, writer)).startswith(b"HTTP/1.1 431 ")
            assert not listener._server.server_state.connections
        large = b"a" * (3 * HEAD_BYTES_MAX)
        begin = b"POST /api/workflow HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n\r\n"
        status, *_ = await said(listener, begin % len(large), large, then=True)
        assert status == 400


async def test_what_is_no_http_is_400_in_conductors_form(world: World):
    async with listening(world, Manners()) as listener:
        _, _, reader, writer = await said(listener, b"\x16\x03\x01\x02\x00\x01\x00")
        head, _, body = (await all_of(reader, writer)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["status"] == 400


async def test_too_many_connections_are_turned_away(world: World):
    async with listening(world, Manners(limits=Limits(connections_max=2))) as listener:
        for _ in range(2):
            await said(listener, GET, then=True)
        _, _, reader, writer = await said(listener, GET)
        assert (await all_of(reader, writer)).startswith(b"HTTP/1.1 503 ")


async def test_too_many_requests_at_once_are_turned_away(world: World):
    async with listening(world, Manners(limits=Limits(requests_max=1))) as listener:
        poll = b"GET /api/tasks/poll/batch/a?timeout=3000 HTTP/1.1\r\nHost: here\r\n\r\n"
        _, _, _, waiting = await said(listener, poll)
        await world.queues.polling.wait()
        for request in (GET, POST):
            _, _, reader, writer = await said(listener, request)
            assert (await all_of(reader, writer)).startswith(b"HTTP/1.1 503 ")
        waiting.close()
        await world.queues.cancelled.wait()


async def test_a_client_that_asks_too_often_is_told_when_to_come_again(world: World):
    manners = Manners(rate=Rate(per_s=0.1, burst=3))
    async with listening(world, manners) as listener, aiohttp.ClientSession() as session:
        api = Api(session, listener.port)
        answers = [await api.get("/tasks/poll/batch/a", timeout=0) for _ in range(2)]
        answers += [await api.get("/metadata/workflow") for _ in range(2)]
        health = [(await api.get("//health")).status for _ in range(5)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert answers[3].body["code"] == "TOO_MANY_REQUESTS"
    assert answers[3].body["retryable"] is True
    assert 0 < int(answers[3].headers["retry-after"]) <= 10
    assert health == [200] * 5
