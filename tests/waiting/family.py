"""Workflows that wait, over a log in memory, with a hand that plays the scheduler for children."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from firmus.decider.service import Decider
from firmus.ports import Watch
from firmus.waiting import Waits
from firmus.workflow.blocking import SUB_WORKFLOW
from firmus.workflow.state import WorkflowState
from firmus_contracts import commands as cmd
from firmus_contracts import ids
from firmus_contracts.definitions import WorkflowDef
from firmus_contracts.statuses import ResultStatus
from tests.flow import simple
from tests.gateway.ports import World
from tests.waiting.test_blocking import fork, sub, wait

TASKS: dict[str, list[dict[str, Any]]] = {
    "other": [simple("never")],
    "waits": [wait("w"), wait("again")],
    "works": [simple("a"), simple("b")],
    "child": [wait("cw")],
    "parent": [sub("s"), wait("w")],
    "grand": [sub("s")],
    "two": fork([sub("s1")], [sub("s2")]),
}


class Family:
    def __init__(self, world: World) -> None:
        self.world = world
        self.decider: Decider = world.decider
        self.waits = Waits(world.door, world.decider)
        self._count = 0

    @classmethod
    async def of(cls, world: World) -> "Family":
        for name, tasks in TASKS.items():
            definition = msgspec.convert({"name": name, "tasks": tasks}, WorkflowDef)
            await world.definitions.put_workflow(definition, overwrite=True)
        return cls(world)

    def _fresh(self) -> str:
        self._count += 1
        return f"c{self._count}"

    async def start(self, name: str, workflow_id: str = "", **fields: Any) -> str:
        workflow_id = workflow_id or ids.mint_workflow_id(
            self.world.clock.now_ms(), 1000 + self._count
        )
        command = cmd.StartWorkflow(
            command_id=self._fresh(), workflow_id=workflow_id, name=name, **fields
        )
        answer = await self.decider.submit(command)
        assert isinstance(answer, cmd.Accepted), answer
        return workflow_id

    async def bear(self, parent_id: str, ref: str, name: str) -> str:
        """Starts the child of a row and tells the parent."""
        parent = await self.state(parent_id)
        row = parent.task(ref)
        assert row is not None
        assert row.made.task_type == SUB_WORKFLOW
        assert row.child_id
        task_id = parent.task_id(row.ordinal)
        await self.start(name, row.child_id, parent_workflow_id=parent_id, parent_task_id=task_id)
        await self.adopt(parent_id, ref, None)
        return row.child_id

    async def adopt(self, parent_id: str, ref: str, child_id: str | None) -> None:
        """Tells a row of its child; of another than was planned, where one is given."""
        parent = await self.state(parent_id)
        row = parent.task(ref)
        assert row is not None
        assert row.child_id
        await self.decider.submit(
            cmd.ReportChildStarted(
                command_id=self._fresh(),
                workflow_id=parent_id,
                task_id=parent.task_id(row.ordinal),
                child_id=row.child_id,
                led_to=child_id,
                adopted=child_id is not None,
            )
        )

    async def update(self, workflow_id: str, ref: str, status: str = "COMPLETED") -> None:
        state = await self.state(workflow_id)
        row = state.task(ref)
        assert row is not None
        answer = await self.decider.submit(
            cmd.UpdateTask(
                command_id=self._fresh(),
                workflow_id=workflow_id,
                task_id=state.task_id(row.ordinal),
                status=ResultStatus(status),
            )
        )
        assert isinstance(answer, cmd.Accepted), answer

    async def remove(self, workflow_id: str) -> None:
        command = cmd.RemoveWorkflow(
            command_id=self._fresh(), workflow_id=workflow_id, archive=False
        )
        answer = await self.decider.submit(command)
        assert isinstance(answer, cmd.Accepted), answer

    async def state(self, workflow_id: str) -> WorkflowState:
        state = await self.decider.read(workflow_id)
        assert state is not None
        return state

    async def watched(self, count: int) -> None:
        """Waits until the decider has so many waiters."""
        await until(lambda: len(self.decider.watches) == count)

    async def watch(self, workflow_id: str, *refs: str) -> Watch:
        state = await self.decider.read(workflow_id)
        return Watch(workflow_id=workflow_id, seen=state.version if state else 0, refs=refs)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.001)
