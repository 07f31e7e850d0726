"""The cache bucket: entries that end one by one, and troubles that nobody notices."""

import asyncio
from uuid import uuid4

import msgspec
import pytest

from firmus.broker.cache import ENTRY_MAX_BYTES, JetStreamCache
from firmus.broker.streams import CACHE_BUCKET, stream_configs
from firmus.broker.wire import StreamRefused
from firmus.ports import Cached

pytestmark = pytest.mark.nats
ENTRY = Cached(task_id="t", output={"x": [1, None]})


@pytest.fixture
async def cache(wire):
    """A bucket declared as firmus declares its own, under another name."""
    name = f"TEST_{uuid4().hex}"
    (config,) = [
        c
        for c in stream_configs(replicas=1, durability="process")
        if c["name"] == f"KV_{CACHE_BUCKET}"
    ]
    config |= {"name": f"KV_{name}", "subjects": [f"$KV.{name}.>"]}
    await wire.api(f"STREAM.CREATE.KV_{name}", config)
    return JetStreamCache(wire, name)


async def test_what_was_put_is_found_and_the_newest_counts(cache) -> None:
    assert await cache.get("flow.quote.d") is None
    await cache.put("flow.quote.d", ENTRY, 60)
    newer = msgspec.structs.replace(ENTRY, task_id="u")
    await cache.put("flow.quote.d", newer, 60)

    assert await cache.get("flow.quote.d") == newer
    assert await cache.get("flow.quote.e") is None


async def test_an_entry_ends_by_itself(cache) -> None:
    await cache.put("flow.quote.short", ENTRY, 1)
    await cache.put("flow.quote.long", ENTRY, 60)

    while await cache.get("flow.quote.short") is not None:
        await asyncio.sleep(0.02)
    assert await cache.get("flow.quote.long") == ENTRY


async def test_an_output_that_is_too_large_is_not_kept(cache) -> None:
    await cache.put("flow.quote.d", Cached(task_id="t", output={"x": "y" * ENTRY_MAX_BYTES}), 60)

    assert await cache.get("flow.quote.d") is None


async def test_an_entry_that_cannot_be_read_is_no_hit(cache, wire) -> None:
    await wire.publish(cache._subject("flow.quote.d"), b'{"other": 1}')

    assert await cache.get("flow.quote.d") is None


async def test_a_bucket_that_is_not_there_is_no_hit_and_no_error(wire) -> None:
    cache = JetStreamCache(wire, "NOWHERE")
    await cache.put("a.b.c", ENTRY, 60)

    assert await cache.get("a.b.c") is None
    with pytest.raises(StreamRefused):
        await wire.api("STREAM.INFO.KV_NOWHERE")
