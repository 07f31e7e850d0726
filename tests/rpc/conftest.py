from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import grpc
import pytest

from firmus.gateway import service as rest
from firmus.handlers.store import memory_handlers
from firmus.rpc import service
from firmus.rpc.ports import RpcPorts
from tests.gateway.client import Api
from tests.gateway.ports import World
from tests.rpc.client import Rpc


def ports_of(world: World) -> RpcPorts:
    """What the gateway of this world has, as far as gRPC needs it."""
    given = world.ports()
    return RpcPorts(
        decider=given.decider,
        starts=given.starts,
        queues=given.queues,
        definitions=given.definitions,
        search=given.search,
        clock=given.clock,
        payloads=given.payloads,
        event_handlers=memory_handlers(world.clock),
        polls=given.polls,
    )


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def server(world: World) -> AsyncIterator[service.RpcServer]:
    server = await service.start(ports_of(world), host="127.0.0.1", port=0)
    yield server
    await server.close()


@pytest.fixture
async def rpc(server: service.RpcServer) -> AsyncIterator[Rpc]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        yield Rpc(channel)


@asynccontextmanager
async def gateway_of(world: World) -> AsyncIterator[Api]:
    """REST on the same world."""
    listener = await rest.start(world.ports(), host="127.0.0.1", port=0)
    try:
        async with aiohttp.ClientSession() as session:
            yield Api(session, listener.port)
    finally:
        await listener.close()


@pytest.fixture
async def started(rpc: Rpc) -> str:
    """A workflow `orders` of one task `charge`, started with an amount."""
    await register(rpc, "orders", "charge")
    answer = await rpc.workflows(
        "StartWorkflow", name="orders", input={"amount": 3}, correlationId="c1"
    )
    return str(answer["workflowId"])


async def register(rpc: Rpc, name: str, *task_types: str) -> None:
    tasks = [
        {
            "name": task_type,
            "taskReferenceName": f"t{place}",
            "type": "SIMPLE",
            "retryCount": -1,
            "inputParameters": {"amount": "${workflow.input.amount}"},
        }
        for place, task_type in enumerate(task_types)
    ]
    workflow = {"name": name, "version": 1, "schemaVersion": 2, "tasks": tasks}
    await rpc.metadata("CreateWorkflow", workflow=workflow)
