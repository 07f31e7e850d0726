"""The queues over a real broker: nobody asks without a reason, nothing is missed (design 2)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec
import pytest

from firmus.broker.connection import Connection, connect
from firmus.ports import Unavailable
from firmus.returning import Returns
from firmus.scheduler.service import Scheduler
from firmus.transport import delivery, queues
from firmus.transport.queue_server import QueuesServer
from firmus.transport.queues import PollNotices, RemoteQueues
from firmus_contracts import commands as cmd
from firmus_contracts import ids, subjects
from firmus_contracts.statuses import TaskStatus
from tests.nats_server import NatsServer
from tests.scheduler.conftest import World, ids_of, until
from tests.scheduler.world import SHARDS, scheduled, workflow_id

pytestmark = pytest.mark.nats

W, W2 = workflow_id(1), workflow_id(2)
T1, T2, T3 = (ids.task_id(W, n) for n in (1, 2, 3))


class Remote:
    """Schedulers and gateways on one broker, and an ear for what they say."""

    def __init__(self, url: str, world: World, stack: contextlib.AsyncExitStack) -> None:
        self.url = url
        self.world = world
        self.heard: list[str] = []
        self._stack = stack

    async def connection(self) -> Connection:
        connection = await connect(self.url, name="test")
        self._stack.push_async_callback(connection.close)
        return connection

    async def listen(self) -> None:
        connection = await self.connection()

        def hear(subject: bytes, reply: bytes, data: bytes, header: bytes | None) -> None:
            self.heard.append(subject.decode())

        await connection.open_lane("firmus.>", hear)
        await connection.flush()

    async def serve(self, scheduler: Scheduler) -> QueuesServer:
        connection = await self.connection()
        server = QueuesServer(connection, scheduler, Returns(self.world.decider))
        await server.start()
        await connection.flush()
        self._stack.push_async_callback(server.stop)
        return server

    async def gateway(self) -> RemoteQueues:
        connection = await self.connection()
        remote = RemoteQueues(connection, self.world.clock)
        await remote.start()
        await connection.flush()
        self._stack.push_async_callback(remote.stop)
        return remote

    def asked(self) -> int:
        return sum(subject.startswith("firmus.poll.") for subject in self.heard)


@pytest.fixture
async def remote(nats_url: str, world: World) -> AsyncIterator[Remote]:
    async with contextlib.AsyncExitStack() as stack:
        yield Remote(nats_url, world, stack)


def polling(
    gateway: RemoteQueues, *, count: int = 1, timeout_s: float = 10.0, domain: str | None = None
) -> "asyncio.Task[list[msgspec.Raw]]":
    poll = gateway.poll("work", domain=domain, worker_id="w", count=count, timeout_s=timeout_s)
    return asyncio.ensure_future(poll)


async def in_line(gateway: RemoteQueues, count: int = 1) -> None:
    await until(lambda: sum(len(q.line) for q in gateway._queues.values()) == count)


async def test_work_that_was_there_before_the_first_poll_is_found(remote: Remote) -> None:
    await remote.world.start(W, scheduled(1), scheduled(2))
    await remote.serve(await remote.world.scheduler())
    gateway = await remote.gateway()
    assert ids_of(await polling(gateway, count=5)) == [T1, T2]


async def test_a_waiting_poll_gets_the_task_that_comes(remote: Remote) -> None:
    await remote.serve(await remote.world.scheduler())
    gateway = await remote.gateway()
    poll = polling(gateway)
    await in_line(gateway)
    await remote.world.start(W, scheduled(1))
    assert ids_of(await poll) == [T1]


async def test_domains_and_hostile_names_reach_their_own_queue(remote: Remote) -> None:
    name = "späte. Arbeit > *"
    await remote.world.start(W, scheduled(1, name, domain="e.u"), scheduled(2, name))
    await remote.serve(await remote.world.scheduler())
    gateway = await remote.gateway()
    poll = {"worker_id": "w", "count": 9, "timeout_s": 10}
    assert ids_of(await gateway.poll(name, domain="e.u", **poll)) == [T1]
    assert ids_of(await gateway.poll(name, domain=None, **poll)) == [T2]


async def test_an_idle_or_empty_poll_costs_no_message(remote: Remote) -> None:
    await remote.serve(await remote.world.scheduler())
    gateway = await remote.gateway()
    await polling(gateway, timeout_s=0.001)
    await remote.listen()
    for _ in range(20):
        assert await polling(gateway, timeout_s=0.001) == []
    await remote.world.start(W, scheduled(1))
    await until(lambda: remote.heard)
    assert remote.heard == [subjects.ready_subject(None, "work")]


async def test_work_is_announced_once_until_an_answer_falls_short(remote: Remote) -> None:
    scheduler = await remote.world.scheduler()
    await remote.serve(scheduler)
    await remote.listen()
    await remote.world.start(W, scheduled(1), scheduled(2))
    await remote.world.start(W2, scheduled(1))
    await until(lambda: scheduler.counters()["tasks_waiting"] == 3)
    gateway = await remote.gateway()
    assert len(await polling(gateway, count=3)) == 3
    assert len(await polling(gateway, timeout_s=0.001)) == 0
    await until(lambda: remote.asked() == 2)

    def told() -> int:
        return len([subject for subject in remote.heard if subject.startswith("firmus.ready.")])

    await until(lambda: told() >= 2)
    assert told() == 2, "the first work, and again for the gateway that asked for it"


async def test_knowledge_that_proved_wrong_is_dropped_and_new_work_is_heard_of(
    remote: Remote,
) -> None:
    await remote.serve(await remote.world.scheduler())
    gateway = await remote.gateway()
    await remote.world.start(W, scheduled(1))
    assert ids_of(await polling(gateway)) == [T1]
    poll = polling(gateway)
    await until(lambda: not gateway._queues[(None, "work")].hints)
    await remote.world.start(W2, scheduled(1))
    assert ids_of(await poll) == [ids.task_id(W2, 1)]


async def test_several_polls_share_a_question_and_each_task_goes_to_one(remote: Remote) -> None:
    await remote.serve(await remote.world.scheduler())
    gateway = await remote.gateway()
    polls = [polling(gateway) for _ in range(3)]
    await in_line(gateway, 3)
    await remote.listen()
    await remote.world.start(W, scheduled(1), scheduled(2), scheduled(3))
    found = sorted([ids_of(await poll)[0] for poll in polls])
    assert found == [T1, T2, T3]
    await until(lambda: remote.asked() == 1)


async def test_two_gateways_do_not_get_the_same_task(remote: Remote) -> None:
    await remote.serve(await remote.world.scheduler())
    one, two = await remote.gateway(), await remote.gateway()
    polls = [polling(one), polling(two)]
    await in_line(one)
    await in_line(two)
    await remote.world.start(W, scheduled(1))
    await remote.world.start(W2, scheduled(1))
    found = sorted([ids_of(await poll)[0] for poll in polls])
    assert found == sorted([T1, ids.task_id(W2, 1)])


async def test_tasks_of_several_schedulers_are_found(remote: Remote) -> None:
    mine = ids.shard_of(W, SHARDS)
    other = next(w for w in map(workflow_id, range(2, 99)) if ids.shard_of(w, SHARDS) != mine)
    rest = tuple(n for n in range(SHARDS) if n != mine)
    await remote.serve(await remote.world.scheduler(shards=(mine,)))
    await remote.serve(await remote.world.scheduler(shards=rest))
    await remote.world.start(W, scheduled(1))
    await remote.world.start(other, scheduled(1))
    gateway = await remote.gateway()
    found = {ids_of(await polling(gateway))[0] for _ in range(2)}
    assert found == {T1, ids.task_id(other, 1)}


async def test_a_dead_scheduler_is_forgotten_and_its_successor_found(remote: Remote) -> None:
    scheduler = await remote.world.scheduler()
    server = await remote.serve(scheduler)
    gateway = await remote.gateway()
    await remote.world.start(W, scheduled(1), scheduled(2))
    assert ids_of(await polling(gateway)) == [T1]
    await server.stop()
    await remote.world.kill(scheduler)
    poll = polling(gateway)
    await until(lambda: not gateway._queues[(None, "work")].hints)
    await remote.serve(await remote.world.scheduler())
    assert ids_of(await poll) == [T2]


async def test_a_cancelled_poll_leaves_the_task_to_the_next(remote: Remote) -> None:
    await remote.serve(await remote.world.scheduler())
    gateway = await remote.gateway()
    poll = polling(gateway)
    await in_line(gateway)
    poll.cancel()
    await asyncio.gather(poll, return_exceptions=True)
    await in_line(gateway, 0)
    await remote.world.start(W, scheduled(1))
    assert ids_of(await polling(gateway)) == [T1]
    assert len(remote.world.decider.sent(cmd.BeginTask)) == 1


async def test_answers_larger_than_a_message_arrive_in_parts(
    remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "PART_MAX_BYTES", 100)
    rows = [scheduled(n) for n in range(1, 21)]
    await remote.world.start(W, *rows)
    await remote.serve(await remote.world.scheduler())
    tasks = await polling(await remote.gateway(), count=20)
    assert ids_of(tasks) == [ids.task_id(W, n) for n in range(1, 21)]


async def test_sizes_are_those_of_all_schedulers(remote: Remote) -> None:
    await remote.world.start(W, scheduled(1), scheduled(2))
    await remote.world.start(W2, scheduled(1))
    for shard in range(SHARDS):
        await remote.serve(await remote.world.scheduler(shards=(shard,)))
    (size,) = await (await remote.gateway()).sizes()
    assert (size.task_type, size.domain, size.waiting, size.in_flight) == ("work", None, 3, 0)


async def test_a_requeue_reaches_the_schedulers_of_all_shards(remote: Remote) -> None:
    for number in range(6):
        await remote.world.start(workflow_id(number), scheduled(1, status=TaskStatus.IN_PROGRESS))
    for shards in ((0, 1), (2, 3)):
        await remote.serve(await remote.world.scheduler(shards=shards))
    gateway = await remote.gateway()
    assert await gateway.requeue("work", actor="ann") == 6
    asked = remote.world.decider.sent(cmd.RequeueTask)
    assert {command.actor for command in asked} == {"ann"}
    tasks = await polling(gateway, count=6)
    while len(tasks) < 6:
        tasks += await polling(gateway, count=6)
    assert len(set(ids_of(tasks))) == 6


async def test_a_requeue_that_a_scheduler_cannot_do_is_unavailable(
    remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "REQUEUED_WITHIN_S", 0.2)
    await remote.world.start(W, scheduled(1, status=TaskStatus.IN_PROGRESS))
    await remote.serve(await remote.world.scheduler())
    remote.world.decider.down = True
    with pytest.raises(Unavailable):
        await (await remote.gateway()).requeue("work")


async def test_polls_of_our_own_workers_are_not_told(remote: Remote) -> None:
    await remote.listen()
    await remote.serve(await remote.world.scheduler())
    for noted in (False, True):
        queue = RemoteQueues(await remote.connection(), remote.world.clock, noted=noted)
        await queue.start()
        await queue.poll("work", domain=None, worker_id=f"w{noted}", count=1, timeout_s=0.01)
        await queue._connection.flush()
        await queue.stop()
    await until(lambda: remote.heard.count(subjects.POLLED) == 1)


async def test_sizes_without_a_scheduler_of_every_shard_are_unavailable(
    remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "SIZES_WITHIN_S", 0.2)
    await remote.serve(await remote.world.scheduler(shards=(0, 1)))
    with pytest.raises(Unavailable, match=r"\[2, 3\]"):
        await (await remote.gateway()).sizes()


async def test_after_a_lost_connection_waiting_polls_are_served(
    own_server: NatsServer, world: World
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        remote = Remote(own_server.url, world, stack)
        await remote.serve(await world.scheduler())
        gateway = await remote.gateway()
        poll = polling(gateway, timeout_s=30)
        await in_line(gateway)
        own_server.kill()
        await until(lambda: not gateway._connection.is_connected)
        await world.start(W, scheduled(1))
        own_server.start()
        assert ids_of(await poll) == [T1]


async def test_polls_are_told_at_first_sight_and_then_every_two_seconds(remote: Remote) -> None:
    await remote.listen()
    connection = await remote.connection()
    notices = PollNotices(connection, remote.world.clock)
    for advance_ms in (0, 1_999, 1):
        remote.world.clock.advance(advance_ms)
        notices.seen("work", None, "w")
        notices.seen("work", "eu", "w")
    await connection.flush()
    await until(lambda: len(remote.heard) == 4)
    assert set(remote.heard) == {subjects.POLLED}
