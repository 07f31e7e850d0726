"""A scheduler at work over a log in memory, with the small decider of `world`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import pytest

from firmus.broker.gate_records import MemoryGateRecords
from firmus.broker.keys import MemoryKeyStore
from firmus.broker.slots import GrantLedger, SlotLedger
from firmus.broker.starting import Starts
from firmus.clock import FixedClock
from firmus.eventlog.memory import MemoryLog
from firmus.scheduler.service import Scheduler
from firmus.workflow.grants import Grants
from firmus.workflow.limits import Registered
from firmus.workflow.slots import Slots
from firmus_contracts import events as ev
from firmus_contracts.events import TaskLimits
from tests.scheduler.world import SHARDS, START_MS, MemorySinks, MemoryStore, SmallDecider, started

PATIENCE_S = 10.0


async def until(condition: Callable[[], Any] | Callable[[], Awaitable[Any]]) -> Any:
    """Waits for a condition; fails after a while."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = condition()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.001)


class World:
    """Log, decider, clock and checkpoints; schedulers come and go. `alone`: one at a time has all
    shards.
    """

    def __init__(self) -> None:
        self.clock = FixedClock(START_MS)
        self.log = MemoryLog(shards=SHARDS)
        self.decider = SmallDecider(self.log, self.clock)
        self.store = MemoryStore()
        self.sinks = MemorySinks()
        self.slots: MemoryGateRecords[Slots] = MemoryGateRecords()
        self.grants: MemoryGateRecords[Grants] = MemoryGateRecords()
        self.alone = True
        self.limits: dict[str, TaskLimits | None] = {}
        self.shared: dict[str, int] = {}
        self.keys = MemoryKeyStore()
        self.starts = Starts(self.decider, self.keys)
        self._running: list[tuple[Scheduler, asyncio.Task[None]]] = []

    def new(self, shards: tuple[int, ...] = tuple(range(SHARDS))) -> Scheduler:
        return Scheduler(
            log=self.log,
            decider=self.decider,
            clock=self.clock,
            shards=shards,
            shard_count=SHARDS,
            store=self.store,
            failure_input=self.failure_input,
            starts=self.starts,
            sinks=self.sinks,
            registered=self.registered,
            slots=SlotLedger(self.slots, self.clock),
            grants=None if self.alone else GrantLedger(self.grants, self.clock),
        )

    async def registered(self) -> Registered:
        return Registered(dict(self.limits), dict(self.shared))

    async def failure_input(self, workflow_id: str) -> dict[str, Any]:
        state = await self.decider.read(workflow_id)
        assert state is not None
        return {**state.input, "workflowId": workflow_id, "reason": state.reason}

    async def scheduler(self, **fields: Any) -> Scheduler:
        """One that runs and has caught up."""
        scheduler = self.new(**fields)
        self._running.append((scheduler, asyncio.ensure_future(scheduler.run())))
        async with asyncio.timeout(PATIENCE_S):
            await scheduler.ready.wait()
        return scheduler

    async def kill(self, scheduler: Scheduler) -> None:
        """Ends it as a crash would: no checkpoint, no good-bye."""
        for one, task in self._running:
            if one is scheduler:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def close(self) -> None:
        for scheduler, task in self._running:
            await scheduler.stop()
            await asyncio.gather(task, return_exceptions=True)

    async def start(self, workflow: str, *rows: ev.TaskScheduled, **fields: Any) -> None:
        await self.decider.happens(workflow, started(**fields), *rows)

    def advance(self, scheduler: Scheduler, by_ms: int) -> None:
        self.clock.advance(by_ms)
        scheduler.tick()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.close()


def ids_of(tasks: list[msgspec.Raw]) -> list[str]:
    return [msgspec.json.decode(task)["taskId"] for task in tasks]
