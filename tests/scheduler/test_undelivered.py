"""Tasks begun for polls that were given up meanwhile go to the next poll at once (spec 9.2)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import pytest
from nats.errors import NoRespondersError

from firmus.broker.connection import Connection, connect
from firmus.ports import QueuesPort
from firmus.returning import Returns
from firmus.transport import delivery, queues
from firmus.transport.delivery import Deliveries
from firmus.transport.queue_server import QueuesServer
from firmus.transport.queues import RemoteQueues
from firmus_contracts import commands as cmd
from tests.scheduler.conftest import until
from tests.scheduler.whole import Whole

Submit = Callable[[cmd.Command], Awaitable[cmd.Answer]]


@pytest.fixture
async def whole() -> AsyncIterator[Whole]:
    whole = Whole()
    await whole.register("w", {"name": "a", "taskReferenceName": "a"})
    await whole.schedule()
    yield whole
    await whole.end()


def polling(port: QueuesPort | None, worker: str, count: int = 1) -> "asyncio.Task[list[Any]]":
    assert port is not None
    poll = port.poll("a", domain=None, worker_id=worker, count=count, timeout_s=20)
    return asyncio.ensure_future(poll)


async def give_up(poll: "asyncio.Task[list[Any]]") -> None:
    poll.cancel()
    await asyncio.gather(poll, return_exceptions=True)


def whose(tasks: list[msgspec.Raw]) -> list[tuple[str, str, int]]:
    found = [msgspec.json.decode(task) for task in tasks]
    return sorted((one["workflowInstanceId"], one["workerId"], one["pollCount"]) for one in found)


class Slow:
    """Holds the answers of begins, once they are carried out, until it is let go."""

    def __init__(self, whole: Whole, held: int) -> None:
        self._submit: Submit = whole.decider.submit
        self._held = held
        self.holds = asyncio.Event()
        self.let_go = asyncio.Event()
        whole.decider.submit = self.submit  # type: ignore[method-assign]

    async def submit(self, command: cmd.Command) -> cmd.Answer:
        answer = await self._submit(command)
        if isinstance(command, cmd.BeginTask) and self._held:
            self._held -= 1
            if not self._held:
                self.holds.set()
            await self.let_go.wait()
        return answer


async def test_a_poll_given_up_while_its_task_is_begun(whole: Whole) -> None:
    started = await whole.start("w")
    slow = Slow(whole, held=1)
    first = polling(whole.scheduler, "first")
    await slow.holds.wait()
    await give_up(first)

    assert whose(await polling(whole.scheduler, "second")) == [(started, "second", 2)]


async def test_a_poll_given_up_while_some_of_its_tasks_are_begun(whole: Whole) -> None:
    started = sorted([await whole.start("w") for _ in range(4)])
    slow = Slow(whole, held=2)
    first = polling(whole.scheduler, "first", count=4)
    await slow.holds.wait()
    await asyncio.sleep(0)
    await give_up(first)
    slow.let_go.set()
    tasks: list[msgspec.Raw] = []
    while len(tasks) < len(started):
        tasks += await polling(whole.scheduler, "second", count=4)

    assert whose(tasks) == [(workflow_id, "second", 2) for workflow_id in started]


async def test_a_begin_that_was_never_carried_out_is_not_repeated_for_nobody(
    whole: Whole,
) -> None:
    """The repeated command begins the task, and it goes back as one that reached nobody."""
    started = await whole.start("w")
    returns, task = Returns(whole.decider), (await whole.state(started)).rows()[0]
    begin = cmd.BeginTask(
        command_id="once", workflow_id=started, task_id=(await whole.state(started)).task_id(1)
    )
    returns.take_back(begin)
    await returns.finish()

    assert task.status == "SCHEDULED"
    assert (await whole.state(started)).rows()[0].requeued
    assert whose(await polling(whole.scheduler, "second")) == [(started, "second", 2)]


class Apart:
    """A scheduler and gateways that know each other over a real broker only."""

    def __init__(self, whole: Whole, url: str, stack: contextlib.AsyncExitStack) -> None:
        self.whole, self.url, self.stack = whole, url, stack

    async def connection(self) -> Connection:
        connection = await connect(self.url, name="test")
        self.stack.push_async_callback(connection.close)
        return connection

    async def serve(self) -> None:
        assert self.whole.scheduler is not None
        connection = await self.connection()
        server = QueuesServer(connection, self.whole.scheduler, Returns(self.whole.decider))
        await server.start()
        self.stack.push_async_callback(server.stop)

    async def gateway(self, connection: Connection | None = None) -> RemoteQueues:
        connection = connection or await self.connection()
        returns = Returns(self.whole.decider)
        gateway = RemoteQueues(connection, self.whole.world.clock, returns=returns)
        await gateway.start()
        self.stack.push_async_callback(gateway.stop)
        return gateway


async def nobody_hears(connection: Connection, subject: str) -> None:
    """Until the broker knows."""
    while True:
        try:
            await connection.request(subject, timeout=0.05)
        except NoRespondersError:
            return
        except TimeoutError:
            pass


@pytest.fixture
async def apart(whole: Whole, nats_url: str) -> AsyncIterator[Apart]:
    async with contextlib.AsyncExitStack() as stack:
        apart = Apart(whole, nats_url, stack)
        await apart.serve()
        yield apart


@pytest.mark.nats
async def test_a_poll_given_up_while_a_scheduler_elsewhere_begins_its_task(
    whole: Whole, apart: Apart
) -> None:
    gateway = await apart.gateway()
    slow = Slow(whole, held=1)
    first = polling(gateway, "first")
    started = await whole.start("w")
    await slow.holds.wait()
    await give_up(first)
    slow.let_go.set()

    assert whose(await polling(gateway, "second")) == [(started, "second", 2)]


@pytest.mark.nats
async def test_a_gateway_that_died_while_its_task_was_begun(whole: Whole, apart: Apart) -> None:
    """The broker tells the scheduler that nobody is there to take the answer."""
    dying = await apart.connection()
    slow = Slow(whole, held=1)
    gateway = await apart.gateway(dying)
    first = polling(gateway, "first")
    started = await whole.start("w")
    await slow.holds.wait()
    await dying.close()
    await nobody_hears(await apart.connection(), f"{gateway._inbox}0")
    slow.let_go.set()

    assert whose(await polling(await apart.gateway(), "second")) == [(started, "second", 2)]
    await give_up(first)


@pytest.mark.nats
async def test_an_answer_that_comes_when_its_poll_is_no_longer_waited_for(
    whole: Whole, apart: Apart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "ANSWER_WITHIN_S", 0.01)
    gateway = await apart.gateway()
    slow = Slow(whole, held=1)
    first = polling(gateway, "first")
    started = await whole.start("w")
    await slow.holds.wait()
    await give_up(first)
    await until(lambda: not gateway._questions)
    slow.let_go.set()

    assert whose(await polling(gateway, "second")) == [(started, "second", 2)]


class Sending:
    """A scheduler's end of one delivery, with a task that was begun for somebody."""

    def __init__(self, apart: Apart, connection: Connection) -> None:
        self._whole = apart.whole
        self.deliveries = Deliveries(connection, Returns(apart.whole.decider))
        self.workflow_id = ""

    async def send(self, reply: str) -> None:
        self.workflow_id = await self._whole.start("w")
        tasks = await polling(self._whole.scheduler, "first")
        self.deliveries.send(reply, [tasks])

    async def comes_back(self) -> bool:
        offered = await polling(self._whole.scheduler, "second")
        return whose(offered) == [(self.workflow_id, "second", 2)]

    async def stays(self) -> bool:
        await until(lambda: not (self.deliveries._fresh or self.deliveries._silent))
        return not (await self._whole.state(self.workflow_id)).rows()[0].requeued


@pytest.fixture
async def sending(apart: Apart, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sending]:
    monkeypatch.setattr(delivery, "PROBE_EVERY_S", 0.02)
    sending = Sending(apart, await apart.connection())
    await sending.deliveries.start()
    yield sending
    await sending.deliveries.stop()


@pytest.mark.nats
async def test_a_scheduler_without_connection_keeps_what_it_began(
    apart: Apart, sending: Sending
) -> None:
    await sending.deliveries._connection.close()
    await sending.send("nobody.hears")
    assert await sending.comes_back()


@pytest.mark.nats
async def test_a_gateway_that_died_with_an_answer_in_its_hands(
    apart: Apart, sending: Sending
) -> None:
    """It stands for one whose answer lay unread in a socket."""
    dying = await apart.connection()
    heard = asyncio.Event()
    await dying.open_lane("inbox", lambda *_: heard.set())
    await dying.flush()
    await sending.send("inbox")
    await heard.wait()
    await dying.close()
    assert await sending.comes_back()


@pytest.mark.nats
async def test_a_gateway_that_lives_and_says_nothing_keeps_its_tasks(
    apart: Apart, sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that hangs, or one of an older version."""
    monkeypatch.setattr(delivery, "PROBES_MAX", 2)
    silent = await apart.connection()
    await silent.open_lane("inbox", lambda *_: None)
    await silent.flush()
    await sending.send("inbox")
    assert await sending.stays()


@pytest.mark.nats
async def test_an_answer_lost_on_the_way_to_a_gateway_that_lives(
    apart: Apart, sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = await apart.gateway()
    really, dropped = delivery.send, list[bytes]()

    def losing(connection: Connection, subject: str, data: bytes, reply: str = "") -> bool:
        if not dropped:
            dropped.append(data)
            return True
        return really(connection, subject, data, reply)

    monkeypatch.setattr(delivery, "send", losing)
    await sending.send(f"{gateway._inbox}1")
    assert await sending.comes_back()


@pytest.mark.nats
async def test_what_a_gateway_had_is_not_asked_after(apart: Apart, sending: Sending) -> None:
    """Its poll had ended meanwhile, so it gives the task back by itself, and once."""
    gateway = await apart.gateway()
    await sending.send(f"{gateway._inbox}1")
    assert await sending.comes_back()
    assert await sending.stays()


async def test_a_task_that_ended_meanwhile_stays_as_it_is(whole: Whole) -> None:
    started = await whole.start("w")
    tasks = await polling(whole.scheduler, "first")
    task_id = msgspec.json.decode(tasks[0])["taskId"]
    await whole.decider.submit(
        cmd.UpdateTask(command_id="u", workflow_id=started, task_id=task_id, output={})
    )
    returns = Returns(whole.decider)
    returns.give_back(tasks)
    await returns.finish()

    assert (await whole.state(started)).status == "COMPLETED"
