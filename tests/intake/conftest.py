"""An intake on a real broker, before the real decider over a log in memory."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from firmus.broker.connection import Connection, connect
from firmus.broker.keys import JetStreamKeyStore
from firmus.broker.starting import Starts
from firmus.broker.streams import prepare
from firmus.broker.wire import JetStreamWire, Stored
from firmus.intake.service import Intake
from firmus.workflow.state import WorkflowState
from firmus_contracts import subjects
from firmus_contracts.definitions import WorkflowDef, WorkflowTask
from tests.gateway.ports import World


class Bench:
    """What the tests of the intake hold in their hands."""

    def __init__(self, url: str, connection: Connection, wire: JetStreamWire) -> None:
        self.url = url
        self.connection = connection
        self.wire = wire
        self.world = World()
        self.keys = JetStreamKeyStore(wire)
        self.starts = Starts(self.world.door, self.keys)

    def intake(self) -> Intake:
        uploads = self.world.uploads
        return Intake(self.url, starts=self.starts, payloads=uploads)

    async def publish(self, subject: str, data: bytes = b"", **headers: str) -> int:
        given = {key.replace("_", "-"): value for key, value in headers.items()}
        return await self.wire.publish(subject, data, headers=given or None)

    async def until(self, condition: Callable[[], Awaitable[Any]]) -> Any:
        while not (found := await condition()):
            await asyncio.sleep(0.005)
        return found

    async def answered(self) -> bool:
        """Whether every start event was taken and answered for good."""
        return (await self.wire.stream_state(subjects.START_STREAM)).messages == 0

    async def workflows(self) -> list[WorkflowState]:
        found = {}
        if await self.world.log.end():
            async for batch in self.world.log.follow(after=0):
                for record in batch:
                    found[record.workflow_id] = await self.world.decider.read(record.workflow_id)
                break
        return [state for state in found.values() if state is not None]

    async def dead_letters(self) -> list[Stored]:
        stream, names = subjects.DEAD_LETTER_STREAM, subjects.DEAD_LETTER_SUBJECTS
        return await self.wire.history(stream, names)


@pytest.fixture
async def bench(fresh_streams: str) -> AsyncIterator[Bench]:
    connection = await connect(fresh_streams, name="intake test")
    wire = await JetStreamWire.open(connection)
    await prepare(wire)
    found = Bench(fresh_streams, connection, wire)
    task = WorkflowTask(name="wait", task_reference_name="wait", type="HUMAN")
    await found.world.definitions.put_workflow(
        WorkflowDef(name="flow", tasks=[task]), overwrite=True
    )
    yield found
    await wire.close()
    await connection.close()


@pytest.fixture
async def intake(bench: Bench) -> AsyncIterator[Intake]:
    running = bench.intake()
    await running.start()
    yield running
    await running.stop()
