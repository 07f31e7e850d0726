"""The server itself: where it listens, what it is asked beside the services, how much it takes."""

import asyncio
from typing import Any

import grpc
import msgspec
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from firmus.ports import Unavailable
from firmus.rpc import service
from firmus.rpc.messages import executions_pb2, task_service_pb2
from firmus.rpc.problems import status_of
from firmus_contracts.errors import ERRORS, Refusal, ValidationError
from tests.gateway.ports import World
from tests.rpc.client import PACKAGES, Failed, Rpc
from tests.rpc.conftest import ports_of, register

BIG = "x" * 200_000
"""A few of these fill what HTTP/2 lets lie about for a client that does not read."""


async def test_a_port_that_is_taken_is_said_so(world: World, server: service.RpcServer) -> None:
    with pytest.raises(OSError, match=f"127.0.0.1:{server.port} for gRPC"):
        await service.start(ports_of(world), host="127.0.0.1", port=server.port)


async def test_closing_twice_is_harmless(server: service.RpcServer) -> None:
    await server.close()
    await server.close()


async def test_its_health_is_told_by_service(server: service.RpcServer, rpc: Rpc) -> None:
    health: Any = health_pb2_grpc.HealthStub(rpc.channel)
    for name in ("", *(f"{package}.{each}" for each, package in PACKAGES.items())):
        answer = await health.Check(health_pb2.HealthCheckRequest(service=name))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_tools_can_ask_which_services_there_are(rpc: Rpc) -> None:
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(rpc.channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    async for answer in stub.ServerReflectionInfo(iter([request])):
        names = {each.name for each in answer.list_services_response.service}
    assert names >= {f"{package}.{each}" for each, package in PACKAGES.items()}


async def test_an_unknown_method_is_unimplemented(rpc: Rpc) -> None:
    call = rpc.channel.unary_unary("/conductor.grpc.tasks.TaskService/Nothing")
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call(b"")
    assert failed.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_message_that_cannot_be_read_is_the_callers_mistake(rpc: Rpc) -> None:
    call = rpc.channel.unary_unary("/conductor.grpc.tasks.TaskService/Poll")
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call(b"\xff\xff\xff")
    assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_message_of_more_than_java_takes_by_itself_is_taken(rpc: Rpc, started: str) -> None:
    given = {"text": "x" * 5_000_000}
    answer = await rpc.workflows("StartWorkflow", name="orders", input=given)
    assert answer["workflowId"]


async def test_a_message_that_is_too_large_is_refused(rpc: Rpc) -> None:
    given = {"text": "x" * (service.MESSAGE_BYTES_MAX + 1)}
    with pytest.raises(Failed) as failed:
        await rpc.workflows("StartWorkflow", name="orders", input=given)
    assert failed.value.code == "RESOURCE_EXHAUSTED"


async def test_tasks_that_a_client_did_not_take_are_for_the_next(rpc: Rpc) -> None:
    """A stream waits for its client; when that leaves, what is left is handed to who asks."""
    await register(rpc, "orders", "charge")
    for _ in range(40):
        await rpc.workflows("StartWorkflow", name="orders", input={"amount": BIG})
    call = rpc.open("TaskService", "BatchPoll", {"taskType": "charge", "count": 40})
    assert isinstance(await call.read(), executions_pb2.Task)
    call.cancel()
    left: set[str] = set()
    while not left:
        answers = await rpc.tasks("BatchPoll", taskType="charge", count=40)
        left |= {answer["taskId"] for answer in answers}
    assert len(left) < 40
    assert await rpc.tasks("BatchPoll", taskType="charge", count=40) == []


async def test_many_calls_go_over_one_connection(rpc: Rpc) -> None:
    await register(rpc, "orders", "charge")
    asked = {"name": "orders"}
    await asyncio.gather(*(rpc.workflows("StartWorkflow", **asked) for _ in range(50)))
    found = await asyncio.gather(*(rpc.tasks("Poll", taskType="charge") for _ in range(50)))
    assert len({answer["task"]["taskId"] for answer in found}) == 50


INSIDE = {"UNREADABLE_LOG", "INTERNAL"}
OF_HTTP = {"METHOD_NOT_ALLOWED", "UNSUPPORTED_MEDIA_TYPE"}


@pytest.mark.parametrize("code", sorted(ERRORS))
def test_every_refusal_has_a_status(code: str) -> None:
    found = status_of(Refusal(code, "why"), "Poll")
    assert found is not None
    assert found[1] == "why"
    assert (found[0] is grpc.StatusCode.INTERNAL) == (code in INSIDE | OF_HTTP)


def test_faults_stand_in_the_text() -> None:
    errors = (ValidationError(path="a", message="no"), ValidationError(path="b", message="nor"))
    found = status_of(Refusal("INVALID", "Bad.", errors), "Poll")
    assert found == (grpc.StatusCode.INVALID_ARGUMENT, "Bad. a: no; b: nor")


def test_what_nobody_foresaw_has_no_status_of_its_own() -> None:
    assert status_of(ValueError("x"), "Poll") is None
    assert status_of(Unavailable(), "Poll") == (
        grpc.StatusCode.UNAVAILABLE,
        "The service did not answer in time",
    )


async def test_what_nobody_foresaw_is_internal_and_tells_no_details(world: World) -> None:
    """Ports that are none at all stand for whatever breaks inside."""
    broken = msgspec.structs.replace(ports_of(world), queues=object())
    server = await service.start(broken, host="127.0.0.1", port=0)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        with pytest.raises(Failed, match="AttributeError") as failed:
            await Rpc(channel).tasks("Poll", taskType="charge")
    await server.close()
    assert failed.value.code == "INTERNAL"


def test_methods_are_found_by_their_names() -> None:
    assert service.snake_case("GetQueueSizesForTasks") == "get_queue_sizes_for_tasks"
    assert service.snake_case("SearchV2") == "search_v2"
    assert len(task_service_pb2.DESCRIPTOR.services_by_name["TaskService"].methods) == 11
