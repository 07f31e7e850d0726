"""A poll waits with its client and no longer."""

import asyncio
import json

import pytest

from firmus.gateway import service
from firmus_contracts.commands import Answer, Command, UpdateTask
from tests.gateway.client import Api, result
from tests.gateway.lines import connected, get
from tests.gateway.ports import World


async def test_a_poll_whose_client_leaves_is_cancelled_before_a_task_is_begun(
    api: Api, world: World
):
    await api.register("w", "a")
    host, port = api.base.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /api/tasks/poll/batch/a?timeout=5000 HTTP/1.1\r\nHost: x\r\n\r\n")
    await world.queues.polling.wait()

    writer.close()
    await writer.wait_closed()
    await world.queues.cancelled.wait()
    started = await api.start("w")

    found = (await api.get(f"/workflow/{started}")).body["tasks"][0]
    assert (found["status"], found["pollCount"]) == ("SCHEDULED", 0)
    assert [started] == [task["workflowInstanceId"] for task in await api.poll("a")]


async def test_a_client_that_stays_is_served_on_the_same_connection_after_its_poll(api: Api):
    host, port = api.base.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    answers = []
    for path in ("/api/tasks/poll/batch/a?timeout=1", "/api/version"):
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        answers.append(await reader.readexactly(length))
    writer.close()
    await writer.wait_closed()

    assert answers[0] == b"[]"
    assert answers[1]


async def test_closing_answers_waiting_polls_with_nothing(world: World):
    listener = await service.start(world.ports(), host="127.0.0.1", port=0)
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.write(b"GET /api/tasks/poll/batch/a?timeout=5000 HTTP/1.1\r\nHost: x\r\n\r\n")
    await world.queues.polling.wait()

    await listener.close()

    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert (answer.splitlines()[0], answer.splitlines()[-1]) == (b"HTTP/1.1 200 OK", b"[]")


async def test_a_gateway_that_closes_begins_nothing_for_late_polls(world: World):
    listener = await service.start(world.ports(), host="127.0.0.1", port=0)
    async with connected(listener.port) as line:
        line.writer.write(get("/api/tasks/poll/batch/a?timeout=5000") * 2)
        await world.queues.polling.wait()
        await listener.close()
        await listener.close()
        answers = [await line.answer() for _ in range(2)]

    assert [answer.partition(b"\r\n\r\n")[2] for answer in answers] == [b"[]"] * 2
    assert world.queues.polls == 1


async def test_the_next_task_of_a_client_that_leaves_during_its_report_goes_to_the_next_poll(
    api: Api, world: World, monkeypatch: pytest.MonkeyPatch
):
    await api.register("w", "a")
    started = [await api.start("w") for _ in range(2)]
    [task] = await api.poll("a")
    submit, reported, left = world.door.submit, asyncio.Event(), asyncio.Event()

    async def slow(command: Command) -> Answer:
        answer = await submit(command)
        if isinstance(command, UpdateTask):
            reported.set()
            await left.wait()
        return answer

    monkeypatch.setattr(world.door, "submit", slow)
    host, port = api.base.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    body = json.dumps(result(task)).encode()
    head = b"POST /api/tasks/update-v2 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    writer.write(head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    await reported.wait()
    writer.close()
    await writer.wait_closed()
    await api.get("/version")
    left.set()

    [again] = await api.poll("a", timeout=5000)
    assert (again["workflowInstanceId"], again["pollCount"]) == (started[1], 2)
