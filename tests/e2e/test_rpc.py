"""gRPC on a running system: a worker in a process of its own, also one that is killed."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message_factory import GetMessageClass

from firmus.console.rest import RestClient
from firmus.embedded.datadir import read_address
from firmus.rpc.messages import metadata_service_pb2, task_service_pb2, workflow_service_pb2
from tests.e2e.processes import Child, until
from tests.e2e.system import System, running_up
from tests.nats_server import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.nats]

MODULES: dict[str, Any] = {
    "MetadataService": metadata_service_pb2,
    "TaskService": task_service_pb2,
    "WorkflowService": workflow_service_pb2,
}


class Client:
    """A client of the whole interface, made from its descriptors."""

    def __init__(self, address: str, system: System) -> None:
        self.address = address
        self.system = system
        self._channel = grpc.insecure_channel(address)

    def call(self, service: str, method: str, **request: Any) -> Any:
        found = MODULES[service].DESCRIPTOR.services_by_name[service]
        its = found.methods_by_name[method]
        stub: Any = self._channel.unary_unary(
            f"/{found.full_name}/{method}",
            request_serializer=GetMessageClass(its.input_type).SerializeToString,
            response_deserializer=GetMessageClass(its.output_type).FromString,
        )
        asked = ParseDict(request, GetMessageClass(its.input_type)())
        return MessageToDict(stub(asked, timeout=20))

    def close(self) -> None:
        self._channel.close()

    def register(self, name: str, **changed: Any) -> None:
        """A workflow of one task of its own name."""
        limits = {"retryCount": 5, "responseTimeoutSeconds": 60, "timeoutSeconds": 600}
        fixed = {"backoffScaleFactor": 1, "rateLimitFrequencyInSeconds": 1}
        task_def = {"name": name, **limits, **fixed, **changed}
        self.call("MetadataService", "CreateTasks", defs=[task_def])
        task = {"name": name, "taskReferenceName": "t", "type": "SIMPLE", "retryCount": -1}
        task["inputParameters"] = {"n": "${workflow.input.n}"}
        workflow = {"name": name, "version": 1, "schemaVersion": 2, "tasks": [task]}
        workflow["outputParameters"] = {"n": "${t.output.n}"}
        self.call("MetadataService", "CreateWorkflow", workflow=workflow)

    def start(self, name: str, count: int) -> list[str]:
        answers = [
            self.call("WorkflowService", "StartWorkflow", name=name, input={"n": number})
            for number in range(count)
        ]
        return [answer["workflowId"] for answer in answers]

    def outputs(self, ids: list[str]) -> list[Any]:
        found = [
            self.call("WorkflowService", "GetWorkflowStatus", workflowId=workflow_id)
            for workflow_id in ids
        ]
        return [one.get("output", {}).get("n") for one in found]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    port = free_port()
    folder = tmp_path_factory.mktemp("rpc")
    with running_up(folder, "--grpc-port", str(port), "--log-level", "warning") as system:
        client = Client(f"127.0.0.1:{port}", system)
        yield client
        client.close()


@pytest.fixture
def workers(client: Client, tmp_path: Path) -> Iterator[Any]:
    """Starts workers; all of them have ended afterwards."""
    children: list[Child] = []

    def start(task_type: str, *flags: str) -> Child:
        command = [sys.executable, "-m", "tests.e2e.rpc_worker", client.address, task_type, *flags]
        child = Child("worker", command, tmp_path / f"worker-{len(children)}.log")
        children.append(child)
        child.start()
        return child

    yield start
    for child in children:
        child.kill()


def test_up_says_where_it_is(client: Client) -> None:
    address = read_address(client.system.data)
    assert address is not None
    assert address.grpc == client.address


def test_a_worker_carries_workflows_out(client: Client, workers: Any) -> None:
    client.register("rpc_double")
    workers("rpc_double")
    ids = client.start("rpc_double", 30)
    wanted = [2.0 * number for number in range(30)]
    until("all outputs", lambda: client.outputs(ids) == wanted)
    rest = RestClient(client.system.url)
    assert rest.workflow(ids[3])["output"] == {"n": 6.0}


def test_what_is_done_over_grpc_is_found_by_search(client: Client) -> None:
    client.register("rpc_found")
    [workflow_id] = client.start("rpc_found", 1)

    def found() -> list[str]:
        answer = client.call("WorkflowService", "Search", query="workflowType=rpc_found")
        return [one["workflowId"] for one in answer.get("results", [])]

    until("the workflow among the hits", lambda: found() == [workflow_id])
    tasks = client.call("TaskService", "Search", query="taskType=rpc_found")
    assert tasks["totalHits"] == "1"


def test_tasks_of_a_worker_that_is_killed_are_done_by_another(client: Client, workers: Any) -> None:
    client.register("rpc_held", responseTimeoutSeconds=1, retryDelaySeconds=0)
    holder = workers("rpc_held", "hold")
    ids = client.start("rpc_held", 10)
    until("tasks in its hands", lambda: holder.said().count("took") == 10)
    holder.kill()
    workers("rpc_held")
    until("all outputs", lambda: client.outputs(ids) == [2.0 * n for n in range(10)])
