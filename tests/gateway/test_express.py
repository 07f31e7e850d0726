"""The short way of workers' calls: answers are those of the usual way, byte for byte."""

import asyncio
import json

import falcon
import pytest

from firmus.gateway import express, service
from firmus.gateway.app import build
from firmus.gateway.exchange import Exchange
from firmus.gateway.polling import Polls
from firmus.gateway.reading import Request, Response
from firmus.gateway.routes import Route
from firmus_contracts.errors import Refusal
from tests.gateway.client import Api, result
from tests.gateway.lines import UNUSUAL, Line, get, post
from tests.gateway.ports import World


@pytest.fixture
def shortened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that went the short way so far."""
    seen: list[str] = []
    begin = Exchange.begin

    def noted(self: Exchange, tasks: set[asyncio.Task[None]]) -> None:
        seen.append(self._call.path)
        begin(self, tasks)

    monkeypatch.setattr(Exchange, "begin", noted)
    return seen


JSON = b"Content-Type: application/json\r\n"
TEXT = b"Content-Type: text/plain\r\n"
REQUESTS = (
    get("/api/tasks/poll/none"),
    get("/api/tasks/poll/batch"),
    get("/api/tasks/poll/none?workerid=w&domain="),
    get("/api/tasks/poll/batch/none?timeout=1&count=3"),
    get("/api/tasks/poll/batch/none?timeout=x"),
    get("/api/tasks/poll/batch/none?timeout=9000"),
    get("/api/tasks/poll/batch/none?timeout=1", b"Connection: close\r\n"),
    post("/api/tasks", b""),
    post("/api/tasks", b"{"),
    post("/api/tasks", b"{}", TEXT),
    post("/api/tasks", b'{"taskId":"a","workflowInstanceId":"b","status":"COMPLETED"}'),
    post("/api/tasks/update-v2", b'{"taskId":"a","workflowInstanceId":"b","status":"x"}'),
    post("/api/workflow", b'{"name":"never registered"}'),
    post("/api/workflow", b'{"name":"w"}', JSON + b"X-On-Conflict: perhaps\r\n"),
    post("/api/workflow", b'{"name":"w"}', JSON + b"Idempotency-Key: " + b"k" * 300 + b"\r\n"),
    post("/api/workflow", b'{"name":"w"}', JSON + b"Firmus-Actor: " + b"a" * 300 + b"\r\n"),
)


@pytest.mark.parametrize("request_", REQUESTS)
async def test_both_ways_answer_alike(api: Api, shortened: list[str], request_: bytes) -> None:
    answers = []
    for sent in (request_, request_.replace(b"\r\nHost", b"\r\n" + UNUSUAL + b"Host", 1)):
        host, port = api.base.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        answers.append(await Line(reader, writer).ask(sent))
        writer.close()

    assert len(shortened) == 1
    assert answers[0] == answers[1]


async def test_a_task_goes_from_start_to_end_on_the_short_way(
    api: Api, line: Line, shortened: list[str]
) -> None:
    await api.register("w", "a", "a")
    started = await line.ask(post("/api/workflow", b'{"name":"w","input":{"x":1}}'))
    polled = await line.ask(get("/api/tasks/poll/a?workerid=w1"))
    task = json.loads(polled.partition(b"\r\n\r\n")[2])
    report = json.dumps(result(task)).encode()
    following = await line.ask(post("/api/tasks/update-v2", report))
    last = json.loads(following.partition(b"\r\n\r\n")[2])
    told = await line.ask(post("/api/tasks", json.dumps(result(last)).encode()))

    assert shortened[-4:] == [
        "/api/workflow",
        "/api/tasks/poll/a",
        "/api/tasks/update-v2",
        "/api/tasks",
    ]
    assert told.endswith(last["taskId"].encode())
    workflow_id = started.partition(b"\r\n\r\n")[2].decode()
    assert (await api.get(f"/workflow/{workflow_id}")).body["status"] == "COMPLETED"


class Doorkeeper:
    """A middleware that knows its guests and counts them."""

    async def process_request(self, req: Request, resp: Response) -> None:
        if req.get_header("X-Nobody") is not None:
            raise Refusal("UNAVAILABLE", "Nobody is at home")
        resp.complete = req.get_header("X-Answered") is not None

    async def process_resource(
        self, req: Request, resp: Response, _resource: object, params: dict[str, str]
    ) -> None:
        req.context.seen = (req.method, req.path, req.uri_template, dict(params))

    async def process_response(
        self, req: Request, resp: Response, _resource: object, succeeded: bool
    ) -> None:
        resp.append_header("X-Seen", str(getattr(req.context, "seen", None)))
        resp.append_header("X-Seen", str(succeeded))
        resp.data = (resp.data or b"").upper()


async def test_middlewares_see_requests_and_answers_of_both_ways_alike(
    world: World, shortened: list[str]
) -> None:
    polls = Polls(world.queues, world.clock, world.polls)
    ways = build(world.ports(), polls, [Doorkeeper()])
    listener = await service.listen(ways, polls, host="127.0.0.1", port=0)
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    line = Line(reader, writer)
    for sent in (
        get("/api/tasks/poll/batch/none?timeout=1"),
        get("/api/tasks/poll/none", b"X-Nobody: 1\r\n"),
        get("/api/tasks/poll/batch/none", b"X-Answered: 1\r\n"),
        post("/api/tasks", b"{}"),
    ):
        short = await line.ask(sent)
        usual = await line.ask(sent.replace(b"\r\nHost", b"\r\n" + UNUSUAL + b"Host", 1))
        assert b"x-seen: " in short.lower()
        assert sorted(short.lower().split(b"\r\n")) == sorted(usual.lower().split(b"\r\n"))
    writer.close()
    await listener.close()

    assert len(shortened) == 4


@pytest.mark.parametrize(
    "request_",
    [
        get("/api/tasks/poll/%61?workerid=w"),
        get("/api/tasks/poll/batch/a?timeout=1", b"Expect: 100-continue\r\n"),
        get("/api/tasks/poll/a").replace(b"HTTP/1.1", b"HTTP/1.0"),
        get("/api/tasks/a"),
        get("/api/workflow/a"),
        post("/api/tasks", b"2\r\n{}\r\n0\r\n\r\n").replace(
            b"Content-Length: 12", b"Transfer-Encoding: chunked"
        ),
        post("/api/tasks", b" " * (express.BODY_BYTES_MAX + 1)),
    ],
)
async def test_what_is_unusual_goes_the_usual_way(
    line: Line, shortened: list[str], request_: bytes
) -> None:
    line.writer.write(request_)

    assert (await line.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 ")
    assert shortened == []


async def test_requests_sent_at_once_are_answered_in_turn(line: Line) -> None:
    polls = [get(f"/api/tasks/poll/batch/a?timeout={ms}") for ms in (30, 1)]
    line.writer.write(b"".join([*polls, get("/api/version"), polls[1], get("/api/nosuch")]))

    heads = [(await line.answer()).partition(b"\r\n")[0] for _ in range(5)]

    assert heads == [b"HTTP/1.1 200 OK"] * 4 + [b"HTTP/1.1 404 Not Found"]


async def test_a_body_may_come_byte_by_byte(line: Line, api: Api) -> None:
    await api.register("w", "a")
    for byte in post("/api/workflow", b'{"name":"w"}'):
        line.writer.write(bytes([byte]))
        await line.writer.drain()
        await asyncio.sleep(0)

    assert (await line.answer()).startswith(b"HTTP/1.1 200 OK\r\n")


async def test_a_client_that_leaves_in_the_middle_of_its_body_starts_nothing(
    line: Line, api: Api, world: World
) -> None:
    await api.register("w", "a")
    line.writer.write(post("/api/workflow", b'{"name":"w"}')[:-1])
    line.writer.close()
    await line.writer.wait_closed()

    assert (await api.get("/version")).status == 200
    assert await world.log.end() == 0


def test_nobody_fills_the_memory_with_urls_that_never_come_again() -> None:
    async def nothing(*_: object) -> None:
        """Never called."""

    table = [Route("GET", "/api/tasks/poll/{task_type}", nothing)]
    known = express.Express(table, nothing, options=falcon.RequestOptions())
    for number in range(10_000):
        assert known.call(b"GET", b"/api/tasks/poll/a?workerid=%d" % number) is not None
    assert known.call(b"GET", b"/api/tasks/poll/" + b"a" * 600) is not None

    assert len(known._known) <= 4_096


async def test_a_client_that_does_not_read_holds_up_nobody_and_gets_all_when_it_does(
    api: Api, line: Line
) -> None:
    await api.register("w", "a", inputParameters=["x"])
    large = "x" * 60_000
    started = [await api.start("w", {"x": large}, correlationId=large) for _ in range(50)]
    line.writer.write(get("/api/tasks/poll/a") * len(started))
    await api.start("w")

    assert (await api.get("/version")).status == 200
    found = [await line.answer() for _ in started]
    polled = [json.loads(answer.partition(b"\r\n\r\n")[2]) for answer in found]
    assert {task["workflowInstanceId"] for task in polled} <= {
        *started,
        polled[-1]["workflowInstanceId"],
    }
    assert len({task["taskId"] for task in polled}) == len(started)
