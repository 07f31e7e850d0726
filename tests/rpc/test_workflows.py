"""WorkflowService: starting, reading, steering, finding (spec 5, 7, 8.4)."""

from typing import Any

import pytest

from tests.gateway.ports import World
from tests.rpc.client import Failed, Rpc
from tests.rpc.conftest import register


async def status(rpc: Rpc, workflow_id: str) -> str:
    found = await rpc.workflows("GetWorkflowStatus", workflowId=workflow_id)
    return str(found.get("status", "RUNNING"))


async def finish(rpc: Rpc, task_type: str = "charge") -> Any:
    task = (await rpc.tasks("Poll", taskType=task_type))["task"]
    result = {
        "taskId": task["taskId"],
        "workflowInstanceId": task["workflowInstanceId"],
        "status": "COMPLETED",
    }
    return await rpc.tasks("UpdateTask", result=result)


async def test_a_start_is_read_back(rpc: Rpc, started: str) -> None:
    found = await rpc.workflows("GetWorkflowStatus", workflowId=started, includeTasks=True)
    assert found["input"] == {"amount": 3.0}
    assert (found["correlationId"], len(found["tasks"])) == ("c1", 1)
    assert found["workflowDefinition"]["name"] == "orders"
    assert "tasks" not in await rpc.workflows("GetWorkflowStatus", workflowId=started)


async def test_a_start_brings_its_own_definition(rpc: Rpc) -> None:
    definition = {
        "name": "inline",
        "version": 1,
        "schemaVersion": 2,
        "tasks": [{"name": "a", "taskReferenceName": "a", "type": "SIMPLE"}],
    }
    answer = await rpc.workflows("StartWorkflow", name="inline", workflowDef=definition)
    found = await rpc.workflows("GetWorkflowStatus", workflowId=answer["workflowId"])
    assert found["workflowDefinition"]["tasks"][0]["name"] == "a"


@pytest.mark.parametrize(
    ("request_", "code", "text"),
    [
        ({"name": "none"}, "NOT_FOUND", "No such workflow found by name=none"),
        ({}, "INVALID_ARGUMENT", "Workflow name cannot be null or empty"),
        ({"name": "orders", "priority": 200}, "INVALID_ARGUMENT", "priority"),
        ({"name": "orders", "priority": -1}, "INVALID_ARGUMENT", "priority"),
        ({"name": "orders", "version": 9}, "NOT_FOUND", "name=orders"),
    ],
)
async def test_a_bad_start_is_refused(
    rpc: Rpc, started: str, request_: dict[str, Any], code: str, text: str
) -> None:
    with pytest.raises(Failed, match=text) as failed:
        await rpc.workflows("StartWorkflow", **request_)
    assert failed.value.code == code


async def test_a_start_repeated_under_its_key_is_one_start(rpc: Rpc, started: str) -> None:
    asked, metadata = {"name": "orders"}, (("idempotency-key", "k1"),)
    answers = [
        await rpc.call("WorkflowService", "StartWorkflow", asked, metadata=metadata)
        for _ in range(2)
    ]
    assert answers[0] == answers[1]


async def test_a_key_that_may_be_used_once_conflicts_the_second_time(
    rpc: Rpc, started: str
) -> None:
    asked = {"name": "orders"}
    metadata = (("x-idempotency-key", "k2"), ("x-on-conflict", "FAIL"))
    await rpc.call("WorkflowService", "StartWorkflow", asked, metadata=metadata)
    with pytest.raises(Failed) as failed:
        await rpc.call("WorkflowService", "StartWorkflow", asked, metadata=metadata)
    assert failed.value.code == "ALREADY_EXISTS"


@pytest.mark.parametrize(
    "method",
    [
        "GetWorkflowStatus",
        "DecideWorkflow",
        "PauseWorkflow",
        "ResumeWorkflow",
        "SkipTaskFromWorkflow",
        "RestartWorkflow",
        "RetryWorkflow",
        "ResetWorkflowCallbacks",
        "TerminateWorkflow",
    ],
)
async def test_a_workflow_that_is_not_there_is_not_found(rpc: Rpc, method: str) -> None:
    with pytest.raises(Failed, match="No such workflow found by id: nope") as failed:
        await rpc.workflows(method, workflowId="nope")
    assert failed.value.code == "NOT_FOUND"


async def test_a_workflow_pauses_and_goes_on(rpc: Rpc, started: str) -> None:
    await rpc.workflows("PauseWorkflow", workflowId=started)
    assert await status(rpc, started) == "PAUSED"
    await rpc.workflows("ResumeWorkflow", workflowId=started)
    assert await status(rpc, started) == "RUNNING"
    with pytest.raises(Failed, match="is not PAUSED") as failed:
        await rpc.workflows("ResumeWorkflow", workflowId=started)
    assert failed.value.code == "FAILED_PRECONDITION"


async def test_a_workflow_ends_runs_again_and_goes(rpc: Rpc, started: str) -> None:
    await rpc.workflows("TerminateWorkflow", workflowId=started, reason="enough")
    found = await rpc.workflows("GetWorkflowStatus", workflowId=started)
    assert (found["status"], found["reasonForIncompletion"]) == ("TERMINATED", "enough")
    await rpc.workflows("RetryWorkflow", workflowId=started)
    assert await status(rpc, started) == "RUNNING"
    await rpc.workflows("TerminateWorkflow", workflowId=started)
    await rpc.workflows("RestartWorkflow", workflowId=started)
    await finish(rpc)
    assert await status(rpc, started) == "COMPLETED"
    await rpc.workflows("RemoveWorkflow", workflodId=started)
    with pytest.raises(Failed) as failed:
        await status(rpc, started)
    assert failed.value.code == "NOT_FOUND"


async def test_a_rerun_from_a_task_leaves_an_input_that_is_not_given(
    rpc: Rpc, started: str
) -> None:
    answer = await finish(rpc)
    again = await rpc.workflows(
        "RerunWorkflow", reRunFromWorkflowId=started, reRunFromTaskId=answer["taskId"]
    )
    assert again == {"workflowId": started}
    found = await rpc.workflows("GetWorkflowStatus", workflowId=started)
    assert (found.get("status"), found["input"]) == (None, {"amount": 3.0})
    with pytest.raises(Failed, match="WorkflowId cannot be null or empty"):
        await rpc.workflows("RerunWorkflow")


async def test_a_task_is_skipped_with_what_it_would_have_answered(rpc: Rpc) -> None:
    await register(rpc, "two", "charge", "ship")
    workflow_id = (await rpc.workflows("StartWorkflow", name="two"))["workflowId"]
    await rpc.workflows(
        "SkipTaskFromWorkflow",
        workflowId=workflow_id,
        taskReferenceName="t1",
        request={"taskOutput": {"ship": "none"}},
    )
    await finish(rpc)
    found = await rpc.workflows("GetWorkflowStatus", workflowId=workflow_id, includeTasks=True)
    skipped = {task["referenceTaskName"]: task for task in found["tasks"]}["t1"]
    assert (skipped["status"], skipped["outputData"]) == ("SKIPPED", {"ship": "none"})
    assert found["status"] == "COMPLETED"


async def test_decide_and_reset_callbacks_are_answered(rpc: Rpc, started: str) -> None:
    assert await rpc.workflows("DecideWorkflow", workflowId=started) == {}
    assert await rpc.workflows("ResetWorkflowCallbacks", workflowId=started) == {}


async def test_running_ones_are_listed_of_a_version_or_of_all(rpc: Rpc, started: str) -> None:
    for version, ids in ((1, [started]), (0, [started]), (2, [])):
        found = await rpc.workflows("GetRunningWorkflows", name="orders", version=version)
        assert found.get("workflowIds", []) == ids


async def test_workflows_are_found_by_correlation(rpc: Rpc, started: str) -> None:
    asked = {"name": "orders", "correlationId": ["c1", "c2"]}
    found = (await rpc.workflows("GetWorkflows", **asked))["workflowsById"]
    assert [one["workflowId"] for one in found["c1"]["workflows"]] == [started]
    assert found["c2"] == {}
    await rpc.workflows("TerminateWorkflow", workflowId=started)
    assert (await rpc.workflows("GetWorkflows", **asked))["workflowsById"]["c1"] == {}
    found = await rpc.workflows("GetWorkflows", **asked, includeClosed=True)
    assert len(found["workflowsById"]["c1"]["workflows"]) == 1


@pytest.mark.parametrize(
    ("method", "query"),
    [
        ("Search", "workflowType=orders"),
        ("SearchV2", "workflowType=orders"),
        ("SearchByTasks", "taskType=charge"),
        ("SearchByTasksV2", "taskType=charge"),
    ],
)
async def test_workflows_are_searched(rpc: Rpc, started: str, method: str, query: str) -> None:
    found = await rpc.workflows(method, query=query)
    assert found["totalHits"] == "1"
    assert [one["workflowId"] for one in found["results"]] == [started]
    assert (await rpc.workflows(method, query=query.replace("=", "=x"))).get("results") is None


async def test_a_search_passes_its_parts_on(rpc: Rpc, world: World) -> None:
    await rpc.workflows("Search", start=3, size=7, sort="startTime:DESC", freeText="abc")
    asked = world.search.asked[-1]
    assert (asked.start, asked.size, asked.sort, asked.free_text) == (
        *(3, 7),
        *("startTime:DESC", "abc"),
    )
    await rpc.workflows("Search")
    assert (world.search.asked[-1].size, world.search.asked[-1].free_text) == (5000, "*")


async def test_a_search_says_how_new_it_is_and_waits_for_what_is_wanted(
    rpc: Rpc, world: World, started: str
) -> None:
    end = await world.log.end()
    asked = {"query": "workflowType=orders"}
    world.search.behind = [1]
    call = rpc.open("WorkflowService", "Search", asked)
    await call
    told = dict(await call.trailing_metadata())
    assert told["firmus-search-position"] == str(end - 1)
    assert told["firmus-search-lag"] == "1"
    for wanted in ("latest", str(end)):
        metadata = (("firmus-search-at-least", wanted),)
        call = rpc.open("WorkflowService", "Search", asked, metadata=metadata)
        await call
        assert dict(await call.trailing_metadata())["firmus-search-lag"] == "0"


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("firmus-search-at-least", "1e3", "INVALID_ARGUMENT"),
        ("firmus-search-at-least", "-1", "INVALID_ARGUMENT"),
        ("firmus-search-at-least", "999999", "UNAVAILABLE"),
        ("firmus-search-after", "x", "INVALID_ARGUMENT"),
    ],
)
async def test_a_search_that_cannot_be_as_new_is_refused(
    rpc: Rpc, name: str, value: str, code: str
) -> None:
    asked = {"query": "workflowType=orders", "start": 1}
    with pytest.raises(Failed) as failed:
        await rpc.call("WorkflowService", "Search", asked, metadata=((name, value),))
    assert failed.value.code == code


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"size": 5001}, "Cannot return more than 5000 results"),
        ({"start": -1}, "must not be negative"),
        ({"query": "((("}, "Incorrectly formatted query"),
    ],
)
async def test_a_bad_search_is_refused(rpc: Rpc, asked: dict[str, Any], text: str) -> None:
    with pytest.raises(Failed, match=text) as failed:
        await rpc.workflows("Search", **asked)
    assert failed.value.code == "INVALID_ARGUMENT"
