from collections.abc import AsyncIterator

import pytest
from tests.eventlog.contract import SHARDS, Harness, LogContract

from firmus.broker.connection import connect
from firmus.broker.streams import prepare
from firmus.broker.wire import JetStreamWire
from firmus.eventlog.blobs import JetStreamBlobs, blob_subject
from firmus.eventlog.jetstream import JetStreamLog
from firmus_contracts import ids, subjects

pytestmark = pytest.mark.nats


@pytest.fixture
async def wire(fresh_streams: str) -> AsyncIterator[JetStreamWire]:
    connection = await connect(fresh_streams, name="test")
    wire = await JetStreamWire.open(connection)
    await prepare(wire, shards=SHARDS)
    yield wire
    await wire.close()
    await connection.close()


@pytest.fixture(params=[False, True], ids=["single", "replicated reads"])
def harness(wire: JetStreamWire, request: pytest.FixtureRequest) -> Harness:
    log = JetStreamLog(wire, JetStreamBlobs(wire), shards=SHARDS, replicated=request.param)

    async def store(workflow_id: str, stored: bytes) -> None:
        shard = ids.shard_of(workflow_id, SHARDS)
        await wire.publish(subjects.log_subject(0, shard, workflow_id), stored)

    async def damage(sha256: str) -> None:
        await wire.api("STREAM.PURGE.KV_PAYLOADS", {"filter": blob_subject(sha256, "*")})

    return Harness(log, store, damage)


class TestJetStreamLog(LogContract):
    """The log on a real broker keeps the contract."""
