"""HTTP tasks against a real server on loopback, and the guard that keeps them from it."""

import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from firmus.systemworker import http_client
from firmus.systemworker.addresses import is_public
from firmus.systemworker.http_client import HttpTasks
from firmus.systemworker.work import Outcome, Work


class Site:
    """A server that remembers requests; `answers` are given in turn, the last one again."""

    def __init__(self) -> None:
        self.answers: list[web.Response] = []
        self.seen: list[tuple[str, str, str | None]] = []
        self.port = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        self.seen.append((request.method, request.raw_path, request.headers.get("Cookie")))
        status, body, headers = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return web.Response(status=status, body=body, headers=headers)

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


@pytest_asyncio.fixture
async def site() -> AsyncIterator[Site]:
    found = Site()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", found.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        found.port = listener.getsockname()[1]
        await web.SockSite(runner, listener).start()
        yield found
        await runner.cleanup()


@pytest_asyncio.fixture
async def tasks() -> AsyncIterator[HttpTasks]:
    found = HttpTasks()
    yield found
    await found.close()


async def sent(tasks: HttpTasks, uri: str, **fields: Any) -> Outcome:
    given = {"uri": uri, "method": "GET", **fields}
    work = Work(task_type="HTTP", task_id="t", workflow_instance_id="w", input_data=given)
    return await tasks.execute(work)


async def test_the_path_arrives_as_it_was_written(site: Site, tasks: HttpTasks) -> None:
    site.answers = [(200, b"{}", {})]
    await sent(tasks, site.url("/a%2Fb%20c d?q=%41+1"))
    assert site.seen == [("GET", "/a%2Fb%20c%20d?q=%41+1", None)]


@pytest.mark.parametrize(("status", "requests"), [(429, 2), (503, 2), (500, 1), (502, 1)])
async def test_only_a_busy_server_is_asked_once_more(
    site: Site, tasks: HttpTasks, status: int, requests: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_client, "AGAIN_AFTER_S", 0.0)
    site.answers = [(status, b"busy", {})]
    found = await sent(tasks, site.url())
    assert (found.status, len(site.seen)) == ("FAILED", requests)


async def test_a_302_of_a_post_is_followed_with_get(site: Site, tasks: HttpTasks) -> None:
    site.answers = [(302, b"", {"Location": "/to"}), (200, b'"there"', {})]
    found = await sent(tasks, site.url("/from"), method="POST", body={"a": 1})
    assert [one[:2] for one in site.seen] == [("POST", "/from"), ("GET", "/to")]
    assert found.output["response"]["body"] == "there"


async def test_no_cookie_goes_from_one_task_to_the_next(site: Site, tasks: HttpTasks) -> None:
    site.answers = [(200, b"", {"Set-Cookie": "session=1; Path=/"})]
    await sent(tasks, site.url())
    await sent(tasks, site.url())
    assert [cookie for _, _, cookie in site.seen] == [None, None]


async def test_an_answer_that_is_too_large_fails(
    site: Site, tasks: HttpTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_client, "BODY_MAX_BYTES", 10)
    site.answers = [(200, b"01234567890", {})]
    found = await sent(tasks, site.url())
    assert found.reason is not None
    assert "larger than 10 bytes" in found.reason


async def test_nobody_listening_fails_without_telling_the_path(tasks: HttpTasks) -> None:
    found = await sent(tasks, "http://127.0.0.1:1/secret")
    assert (found.status, "secret" in str(found)) == ("FAILED", False)
    assert "Cannot connect" in found.output["response"]


async def test_a_silent_server_times_out(tasks: HttpTasks) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        found = await sent(tasks, uri, readTimeOut=50)
    assert "Timed out" in found.output["response"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_the_guard_refuses_inner_addresses_by_number_and_by_name(
    site: Site, host: str
) -> None:
    site.answers = [(200, b"", {})]
    guarded = HttpTasks(public_only=True)
    found = await sent(guarded, site.url(host=host))
    await guarded.close()
    assert (found.status, site.seen) == ("FAILED", [])
    if host == "127.0.0.1":
        assert "not a public one" in str(found.reason)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("192.168.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("2002:7f00:1::", False),
        ("64:ff9b::7f00:1", False),
        ("what", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public
