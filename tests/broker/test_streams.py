import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec
import pytest
from tests.nats_server import KEPT, stream_names

from firmus.broker import streams
from firmus.broker.connection import BrokerUnsuitable, connect
from firmus.broker.streams import FORMAT, Layout, check_layout, prepare, stream_configs
from firmus.broker.wire import STREAM_STORE_FAILED, JetStreamWire, StreamRefused
from firmus_contracts import subjects

pytestmark = pytest.mark.nats
LAYOUT = Layout(format=FORMAT, shards=16, cluster_id="c", epochs=(0,), oldest_decider="0.1.0")


W = TypeVar("W", bound=JetStreamWire)


@asynccontextmanager
async def opened(url: str, kind: type[W] = JetStreamWire) -> AsyncIterator[W]:
    connection = await connect(url, name="test")
    wire = await kind.open(connection)
    try:
        yield wire
    finally:
        await wire.close()
        await connection.close()


async def test_processes_that_start_at_once_agree(fresh_streams: str) -> None:
    async def start() -> Layout:
        async with opened(fresh_streams) as wire:
            return await prepare(wire)

    layouts = await asyncio.gather(*(start() for _ in range(8)))
    assert len(set(layouts)) == 1
    assert layouts[0].shards == 16
    async with opened(fresh_streams) as wire:
        names = stream_names(await wire.api("STREAM.NAMES"))
        wanted = {config["name"] for config in stream_configs(replicas=1, durability="process")}
        assert set(names) == wanted | {"KV_META", KEPT}


async def test_the_shards_of_a_log_are_fixed(fresh_streams: str) -> None:
    async with opened(fresh_streams) as wire:
        first = await prepare(wire, shards=4)
        assert await prepare(wire) == first
        assert await prepare(wire, shards=4) == first
        with pytest.raises(BrokerUnsuitable, match="4 shards, not 16"):
            await prepare(wire, shards=16)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": FORMAT + 1}, "format"),
        ({"shards": 8}, "shards"),
        ({"oldest_decider": "0.10.0"}, r"firmus 0\.10\.0 or newer"),
        ({"epochs": (0, 1)}, "epochs"),
    ],
)
def test_a_log_of_another_kind_is_refused(change: dict[str, object], message: str) -> None:
    check_layout(LAYOUT, shards=16)
    with pytest.raises(BrokerUnsuitable, match=message):
        check_layout(msgspec.structs.replace(LAYOUT, **change), shards=16)


async def test_a_metadata_record_of_another_shape_is_refused(fresh_streams: str) -> None:
    async with opened(fresh_streams) as wire:
        await prepare(wire)
        await wire.publish("$KV.META.layout", b'{"format": "one"}')
        with pytest.raises(BrokerUnsuitable, match="metadata"):
            await prepare(wire)


async def test_a_stream_that_cannot_serve_is_refused(fresh_streams: str) -> None:
    async with opened(fresh_streams) as wire:
        foreign = {"name": "START", "subjects": ["firmus.start.>"], "retention": "limits"}
        await wire.api("STREAM.CREATE.START", foreign)
        with pytest.raises(BrokerUnsuitable, match="START exists with retention 'limits'"):
            await prepare(wire)


class Stumbling(JetStreamWire):
    """Its server cannot make the stores of some streams, as while it removes the folder around
    them because the last stream was deleted.
    """

    stumbles = 0

    async def api(self, call: str, request: Any = None) -> bytes:
        if call.startswith("STREAM.CREATE") and self.stumbles:
            self.stumbles -= 1
            raise StreamRefused(STREAM_STORE_FAILED, "error creating store for stream")
        return await super().api(call, request)


async def test_a_store_that_cannot_be_made_for_the_moment_is_tried_again(
    fresh_streams: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "STORE_TRIES", 2)
    async with opened(fresh_streams, Stumbling) as wire:
        wire.stumbles = 1
        assert (await prepare(wire)).shards == 16


async def test_a_store_that_cannot_be_made_at_all_is_told(
    fresh_streams: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "STORE_TRIES", 2)
    async with opened(fresh_streams, Stumbling) as wire:
        wire.stumbles = 2
        with pytest.raises(BrokerUnsuitable, match="KV_META: error creating store"):
            await prepare(wire)


async def test_what_an_operator_changed_is_kept(fresh_streams: str) -> None:
    async with opened(fresh_streams) as wire:
        await prepare(wire)
        info = msgspec.json.decode(await wire.api("STREAM.INFO.EVENTS"))
        await wire.api("STREAM.UPDATE.EVENTS", info["config"] | {"max_msgs": 1000})
        await prepare(wire)
        info = msgspec.json.decode(await wire.api("STREAM.INFO.EVENTS"))
        assert info["config"]["max_msgs"] == 1000


async def test_every_stream_takes_its_subjects(fresh_streams: str) -> None:
    targets = {
        subjects.log_subject(0, 3, "w"): "LOG_0",
        subjects.workflow_event_subject("started", "a.b", "w"): "EVENTS",
        subjects.task_event_subject("completed", "order flow", "w", "t*"): "EVENTS",
        subjects.start_subject("order"): "START",
        subjects.dead_letter_subject("order"): "DEAD_LETTERS",
        subjects.rejected_subject("w"): "REJECTED",
        "firmus.definitions.workflow.x": "DEFINITIONS",
    }
    async with opened(fresh_streams) as wire:
        await prepare(wire)
        for subject, stream in targets.items():
            await wire.publish(subject, b"{}")
            last = await wire.last(stream, subject)
            assert last is not None, subject


async def test_buckets_are_usable_by_ordinary_clients(fresh_streams: str) -> None:
    async with opened(fresh_streams) as wire:
        await prepare(wire)
        js = wire.connection.jetstream()
        for name in ("LEASES", "KEYS", "META", "PAYLOADS"):
            bucket = await js.key_value(name)
            revision = await bucket.create("k", b"1")
            await bucket.update("k", b"2", last=revision)
            assert (await bucket.get("k")).value == b"2"
        assert (await (await js.key_value("LEASES")).status()).ttl == 10
        store = await js.object_store("CHECKPOINTS")
        await store.put("3", b"state")
        assert (await store.get("3")).data == b"state"


def test_only_the_power_safe_log_takes_atomic_batches() -> None:
    for durability, atomic in (("process", False), ("power", True)):
        [log, *_] = stream_configs(replicas=1, durability=durability)  # type: ignore[arg-type]
        assert log["allow_atomic"] is atomic


async def test_the_power_safe_streams_are_taken_by_the_server(fresh_streams: str) -> None:
    async with opened(fresh_streams) as wire:
        await prepare(wire, durability="power")
        info = msgspec.json.decode(await wire.api("STREAM.INFO.LOG_0"))
        assert info["config"]["allow_atomic"] is True


def test_replicated_streams_do_not_ask_for_lazy_persistence() -> None:
    configs = stream_configs(replicas=3, durability="process")
    assert all(config["num_replicas"] == 3 for config in configs)
    assert not any("persist_mode" in config for config in configs)
