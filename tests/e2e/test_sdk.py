"""The official Python SDK, unchanged: its clients, and its workers in processes of their own."""

import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conductor.client.configuration.configuration import Configuration
from conductor.client.http.models.start_workflow_request import StartWorkflowRequest
from conductor.client.http.models.task_def import TaskDef
from conductor.client.http.models.workflow import Workflow
from conductor.client.http.models.workflow_def import WorkflowDef
from conductor.client.http.models.workflow_task import WorkflowTask
from conductor.client.http.rest import ApiException
from conductor.client.orkes_clients import OrkesClients

from tests.e2e.processes import Child, until
from tests.e2e.system import System

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.nats,
    # The SDK's own models read fields that it has deprecated; it leaves its HTTP clients open.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]

TASKS = ("sdk_double", "sdk_double_async", "sdk_flaky", "sdk_hopeless", "sdk_long")
TERMINAL = ("COMPLETED", "FAILED", "TERMINATED", "TIMED_OUT")


class Sdk:
    """The SDK's clients, and a short way to a workflow of one task."""

    def __init__(self, api: str) -> None:
        clients = OrkesClients(Configuration(server_api_url=api))
        self.metadata = clients.get_metadata_client()
        self.workflows = clients.get_workflow_client()
        self.tasks = clients.get_task_client()

    def register(self, *names: str, **inputs: str) -> str:
        """A workflow of these tasks, one after the other, which all get the workflow's input."""
        definition = WorkflowDef(name=f"sdk_{uuid.uuid4().hex[:8]}", version=1, schema_version=2)
        definition.owner_email = "e2e@example.com"
        definition.timeout_seconds = 0
        given = {key: f"${{workflow.input.{key}}}" for key in ("n", "fails")}
        definition.tasks = [
            WorkflowTask(
                name=name,
                task_reference_name=f"t{index}",
                type="SIMPLE",
                input_parameters={**given, **inputs},
            )
            for index, name in enumerate(names)
        ]
        definition.output_parameters = {f"t{i}": f"${{t{i}.output}}" for i in range(len(names))}
        self.metadata.register_workflow_def(definition, overwrite=True)
        return str(definition.name)

    def start(self, name: str, **given: Any) -> str:
        request = StartWorkflowRequest(name=name, version=1, input=given, correlation_id="sdk")
        return str(self.workflows.start_workflow(request))

    def ended(self, workflow_id: str) -> Workflow:
        def terminal() -> bool:
            return self.workflows.get_workflow(workflow_id, False).status in TERMINAL

        until("the end of the workflow", terminal)
        return self.workflows.get_workflow(workflow_id, True)


@pytest.fixture(scope="module")
def sdk(shared: System) -> Sdk:
    sdk = Sdk(shared.api)
    for name in TASKS:
        task = TaskDef(name=name, retry_count=3, retry_delay_seconds=0, timeout_seconds=120)
        task.response_timeout_seconds = 60
        task.owner_email = "e2e@example.com"
        sdk.metadata.register_task_def(task)
    return sdk


@pytest.fixture(scope="module")
def workers(shared: System, sdk: Sdk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    log: Path = tmp_path_factory.mktemp("sdk") / "workers.log"
    command = [sys.executable, "-W", "ignore", "-m", "tests.e2e.sdk_workers", shared.api]
    child = Child("SDK workers", command, log)
    child.start()
    yield child
    child.kill()


def test_definitions_are_read_back_as_registered(sdk: Sdk) -> None:
    name = sdk.register("sdk_double")
    definition = sdk.metadata.get_workflow_def(name, 1)
    assert [task.name for task in definition.tasks] == ["sdk_double"]
    assert name in {known.name for known in sdk.metadata.get_all_workflow_defs()}
    assert sdk.metadata.get_task_def("sdk_double").retry_count == 3


def test_sync_and_async_workers_complete_workflows(sdk: Sdk, workers: Child) -> None:
    name = sdk.register("sdk_double", "sdk_double_async")
    ids = [sdk.start(name, n=number) for number in range(20)]
    for number, workflow_id in enumerate(ids):
        workflow = sdk.ended(workflow_id)
        assert workflow.status == "COMPLETED"
        assert workflow.output == {"t0": {"n": 2 * number}, "t1": {"n": 2 * number}}
        assert workflow.correlation_id == "sdk"


def test_a_task_that_raises_is_retried_until_it_succeeds(sdk: Sdk, workers: Child) -> None:
    workflow = sdk.ended(sdk.start(sdk.register("sdk_flaky"), fails=2))
    assert [task.status for task in workflow.tasks] == ["FAILED", "FAILED", "COMPLETED"]
    assert workflow.tasks[0].reason_for_incompletion == "attempt 0 fails"
    assert workflow.output == {"t0": {"attempt": 2}}


def test_a_terminal_error_is_not_retried(sdk: Sdk, workers: Child) -> None:
    workflow = sdk.ended(sdk.start(sdk.register("sdk_hopeless")))
    assert workflow.status == "FAILED"
    assert [task.status for task in workflow.tasks] == ["FAILED_WITH_TERMINAL_ERROR"]


def test_a_long_task_comes_back_after_its_callback_time(sdk: Sdk, workers: Child) -> None:
    workflow = sdk.ended(sdk.start(sdk.register("sdk_long")))
    assert workflow.status == "COMPLETED"
    (task,) = workflow.tasks
    assert (task.poll_count, workflow.output) == (3, {"t0": {"polls": 3}})
    assert task.end_time - task.start_time >= 2000
    logs = [line.log for line in sdk.tasks.get_task_logs(task.task_id)]
    assert logs == ["poll 1", "poll 2", "poll 3"]


def test_the_clients_poll_update_pause_resume_and_terminate(sdk: Sdk) -> None:
    """Without workers: the task is of a type that nobody else polls."""
    kind = f"sdk_{uuid.uuid4().hex[:8]}"
    sdk.metadata.register_task_def(TaskDef(name=kind, retry_count=0, owner_email="e@example.com"))
    workflow_id = sdk.start(sdk.register(kind, kind))
    sdk.workflows.pause_workflow(workflow_id)
    assert sdk.workflows.get_workflow(workflow_id).status == "PAUSED"
    task = sdk.tasks.poll_task(kind, worker_id="e2e")
    sdk.tasks.update_task_sync(workflow_id, "t0", "COMPLETED", {"by": "hand"})
    assert task.reference_task_name == "t0"
    assert len(sdk.workflows.get_workflow(workflow_id).tasks) == 1
    sdk.workflows.resume_workflow(workflow_id)
    running = sdk.workflows.get_workflow(workflow_id)
    assert [(it.reference_task_name, it.status) for it in running.tasks] == [
        ("t0", "COMPLETED"),
        ("t1", "SCHEDULED"),
    ]
    sdk.workflows.terminate_workflow(workflow_id, reason="enough")
    ended = sdk.workflows.get_workflow(workflow_id)
    assert (ended.status, ended.reason_for_incompletion) == ("TERMINATED", "enough")


def test_an_unknown_workflow_raises_the_exception_that_the_sdk_promises(sdk: Sdk) -> None:
    with pytest.raises(ApiException) as raised:
        sdk.workflows.get_workflow("00000000-0000-8000-8000-000000000000")
    assert raised.value.status == 404
