import asyncio
from uuid import uuid4

import pytest

from firmus.broker.connection import connect
from firmus.broker.wire import JetStreamWire

TTL_S = 1.0


@pytest.fixture
async def wire(nats_url):
    connection = await connect(nats_url, name="keys test")
    wire = await JetStreamWire.open(connection)
    yield wire
    await wire.close()
    await connection.close()


async def declare_bucket(wire, *, ttl_s=0.0) -> str:
    """A bucket of its own for one test, with the properties that firmus gives its buckets."""
    name = f"TEST_{uuid4().hex}"
    nanos = int(ttl_s * 1e9)
    config = {
        "name": f"KV_{name}",
        "subjects": [f"$KV.{name}.>"],
        "storage": "memory",
        "discard": "new",
        "max_msgs_per_subject": 1,
        "allow_rollup_hdrs": True,
        "allow_direct": True,
        "max_age": nanos,
        "duplicate_window": nanos or 120_000_000_000,
    }
    await wire.api(f"STREAM.CREATE.KV_{name}", config)
    return name


@pytest.fixture
async def bucket(wire):
    return await declare_bucket(wire)


@pytest.fixture
async def leases_bucket(wire):
    return await declare_bucket(wire, ttl_s=TTL_S)


async def until(condition) -> None:
    while not condition():
        await asyncio.sleep(0.005)
