"""A world with schedules, whose clock a test moves."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from firmus.broker.starting import Starts
from firmus.schedules.service import ScheduleService, Turns
from firmus.schedules.starting import Starter
from firmus.schedules.store import Schedules, memory_schedules
from firmus.workflow.state import WorkflowState
from firmus_contracts.definitions import WorkflowDef, WorkflowTask
from tests.gateway.ports import World
from tests.schedules.samples import T0


class Desk:
    """The real decider, and any number of services before it."""

    def __init__(self, store: Callable[[Any], Schedules] = memory_schedules) -> None:
        self.world = World()
        self.clock = self.world.clock
        self.clock.advance(T0 - self.clock.now_ms())
        self.store = store(self.clock)
        self.services: list[ScheduleService] = []

    async def prepare(self) -> None:
        task = WorkflowTask(name="wait", task_reference_name="wait", type="HUMAN")
        flow = WorkflowDef(name="flow", tasks=[task])
        await self.world.definitions.put_workflow(flow, overwrite=True)

    def service(self, runs: Any = None, turns: Turns | None = None) -> ScheduleService:
        starter = Starter(Starts(self.world.door, self.world.keys), self.world.uploads)
        journal = self.store.journal
        made = ScheduleService(journal, runs or self.store.runs, starter, self.clock, turns)
        self.services.append(made)
        return made

    @asynccontextmanager
    async def running(
        self, runs: Any = None, turns: Turns | None = None
    ) -> AsyncIterator[ScheduleService]:
        service = self.service(runs, turns)
        task = asyncio.create_task(service.run())
        try:
            yield service
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def at(self, after_ms: int) -> None:
        """Sets the clock so far after T0, and lets the services look at it."""
        self.clock.advance(T0 + after_ms - self.clock.now_ms())
        for service in self.services:
            service.wake()

    async def records(self, count: int) -> list[Any]:
        """The runs, in the order of their times, once that many have ended."""

        async def ended() -> list[Any]:
            found = await self.store.executions("", "scheduledTime:ASC")
            return found if len([r for r in found if r.state != "POLLED"]) >= count else []

        return await until(ended)

    async def started(self) -> list[WorkflowState]:
        """All workflows of the log, in order."""
        found: dict[str, WorkflowState | None] = {}
        if await self.world.log.end():
            async for batch in self.world.log.follow(after=0):
                for record in batch:
                    found[record.workflow_id] = await self.world.decider.read(record.workflow_id)
                break
        return [state for state in found.values() if state is not None]


async def until(condition: Callable[[], Awaitable[Any]]) -> Any:
    while not (found := await condition()):
        await asyncio.sleep(0.001)
    return found
