import random
from collections.abc import AsyncIterator
from hashlib import sha256

import pytest

from firmus.broker.connection import connect
from firmus.broker.streams import prepare
from firmus.broker.wire import JetStreamWire
from firmus.eventlog.blobs import CHUNK_BYTES, JetStreamBlobs, MemoryBlobs, blob_subject

pytestmark = pytest.mark.nats


@pytest.fixture
async def wire(fresh_streams: str) -> AsyncIterator[JetStreamWire]:
    connection = await connect(fresh_streams, name="test")
    wire = await JetStreamWire.open(connection)
    await prepare(wire)
    yield wire
    await wire.close()
    await connection.close()


@pytest.fixture(params=["memory", "jetstream"])
def blobs(request: pytest.FixtureRequest, wire: JetStreamWire) -> MemoryBlobs | JetStreamBlobs:
    return MemoryBlobs() if request.param == "memory" else JetStreamBlobs(wire)


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 11 * CHUNK_BYTES + 5])
async def test_bytes_are_found_under_their_hash(
    blobs: MemoryBlobs | JetStreamBlobs, size: int
) -> None:
    data = random.Random(size).randbytes(size)
    assert await blobs.put(data) == sha256(data).hexdigest()
    assert await blobs.get(sha256(data).hexdigest()) == data


async def test_storing_twice_is_harmless(blobs: MemoryBlobs | JetStreamBlobs) -> None:
    assert await blobs.put(b"same") == await blobs.put(b"same")
    assert await blobs.get(sha256(b"same").hexdigest()) == b"same"


async def test_nothing_stored_is_a_key_error(blobs: MemoryBlobs | JetStreamBlobs) -> None:
    with pytest.raises(KeyError):
        await blobs.get(sha256(b"never").hexdigest())


async def test_damaged_bytes_in_memory_are_refused() -> None:
    blobs = MemoryBlobs()
    digest = await blobs.put(b"sound")
    blobs.damage(digest, b"rotten")
    with pytest.raises(ValueError, match="damaged"):
        await blobs.get(digest)


async def test_a_half_stored_blob_is_refused_and_completed(wire: JetStreamWire) -> None:
    blobs = JetStreamBlobs(wire)
    data = b"a" * CHUNK_BYTES + b"b"
    digest = await blobs.put(data)
    await wire.api("STREAM.PURGE.KV_PAYLOADS", {"filter": blob_subject(digest, 0)})
    with pytest.raises(ValueError, match="damaged"):
        await blobs.get(digest)
    await blobs.put(data)
    assert await blobs.get(digest) == data
