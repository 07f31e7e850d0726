"""The lean client against a real server that speaks HTTP as Conductor's and ours do."""

import asyncio
from typing import Self

import pytest

from firmus.bench.http import Http, Lost
from firmus.bench.paths import rest_path
from firmus.bench.workers import RestWorker

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"
CHUNKED = (
    b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
)
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
LAST = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx"


class Server:
    """Answers the requests of each connection with the given answers, in turn; b"" hangs up."""

    def __init__(self, *answers: bytes) -> None:
        self._answers = list(answers)
        self.seen: list[bytes] = []
        self.connections = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self.http = Http(self.url)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.http.close()
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (
                        int(row[15:])
                        for row in head.split(b"\r\n")
                        if row.startswith(b"Content-Length")
                    ),
                    0,
                )
                self.seen.append(head + await reader.readexactly(length))
                answer = self._answers.pop(0)
                if not answer:
                    break
                writer.write(answer)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@pytest.mark.parametrize(
    ("sent", "status", "body"),
    [(PLAIN, 200, b"[]"), (CHUNKED, 201, b"abcde"), (EMPTY, 204, b"")],
)
async def test_every_way_of_ending_an_answer_is_understood(sent, status, body):
    async with Server(sent) as server:
        assert await server.http.call("GET", "/x") == (status, body)


async def test_a_connection_is_used_again():
    async with Server(PLAIN, CHUNKED, EMPTY) as server:
        for _ in range(3):
            await server.http.call("GET", "/x")
        assert server.connections == 1


async def test_a_connection_that_the_server_ends_is_not():
    async with Server(LAST, PLAIN) as server:
        assert (await server.http.call("GET", "/x")).body == b"x"
        assert (await server.http.call("GET", "/x")).body == b"[]"
        assert server.connections == 2


async def test_a_body_is_sent_as_json():
    async with Server(PLAIN) as server:
        await server.http.call("POST", "/api/workflow/w", b'{"x":1}')
        assert server.seen[0].startswith(b"POST /api/workflow/w HTTP/1.1\r\nHost: 127.0.0.1:")
        assert b"Content-Type: application/json\r\n" in server.seen[0]
        assert server.seen[0].endswith(b'\r\n\r\n{"x":1}')


async def test_an_answer_that_never_ends_is_lost():
    async with Server(b"") as server:
        with pytest.raises(Lost):
            await server.http.call("GET", "/x")


async def test_a_measured_server_is_told_the_key_that_the_commands_use(monkeypatch):
    monkeypatch.setenv("CONDUCTOR_AUTH_KEY", "k")
    monkeypatch.setenv("CONDUCTOR_AUTH_SECRET", "s")
    async with Server(PLAIN, PLAIN, b"") as server:
        async with rest_path(server.url) as path:
            await path.start("w", {})
        worker = asyncio.create_task(RestWorker(server.url, ["a"], pollers=1, batch=1).run())
        while len(server.seen) < 2:
            await asyncio.sleep(0.01)
        worker.cancel()
        await asyncio.wait((worker,))
    assert [b"\r\nAuthorization: Basic azpz\r\n" in head for head in server.seen[:2]] == [
        True,
        True,
    ]
