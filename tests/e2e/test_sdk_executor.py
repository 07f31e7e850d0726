"""Every method of the official Python SDK's WorkflowExecutor against a whole system."""

import pytest
from conductor.client.http.models.correlation_ids_search_request import (
    CorrelationIdsSearchRequest,
)
from conductor.client.http.models.rerun_workflow_request import RerunWorkflowRequest
from conductor.client.http.models.skip_task_request import SkipTaskRequest
from conductor.client.http.models.start_workflow_request import StartWorkflowRequest
from conductor.client.http.rest import ApiException
from conductor.client.workflow.conductor_workflow import ConductorWorkflow
from conductor.client.workflow.executor.workflow_executor import WorkflowExecutor
from conductor.client.workflow.task.do_while_task import LoopTask
from conductor.client.workflow.task.fork_task import ForkTask
from conductor.client.workflow.task.javascript_task import JavascriptTask
from conductor.client.workflow.task.set_variable_task import SetVariableTask
from conductor.client.workflow.task.switch_task import SwitchTask

from tests.e2e.processes import until
from tests.e2e.sdk_clients import MARKS, OWNER, Clients, fresh, unchecked

pytestmark = MARKS


def test_no_method_is_left_out() -> None:
    assert unchecked(WorkflowExecutor, globals()) == set()


def script(ref: str, code: str) -> JavascriptTask:
    return JavascriptTask(task_ref_name=ref, script=code, bindings={"n": "${workflow.input.n}"})


def test_register_workflow(clients: Clients) -> None:
    """A workflow as people write one with the SDK: forks, switches and loops of its own making."""
    workflow = ConductorWorkflow(clients.executor, name=fresh("sdk"), version=1)
    workflow.owner_email(OWNER).timeout_seconds(0)
    switch = SwitchTask("choice", "${workflow.input.which}")
    switch.switch_case("left", [script("left", "1")]).default_case([script("other", "2")])
    fork = ForkTask("fork", [[script("x", "$.n + 1")], [script("y", "$.n + 2")]])
    workflow >> fork >> switch >> LoopTask("loop", 2, [script("again", "$.n")])
    workflow >> SetVariableTask("set").input_parameter("seen", "${x.output.result}")
    workflow.output_parameters({"sum": "${x.output.result}", "loops": "${loop.output.iteration}"})
    workflow.register(overwrite=True)
    run = workflow.execute({"n": 1, "which": "left"}, wait_for_seconds=30)

    assert (run.status, run.output) == ("COMPLETED", {"sum": 2, "loops": 2})
    refs = [task.reference_task_name for task in run.tasks]
    assert {"x", "y", "left", "again__1", "again__2"} <= set(refs)
    assert "other" not in refs


def test_start_workflow(clients: Clients) -> None:
    request = StartWorkflowRequest(name=clients.define(), version=1)

    assert clients.rows(clients.executor.start_workflow(request)) == ["a SCHEDULED"]


def test_start_workflows(clients: Clients) -> None:
    requests = [StartWorkflowRequest(name=clients.define(), version=1) for _ in range(3)]

    assert len(set(clients.executor.start_workflows(*requests))) == 3


def test_execute_workflow(clients: Clients) -> None:
    request = StartWorkflowRequest(name=clients.define("a", kind="HUMAN"), version=1)
    run = clients.executor.execute_workflow(request, wait_until_task_ref="a", wait_for_seconds=1)

    assert [task.status for task in run.tasks] == ["IN_PROGRESS"]


def test_execute_workflow_with_return_strategy(clients: Clients) -> None:
    request = StartWorkflowRequest(name=clients.define("a", kind="WAIT"), version=1)
    answer = clients.executor.execute_workflow_with_return_strategy(
        request, return_strategy="BLOCKING_TASK_INPUT"
    )

    assert (answer.task_id is not None, answer.status.value) == (True, "IN_PROGRESS")


def test_execute(clients: Clients) -> None:
    name = clients.define("a", kind="SET_VARIABLE", input_parameters={"x": "${workflow.input.x}"})
    run = clients.executor.execute(name, 1, workflow_input={"x": 3}, correlation_id="c")

    assert (run.status, run.variables, run.correlation_id) == ("COMPLETED", {"x": 3}, "c")


def test_remove_workflow(clients: Clients) -> None:
    workflow_id = clients.started()
    clients.executor.terminate(workflow_id)
    clients.executor.remove_workflow(workflow_id, archive_workflow=False)

    with pytest.raises(ApiException) as raised:
        clients.executor.get_workflow(workflow_id)
    assert raised.value.status == 404


def test_get_workflow(clients: Clients) -> None:
    workflow_id = clients.started()

    assert clients.executor.get_workflow(workflow_id, include_tasks=True).tasks[0].task_id


def test_get_workflow_status(clients: Clients) -> None:
    found = clients.executor.get_workflow_status(clients.started(), include_output=True)

    assert (found.status, found.output) == ("RUNNING", {})


def test_search(clients: Clients) -> None:
    workflow_id = clients.started()

    def found() -> bool:
        query = f"workflowId = '{workflow_id}'"
        hits = clients.executor.search(start=0, size=10, free_text="*", query=query).results
        return [hit.workflow_id for hit in hits] == [workflow_id]

    until("the workflow in the search", found)


def test_get_by_correlation_ids(clients: Clients) -> None:
    name, key = clients.define(), fresh("key")
    workflow_id = clients.start(name, correlation_id=key)
    found = clients.executor.get_by_correlation_ids(name, [key], include_closed=True)

    assert [each.workflow_id for each in found[key]] == [workflow_id]


def test_get_by_correlation_ids_and_names(clients: Clients) -> None:
    """The SDK itself calls its client with an argument that this one does not know."""
    with pytest.raises(TypeError, match="include_closed"):
        clients.executor.get_by_correlation_ids_and_names(CorrelationIdsSearchRequest([], []))


def test_pause(clients: Clients) -> None:
    workflow_id = clients.started()
    clients.executor.pause(workflow_id)

    assert clients.status(workflow_id) == "PAUSED"


def test_resume(clients: Clients) -> None:
    workflow_id = clients.started()
    clients.executor.pause(workflow_id)
    clients.executor.resume(workflow_id)

    assert clients.status(workflow_id) == "RUNNING"


def test_terminate(clients: Clients) -> None:
    workflow_id = clients.started()
    clients.executor.terminate(workflow_id, reason="enough", trigger_failure_workflow=False)

    assert clients.status(workflow_id) == "TERMINATED"


def test_restart(clients: Clients) -> None:
    workflow_id = clients.started()
    clients.executor.terminate(workflow_id)
    clients.executor.restart(workflow_id, use_latest_definitions=True)

    assert clients.rows(workflow_id) == ["a SCHEDULED"]


def test_retry(clients: Clients) -> None:
    workflow_id = clients.started()
    clients.report(workflow_id, "a", "FAILED")
    clients.executor.retry(workflow_id)

    assert clients.rows(workflow_id)[-1] == "a SCHEDULED"


def test_rerun(clients: Clients) -> None:
    workflow_id = clients.started()
    clients.report(workflow_id, "a")
    first = clients.executor.get_workflow(workflow_id, include_tasks=True).tasks[0].task_id
    clients.executor.rerun(RerunWorkflowRequest(re_run_from_task_id=first), workflow_id)

    assert clients.rows(workflow_id) == ["a SCHEDULED"]


def test_skip_task_from_workflow(clients: Clients) -> None:
    workflow_id = clients.started("a", "b")
    clients.executor.skip_task_from_workflow(workflow_id, "b", SkipTaskRequest({}, {"x": 1}))
    clients.report(workflow_id, "a")

    assert clients.rows(workflow_id) == ["b SKIPPED", "a COMPLETED"]
    assert clients.status(workflow_id) == "COMPLETED"


def test_update_task(clients: Clients) -> None:
    workflow_id = clients.started()
    task_id = clients.executor.get_workflow(workflow_id, include_tasks=True).tasks[0].task_id

    assert clients.executor.update_task(task_id, workflow_id, {"x": 1}, "COMPLETED") == task_id
    assert clients.executor.get_task(task_id).output_data == {"x": 1}


def test_update_task_by_ref_name(clients: Clients) -> None:
    workflow_id = clients.started()
    clients.executor.update_task_by_ref_name({"x": 1}, workflow_id, "a", "COMPLETED")

    assert clients.rows(workflow_id) == ["a COMPLETED"]


def test_update_task_by_ref_name_sync(clients: Clients) -> None:
    workflow_id = clients.started()
    told = clients.executor.update_task_by_ref_name_sync({"x": 1}, workflow_id, "a", "COMPLETED")

    assert (told.status, told.tasks[0].output_data) == ("COMPLETED", {"x": 1})


def test_get_task(clients: Clients) -> None:
    workflow_id = clients.started()
    task = clients.executor.get_workflow(workflow_id, include_tasks=True).tasks[0]
    found = clients.executor.get_task(task.task_id)

    assert (found.task_id, found.workflow_instance_id) == (task.task_id, workflow_id)
    with pytest.raises(ApiException) as raised:
        clients.executor.get_task(fresh("nobody"))
    assert raised.value.status == 404


def test_signal(clients: Clients) -> None:
    workflow_id = clients.start(clients.define("a", "b", kind="WAIT"))
    told = clients.executor.signal(workflow_id, "COMPLETED", {"x": 1}, "BLOCKING_TASK")

    assert (told.reference_task_name, told.status.value) == ("b", "IN_PROGRESS")
    assert clients.rows(workflow_id) == ["a COMPLETED", "b IN_PROGRESS"]


def test_signal_async(clients: Clients) -> None:
    workflow_id = clients.start(clients.define(kind="WAIT"))
    clients.executor.signal_async(workflow_id, "COMPLETED", {"x": 1})

    assert clients.status(workflow_id) == "COMPLETED"


def test_send_message(clients: Clients) -> None:
    name = clients.define("a", kind="PULL_WORKFLOW_MESSAGES", input_parameters={"batchSize": 1})

    assert clients.executor.send_message(clients.start(name), {"hello": "you"})
