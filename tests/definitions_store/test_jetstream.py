import asyncio

import pytest
from tests.definitions_store.contract import DefinitionsContract
from tests.definitions_store.samples import task, workflow

from firmus.broker.connection import connect
from firmus.broker.streams import prepare
from firmus.broker.wire import JetStreamWire
from firmus.clock import FixedClock
from firmus.definitions.store import JetStreamDefinitions
from firmus.eventlog.blobs import JetStreamBlobs
from firmus.ports import Unavailable
from firmus_contracts.errors import Refusal

pytestmark = pytest.mark.nats


class Instance:
    """One process's worth of store: its own connections."""

    def __init__(self, url, clock):
        self._url = url
        self._clock = clock

    async def __aenter__(self) -> JetStreamDefinitions:
        self.connection = await connect(self._url, name="definitions test")
        self.wire = await JetStreamWire.open(self.connection)
        await prepare(self.wire)
        self.store = JetStreamDefinitions(
            wire=self.wire,
            servers=self._url,
            blobs=JetStreamBlobs(self.wire),
            clock=self._clock,
        )
        return self.store

    async def __aexit__(self, *_: object) -> None:
        await self.store.close()
        await self.wire.close()
        await self.connection.close()


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
async def definitions(fresh_streams, clock):
    async with Instance(fresh_streams, clock) as store:
        yield store


@pytest.fixture
async def other(definitions, fresh_streams, clock):
    """A second instance on the same streams."""
    async with Instance(fresh_streams, clock) as store:
        yield store


class TestJetStreamDefinitions(DefinitionsContract):
    pass


async def test_what_one_instance_registers_another_pins_at_once(definitions, other):
    await other.workflows()
    for version in range(1, 30):
        await definitions.put_workflow(workflow(version=version), overwrite=False)
        pinned = await other.pin("order_flow")
        assert pinned.blueprint.definition.version == version


async def test_a_snapshot_pinned_by_one_instance_is_loaded_by_another(definitions, other):
    await definitions.put_workflow(workflow(), overwrite=False)
    pinned = await definitions.pin("order_flow")
    loaded = await other.pinned(pinned.sha256)
    assert loaded.definition == pinned.blueprint.definition


async def test_two_instances_that_write_one_name_lose_nothing(definitions, other):
    writes = [
        store.put_workflow(workflow(version=version), overwrite=False)
        for version in range(20)
        for store in [(definitions, other)[version % 2]]
    ]
    await asyncio.gather(*writes)
    assert [d.version for d in await other.workflows()] == list(range(20))


async def test_of_two_instances_that_register_one_version_one_succeeds(definitions, other):
    tries = (
        store.put_workflow(workflow(), overwrite=False)
        for store in (definitions, other)
        for _ in range(5)
    )
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert results.count(None) == 1


async def test_a_new_instance_finds_everything_that_was_registered(
    definitions, fresh_streams, clock
):
    for n in range(3):
        await definitions.put_task(task(f"t{n}"))
    async with Instance(fresh_streams, clock) as later:
        assert [d.name for d in await later.tasks()] == ["t0", "t1", "t2"]


async def test_a_definition_larger_than_a_message_is_refused(definitions):
    huge = workflow(description="x" * 9_000_000)
    with pytest.raises(Refusal) as refusal:
        await definitions.put_workflow(huge, overwrite=False)
    assert refusal.value.code == "PAYLOAD_TOO_LARGE"
    assert await definitions.workflow("order_flow") is None


async def test_without_a_broker_reads_are_unavailable_until_it_is_back(own_server, clock):
    async with Instance(own_server.url, clock) as store:
        await store.put_task(task())
        own_server.kill()
        with pytest.raises(Unavailable):
            await store.task("pack")
        own_server.start()
        while True:
            try:
                found = await store.task("pack")
                break
            except Unavailable:
                await asyncio.sleep(0.01)
        assert found.name == "pack"
