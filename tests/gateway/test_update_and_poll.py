"""update-v2: report a task and get the next one of its queue."""

import asyncio

from tests.gateway.client import WORKER, Api, result
from tests.gateway.ports import World


async def finish(api: Api, task, status="COMPLETED", **fields):
    return await api.post("/tasks/update-v2", result(task, status, **fields))


async def test_the_next_task_of_the_same_type_is_the_answer_until_there_is_none(api: Api):
    await api.register("w", "a")
    started = [await api.start("w"), await api.start("w")]
    [task] = await api.poll("a")

    following = await finish(api, task)
    last = await finish(api, following.body)

    assert (200, "IN_PROGRESS", WORKER, started[1]) == (
        following.status,
        *(following.body[name] for name in ("status", "workerId", "workflowInstanceId")),
    )
    assert last[:3] == (204, "", None)


async def test_progress_is_answered_with_nothing(api: Api, world: World):
    await api.register("w", "a")
    await api.start("w")
    await api.start("w")
    [task] = await api.poll("a")
    polls = world.queues.polls

    progress = await finish(api, task, "IN_PROGRESS")
    lease = await finish(api, task, extendLease=True)

    assert [(a.status, a.body) for a in (progress, lease)] == [(204, "")] * 2
    assert polls == world.queues.polls


async def test_the_successor_that_the_update_makes_is_found(api: Api):
    await api.register("w", "a", "a")
    await api.start("w")
    [task] = await api.poll("a")

    following = await finish(api, task)

    assert (following.status, following.body["referenceTaskName"]) == (200, "a_1")


async def test_the_next_task_comes_from_the_same_domain(api: Api):
    await api.register("w", "a")
    await api.start("w", taskToDomain={"a": "east"})
    await api.start("w")
    await api.start("w", taskToDomain={"a": "east"})
    [task] = await api.poll("a", domain="east")

    following = await finish(api, task)

    assert following.body["domain"] == "east"


async def test_a_task_that_another_gateway_handed_out_is_followed_by_the_next_too(
    api: Api, world: World
):
    await api.register("w", "a")
    await api.start("w", taskToDomain={"a": "east"})
    second = await api.start("w", taskToDomain={"a": "east"})
    await world.queues.poll("a", domain="east", worker_id="x", count=1, timeout_s=0)
    waiting = (await api.get("/workflow/search")).body["results"]
    first = next(found["workflowId"] for found in waiting if found["workflowId"] != second)
    task = (await api.get(f"/workflow/{first}")).body["tasks"][0]

    following = await finish(api, task)

    assert second == following.body["workflowInstanceId"]


async def test_a_task_begun_for_an_update_that_failed_goes_to_the_next_poll(api: Api, world: World):
    await api.register("w", "a")
    await api.start("w")
    second = await api.start("w")
    [task] = await api.poll("a")
    world.door.shut = True

    failed = await finish(api, task)
    world.door.shut = False

    assert (failed.status, failed.body["retryable"]) == (503, True)
    assert [second] == [found["workflowInstanceId"] for found in await api.poll("a", timeout=0)]


async def test_an_update_whose_answer_was_lost_is_answered_from_the_log(api: Api, world: World):
    await api.register("w", "a", "a")
    started = await api.start("w")
    [task] = await api.poll("a")
    world.door.loses_answers = True

    following = await finish(api, task)

    assert (following.status, following.body["referenceTaskName"]) == (200, "a_1")
    found = (await api.get(f"/workflow/{started}")).body["tasks"]
    assert [row["status"] for row in found] == ["COMPLETED", "IN_PROGRESS"]


async def test_many_workers_at_once_get_every_task_once(api: Api):
    await api.register("w", "a")
    started = [await api.start("w") for _ in range(20)]
    done: list[str] = []

    async def work(task):
        while task:
            done.append(task["workflowInstanceId"])
            answer = await finish(api, task)
            task = answer.body if answer.status == 200 else None

    await asyncio.gather(*map(work, await api.poll("a", count=4)))

    assert sorted(started) == sorted(done)
