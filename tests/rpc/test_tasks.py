"""TaskService against the real decider over a log in memory (spec 4.5, 8.5, 9)."""

import asyncio
from typing import Any

import pytest

from firmus.rpc.service import RpcServer
from tests.gateway.ports import World
from tests.rpc.client import Failed, Rpc
from tests.rpc.conftest import gateway_of, register


async def poll(rpc: Rpc, task_type: str = "charge", **asked: Any) -> Any:
    return (await rpc.tasks("Poll", taskType=task_type, workerId="w1", **asked)).get("task")


async def begun(rpc: Rpc, count: int) -> list[Any]:
    found = await rpc.tasks("BatchPoll", taskType="charge", workerId="w1", count=count)
    assert isinstance(found, list)
    return found


async def start(rpc: Rpc, count: int) -> list[str]:
    answers = [
        await rpc.workflows("StartWorkflow", name="orders", input={"amount": number})
        for number in range(count)
    ]
    return [answer["workflowId"] for answer in answers]


async def test_a_poll_hands_a_task_out_whole(rpc: Rpc, started: str) -> None:
    task = await poll(rpc)
    assert task["workflowInstanceId"] == started
    assert task["inputData"] == {"amount": 3.0}
    assert (task["workerId"], task["pollCount"], task["correlationId"]) == ("w1", 1, "c1")
    assert task["workflowTask"]["taskReferenceName"] == "t0"
    assert "status" not in task  # IN_PROGRESS is 0


async def test_a_poll_that_finds_nothing_answers_without_a_task(rpc: Rpc) -> None:
    assert await rpc.tasks("Poll", taskType="charge") == {}


@pytest.mark.parametrize("method", ["Poll", "BatchPoll"])
async def test_a_poll_names_a_type(rpc: Rpc, method: str) -> None:
    with pytest.raises(Failed) as failed:
        await rpc.tasks(method)
    assert (failed.value.code, failed.value.text) == (
        "INVALID_ARGUMENT",
        "TaskType cannot be null or empty.",
    )


async def test_a_batch_streams_up_to_its_count_and_one_when_it_says_none(
    rpc: Rpc, started: str
) -> None:
    await start(rpc, 3)
    assert len(await begun(rpc, 0)) == 1
    assert len(await begun(rpc, 2)) == 2
    assert len(await begun(rpc, 50)) == 1
    assert await begun(rpc, -1) == []


async def test_a_batch_waits_for_the_first_task(rpc: Rpc, world: World) -> None:
    await register(rpc, "orders", "charge")
    waiting = asyncio.create_task(rpc.tasks("BatchPoll", taskType="charge", timeout=5000))
    await world.queues.polling.wait()
    await start(rpc, 1)
    assert len(await waiting) == 1


async def test_no_poll_waits_longer_than_five_seconds(rpc: Rpc) -> None:
    with pytest.raises(Failed, match="longpoll timeout cannot be longer than 5000ms") as failed:
        await rpc.tasks("BatchPoll", taskType="charge", timeout=5001)
    assert failed.value.code == "INVALID_ARGUMENT"


async def test_queues_have_domains(rpc: Rpc) -> None:
    await register(rpc, "orders", "charge")
    await rpc.workflows("StartWorkflow", name="orders", taskToDomain={"charge": "eu"})
    assert await poll(rpc) is None
    assert (await poll(rpc, domain="eu"))["domain"] == "eu"


async def test_a_task_that_the_wire_cannot_show_does_not_stand_in_the_way(
    rpc: Rpc, world: World, started: str
) -> None:
    """Values that REST takes may nest deeper than protobuf's readers follow."""
    thing: Any = 1
    for _ in range(40):
        thing = [thing]
    given = {"name": "orders", "input": {"amount": thing}}
    async with gateway_of(world) as api:
        await api.call("POST", "/workflow", given)
        assert [task["inputData"] for task in await begun(rpc, 3)] == [{"amount": 3.0}]
        await api.call("POST", "/workflow", given)
    with pytest.raises(Failed, match="levels deep") as failed:
        await begun(rpc, 3)
    assert failed.value.code == "FAILED_PRECONDITION"
    assert await begun(rpc, 3) == []


async def test_nothing_is_begun_for_a_caller_that_has_left(
    rpc: Rpc, world: World, started: str
) -> None:
    await begun(rpc, 1)
    world.queues.polling.clear()
    call = rpc.open("TaskService", "BatchPoll", {"taskType": "charge", "timeout": 5000})
    reading = asyncio.create_task(call.read())
    await world.queues.polling.wait()
    call.cancel()
    await asyncio.wait([reading])
    await world.queues.cancelled.wait()
    [workflow_id] = await start(rpc, 1)
    assert (await poll(rpc))["workflowInstanceId"] == workflow_id


async def test_a_deadline_ends_a_poll(rpc: Rpc, world: World) -> None:
    asked = {"taskType": "charge", "timeout": 5000}
    with pytest.raises(Failed) as failed:
        await rpc.call("TaskService", "BatchPoll", asked, timeout=0.2)
    assert failed.value.code == "DEADLINE_EXCEEDED"
    await world.queues.cancelled.wait()


async def test_a_report_ends_its_task(rpc: Rpc, started: str) -> None:
    task = await poll(rpc)
    result = {
        "taskId": task["taskId"],
        "workflowInstanceId": started,
        "status": "COMPLETED",
        "outputData": {"receipt": {"no": 7, "lines": ["a", None]}},
        "logs": [{"log": "charged"}],
    }
    assert await rpc.tasks("UpdateTask", result=result) == {"taskId": task["taskId"]}
    workflow = await rpc.workflows("GetWorkflowStatus", workflowId=started, includeTasks=True)
    assert workflow["status"] == "COMPLETED"
    assert workflow["tasks"][0]["outputData"] == {"receipt": {"no": 7.0, "lines": ["a", None]}}
    logs = await rpc.tasks("GetTaskLogs", taskId=task["taskId"])
    assert [line["log"] for line in logs["logs"]] == ["charged"]


async def test_a_report_repeated_under_its_key_counts_once(
    rpc: Rpc, world: World, started: str
) -> None:
    task = await poll(rpc)
    result = {"taskId": task["taskId"], "workflowInstanceId": started, "status": "COMPLETED"}
    ids = set()
    for _ in range(2):
        metadata = (("idempotency-key", "k1"), ("firmus-actor", "ann"))
        asked = {"result": result}
        await rpc.call("TaskService", "UpdateTask", asked, metadata=metadata)
        ids.add((world.door.seen[-1].command_id, world.door.seen[-1].actor))
    assert ids == {(f"update:{task['taskId']}:k1", "ann")}


@pytest.mark.parametrize(
    ("result", "code", "text"),
    [
        ({}, "INVALID_ARGUMENT", "taskId: Task ID cannot be null or empty"),
        ({"taskId": "x", "workflowInstanceId": "y"}, "NOT_FOUND", "No such workflow found by id"),
    ],
)
async def test_a_report_of_nothing_is_refused(rpc: Rpc, result: Any, code: str, text: str) -> None:
    with pytest.raises(Failed, match=text) as failed:
        await rpc.tasks("UpdateTask", result=result)
    assert failed.value.code == code


async def test_a_report_may_name_its_output_by_a_path(rpc: Rpc, world: World, started: str) -> None:
    await world.uploads.put("task/output/big.json", b'{"pages": 3}')
    task = await poll(rpc)
    result = {
        "taskId": task["taskId"],
        "workflowInstanceId": started,
        "status": "COMPLETED",
        "externalOutputPayloadStoragePath": "task/output/big.json",
    }
    await rpc.tasks("UpdateTask", result=result)
    found = await rpc.tasks("GetTask", taskId=task["taskId"])
    assert found["task"]["outputData"] == {"pages": 3.0}


async def test_lines_are_added_and_read(rpc: Rpc, started: str) -> None:
    task = await poll(rpc)
    await rpc.tasks("AddLog", taskId=task["taskId"], log="half way")
    logs = await rpc.tasks("GetTaskLogs", taskId=task["taskId"])
    assert [line["log"] for line in logs["logs"]] == ["half way"]
    assert await rpc.tasks("GetTaskLogs", taskId="nope") == {}


@pytest.mark.parametrize("method", ["GetTask", "AddLog"])
async def test_a_task_that_is_not_there_is_not_found(rpc: Rpc, method: str) -> None:
    with pytest.raises(Failed, match="No such task found by id") as failed:
        await rpc.tasks(method, taskId="nope")
    assert failed.value.code == "NOT_FOUND"


async def test_queues_are_counted(rpc: Rpc, started: str) -> None:
    sizes = await rpc.tasks("GetQueueSizesForTasks", taskTypes=["charge", "other"])
    assert sizes == {"queueForTask": {"charge": 1, "other": 0}}
    assert await rpc.tasks("GetQueueInfo") == {"queues": {"charge": "1"}}
    everything = await rpc.tasks("GetQueueAllInfo")
    assert everything == {"queues": {"charge": {"shards": {"a": {"size": "1"}}}}}


async def test_polls_are_seen_by_everybody(rpc: Rpc, world: World) -> None:
    await poll(rpc, domain="eu")
    [seen] = world.polls.of("charge")
    assert (seen.worker_id, seen.domain) == ("w1", "eu")


async def test_tasks_are_searched(rpc: Rpc, started: str) -> None:
    found = await rpc.tasks("Search", query="taskType=charge")
    assert found["totalHits"] == "1"
    assert found["results"][0]["status"] == "SCHEDULED"
    found = await rpc.tasks("SearchV2", query="taskType=charge")
    assert [task["inputData"] for task in found["results"]] == [{"amount": 3.0}]


async def test_an_unavailable_decider_is_said_so(rpc: Rpc, world: World, started: str) -> None:
    task = await poll(rpc)
    world.door.shut = True
    result = {"taskId": task["taskId"], "workflowInstanceId": started, "status": "COMPLETED"}
    with pytest.raises(Failed) as failed:
        await rpc.tasks("UpdateTask", result=result)
    assert failed.value.code == "UNAVAILABLE"


async def test_a_server_that_stops_ends_its_polls_with_nothing(
    rpc: Rpc, server: RpcServer, world: World
) -> None:
    asked = {"taskType": "charge", "timeout": 5000}
    waiting = asyncio.create_task(rpc.call("TaskService", "BatchPoll", asked))
    await world.queues.polling.wait()
    await server.close()
    assert await waiting == []
    assert world.queues.cancelled.is_set()
