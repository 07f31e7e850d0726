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
from firmus.transport import queues
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


@pytest.mark.nats
async def test_a_scheduler_that_lost_its_connection_while_it_began_a_task(
    whole: Whole, apart: Apart
) -> None:
    connection = await apart.connection()
    returns = Returns(whole.decider)
    deliveries = Deliveries(connection, returns)
    await deliveries.start()
    started = await whole.start("w")
    tasks = await polling(whole.scheduler, "first")
    await connection.close()
    deliveries.send("nobody.hears", [tasks])

    assert whose(await polling(whole.scheduler, "second")) == [(started, "second", 2)]
    await deliveries.stop()


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
