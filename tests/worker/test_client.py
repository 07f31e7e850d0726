"""Client and worker over a real broker, before the real decider and scheduler-side queues."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from tests.gateway.ports import NoScripts

from firmus.broker.connection import connect
from firmus.broker.rejections import MemoryRejections
from firmus.broker.streams import prepare
from firmus.broker.wire import JetStreamWire
from firmus.clock import SystemClock
from firmus.decider.service import Decider
from firmus.definitions.memory import MemoryDefinitions
from firmus.eventlog.blobs import JetStreamBlobs
from firmus.eventlog.jetstream import JetStreamLog
from firmus.transport.decider import DeciderServer
from firmus.transport.watching import WatchServer
from firmus.worker import Client
from firmus_contracts import subjects
from firmus_contracts.commands import TerminateWorkflow
from firmus_contracts.definitions import WorkflowDef, WorkflowTask
from firmus_contracts.errors import Refusal
from firmus_contracts.statuses import WorkflowStatus

pytestmark = pytest.mark.nats


class Order(msgspec.Struct):
    number: int


class System:
    """The decider of a running system, and a way to publish what its projection would."""

    def __init__(self, decider: Decider, wire: JetStreamWire) -> None:
        self.decider = decider
        self.wire = wire

    async def end(self, workflow_id: str, *, publish: bool) -> None:
        command = TerminateWorkflow(command_id="end", workflow_id=workflow_id, reason="enough")
        await self.decider.submit(command)
        if publish:
            subject = subjects.workflow_event_subject("terminated", "flow", workflow_id)
            await self.wire.publish(subject, b"{}")


@pytest.fixture
async def system(fresh_streams: str) -> AsyncIterator[System]:
    connection = await connect(fresh_streams, name="client test")
    wire = await JetStreamWire.open(connection)
    layout = await prepare(wire, shards=3)
    blobs = JetStreamBlobs(wire)
    definitions = MemoryDefinitions(SystemClock(), blobs)
    task = WorkflowTask(name="ask", task_reference_name="ask", type="HUMAN")
    await definitions.put_workflow(WorkflowDef(name="flow", tasks=[task]), overwrite=True)
    decider = Decider(
        log=JetStreamLog(wire, blobs, shards=layout.shards),
        definitions=definitions,
        scripts=NoScripts(),
        clock=SystemClock(),
        rejections=MemoryRejections(),
    )
    wait = WorkflowTask(name="w", task_reference_name="w", type="WAIT")
    await definitions.put_workflow(WorkflowDef(name="waits", tasks=[wait, task]), overwrite=True)
    servers = (DeciderServer(connection, decider), WatchServer(connection, decider))
    for server in servers:
        await server.own(range(layout.shards))
    yield System(decider, wire)
    for server in servers:
        await server.stop()
    await wire.close()
    await connection.close()


@pytest.fixture
async def client(system: System, nats_url: str) -> AsyncIterator[Client]:
    async with Client(nats_url) as opened:
        yield opened


async def test_a_started_workflow_can_be_read_at_once(client: Client) -> None:
    workflow_id = await client.start("flow", Order(7), correlation_id="c", priority=3)
    workflow = await client.get(workflow_id)
    assert (workflow.name, workflow.status) == ("flow", WorkflowStatus.RUNNING)
    assert (workflow.input, workflow.correlation_id) == ({"number": 7}, "c")
    assert workflow.task("ask").task_type == "HUMAN"
    assert len(await client.history(workflow_id)) == 1
    with pytest.raises(KeyError):
        workflow.task("other")


async def test_the_same_idempotency_key_gives_the_same_workflow(client: Client) -> None:
    first, second = await asyncio.gather(
        *(client.start("flow", {"n": n}, idempotency_key="k") for n in (1, 2))
    )
    third = await client.start("flow", {"n": 3}, idempotency_key="k")
    assert first == second == third
    assert await client.start("flow", idempotency_key="other") != first


@pytest.mark.parametrize(
    ("name", "more", "code"),
    [
        ("nobody", {}, "NOT_FOUND"),
        ("flow", {"version": 9}, "NOT_FOUND"),
        ("flow", {"priority": 100}, "INVALID"),
        ("", {}, "INVALID"),
    ],
)
async def test_a_start_that_cannot_be_is_refused(
    client: Client, name: str, more: dict[str, Any], code: str
) -> None:
    with pytest.raises(Refusal) as refused:
        await client.start(name, **more)
    assert refused.value.code == code


async def test_waiting_ends_with_the_event_of_the_end(client: Client, system: System) -> None:
    workflow_id = await client.start("flow")
    waiting = asyncio.create_task(client.wait(workflow_id))
    await asyncio.sleep(0)
    await system.end(workflow_id, publish=True)
    workflow = await waiting
    assert (workflow.status, workflow.reason) == (WorkflowStatus.TERMINATED, "enough")


async def test_waiting_for_what_has_ended_already_needs_no_event(
    client: Client, system: System
) -> None:
    workflow_id = await client.start("flow")
    await system.end(workflow_id, publish=False)
    workflow = await client.wait(workflow_id)
    assert workflow.status is WorkflowStatus.TERMINATED


async def test_waiting_survives_an_event_that_was_never_heard(
    client: Client, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firmus.worker.client.LOOK_AGAIN_S", 0.02)
    workflow_id = await client.start("flow")
    waiting = asyncio.create_task(client.wait(workflow_id))
    await client.get(workflow_id)
    await system.end(workflow_id, publish=False)
    assert (await waiting).status is WorkflowStatus.TERMINATED


async def test_a_workflow_that_never_was_is_not_found(client: Client) -> None:
    with pytest.raises(Refusal) as refused:
        await client.get("01a201e6-e778-8361-ba51-3366ef000000")
    assert refused.value.code == "NOT_FOUND"


async def test_a_start_event_with_a_message_id_is_stored_once(
    client: Client, system: System
) -> None:
    first = await client.publish_start_event("flow", {"n": 1}, message_id="m")
    again = await client.publish_start_event("flow", {"n": 1}, message_id="m")
    assert first == again
    stored = await system.wire.last(subjects.START_STREAM, subjects.start_subject("flow"))
    assert stored is not None
    assert msgspec.json.decode(stored.data)["input"] == {"n": 1}


async def test_executing_waits_until_the_workflow_blocks_and_a_signal_sends_it_on(
    client: Client, system: System
) -> None:
    run = await client.execute("waits", {"n": 1})
    assert run.blocking is not None
    assert (run.blocking.ref, run.holder, run.timed_out) == ("w", run.workflow, False)
    workflow_id = run.workflow.workflow_id
    assert await client.signal(workflow_id, Order(7)) is True
    assert await client.signal(workflow_id) is False

    again = await client.until_blocked(workflow_id, until=["w"])
    assert again.workflow.task("w").output == {"number": 7}
    late = await client.until_blocked(workflow_id, within_s=0.01)
    assert (late.blocking, late.timed_out) == (None, True)
    waiting = asyncio.create_task(client.until_blocked(workflow_id, within_s=60))
    while not system.decider.watches:
        await asyncio.sleep(0.001)
    await system.end(workflow_id, publish=False)
    ended = await waiting
    assert (ended.workflow.status, ended.timed_out) == (WorkflowStatus.TERMINATED, False)


async def test_neither_waits_for_nor_signals_what_never_was(client: Client) -> None:
    for call in (client.until_blocked, client.signal):
        with pytest.raises(Refusal) as refused:
            await call("01a201e6-e778-8361-ba51-3366ef000000")
        assert refused.value.code == "NOT_FOUND"


async def test_a_client_must_be_entered(nats_url: str) -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await Client(nats_url).start("flow")
