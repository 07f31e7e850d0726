"""Workers of the official SDK, and worse clients, while services come and go."""

import asyncio
import contextlib
import re
import select
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import nats
import pytest

from tests.e2e.processes import PATIENCE_S, Child, until
from tests.e2e.sdk_clients import MARKS, Clients
from tests.e2e.system import Services, is_healthy, running_alone
from tests.e2e.test_sdk import TASKS

pytestmark = [*MARKS, pytest.mark.timeout(300)]
LEAVING = 40
WORKFLOW_ID = re.compile(rb'"workflowInstanceId":"([^"]+)"')
BACK_S = 120
"""The SDK's own pauses after failed polls double from 2 s on, and after failed reports are 10 s."""


@pytest.fixture(scope="module")
def crew(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Each test leaves it with a healthy gateway."""
    with running_alone(tmp_path_factory.mktemp("crew")) as running:
        yield running


def test_sdk_workers_go_on_by_themselves_when_the_gateway_was_killed(
    crew: Services, tmp_path: Path
) -> None:
    """A report that the gateway takes with it comes back by the response timeout."""
    clients = Clients(crew.system)
    for name in TASKS:
        clients.define_task(name, response_timeout_seconds=5)
    name = clients.define_of("sdk_double", "sdk_double_async", n="${workflow.input.n}")
    command = [sys.executable, "-W", "ignore", "-m", "tests.e2e.sdk_workers", crew.system.api]
    workers = Child("SDK workers", command, tmp_path / "workers.log")
    workers.start()

    try:
        started = [clients.start(name, input={"n": n}) for n in range(20)]
        gateway = crew.children["gateway"]
        gateway.kill()
        gateway.start()
        until("a healthy gateway", lambda: is_healthy(crew.system.url))
        until("the ends", lambda: {clients.status(one) for one in started} == {"COMPLETED"}, BACK_S)
    finally:
        workers.kill()


def test_clients_that_vanish_while_they_poll_take_no_tasks_with_them(crew: Services) -> None:
    """Over the whole way: gateway, scheduler and decider are processes of their own."""
    clients = Clients(crew.system)
    name = clients.define()
    leaving = [long_poll(crew.system.url, name) for _ in range(LEAVING)]
    until("the polls", lambda: clients.task.get_task_poll_data(name))
    for each in leaving:
        each.close()
    assert is_healthy(crew.system.url)
    started = {clients.start(name) for _ in range(LEAVING)}
    found: dict[str, int] = {}

    def all_found() -> bool:
        tasks = clients.task.batch_poll_tasks(name, "there", LEAVING, 1000)
        found.update({task.workflow_instance_id: task.poll_count for task in tasks})
        return found.keys() == started

    until("all tasks", all_found)


def test_a_killed_gateway_takes_no_tasks_with_it(crew: Services) -> None:
    """Neither those on their way to it nor those in its hands; their response timeout is far."""
    clients = Clients(crew.system)
    name = clients.define()
    polls = [long_poll(crew.system.url, name) for _ in range(LEAVING)]
    until("the polls", lambda: clients.task.get_task_poll_data(name))
    asyncio.run(publish_starts(crew.system.nats_url, name, LEAVING))
    select.select(polls, [], [], PATIENCE_S)
    gateway = crew.children["gateway"]
    gateway.kill()
    found = {one for poll in polls for one in WORKFLOW_ID.findall(all_of(poll))}
    gateway.start()
    until("a healthy gateway", lambda: is_healthy(crew.system.url))

    def all_found() -> bool:
        tasks = clients.task.batch_poll_tasks(name, "there", LEAVING, 1000)
        found.update(task.workflow_instance_id.encode() for task in tasks)
        return len(found) == LEAVING

    until("all tasks", all_found)


def long_poll(url: str, task_type: str) -> socket.socket:
    where = urlsplit(url)
    poll = socket.create_connection((where.hostname or "", where.port or 0))
    path = f"/api/tasks/poll/batch/{task_type}?timeout=5000"
    poll.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return poll


def all_of(poll: socket.socket) -> bytes:
    """All that came before the end, or before it was broken off."""
    found = b""
    with poll, contextlib.suppress(ConnectionError):
        while part := poll.recv(65536):
            found += part
    return found


async def publish_starts(nats_url: str, name: str, count: int) -> None:
    connection = await nats.connect(nats_url)
    for _ in range(count):
        await connection.jetstream().publish(f"firmus.start.{name}", b"{}")
    await connection.close()
