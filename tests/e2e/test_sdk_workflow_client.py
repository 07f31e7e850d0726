"""Every method of the official Python SDK's WorkflowClient against a whole system."""

from collections.abc import Callable

import pytest
from conductor.client.http.models.correlation_ids_search_request import (
    CorrelationIdsSearchRequest,
)
from conductor.client.http.models.rerun_workflow_request import RerunWorkflowRequest
from conductor.client.http.models.skip_task_request import SkipTaskRequest
from conductor.client.http.models.start_workflow_request import StartWorkflowRequest
from conductor.client.http.models.task_result import TaskResult
from conductor.client.http.models.workflow_state_update import WorkflowStateUpdate
from conductor.client.http.models.workflow_test_request import WorkflowTestRequest
from conductor.client.http.rest import ApiException
from conductor.client.orkes.orkes_workflow_client import OrkesWorkflowClient

from tests.e2e.processes import until
from tests.e2e.sdk_clients import MARKS, Clients, fresh, unchecked

pytestmark = MARKS


def test_no_method_is_left_out() -> None:
    assert unchecked(OrkesWorkflowClient, globals()) == set()


def test_start_workflow(clients: Clients) -> None:
    name, key = clients.define(), fresh("key")
    request = StartWorkflowRequest(
        name=name, version=1, input={"x": [1, {"y": None}]}, correlation_id=key, priority=7
    )
    started = clients.workflow.get_workflow(clients.workflow.start_workflow(request))

    assert (started.workflow_name, started.workflow_version) == (name, 1)
    assert (started.correlation_id, started.priority) == (key, 7)
    assert started.input == {"x": [1, {"y": None}]}


def test_start_workflow_by_name(clients: Clients) -> None:
    name = clients.define()
    started = clients.workflow.start_workflow_by_name(
        name, {"x": 1}, version=1, correlationId="c", priority=3
    )
    found = clients.workflow.get_workflow(started)

    assert (found.workflow_name, found.input) == (name, {"x": 1})
    assert (found.correlation_id, found.priority) == ("c", 3)


def test_execute_workflow(clients: Clients) -> None:
    name = clients.define("a", "b", kind="SET_VARIABLE", input_parameters={"x": 1})
    run = clients.workflow.execute_workflow(
        StartWorkflowRequest(name=name, version=1, input={}), request_id=fresh("request")
    )

    assert (run.status, run.variables) == ("COMPLETED", {"x": 1})
    assert [task.reference_task_name for task in run.tasks] == ["a", "b"]


def test_execute_workflow_waits_until_a_task_is_reached(clients: Clients) -> None:
    request = StartWorkflowRequest(name=clients.define("a", kind="HUMAN"), version=1)
    run = clients.workflow.execute_workflow(request, wait_until_task_ref="a", wait_for_seconds=1)

    assert run.status == "RUNNING"
    assert [task.status for task in run.tasks] == ["IN_PROGRESS"]


@pytest.mark.parametrize(
    ("strategy", "seen"),
    [
        ("TARGET_WORKFLOW", lambda answer: [task["status"] for task in answer.tasks]),
        ("BLOCKING_WORKFLOW", lambda answer: [task["status"] for task in answer.tasks]),
        ("BLOCKING_TASK", lambda answer: [answer.status.value]),
    ],
)
def test_execute_workflow_with_return_strategy(
    clients: Clients, strategy: str, seen: Callable[[object], list[str]]
) -> None:
    request = StartWorkflowRequest(name=clients.define("a", kind="WAIT"), version=1)
    answer = clients.workflow.execute_workflow_with_return_strategy(
        request, wait_for_seconds=20, return_strategy=strategy
    )

    assert str(answer.response_type).endswith(strategy)
    assert seen(answer) == ["IN_PROGRESS"]


def test_pause_workflow(clients: Clients) -> None:
    workflow_id = clients.started()
    clients.workflow.pause_workflow(workflow_id)

    assert clients.status(workflow_id) == "PAUSED"


def test_resume_workflow(clients: Clients) -> None:
    workflow_id = clients.started()
    clients.workflow.pause_workflow(workflow_id)
    clients.workflow.resume_workflow(workflow_id)

    assert clients.status(workflow_id) == "RUNNING"


@pytest.mark.parametrize("latest", [False, True])
def test_restart_workflow(clients: Clients, latest: bool) -> None:
    workflow_id = clients.started()
    clients.workflow.terminate_workflow(workflow_id)
    clients.workflow.restart_workflow(workflow_id, use_latest_def=latest)

    assert clients.rows(workflow_id) == ["a SCHEDULED"]


def test_rerun_workflow(clients: Clients) -> None:
    workflow_id = clients.started("a", "b")
    for ref in ("a", "b"):
        clients.report(workflow_id, ref)
    first = clients.workflow.get_workflow(workflow_id).tasks[0].task_id
    request = RerunWorkflowRequest(re_run_from_task_id=first, task_input={"again": True})

    assert clients.workflow.rerun_workflow(workflow_id, request) == workflow_id
    assert clients.rows(workflow_id) == ["a SCHEDULED"]


@pytest.mark.parametrize("below", [False, True])
def test_retry_workflow(clients: Clients, below: bool) -> None:
    workflow_id = clients.started()
    clients.report(workflow_id, "a", "FAILED")
    clients.workflow.retry_workflow(workflow_id, resume_subworkflow_tasks=below)

    assert clients.rows(workflow_id)[-1] == "a SCHEDULED"


def test_terminate_workflow(clients: Clients) -> None:
    workflow_id = clients.started()
    clients.workflow.terminate_workflow(workflow_id, "enough", trigger_failure_workflow=True)
    ended = clients.workflow.get_workflow(workflow_id)

    assert (ended.status, ended.reason_for_incompletion) == ("TERMINATED", "enough")


def test_get_workflow(clients: Clients) -> None:
    workflow_id = clients.started("a", "b")
    clients.report(workflow_id, "a")
    found = clients.workflow.get_workflow(workflow_id, include_tasks=True)

    assert (found.workflow_id, found.workflow_definition.tasks[1].task_reference_name) == (
        workflow_id,
        "b",
    )
    assert found.tasks[0].output_data["result"] == {"by": "hand"}
    assert found.create_time
    assert found.tasks[0].end_time >= found.tasks[0].scheduled_time
    with pytest.raises(ApiException) as raised:
        clients.workflow.get_workflow(fresh("nobody"))
    assert raised.value.status == 404


def test_get_workflow_status(clients: Clients) -> None:
    workflow_id = clients.started(correlation_id="c")
    found = clients.workflow.get_workflow_status(workflow_id, True, include_variables=True)

    assert (found.workflow_id, found.status, found.correlation_id) == (workflow_id, "RUNNING", "c")
    assert (found.output, found.variables) == ({}, {})


@pytest.mark.parametrize("archive", [False, True])
def test_delete_workflow(clients: Clients, archive: bool) -> None:
    workflow_id = clients.started()
    clients.workflow.terminate_workflow(workflow_id)
    clients.workflow.delete_workflow(workflow_id, archive_workflow=archive)

    with pytest.raises(ApiException) as raised:
        clients.workflow.get_workflow(workflow_id)
    assert raised.value.status == 404


def test_remove_workflow(clients: Clients) -> None:
    workflow_id = clients.started()
    clients.workflow.terminate_workflow(workflow_id)
    clients.workflow.remove_workflow(workflow_id)

    with pytest.raises(ApiException) as raised:
        clients.workflow.get_workflow(workflow_id)
    assert raised.value.status == 404


def test_skip_task_from_workflow(clients: Clients) -> None:
    workflow_id = clients.started("a", "b", "c")
    request = SkipTaskRequest(task_input={}, task_output={"skipped": True})
    clients.workflow.skip_task_from_workflow(workflow_id, "b", request)
    clients.report(workflow_id, "a")

    assert clients.rows(workflow_id) == ["b SKIPPED", "a COMPLETED", "c SCHEDULED"]


def test_test_workflow(clients: Clients) -> None:
    name = clients.define("a", "b")
    given = [{"status": "COMPLETED", "output": {"n": 1}}]
    request = WorkflowTestRequest(name=name, version=1, task_ref_to_mock_output={"a": given})
    request.task_ref_to_mock_output["b"] = given
    played = clients.workflow.test_workflow(request)

    assert (played.status, played.tasks[0].output_data) == ("COMPLETED", {"n": 1})


def test_search(clients: Clients) -> None:
    name, key = clients.define(), fresh("key")
    started = {clients.start(name, correlation_id=key) for _ in range(3)}

    def found(start: int) -> list[str]:
        query = f"correlationId = '{key}'"
        page = clients.workflow.search(start=start, size=2, query=query)
        assert {hit.workflow_type for hit in page.results} <= {name}
        return [hit.workflow_id for hit in page.results]

    until("the three in the search", lambda: {*found(0), *found(2)} == started)
    assert len(found(0)) == 2
    until(
        "the three by their word",
        lambda: (
            {hit.workflow_id for hit in clients.workflow.search(free_text=key).results} == started
        ),
    )
    with pytest.raises(ApiException) as raised:
        clients.workflow.search(query="nonsense =")
    assert raised.value.status == 400


@pytest.mark.parametrize("completed", [False, True])
def test_get_by_correlation_ids(clients: Clients, completed: bool) -> None:
    name, key = clients.define(), fresh("key")
    running, ended = (clients.start(name, correlation_id=key) for _ in range(2))
    clients.workflow.terminate_workflow(ended)
    found = clients.workflow.get_by_correlation_ids(
        name, [key, "nobody"], include_completed=completed, include_tasks=True
    )

    assert {each.workflow_id for each in found[key]} == {running, *([ended] if completed else [])}
    assert found[key][0].tasks[0].reference_task_name == "a"
    assert not found.get("nobody")


def test_get_by_correlation_ids_in_batch(clients: Clients) -> None:
    names, key = [clients.define(), clients.define()], fresh("key")
    started = {clients.start(name, correlation_id=key) for name in names}
    request = CorrelationIdsSearchRequest(correlation_ids=[key], workflow_names=names)
    found = clients.workflow.get_by_correlation_ids_in_batch(
        request, include_completed=True, include_tasks=True
    )

    assert {each.workflow_id for each in found[key]} == started


def test_update_variables(clients: Clients) -> None:
    workflow_id = clients.started()
    clients.workflow.update_variables(workflow_id, {"x": {"y": 1}})

    assert clients.workflow.get_workflow(workflow_id).variables == {"x": {"y": 1}}


def test_update_state(clients: Clients) -> None:
    workflow_id = clients.started("a", "b")
    task = clients.workflow.get_workflow(workflow_id).tasks[0]
    result = TaskResult(workflow_instance_id=workflow_id, task_id=task.task_id, status="COMPLETED")
    update = WorkflowStateUpdate(task_reference_name="a", task_result=result, variables={"v": 1})
    run = clients.workflow.update_state(workflow_id, update, ["b"], wait_for_seconds=1)

    assert run.variables == {"v": 1}
    assert clients.rows(workflow_id) == ["a COMPLETED", "b SCHEDULED"]


def test_send_message(clients: Clients) -> None:
    name = clients.define("a", kind="PULL_WORKFLOW_MESSAGES", input_parameters={"batchSize": 1})
    workflow_id = clients.start(name)

    assert clients.workflow.send_message(workflow_id, {"hello": "you"})
    until("the message to be taken", lambda: clients.status(workflow_id) == "COMPLETED")
    assert "hello" in str(clients.workflow.get_workflow(workflow_id).tasks[0].output_data)
