"""Synchronous execute and signals over HTTP (spec 8.4.1, 8.5)."""

import asyncio
from typing import Any

import aiohttp
import pytest

from firmus.gateway import service
from tests.gateway.client import Api, result
from tests.gateway.ports import World

WAIT = {"name": "w", "taskReferenceName": "w", "type": "WAIT"}
SET = {
    "name": "s",
    "taskReferenceName": "s",
    "type": "SET_VARIABLE",
    "inputParameters": {"v": "${workflow.input.x}"},
}
A = {"name": "a", "taskReferenceName": "a"}
B = {"name": "b", "taskReferenceName": "b"}
TASK_STRATEGIES = ("BLOCKING_TASK", "BLOCKING_TASK_INPUT")


async def define(api: Api, name: str, *tasks: dict[str, Any], **fields: Any) -> None:
    answer = await api.post("/metadata/workflow", {"name": name, "tasks": list(tasks), **fields})
    assert answer.status == 200, answer.body


async def execute(api: Api, name: str, given: Any = None, **query: Any) -> Any:
    body = {"input": {"x": 1}} if given is None else given
    return await api.post(f"/workflow/execute/{name}/1", body, **query)


def rows(run: dict[str, Any]) -> list[str]:
    return [f"{task['referenceTaskName']} {task['status']}" for task in run["tasks"]]


async def watched(world: World) -> None:
    while not world.decider.watches:
        await asyncio.sleep(0.001)


async def test_a_workflow_that_ends_by_itself_answers_with_its_end(api: Api):
    await define(api, "w", SET, outputParameters={"o": "${workflow.variables.v}"})
    body = {"input": {"x": 5}, "correlationId": "c", "priority": 4}
    answer = await execute(api, "w", body, requestId="r")
    run = answer.body
    assert (answer.status, run["requestId"], run["correlationId"]) == (200, "r", "c")
    assert (run["status"], run["output"], run["variables"]) == ("COMPLETED", {"o": 5}, {"v": 5})
    assert (run["priority"], run["signalTimeout"]) == (4, False)
    assert run["targetWorkflowId"] == run["workflowId"]
    assert rows(run) == ["s COMPLETED"]


async def test_a_wait_and_a_named_task_end_the_call_and_a_human_does_not(api: Api):
    await define(api, "w", SET, WAIT)
    await define(api, "n", SET, A)
    await define(api, "h", {"name": "h", "taskReferenceName": "h", "type": "HUMAN"})
    blocked = (await execute(api, "w")).body
    named = (await execute(api, "n", waitUntilTaskRef="nobody, s")).body
    human = (await execute(api, "h", waitForSeconds=-1)).body
    assert rows(blocked) == ["s COMPLETED", "w IN_PROGRESS"]
    assert rows(named) == ["s COMPLETED", "a SCHEDULED"]
    assert rows(human) == ["h IN_PROGRESS"]
    timeouts = [run["signalTimeout"] for run in (blocked, named, human)]
    assert timeouts == [False, False, True]


@pytest.mark.parametrize("refs", ["", "None", "later,None"])
async def test_names_of_no_task_wait_until_the_time_is_up(api: Api, refs: str):
    await define(api, "w", A, B)
    answer = await execute(api, "w", waitUntilTaskRef=refs, waitForSeconds=-1)
    assert (answer.status, answer.body["signalTimeout"]) == (200, True)


async def test_the_call_is_answered_when_a_worker_has_ended_the_workflow(api: Api, world: World):
    await define(api, "w", A)
    call = asyncio.create_task(execute(api, "w", waitForSeconds=600))
    await watched(world)
    [task] = await api.poll("a")
    await api.post("/tasks", result(task, outputData={"y": 2}))
    run = (await call).body
    assert (run["status"], run["output"], run["signalTimeout"]) == ("COMPLETED", {"y": 2}, False)


@pytest.mark.parametrize("strategy", TASK_STRATEGIES)
async def test_the_answer_may_be_the_task_that_blocks(api: Api, strategy: str):
    await define(api, "w", SET, {**WAIT, "inputParameters": {"k": 3}})
    run = (await execute(api, "w", returnStrategy=strategy)).body
    assert (run["responseType"], run["targetWorkflowStatus"]) == (strategy, "RUNNING")
    assert (run["referenceTaskName"], run["taskType"]) == ("w", "WAIT")
    assert (run["status"], run["input"], run["workflowType"]) == ("IN_PROGRESS", {"k": 3}, "w")
    assert "tasks" not in run


@pytest.mark.parametrize("strategy", TASK_STRATEGIES)
async def test_no_task_that_blocks_is_404_and_names_the_workflow(api: Api, strategy: str):
    await define(api, "ends", SET)
    await define(api, "works", A)
    ended = await execute(api, "ends", returnStrategy=strategy)
    late = await execute(api, "works", returnStrategy=strategy, waitForSeconds=-1)
    assert (ended.status, late.status) == (404, 404)
    assert "which is COMPLETED" in ended.body["message"]
    assert "which is RUNNING: its time was up" in late.body["message"]


async def test_versions_are_chosen_by_the_path_the_query_or_the_body(api: Api):
    for version in (1, 2, 3):
        await define(api, "w", SET, version=version, outputParameters={"v": version})

    async def made(path: str, body: dict[str, Any], **query: Any) -> Any:
        return (await api.post(f"/workflow/execute/{path}", body, **query)).body["output"]["v"]

    assert await made("w/1", {"version": 2, "name": "other"}) == 1
    assert await made("w/0", {"version": 2}) == 3
    assert await made("w", {"version": 2}) == 2
    assert await made("w", {"version": 2}, version=1) == 1
    assert await made("w", {}) == 3


async def test_an_inline_definition_runs_and_its_input_says_so(api: Api):
    body = {
        "input": {"x": 1, "_systemMetadata": {"a": 2}},
        "workflowDef": {"name": "inline", "tasks": [SET]},
    }
    run = (await execute(api, "inline", body)).body
    metadata = {"a": 2, "dynamic": True}
    assert (run["status"], run["input"]) == ("COMPLETED", {"x": 1, "_systemMetadata": metadata})


async def test_what_the_server_adds_to_an_input_is_no_fault_of_a_closed_schema(api: Api):
    closed = {"type": "object", "properties": {"x": {}}, "additionalProperties": False}
    schema = {"name": "closed", "version": 1, "type": "JSON", "data": closed}
    inline = {"name": "inline", "tasks": [SET], "inputSchema": schema, "enforceSchema": True}
    fits, misfits = [
        await execute(api, "inline", {"input": given, "workflowDef": inline})
        for given in ({"x": 1}, {"y": 1})
    ]
    assert (fits.status, misfits.status) == (200, 400)


async def test_an_idempotency_key_waits_for_the_workflow_that_has_it(api: Api):
    await define(api, "w", WAIT)
    body = {"idempotencyKey": "k", "idempotencyStrategy": "RETURN_EXISTING"}
    ids = {(await execute(api, "w", body)).body["workflowId"] for _ in range(2)}
    ids |= {(await execute(api, "w", {}, headers={"Idempotency-Key": "k"})).body["workflowId"]}
    refused = await execute(api, "w", {"idempotencyKey": "k"})
    assert (len(ids), refused.status) == (1, 409)


@pytest.mark.parametrize(
    ("path", "query", "part"),
    [
        ("w/1", {"returnStrategy": "NOPE"}, "returnStrategy: 'NOPE' is none of TARGET_WORKFLOW"),
        ("w/1", {"waitForSeconds": "soon"}, "waitForSeconds: 'soon' is not a number"),
        ("w/x", {}, "version: 'x' is not a number"),
    ],
)
async def test_a_call_that_cannot_be_read_starts_nothing(
    api: Api, world: World, path: str, query: dict[str, Any], part: str
):
    await define(api, "w", SET)
    answer = await api.post(f"/workflow/execute/{path}", {}, **query)
    assert answer.status == 400
    assert part in answer.body["message"]
    assert await world.log.end() == 0


async def test_a_client_that_leaves_is_waited_for_no_more_and_its_workflow_goes_on(
    api: Api, world: World
):
    await define(api, "w", A)
    call = asyncio.create_task(execute(api, "w", waitForSeconds=600))
    await watched(world)
    call.cancel()
    while world.decider.watches:
        await asyncio.sleep(0.001)
    assert [task["taskType"] for task in await api.poll("a")] == ["a"]


async def test_a_gateway_that_stops_says_which_workflow_goes_on(world: World):
    listener = await service.start(world.ports(), host="127.0.0.1", port=0)
    async with aiohttp.ClientSession() as session:
        api = Api(session, listener.port)
        await define(api, "w", A)
        call = asyncio.create_task(execute(api, "w", waitForSeconds=600))
        await watched(world)
        await listener.close()
        answer = await call
    assert answer.status == 503
    assert "goes on" in answer.body["message"]
