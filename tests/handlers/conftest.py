"""Event handlers on a real broker, before the real decider over a log in memory."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
import pytest

from firmus.broker.connection import Connection, connect
from firmus.broker.keys import JetStreamKeyStore
from firmus.broker.starting import Starts
from firmus.broker.streams import prepare
from firmus.broker.wire import JetStreamWire
from firmus.decider.scripts import QuickJsScripts
from firmus.handlers.handling import Handling
from firmus.handlers.service import EventHandling
from firmus.handlers.store import EventHandlers, jetstream_handlers
from firmus.ports import DeciderPort
from firmus_contracts.definitions import WorkflowDef
from firmus_contracts.event_handlers import EventExecution, EventHandler
from firmus_contracts.subjects import HANDLED_STREAM, HANDLED_SUBJECTS, message_subject
from tests.gateway.ports import World

EVENT = "conductor:flow:e"


class Bench:
    def __init__(self, connection: Connection, wire: JetStreamWire, store: EventHandlers) -> None:
        self.connection = connection
        self.wire = wire
        self.store = store
        self.world = World()
        self.scripts = QuickJsScripts(threads=1)

    @asynccontextmanager
    async def running(self, decider: DeciderPort | None = None) -> AsyncIterator[EventHandling]:
        door = decider or self.world.door
        starts = Starts(door, JetStreamKeyStore(self.wire))
        service = EventHandling(self.connection, self.store, Handling(door, starts, self.scripts))
        task = asyncio.create_task(service.run())
        try:
            yield service
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def define(self, *tasks: dict[str, Any], name: str = "started") -> None:
        given = {"name": name, "version": 1, "schemaVersion": 2, "tasks": list(tasks)}
        await self.world.definitions.put_workflow(
            msgspec.convert(given, WorkflowDef), overwrite=True
        )

    async def send(self, payload: bytes, *, message_id: str = "m1", event: str = EVENT) -> None:
        subject = message_subject(event.removeprefix("conductor:"))
        await self.wire.publish(subject, payload, headers={"Nats-Msg-Id": message_id})

    async def until(self, condition: Callable[[], Awaitable[Any]]) -> Any:
        while not (found := await condition()):
            await asyncio.sleep(0.01)
        return found

    async def records(self) -> list[EventExecution]:
        stored = await self.wire.history(HANDLED_STREAM, HANDLED_SUBJECTS)
        return [msgspec.json.decode(one.data, type=EventExecution) for one in stored]


def handler(name: str, *actions: dict[str, Any], **fields: Any) -> EventHandler:
    given = {"name": name, "event": EVENT, "active": True, "actions": list(actions), **fields}
    return msgspec.convert(given, EventHandler)


def starting(name: str = "started", **fields: Any) -> dict[str, Any]:
    return {"action": "start_workflow", "start_workflow": {"name": name, **fields}}


@pytest.fixture
async def bench(fresh_streams: str) -> AsyncIterator[Bench]:
    connection = await connect(fresh_streams, name="handlers test")
    wire = await JetStreamWire.open(connection)
    await prepare(wire)
    world = World()
    store = jetstream_handlers(wire=wire, servers=fresh_streams, clock=world.clock)
    found = Bench(connection, wire, store)
    await found.define({"name": "wait", "taskReferenceName": "wait", "type": "HUMAN"})
    yield found
    found.scripts.close()
    await store.close()
    await wire.close()
    await connection.close()
