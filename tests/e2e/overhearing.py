"""A proxy before a server that holds every answer which passes against the server's document."""

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import aiohttp
from aiohttp import web

from tests.gateway.told import Fault, ours

BODY_BYTES_MAX = 64 << 20
_OF_A_HOP = frozenset({"host", "content-length", "transfer-encoding", "connection"})


class Overheard:
    """What passed: operations with statuses, and what the document does not say of the answers."""

    def __init__(self, url: str) -> None:
        self._upstream = url
        self.url = ""
        self.passed: Counter[tuple[str, int]] = Counter()
        self.faults: list[Fault] = []

    async def serve(self, ended: asyncio.Event, listening: threading.Event) -> None:
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        app.router.add_route("*", "/{rest:.*}", self._pass)
        runner = web.AppRunner(app, handler_cancellation=True, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as self._session:
            listening.set()
            await ended.wait()
        await runner.cleanup()

    async def _pass(self, request: web.Request) -> web.Response:
        body = await request.read()
        async with self._session.request(
            request.method,
            self._upstream + request.raw_path,
            data=body or None,
            headers=_onward(request.headers),
            skip_auto_headers=("content-type", "accept-encoding", "user-agent"),
            allow_redirects=False,
        ) as answer:
            raw = await answer.read()
            self._hear(request, answer, raw)
            kept = raw if raw or "content-type" in answer.headers else None
            headers = _onward(answer.headers, "content-encoding")
            return web.Response(status=answer.status, body=kept, headers=headers)

    def _hear(self, request: web.Request, answer: aiohttp.ClientResponse, raw: bytes) -> None:
        path = request.raw_path.partition("?")[0]
        found = ours().operation(request.method, path)
        name = f"{request.method} {found[0]}" if found else "none"
        self.passed[(name, answer.status)] += 1
        self.faults += ours().faults(request.method, path, answer.status, answer.headers, raw)


def _onward(headers: Any, *others: str) -> dict[str, str]:
    left = _OF_A_HOP.union(others)
    return {name: value for name, value in headers.items() if name.lower() not in left}


@contextlib.contextmanager
def overheard(url: str) -> Iterator[Overheard]:
    """Such a proxy before the server at `url`, in a thread of its own."""
    heard, listening = Overheard(url), threading.Event()
    loop, ended = asyncio.new_event_loop(), asyncio.Event()
    serving = heard.serve(ended, listening)
    thread = threading.Thread(target=loop.run_until_complete, args=(serving,))
    thread.start()
    try:
        assert listening.wait(10)
        yield heard
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()
