"""A scheduler and the real decider over one log in memory, for what takes both."""

import asyncio
from typing import Any

import msgspec

from firmus.broker.starting import Starts
from firmus.scheduler.service import Scheduler
from firmus.workflow.state import WorkflowState
from firmus_contracts import commands as cmd
from firmus_contracts import ids
from firmus_contracts.definitions import WorkflowDef
from tests.gateway import ports
from tests.scheduler.conftest import until
from tests.scheduler.world import MemoryStore

SHARDS = 16


class Whole:
    """Schedulers come and go; nothing but the log is left of one that went."""

    def __init__(self) -> None:
        self.world = ports.World()
        self.decider = self.world.decider
        self.scheduler: Scheduler | None = None
        self._running: asyncio.Task[None] | None = None
        self._serial = 0

    async def register(self, name: str, *tasks: dict[str, Any], **fields: Any) -> None:
        definition = msgspec.convert({"name": name, "tasks": list(tasks), **fields}, WorkflowDef)
        await self.world.definitions.put_workflow(definition, overwrite=True)

    async def schedule(self) -> None:
        """Runs a scheduler; one that ran before ends without a checkpoint."""
        await self.end()
        starts = Starts(self.decider, self.world.keys)

        async def no_failures(_: str) -> dict[str, Any]:
            raise AssertionError

        scheduler = Scheduler(
            log=self.world.log,
            decider=self.decider,
            clock=self.world.clock,
            shards=tuple(range(SHARDS)),
            shard_count=SHARDS,
            store=MemoryStore(),
            failure_input=no_failures,
            starts=starts,
        )
        self.scheduler = scheduler
        self._running = asyncio.create_task(scheduler.run())
        await scheduler.ready.wait()

    async def end(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def start(self, name: str, **given: Any) -> str:
        self._serial += 1
        workflow_id = ids.mint_workflow_id(self.world.clock.now_ms(), self._serial)
        command = cmd.StartWorkflow(
            command_id=f"s{self._serial}", workflow_id=workflow_id, name=name, input=given
        )
        assert isinstance(await self.decider.submit(command), cmd.Accepted)
        return workflow_id

    async def state(self, workflow_id: str) -> WorkflowState:
        state = await self.decider.read(workflow_id)
        assert state is not None
        return state

    async def status(self, workflow_id: str, wanted: str) -> bool:
        return (await self.state(workflow_id)).status == wanted

    async def reached(self, workflow_id: str, wanted: str) -> WorkflowState:
        await until(lambda: self.status(workflow_id, wanted))
        return await self.state(workflow_id)
