"""Synchronous calls against whole systems: the official SDK, and a decider that dies meanwhile."""

import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
import requests
from conductor.client.configuration.configuration import Configuration
from conductor.client.http.api.task_resource_api import TaskResourceApi
from conductor.client.http.api_client import ApiClient
from conductor.client.http.models.start_workflow_request import StartWorkflowRequest
from conductor.client.workflow.executor.workflow_executor import WorkflowExecutor

from tests.e2e.processes import until
from tests.e2e.system import Services, System

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.nats,
    pytest.mark.timeout(120),
    # As in test_sdk.py.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]


def wait(ref: str, **inputs: str) -> dict[str, Any]:
    return {"name": ref, "taskReferenceName": ref, "type": "WAIT", "inputParameters": inputs}


def sub(ref: str, name: str) -> dict[str, Any]:
    child = {"name": name, "version": 1}
    return {
        "name": ref,
        "taskReferenceName": ref,
        "type": "SUB_WORKFLOW",
        "subWorkflowParam": child,
    }


def human(ref: str) -> dict[str, Any]:
    return {"name": ref, "taskReferenceName": ref, "type": "HUMAN"}


class Api:
    """Workflows under names of their own."""

    def __init__(self, api: str) -> None:
        self.api = api
        self._tag = uuid.uuid4().hex[:8]

    def define(self, name: str, *tasks: dict[str, Any]) -> str:
        name = f"sync_{self._tag}_{name}"
        made = {"name": name, "version": 1, "schemaVersion": 2, "tasks": list(tasks)}
        self.call("PUT", "/metadata/workflow", [{**made, "ownerEmail": "e2e@example.com"}])
        return name

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        answer = requests.request(method, f"{self.api}{path}", json=body, params=query, timeout=90)
        assert answer.status_code == 200, answer.text
        return answer.json() if "json" in answer.headers.get("content-type", "") else answer.text


def test_the_sdk_executes_and_signals(shared: System) -> None:
    api = Api(shared.api)
    child = api.define("child", wait("inner", k="${workflow.input.n}"))
    name = api.define("parent", sub("s", child), wait("outer"))
    executor = WorkflowExecutor(Configuration(server_api_url=shared.api))
    request = StartWorkflowRequest(name=name, version=1, input={"n": 1})

    run = executor.execute_workflow(request, wait_for_seconds=30)
    assert (run.status, [task.reference_task_name for task in run.tasks]) == ("RUNNING", ["s"])
    task = executor.execute_workflow_with_return_strategy(
        request, wait_for_seconds=30, return_strategy="BLOCKING_TASK"
    )
    assert task.is_blocking_task()
    assert (task.reference_task_name, task.status.value) == ("inner", "IN_PROGRESS")

    tasks = TaskResourceApi(ApiClient(Configuration(server_api_url=shared.api)))
    tasks.signal_workflow_task_async(run.workflow_id, "COMPLETED", {"a": 1})
    target = task.target_workflow_id
    after = tasks.signal_workflow_task_sync(
        target, "COMPLETED", {"a": 2}, return_strategy="BLOCKING_TASK"
    )
    assert after.reference_task_name == "outer"
    done = tasks.signal_workflow_task_sync(target, "COMPLETED", {"b": 3})
    assert (done.is_target_workflow(), done.status.value) == (True, "COMPLETED")
    assert done.output == {"b": 3}


def test_waiters_outlive_the_death_of_the_decider(services: Services) -> None:
    """Each service is a process: the gateway hears of commits that a decider's successor makes."""
    api = Api(services.system.api)
    child = api.define("child", human("h"), wait("w"))
    name = api.define("parent", sub("s", child))
    with ThreadPoolExecutor() as pool:
        calls: list[Future[Any]] = [
            pool.submit(
                api.call, "POST", f"/workflow/execute/{name}/1", {}, waitForSeconds=80,
                returnStrategy="BLOCKING_WORKFLOW",
            )
            for _ in range(4)
        ]  # fmt: skip
        ids = _running(api, child, 4)
        decider = services.children["decider"]
        decider.kill()
        decider.start()
        for workflow_id in ids:
            until("an answer", lambda w=workflow_id: _reported(api, w))  # type: ignore[misc]  # bound now
        runs = [call.result() for call in calls]
    assert {run["workflowId"] for run in runs} == set(ids)
    assert {run["tasks"][-1]["referenceTaskName"] for run in runs} == {"w"}
    assert not any(run["signalTimeout"] for run in runs)


def _running(api: Api, name: str, count: int) -> list[str]:
    found: list[str] = []

    def all_there() -> bool:
        found[:] = api.call("GET", f"/workflow/running/{name}")
        return len(found) == count

    until("the children", all_there)
    return found


def _reported(api: Api, workflow_id: str) -> bool:
    """False while no decider answers."""
    answer = requests.post(f"{api.api}/tasks/{workflow_id}/h/COMPLETED", json={}, timeout=90)
    return answer.status_code == 200
