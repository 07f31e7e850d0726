"""Timers by the real clock: the one test of the scheduler that lets time pass by itself."""

import asyncio
import contextlib
from typing import Any

import msgspec

from firmus.broker.rejections import MemoryRejections
from firmus.broker.starting import Starts
from firmus.clock import SystemClock
from firmus.decider.service import Decider
from firmus.definitions.memory import MemoryDefinitions
from firmus.eventlog.memory import MemoryLog
from firmus.scheduler.service import Scheduler
from firmus_contracts import commands as cmd
from firmus_contracts import ids
from firmus_contracts.definitions import WorkflowDef
from tests.gateway.ports import NoScripts
from tests.scheduler.conftest import until
from tests.scheduler.world import MemoryStore

COUNT = 50
FLOW: dict[str, Any] = {
    "name": "nap",
    "tasks": [
        {
            "name": "nap",
            "taskReferenceName": "nap",
            "type": "WAIT",
            "inputParameters": {"duration": "1 seconds"},
        }
    ],
}


async def no_failures(_: str) -> dict[str, Any]:
    raise AssertionError


async def test_waits_end_by_themselves_and_none_before_its_time() -> None:
    clock, log = SystemClock(), MemoryLog()
    definitions = MemoryDefinitions(clock, log.blobs)
    decider = Decider(
        log=log,
        definitions=definitions,
        scripts=NoScripts(),
        clock=clock,
        rejections=MemoryRejections(),
    )
    await definitions.put_workflow(msgspec.convert(FLOW, WorkflowDef), overwrite=True)
    scheduler = Scheduler(
        log=log,
        decider=decider,
        clock=clock,
        shards=tuple(range(16)),
        shard_count=16,
        store=MemoryStore(),
        failure_input=no_failures,
        starts=Starts(decider, None),
    )
    started = [ids.mint_workflow_id(clock.now_ms(), number) for number in range(COUNT)]
    running = asyncio.create_task(scheduler.run())
    for name in started:
        command = cmd.StartWorkflow(command_id=name, workflow_id=name, name="nap")
        await decider.submit(command)
    await until(lambda: scheduler.counters()["timers_pending"] == COUNT)
    await until(lambda: scheduler.counters()["timers_pending"] == 0)
    for name in started:
        state = await decider.read(name)
        assert state is not None
        assert state.status == "COMPLETED"
        assert state.ended_ms >= (state.tasks[1].made.deadline_ms or 0) > state.created_ms
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
