"""Restart, retry, rerun, reset callbacks over REST; parents and children follow before the answer."""

from typing import Any

import pytest

from firmus.scheduler.child_requests import start_child
from firmus_contracts import ids
from firmus_contracts.commands import ReportChildEnded, ReportChildStarted
from tests.gateway.client import Api, result
from tests.gateway.ports import World

UNKNOWN = "01890000-0000-8000-8000-000000000000"
KINDS = ("restart", "retry", "rerun", "resetcallbacks")


async def failed(api: Api, name: str = "w", **fields: Any) -> str:
    """A workflow whose only task has failed."""
    await api.register(name, "a", **fields)
    started = await api.start(name, {"x": 1}, correlationId="old")
    await finish(api, "FAILED_WITH_TERMINAL_ERROR")
    return started


async def finish(api: Api, status: str = "COMPLETED", task_type: str = "a") -> None:
    (task,) = await api.poll(task_type)
    assert (await api.post("/tasks", result(task, status))).status == 200


async def seen(api: Api, workflow_id: str) -> dict[str, Any]:
    found = (await api.get(f"/workflow/{workflow_id}")).body
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("what", ["restart", "retry"])
async def test_restart_and_retry_answer_204_without_a_body(api: Api, what: str):
    workflow_id = await failed(api)
    answer = await api.post(f"/workflow/{workflow_id}/{what}", reason="once more")
    assert (answer.status, answer.body, answer.kind) == (204, "", None)
    assert (await seen(api, workflow_id))["status"] == "RUNNING"


async def test_rerun_answers_with_the_id_and_takes_new_input_and_correlation_id(api: Api):
    workflow_id = await failed(api)
    body = {"workflowInput": {"x": 2}, "correlationId": "new", "reRunFromWorkflowId": "other"}
    answer = await api.post(f"/workflow/{workflow_id}/rerun", body)
    found = await seen(api, workflow_id)
    assert (answer.status, answer.body, answer.kind) == (200, workflow_id, "text/plain")
    assert (found["status"], found["input"], found["correlationId"]) == ("RUNNING", {"x": 2}, "new")


async def test_rerun_from_a_task_keeps_its_id_and_takes_its_new_input(api: Api):
    workflow_id = await failed(api)
    task_id = (await seen(api, workflow_id))["tasks"][0]["taskId"]
    body = {"reRunFromTaskId": task_id, "taskInput": {"n": 9}}
    assert (await api.post(f"/workflow/{workflow_id}/rerun", body)).status == 200
    (task,) = (await seen(api, workflow_id))["tasks"]
    assert (task["taskId"], task["inputData"], task["status"]) == (task_id, {"n": 9}, "SCHEDULED")


@pytest.mark.parametrize("task_id", ["nope", "", UNKNOWN, f"{UNKNOWN[:-1]}1"])
async def test_rerun_from_a_task_that_is_not_there_is_400(api: Api, task_id: str):
    workflow_id = await failed(api)
    answer = await api.post(f"/workflow/{workflow_id}/rerun", {"reRunFromTaskId": task_id})
    assert (answer.status, answer.body["message"]) == (400, f"Task {task_id} not found")
    assert (await seen(api, workflow_id))["status"] == "FAILED"


@pytest.mark.parametrize("what", KINDS)
@pytest.mark.parametrize("unknown", ["nope", UNKNOWN])
async def test_an_unknown_workflow_is_404(api: Api, what: str, unknown: str):
    answer = await api.post(f"/workflow/{unknown}/{what}", {} if what == "rerun" else None)
    assert (answer.status, answer.body["message"]) == (
        404,
        f"No such workflow found by id: {unknown}",
    )


async def test_the_newest_definition_is_run_where_asked_for(api: Api):
    workflow_id = await failed(api)
    await api.register("w", "b", version=2)
    await api.post(f"/workflow/{workflow_id}/restart", useLatestDefinitions="true")
    found = await seen(api, workflow_id)
    assert (found["workflowVersion"], found["tasks"][0]["taskType"]) == (2, "b")
    assert found["workflowDefinition"]["version"] == 2
    await api.delete(f"/workflow/{workflow_id}")
    await api.delete("/metadata/workflow/w/2")
    await api.delete("/metadata/workflow/w/1")
    gone = await api.post(f"/workflow/{workflow_id}/restart", useLatestDefinitions="true")
    assert (gone.status, gone.body["message"]) == (
        404,
        f"Unable to find latest definition for {workflow_id}",
    )


async def test_the_same_key_again_does_nothing_again(api: Api):
    workflow_id = await failed(api)
    for _ in range(2):
        headers = {"Idempotency-Key": "k"}
        answer = await api.post(f"/workflow/{workflow_id}/retry", headers=headers)
        assert answer.status == 204
    assert len((await seen(api, workflow_id))["tasks"]) == 2


async def test_bulk_restart_and_retry_tell_who_failed_and_why(api: Api):
    workflow_id = await failed(api)
    given = [workflow_id, "nope"]
    for what in ("retry", "restart"):
        if what == "restart":
            await finish(api)
        answer = await api.post(f"/workflow/bulk/{what}", given)
        assert answer.body["bulkSuccessfulResults"] == [workflow_id]
        assert answer.body["bulkErrorResults"] == {"nope": "No such workflow found by id: nope"}
    assert (await seen(api, workflow_id))["status"] == "RUNNING"


async def family(api: Api, world: World) -> tuple[str, str]:
    """A failed parent with a failed child."""
    await api.register("c", "a")
    sub = {"name": "s", "taskReferenceName": "s", "type": "SUB_WORKFLOW"}
    definition = {"name": "p", "tasks": [{**sub, "subWorkflowParam": {"name": "c"}}]}
    assert (await api.post("/metadata/workflow", definition)).status == 200
    parent_id = await api.start("p")
    decider = world.ports().decider
    parent = await decider.read(parent_id)
    assert parent is not None
    row = parent.tasks[1]
    await decider.submit(start_child(parent, row))
    about = {"workflow_id": parent_id, "task_id": parent.task_id(1), "child_id": row.child_id or ""}
    await decider.submit(ReportChildStarted(command_id="started", **about))
    await finish(api, "FAILED_WITH_TERMINAL_ERROR")
    child = await decider.read(row.child_id or "")
    assert child is not None
    ended = ReportChildEnded(command_id="ended", **about, status=child.status)
    await decider.submit(ended)
    return parent_id, child.workflow_id


@pytest.mark.parametrize("of", [0, 1])
async def test_parents_and_children_run_before_the_answer_is_there(api: Api, world: World, of: int):
    both = await family(api, world)
    assert [(await seen(api, one))["status"] for one in both] == ["FAILED", "FAILED"]
    answer = await api.post(f"/workflow/{both[of]}/retry", resumeSubworkflowTasks="true")
    assert answer.status == 204
    assert [(await seen(api, one))["status"] for one in both] == ["RUNNING", "RUNNING"]


async def test_a_rerun_reaches_a_task_of_a_child(api: Api, world: World):
    parent_id, child_id = await family(api, world)
    body = {"reRunFromTaskId": ids.task_id(child_id, 1), "taskInput": {"n": 1}}
    assert (await api.post(f"/workflow/{parent_id}/rerun", body)).status == 200
    parent, child = await seen(api, parent_id), await seen(api, child_id)
    assert [parent["status"], child["status"]] == ["RUNNING", "RUNNING"]
    assert child["tasks"][0]["inputData"] == {"n": 1}
    assert parent["tasks"][0]["status"] == "IN_PROGRESS"
    again = await api.post(f"/workflow/{parent_id}/rerun", body)
    assert again.status == 409
