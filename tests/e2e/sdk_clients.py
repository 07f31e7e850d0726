"""The official Python SDK's clients of one system, and short ways to what their tests need."""

import inspect
import uuid
from typing import Any

import pytest
from conductor.client.configuration.configuration import Configuration
from conductor.client.http.models.start_workflow_request import StartWorkflowRequest
from conductor.client.http.models.task_def import TaskDef
from conductor.client.http.models.workflow_def import WorkflowDef
from conductor.client.http.models.workflow_task import WorkflowTask
from conductor.client.orkes_clients import OrkesClients
from conductor.client.workflow.executor.workflow_executor import WorkflowExecutor

from tests.e2e.system import System

MARKS = [
    pytest.mark.e2e,
    pytest.mark.nats,
    pytest.mark.timeout(120),
    # The SDK's own models read fields that it has deprecated; it leaves its HTTP clients open.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]
OWNER = "e2e@example.com"


def public(client: type) -> set[str]:
    """The names of the methods that a client offers."""
    return {
        name
        for name, _ in inspect.getmembers(client, inspect.isfunction)
        if not name.startswith("_")
    }


def unchecked(client: type, module: dict[str, Any]) -> set[str]:
    """The methods of a client for which a test module has no `test_<method>`."""
    return {name for name in public(client) if f"test_{name}" not in module}


def fresh(what: str) -> str:
    return f"{what}_{uuid.uuid4().hex[:10]}"


class Clients:
    """All of them, configured alike."""

    def __init__(self, system: System) -> None:
        self.configuration = Configuration(server_api_url=system.api)
        clients = OrkesClients(self.configuration)
        self.of = clients
        self.workflow = clients.get_workflow_client()
        self.task = clients.get_task_client()
        self.metadata = clients.get_metadata_client()
        self.scheduler = clients.get_scheduler_client()
        self.executor = WorkflowExecutor(self.configuration)

    def define_task(self, name: str, **fields: Any) -> None:
        fields = {"retry_count": 3, "retry_delay_seconds": 0, "owner_email": OWNER, **fields}
        task = TaskDef(name=name, **fields)
        self.metadata.register_task_def(task)

    def define_of(self, *types: str, **given: str) -> str:
        """A workflow of tasks of several types, which all get the same input."""
        definition = WorkflowDef(name=fresh("sdk"), version=1, timeout_seconds=0)
        definition.owner_email = OWNER
        definition.tasks = [
            WorkflowTask(name=each, task_reference_name=each, type="SIMPLE", input_parameters=given)
            for each in types
        ]
        self.metadata.register_workflow_def(definition, overwrite=True)
        return str(definition.name)

    def define(self, *refs: str, kind: str = "SIMPLE", **fields: Any) -> str:
        """A workflow of tasks of one type, named like it, one after the other."""
        name = fresh("sdk")
        task = TaskDef(name=name, retry_count=0, timeout_seconds=0, owner_email=OWNER)
        self.metadata.register_task_def(task)
        definition = WorkflowDef(name=name, version=1, schema_version=2, timeout_seconds=0)
        definition.owner_email = OWNER
        definition.tasks = [
            WorkflowTask(name=name, task_reference_name=ref, type=kind, **fields)
            for ref in refs or ("a",)
        ]
        self.metadata.register_workflow_def(definition, overwrite=True)
        return name

    def start(self, name: str, **fields: Any) -> str:
        request = StartWorkflowRequest(name=name, version=1, **fields)
        return str(self.workflow.start_workflow(request))

    def started(self, *refs: str, **fields: Any) -> str:
        return self.start(self.define(*refs), **fields)

    def status(self, workflow_id: str) -> str:
        return str(self.workflow.get_workflow(workflow_id, include_tasks=False).status)

    def rows(self, workflow_id: str) -> list[str]:
        tasks = self.workflow.get_workflow(workflow_id, include_tasks=True).tasks
        return [f"{task.reference_task_name} {task.status}" for task in tasks]

    def report(self, workflow_id: str, ref: str, status: str = "COMPLETED") -> None:
        self.task.update_task_by_ref_name(workflow_id, ref, status, {"by": "hand"})


@pytest.fixture(scope="session")
def clients(shared: System) -> Clients:
    return Clients(shared)
