import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from firmus.broker.connection import connect
from firmus.broker.streams import prepare
from firmus.broker.wire import JetStreamWire
from firmus.clock import FixedClock
from firmus.security.guard import Guard
from firmus.security.store import Keys, jetstream_keys
from firmus_contracts.errors import Refusal
from firmus_contracts.subjects import KEYS_SUBJECTS
from tests.security.contract import READER, KeysContract

pytestmark = pytest.mark.nats


@asynccontextmanager
async def instance(url: str, clock: FixedClock) -> AsyncIterator[Keys]:
    """One process's worth of store: its own connections, told when the stream grows."""
    connection = await connect(url, name="keys test")
    wire = await JetStreamWire.open(connection)
    await prepare(wire)
    store = jetstream_keys(wire=wire, servers=url, clock=clock)
    lane = await connection.open_lane(KEYS_SUBJECTS, lambda *_: store.wake())
    keeping = asyncio.create_task(store.keep_fresh())
    yield store
    keeping.cancel()
    await connection.close_lane(lane)
    await store.close()
    await wire.close()
    await connection.close()


@pytest.fixture
async def keys(fresh_streams, clock):
    async with instance(fresh_streams, clock) as made:
        yield made


class TestJetStreamKeys(KeysContract):
    pass


async def test_a_key_made_at_one_gateway_counts_at_another_at_once(keys, fresh_streams, clock):
    made = await keys.create("billing", READER)
    token = await Guard(keys, clock).token(made.key_id, made.key_secret)
    async with instance(fresh_streams, clock) as other:
        principal = await Guard(other, clock).authenticate(token)
        assert (principal.id, principal.name) == (made.key_id, "billing")


async def test_a_gateway_hears_of_a_key_that_is_revoked_elsewhere(keys, fresh_streams, clock):
    made = await keys.create("billing", READER)
    async with instance(fresh_streams, clock) as other:
        guard = Guard(other, clock)
        token = await guard.token(made.key_id, made.key_secret)
        await guard.authenticate(token)
        assert guard.known(token) is not None
        await keys.revoke(made.key_id)
        while guard.known(token) is not None:  # without asking: it was told
            await asyncio.sleep(0.01)
        with pytest.raises(Refusal) as refused:
            await guard.authenticate(token)
        assert refused.value.code == "INVALID_TOKEN"
