"""How much a client may ask for: its calls in time, and all calls at once."""

import asyncio
from typing import Any

import grpc
import msgspec
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from firmus.edge.rates import Rate
from firmus.rpc import service
from firmus.security.guard import Guard
from firmus.security.store import memory_keys
from tests.gateway.ports import World
from tests.rpc.client import Failed, Rpc
from tests.rpc.conftest import ports_of
from tests.rpc.test_access import Gate

RATE = Rate(per_s=0.01, burst=3)
NOBODY = (("x-authorization", "made up"),)


async def code(rpc: Rpc, metadata: Any = ()) -> str:
    try:
        await rpc.call("TaskService", "GetQueueInfo", {}, metadata=metadata)
    except Failed as failed:
        return failed.code
    return "OK"


async def test_a_client_that_asks_too_often_is_turned_away_and_health_is_free() -> None:
    server = await service.start(ports_of(World()), host="127.0.0.1", port=0, rate=RATE)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        codes = [await code(Rpc(channel)) for _ in range(5)]
        health: Any = health_pb2_grpc.HealthStub(channel)
        await health.Check(health_pb2.HealthCheckRequest())
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        again = await code(Rpc(channel))
    await server.close()
    assert codes == ["OK"] * 3 + ["RESOURCE_EXHAUSTED"] * 2
    assert again == "RESOURCE_EXHAUSTED"  # another connection of the same address


async def test_keys_have_buckets_of_their_own_and_guessing_empties_that_of_the_address() -> None:
    world = World()
    guard = Guard(memory_keys(world.clock), world.clock)
    ports = msgspec.structs.replace(ports_of(world), guard=guard)
    server = await service.start(ports, host="127.0.0.1", port=0, rate=RATE)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        gate = Gate(Rpc(channel), guard)
        one = [await code(gate.rpc, await gate.by("read")) for _ in range(4)]
        other = await code(gate.rpc, await gate.by("execute"))
        guesses = [await code(gate.rpc, NOBODY) for _ in range(5)]
        still = await code(gate.rpc, await gate.by("execute"))
        right = await code(gate.rpc, await gate.by("admin"))
    await server.close()
    assert one == ["OK"] * 3 + ["RESOURCE_EXHAUSTED"]
    assert other == "OK"
    assert guesses == ["UNAUTHENTICATED"] * 3 + ["RESOURCE_EXHAUSTED"] * 2
    assert (still, right) == ("OK", "RESOURCE_EXHAUSTED")


async def test_calls_that_are_not_allowed_count_and_are_counted() -> None:
    world = World()
    guard = Guard(memory_keys(world.clock), world.clock)
    ports = msgspec.structs.replace(ports_of(world), guard=guard)
    server = await service.start(ports, host="127.0.0.1", port=0, rate=RATE)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        gate = Gate(Rpc(channel), guard)
        codes = [
            await gate.code("MetadataService/GetTask", "read:orders_*", taskType="pay")
            for _ in range(4)
        ]
        unnamed = await code(gate.rpc)
        unreadable = channel.unary_unary(  # type: ignore[var-annotated]  # bytes as they are
            "/conductor.grpc.metadata.MetadataService/GetTask"
        )
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await unreadable(b"\xff\xff")
    await server.close()
    assert codes == ["PERMISSION_DENIED"] * 3 + ["RESOURCE_EXHAUSTED"]
    assert unnamed == failed.value.code().name == "UNAUTHENTICATED"
    counts = {code: count for code, count in guard.refusals.counts.items() if count}
    assert counts == {"FORBIDDEN": 3, "UNAUTHENTICATED": 2}


@pytest.mark.parametrize(
    ("peer", "host"),
    [
        ("ipv4:10.0.0.7:40000", "10.0.0.7"),
        ("ipv6:%5B2001:db8::1%5D:40000", "2001:db8::1"),
        ("ipv6:[2001:db8::1]:40000", "2001:db8::1"),
        ("unknown", ""),
    ],
)
def test_a_client_is_its_host_whatever_port_it_calls_from(peer: str, host: str) -> None:
    assert service.host_of(peer) == host


async def test_more_calls_at_once_than_allowed_are_turned_away() -> None:
    world = World()
    server = await service.start(ports_of(world), host="127.0.0.1", port=0, calls_max=1)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        rpc = Rpc(channel)
        waiting = asyncio.create_task(rpc.tasks("BatchPoll", taskType="charge", timeout=5000))
        await world.queues.polling.wait()
        with pytest.raises(Failed) as failed:
            await rpc.tasks("GetQueueInfo")
        await server.close()
        assert await waiting == []
    assert failed.value.code == "RESOURCE_EXHAUSTED"
