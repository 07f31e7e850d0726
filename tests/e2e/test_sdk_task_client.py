"""Every method of the official Python SDK's TaskClient and MetadataClient against a whole system."""

import pytest
from conductor.client.http.models.task_def import TaskDef
from conductor.client.http.models.task_result import TaskResult
from conductor.client.http.models.workflow_def import WorkflowDef
from conductor.client.http.models.workflow_task import WorkflowTask
from conductor.client.http.rest import ApiException
from conductor.client.orkes.models.metadata_tag import MetadataTag
from conductor.client.orkes.orkes_metadata_client import OrkesMetadataClient
from conductor.client.orkes.orkes_task_client import OrkesTaskClient

from tests.e2e.processes import until
from tests.e2e.sdk_clients import MARKS, OWNER, Clients, fresh, unchecked

pytestmark = MARKS


def test_no_method_is_left_out() -> None:
    assert unchecked(OrkesTaskClient, globals()) == set()
    assert unchecked(OrkesMetadataClient, globals()) == set()


def test_poll_task(clients: Clients) -> None:
    name = clients.define()
    workflow_id = clients.start(name, input={"x": 1})
    task = clients.task.poll_task(name, worker_id="w")

    assert (task.workflow_instance_id, task.reference_task_name) == (workflow_id, "a")
    assert (task.status, task.poll_count, task.worker_id) == ("IN_PROGRESS", 1, "w")
    assert (task.task_def_name, task.workflow_type, task.retry_count) == (name, name, 0)
    nothing = clients.task.poll_task(name, worker_id="w", domain="elsewhere")
    assert nothing is None or nothing.task_id is None


def test_batch_poll_tasks(clients: Clients) -> None:
    name = clients.define()
    started = {clients.start(name) for _ in range(3)}
    found: list[str] = []
    while len(found) < 3:
        tasks = clients.task.batch_poll_tasks(
            name, worker_id="w", count=5, timeout_in_millisecond=1000
        )
        found += [task.workflow_instance_id for task in tasks]

    assert set(found) == started
    assert clients.task.batch_poll_tasks(name, "w", 1, 10, domain="elsewhere") == []


def test_get_task(clients: Clients) -> None:
    workflow_id = clients.started()
    task_id = clients.workflow.get_workflow(workflow_id).tasks[0].task_id
    task = clients.task.get_task(task_id)

    assert (task.task_id, task.status, task.task_type) == (task_id, "SCHEDULED", task.task_def_name)
    with pytest.raises(ApiException) as raised:
        clients.task.get_task(fresh("nobody"))
    assert raised.value.status == 404


def test_update_task(clients: Clients) -> None:
    name = clients.define()
    workflow_id = clients.start(name)
    task = clients.task.poll_task(name, worker_id="w")
    result = TaskResult(
        workflow_instance_id=workflow_id,
        task_id=task.task_id,
        worker_id="w",
        status="FAILED_WITH_TERMINAL_ERROR",
        reason_for_incompletion="no use",
        output_data={"why": ["x"]},
    )
    result.log("a line")

    assert clients.task.update_task(result) == task.task_id
    found = clients.task.get_task(task.task_id)
    assert (found.status, found.reason_for_incompletion) == (result.status, "no use")
    assert found.output_data == {"why": ["x"]}
    assert [line.log for line in clients.task.get_task_logs(task.task_id)] == ["a line"]
    assert clients.status(workflow_id) == "FAILED"


def test_update_task_by_ref_name(clients: Clients) -> None:
    workflow_id = clients.started()
    clients.task.update_task_by_ref_name(workflow_id, "a", "COMPLETED", {"x": 1})

    assert clients.rows(workflow_id) == ["a COMPLETED"]


@pytest.mark.parametrize("output", [{"x": 1}, 5])
def test_update_task_sync(clients: Clients, output: object) -> None:
    told = clients.task.update_task_sync(clients.started(), "a", "COMPLETED", output)

    assert (told.status, told.tasks[0].output_data) == (
        "COMPLETED",
        output if isinstance(output, dict) else {"result": output},
    )


def test_get_queue_size_for_task(clients: Clients) -> None:
    name = clients.define()
    for _ in range(2):
        clients.start(name)

    until("both in the queue", lambda: clients.task.get_queue_size_for_task(name) == 2)
    assert clients.task.get_queue_size_for_task(fresh("nothing")) == 0


def test_add_task_log(clients: Clients) -> None:
    task_id = clients.workflow.get_workflow(clients.started()).tasks[0].task_id
    clients.task.add_task_log(task_id, "size: 1")

    assert "size: 1" in clients.task.get_task_logs(task_id)[0].log


def test_get_task_logs(clients: Clients) -> None:
    task_id = clients.workflow.get_workflow(clients.started()).tasks[0].task_id
    for line in ("one", "two"):
        clients.task.add_task_log(task_id, line)
    lines = clients.task.get_task_logs(task_id)

    assert [(line.task_id, line.created_time > 0) for line in lines] == [(task_id, True)] * 2


def test_get_task_poll_data(clients: Clients) -> None:
    name = fresh("polled")
    clients.task.poll_task(name, worker_id="w", domain="d")
    (told,) = clients.task.get_task_poll_data(name)

    assert (told.queue_name, told.domain, told.worker_id) == (name, "d", "w")
    assert told.last_poll_time > 0


def workflow_def(name: str, version: int = 1) -> WorkflowDef:
    task = WorkflowTask(name="t", task_reference_name="t", type="SIMPLE")
    made = WorkflowDef(name=name, version=version, tasks=[task], timeout_seconds=0)
    made.owner_email = OWNER
    return made


def test_register_workflow_def(clients: Clients) -> None:
    name = fresh("sdk")
    clients.metadata.register_workflow_def(workflow_def(name), overwrite=False)

    with pytest.raises(ApiException) as raised:
        clients.metadata.register_workflow_def(workflow_def(name), overwrite=False)
    assert raised.value.status == 409
    clients.metadata.register_workflow_def(workflow_def(name), overwrite=True)


def test_update_workflow_def(clients: Clients) -> None:
    name = fresh("sdk")
    changed = workflow_def(name)
    clients.metadata.register_workflow_def(changed)
    changed.description = "changed"
    clients.metadata.update_workflow_def(changed, overwrite=True)

    assert clients.metadata.get_workflow_def(name, version=1).description == "changed"


def test_unregister_workflow_def(clients: Clients) -> None:
    name = fresh("sdk")
    clients.metadata.register_workflow_def(workflow_def(name))
    clients.metadata.unregister_workflow_def(name, 1)

    with pytest.raises(ApiException) as raised:
        clients.metadata.get_workflow_def(name)
    assert raised.value.status == 404


def test_get_workflow_def(clients: Clients) -> None:
    name = fresh("sdk")
    for version in (1, 2):
        clients.metadata.register_workflow_def(workflow_def(name, version))

    assert clients.metadata.get_workflow_def(name).version == 2
    assert clients.metadata.get_workflow_def(name, version=1).version == 1


def test_get_all_workflow_defs(clients: Clients) -> None:
    name = clients.define()

    assert name in [each.name for each in clients.metadata.get_all_workflow_defs()]


def test_register_task_def(clients: Clients) -> None:
    name = fresh("sdk")
    made = TaskDef(name=name, retry_count=2, input_keys=["x"], timeout_policy="RETRY")
    made.owner_email, made.retry_logic = OWNER, "EXPONENTIAL_BACKOFF"
    clients.metadata.register_task_def(made)
    found = clients.metadata.get_task_def(name)

    assert (found.retry_count, found.input_keys) == (2, ["x"])
    assert (found.timeout_policy, found.retry_logic) == ("RETRY", "EXPONENTIAL_BACKOFF")


def test_update_task_def(clients: Clients) -> None:
    name = clients.define()
    clients.metadata.update_task_def(TaskDef(name=name, retry_count=9, owner_email=OWNER))

    assert clients.metadata.get_task_def(name).retry_count == 9


def test_unregister_task_def(clients: Clients) -> None:
    name = clients.define()
    clients.metadata.unregister_task_def(name)

    with pytest.raises(ApiException) as raised:
        clients.metadata.get_task_def(name)
    assert raised.value.status == 404


def test_get_task_def(clients: Clients) -> None:
    name = clients.define()

    assert clients.metadata.get_task_def(name).name == name


def test_get_all_task_defs(clients: Clients) -> None:
    name = clients.define()

    assert name in [each.name for each in clients.metadata.get_all_task_defs()]


def tags(found: list[MetadataTag]) -> set[tuple[str, str]]:
    return {(tag.key, tag.value) for tag in found}


def two_tags() -> tuple[MetadataTag, MetadataTag]:
    return MetadataTag("team", "a"), MetadataTag("on", "b")


def test_add_workflow_tag(clients: Clients) -> None:
    name = clients.define()
    for tag in two_tags():
        clients.metadata.add_workflow_tag(tag, name)

    assert tags(clients.metadata.get_workflow_tags(name)) == {("team", "a"), ("on", "b")}


def test_delete_workflow_tag(clients: Clients) -> None:
    name, (team, on) = clients.define(), two_tags()
    clients.metadata.set_workflow_tags([team, on], name)
    clients.metadata.delete_workflow_tag(team, name)

    assert tags(clients.metadata.get_workflow_tags(name)) == {("on", "b")}


def test_get_workflow_tags(clients: Clients) -> None:
    assert clients.metadata.get_workflow_tags(clients.define()) == []


def test_set_workflow_tags(clients: Clients) -> None:
    name = clients.define()
    for tag in two_tags():
        clients.metadata.set_workflow_tags([tag], name)

    assert tags(clients.metadata.get_workflow_tags(name)) == {("on", "b")}


def test_addTaskTag(clients: Clients) -> None:
    name, (team, _) = clients.define(), two_tags()
    clients.metadata.addTaskTag(team, name)

    assert tags(clients.metadata.getTaskTags(name)) == {("team", "a")}


def test_deleteTaskTag(clients: Clients) -> None:
    name, (team, on) = clients.define(), two_tags()
    clients.metadata.setTaskTags([team, on], name)
    clients.metadata.deleteTaskTag(team, name)

    assert tags(clients.metadata.getTaskTags(name)) == {("on", "b")}


def test_getTaskTags(clients: Clients) -> None:
    assert clients.metadata.getTaskTags(clients.define()) == []


def test_setTaskTags(clients: Clients) -> None:
    name = clients.define()
    clients.metadata.setTaskTags(list(two_tags()), name)

    assert tags(clients.metadata.getTaskTags(name)) == {("team", "a"), ("on", "b")}


def test_setWorkflowRateLimit(clients: Clients) -> None:
    """As a tag, which is the limit of the definition here."""
    name = clients.define()
    for limit in (3, 4):
        clients.metadata.setWorkflowRateLimit(limit, name)

    assert int(clients.metadata.getWorkflowRateLimit(name)) == 4
    found = clients.metadata.get_workflow_def(name).rate_limit_config
    assert found.concurrent_exec_limit == 4


def test_getWorkflowRateLimit(clients: Clients) -> None:
    assert clients.metadata.getWorkflowRateLimit(clients.define()) is None


def test_removeWorkflowRateLimit(clients: Clients) -> None:
    name = clients.define()
    clients.metadata.setWorkflowRateLimit(3, name)
    clients.metadata.removeWorkflowRateLimit(name)

    assert clients.metadata.getWorkflowRateLimit(name) is None
