"""Workflows steered by the official SDK against a whole system."""

import uuid

import pytest
from conductor.client.configuration.configuration import Configuration
from conductor.client.http.models.skip_task_request import SkipTaskRequest
from conductor.client.http.models.task_result import TaskResult
from conductor.client.http.models.workflow_state_update import WorkflowStateUpdate
from conductor.client.http.rest import ApiException
from conductor.client.orkes.orkes_workflow_client import OrkesWorkflowClient

from tests.e2e.system import System
from tests.e2e.test_synchronous import Api

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.nats,
    pytest.mark.timeout(120),
    # As in test_sdk.py.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]
TASKS = [{"name": ref, "taskReferenceName": ref} for ref in ("a", "b", "c", "d")]


@pytest.fixture
def client(shared: System) -> OrkesWorkflowClient:
    return OrkesWorkflowClient(Configuration(server_api_url=shared.api))


def rows(client: OrkesWorkflowClient, workflow_id: str) -> list[str]:
    tasks = client.get_workflow(workflow_id, include_tasks=True).tasks
    return [f"{task.reference_task_name} {task.status}" for task in tasks]


def test_the_sdk_skips_updates_jumps_and_upgrades(
    shared: System, client: OrkesWorkflowClient
) -> None:
    api = Api(shared.api)
    name = api.define("steered", *TASKS)
    started = client.start_workflow_by_name(name, {})

    client.skip_task_from_workflow(started, "b", SkipTaskRequest())
    client.update_variables(started, {"v": 1})
    done = TaskResult(workflow_instance_id=started, task_id="", status="COMPLETED")
    update = WorkflowStateUpdate(task_reference_name="a", task_result=done, variables={"w": 2})
    run = client.update_state(started, update, wait_until_task_ref_names=["a"])
    assert (run.status, run.variables) == ("RUNNING", {"v": 1, "w": 2})
    assert rows(client, started) == ["b SKIPPED", "a COMPLETED", "c SCHEDULED"]

    paths = client.workflowResourceApi
    paths.jump_to_task({"n": 1}, started, task_reference_name="d")
    assert rows(client, started)[2:] == ["c SKIPPED", "d SCHEDULED"]
    paths.upgrade_running_workflow_to_version({"name": name, "version": 1}, started)


def test_the_sdk_removes(shared: System, client: OrkesWorkflowClient) -> None:
    name = Api(shared.api).define("removed", *TASKS)
    started = client.start_workflow_by_name(name, {}, correlationId=uuid.uuid4().hex)

    client.terminate_workflow(started, reason="enough", trigger_failure_workflow=True)
    client.delete_workflow(started, archive_workflow=False)
    with pytest.raises(ApiException) as refused:
        client.get_workflow(started)

    assert refused.value.code == 404
