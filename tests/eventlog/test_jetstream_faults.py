"""The log on a broker that is killed, frozen or away at the worst moment."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from tests.eventlog.contract import SHARDS, commit, new_workflow, positions, started
from tests.nats_server import NatsServer

from firmus.broker.connection import connect
from firmus.broker.streams import prepare
from firmus.broker.wire import JetStreamWire
from firmus.eventlog.blobs import JetStreamBlobs
from firmus.eventlog.chain import verify
from firmus.eventlog.jetstream import JetStreamLog
from firmus.eventlog.port import Appended, LogUnavailable
from firmus_contracts import events as ev
from firmus_contracts.envelope import Record

pytestmark = pytest.mark.nats


@asynccontextmanager
async def opened(
    server: NatsServer, *, answer_timeout_s: float = 2.0, **options: Any
) -> AsyncIterator[JetStreamLog]:
    connection = await connect(server.url, name="test")
    wire = await JetStreamWire.open(connection, answer_timeout_s=answer_timeout_s)
    try:
        await prepare(wire, shards=SHARDS)
        yield JetStreamLog(wire, JetStreamBlobs(wire), shards=SHARDS, **options)
    finally:
        await wire.close()
        await connection.close()


class Writers:
    """Appends to chains of several workflows until told to stop; knows what was confirmed."""

    def __init__(self, log: JetStreamLog, count: int) -> None:
        self.confirmed: dict[str, list[Appended]] = {new_workflow(): [] for _ in range(count)}
        self.total = 0
        self._log = log
        self._stopped = False
        self._tasks = [asyncio.create_task(self._write(each)) for each in self.confirmed]

    async def _write(self, workflow_id: str) -> None:
        done = self.confirmed[workflow_id]
        while not self._stopped:
            version, last = len(done) + 1, done[-1] if done else Appended(0, "")
            change = ev.VariablesSet(variables={"at": version})
            body = commit(workflow_id, version, change, previous=last.digest)
            done.append(await self._log.append(body, expected=last.position))
            self.total += 1

    async def reach(self, more: int) -> None:
        goal = self.total + more
        while self.total < goal:
            failed = [task.exception() for task in self._tasks if task.done()]
            assert not failed
            await asyncio.sleep(0.001)

    async def stop(self) -> None:
        self._stopped = True
        await asyncio.gather(*self._tasks)


async def collect(log: JetStreamLog, found: list[Record]) -> None:
    async with aclosing(log.follow(after=0)) as batches:  # type: ignore[type-var]
        async for batch in batches:
            found += batch


async def test_a_killed_server_loses_and_repeats_nothing(own_server: NatsServer) -> None:
    async with opened(own_server, patience_s=30.0) as log:
        writers = Writers(log, 20)
        met: list[Record] = []
        follower = asyncio.create_task(collect(log, met))
        for _ in range(3):
            await writers.reach(500)
            own_server.kill()
            await asyncio.to_thread(own_server.start)
        await writers.reach(500)
        await writers.stop()
        while len(met) < writers.total:
            assert not follower.done()
            await asyncio.sleep(0.001)
        follower.cancel()
        assert positions(met) == list(range(1, writers.total + 1))
        for workflow_id, confirmed in writers.confirmed.items():
            history = await log.read(workflow_id)
            assert [Appended(one.position, one.digest) for one in history] == confirmed
            assert verify(history) is None


async def test_an_append_whose_answer_is_lost_is_found_in_the_log(own_server: NatsServer) -> None:
    async with opened(own_server, answer_timeout_s=0.1, patience_s=30.0) as log:
        body = started(new_workflow())
        own_server.freeze()
        appending = asyncio.create_task(log.append(body, expected=0))
        await asyncio.wait([appending], timeout=0.6)
        assert not appending.done(), "several time-outs have passed, and it goes on asking"
        own_server.thaw()
        done = await appending
        [record] = await log.read(body.workflow_id)
        assert (record.position, record.digest) == (done.position, done.digest)


async def test_an_append_gives_up_when_the_log_stays_away(own_server: NatsServer) -> None:
    async with opened(own_server, answer_timeout_s=0.1, patience_s=0.2) as log:
        body = started(new_workflow())
        own_server.freeze()
        with pytest.raises(LogUnavailable):
            await log.append(body, expected=0)
        with pytest.raises(LogUnavailable):
            await log.read(body.workflow_id)
        own_server.thaw()
    async with opened(own_server) as log:
        done = await log.append(body, expected=0)
        assert positions(await log.read(body.workflow_id)) == [done.position]


async def test_two_processes_with_one_expectation_write_one_commit(own_server: NatsServer) -> None:
    async with opened(own_server) as one, opened(own_server) as other:
        workflows = [new_workflow() for _ in range(100)]
        attempts = [
            log.append(started(workflow_id), expected=0)
            for workflow_id in workflows
            for log in (one, other)
        ]
        results = await asyncio.gather(*attempts, return_exceptions=True)
        assert sum(isinstance(result, Appended) for result in results) == len(workflows)
        for workflow_id in workflows:
            assert len(await one.read(workflow_id)) == 1


async def test_a_follower_outlives_its_consumer(own_server: NatsServer) -> None:
    async with opened(own_server) as log:
        met: list[Record] = []
        follower = asyncio.create_task(collect(log, met))
        for round_number in range(1, 4):
            await log.append(started(new_workflow()), expected=0)
            while len(met) < round_number:
                await asyncio.sleep(0.001)
            for name in await consumers(log):
                await log._wire.api(f"CONSUMER.DELETE.LOG_0.{name}")
        follower.cancel()
        assert positions(met) == [1, 2, 3]


async def consumers(log: JetStreamLog) -> list[str]:
    import msgspec

    return msgspec.json.decode(await log._wire.api("CONSUMER.NAMES.LOG_0"))["consumers"] or []


async def test_a_follower_that_ends_leaves_no_consumer(own_server: NatsServer) -> None:
    async with opened(own_server) as log:
        await log.append(started(new_workflow()), expected=0)
        async with aclosing(log.follow(after=0)) as batches:  # type: ignore[type-var]
            await anext(batches)
            assert len(await consumers(log)) == 1
        while await consumers(log):
            await asyncio.sleep(0.001)
