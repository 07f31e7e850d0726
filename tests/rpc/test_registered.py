"""MetadataService and EventService: what is registered (spec 8.3, 8.7)."""

from typing import Any

import pytest

from tests.gateway.ports import World
from tests.rpc.client import Failed, Rpc

WORKFLOW = {
    "name": "orders",
    "version": 1,
    "schemaVersion": 2,
    "tasks": [{"name": "charge", "taskReferenceName": "t0", "type": "SIMPLE", "retryCount": -1}],
}
TASK = {
    "name": "charge",
    "retryCount": 2,
    "responseTimeoutSeconds": 10,
    "timeoutSeconds": 30,
    "backoffScaleFactor": 1,
    "rateLimitFrequencyInSeconds": 1,
}
HANDLER = {
    "name": "h",
    "event": "conductor:orders",
    "active": True,
    "actions": [{"startWorkflow": {"name": "orders", "input": {"a": "${b}"}}}],
}


async def failure(work: Any) -> tuple[str, str | None]:
    with pytest.raises(Failed) as failed:
        await work
    return failed.value.code, failed.value.text


async def test_a_workflow_definition_is_registered_once_and_replaced(rpc: Rpc) -> None:
    await rpc.metadata("CreateWorkflow", workflow=WORKFLOW)
    found = await rpc.metadata("GetWorkflow", name="orders")
    assert found["workflow"]["tasks"] == WORKFLOW["tasks"]
    code, _ = await failure(rpc.metadata("CreateWorkflow", workflow=WORKFLOW))
    assert code == "ALREADY_EXISTS"
    changed = {**WORKFLOW, "description": "new"}
    await rpc.metadata("UpdateWorkflows", defs=[changed, {**WORKFLOW, "version": 2}])
    found = await rpc.metadata("GetWorkflow", name="orders", version=1)
    assert found["workflow"]["description"] == "new"
    assert (await rpc.metadata("GetWorkflow", name="orders"))["workflow"]["version"] == 2


@pytest.mark.parametrize("method", ["CreateWorkflow", "ValidateWorkflow"])
async def test_a_bad_definition_is_refused_with_all_its_faults(rpc: Rpc, method: str) -> None:
    code, text = await failure(rpc.metadata(method, workflow={"name": "orders"}))
    assert code == "INVALID_ARGUMENT"
    assert "tasks: WorkflowTask list cannot be empty" in (text or "")
    assert "schemaVersion" in (text or "")


async def test_one_bad_definition_refuses_them_all(rpc: Rpc) -> None:
    code, _ = await failure(rpc.metadata("UpdateWorkflows", defs=[WORKFLOW, {"name": "x"}]))
    assert code == "INVALID_ARGUMENT"
    code, _ = await failure(rpc.metadata("GetWorkflow", name="orders"))
    assert code == "NOT_FOUND"


async def test_validation_registers_nothing(rpc: Rpc, world: World) -> None:
    assert await rpc.metadata("ValidateWorkflow", workflow=WORKFLOW) == {}
    assert await world.definitions.workflows() == []


async def test_a_workflow_that_is_not_registered_is_not_found(rpc: Rpc) -> None:
    assert await failure(rpc.metadata("GetWorkflow", name="none", version=3)) == (
        "NOT_FOUND",
        "No such workflow found by name=none",
    )


async def test_task_definitions_are_kept(rpc: Rpc) -> None:
    await rpc.metadata("CreateTasks", defs=[TASK])
    found = (await rpc.metadata("GetTask", taskType="charge"))["task"]
    assert (found["retryCount"], found["responseTimeoutSeconds"]) == (2, "10")
    await rpc.metadata("UpdateTask", task={**TASK, "retryCount": 5})
    found = (await rpc.metadata("GetTask", taskType="charge"))["task"]
    assert found["retryCount"] == 5
    await rpc.metadata("DeleteTask", taskType="charge")
    for method, asked in (
        ("GetTask", {"taskType": "charge"}),
        ("DeleteTask", {"taskType": "charge"}),
        ("UpdateTask", {"task": TASK}),
    ):
        assert (await failure(rpc.metadata(method, **asked)))[0] == "NOT_FOUND"


async def test_zeros_of_a_task_definition_count_as_said(rpc: Rpc) -> None:
    """As in Conductor: nothing tells them from absent ones, and 0 is no response timeout."""
    code, text = await failure(rpc.metadata("CreateTasks", defs=[{"name": "charge"}]))
    assert code == "INVALID_ARGUMENT"
    assert "responseTimeoutSeconds" in (text or "")


async def test_event_handlers_are_kept(rpc: Rpc) -> None:
    await rpc.events("AddEventHandler", handler=HANDLER)
    assert (await failure(rpc.events("AddEventHandler", handler=HANDLER)))[0] == "ALREADY_EXISTS"
    assert await rpc.events("GetEventHandlers") == [HANDLER]
    await rpc.events("UpdateEventHandler", handler={**HANDLER, "active": False})
    asked = {"event": "conductor:orders"}
    assert len(await rpc.events("GetEventHandlersForEvent", **asked)) == 1
    assert await rpc.events("GetEventHandlersForEvent", **asked, activeOnly=True) == []
    await rpc.events("RemoveEventHandler", name="h")
    assert await rpc.events("GetEventHandlers") == []
    assert (await failure(rpc.events("RemoveEventHandler", name="h")))[0] == "NOT_FOUND"
    assert (await failure(rpc.events("UpdateEventHandler", handler=HANDLER)))[0] == "NOT_FOUND"


async def test_a_bad_event_handler_is_refused(rpc: Rpc) -> None:
    code, text = await failure(rpc.events("AddEventHandler", handler={"name": "h"}))
    assert code == "INVALID_ARGUMENT"
    assert "event: Missing event location" in (text or "")
