"""Polling, reporting, reading and logging tasks."""

import asyncio

import pytest

from firmus.broker.polldata import Polled
from tests.gateway.client import WORKER, Api, result
from tests.gateway.ports import World


async def test_a_poll_gives_one_task_in_progress_or_204(api: Api):
    empty = await api.get("/tasks/poll/a", workerid=WORKER)
    await api.register("w", "a")
    started = await api.start("w", {"x": 1})

    found = await api.get("/tasks/poll/a", workerid=WORKER)

    assert (empty.status, empty.body, empty.kind) == (204, "", None)
    assert (started, "IN_PROGRESS", WORKER) == tuple(
        found.body[name] for name in ("workflowInstanceId", "status", "workerId")
    )


async def test_a_batch_holds_count_tasks_at_most_and_an_empty_one_is_a_list(api: Api):
    assert await api.poll("a", timeout=0) == []
    await api.register("w", "a")
    for _ in range(3):
        await api.start("w")

    two = await api.poll("a", count=2)
    rest = await api.poll("a", count=9)

    assert (len(two), len(rest)) == (2, 1)
    assert len({task["taskId"] for task in two + rest}) == 3
    assert await api.poll("a", count=0) == []


async def test_a_long_poll_over_five_seconds_is_refused(api: Api):
    answer = await api.get("/tasks/poll/batch/a", timeout=5001)

    assert (
        answer.status,
        answer.body["message"],
    ) == (400, "Long Poll Timeout value cannot be more than 5 seconds")


async def test_a_waiting_poll_is_answered_when_a_task_arrives(api: Api, world: World):
    await api.register("w", "a")
    waiting = asyncio.create_task(api.poll("a", timeout=5000))
    await world.queues.polling.wait()

    started = await api.start("w")

    assert [started] == [task["workflowInstanceId"] for task in await waiting]


async def test_a_domain_has_its_own_queue(api: Api):
    await api.register("w", "a")
    await api.start("w", taskToDomain={"a": "east"})

    assert await api.poll("a", timeout=0) == []
    assert [task["domain"] for task in await api.poll("a", domain="east")] == ["east"]


async def test_an_update_answers_the_task_id_also_when_the_task_had_ended(api: Api):
    await api.register("w", "a", "b")
    started = await api.start("w")
    [task] = await api.poll("a")

    first = await api.post("/tasks", result(task, outputData={"y": 1}))
    again = await api.post("/tasks", result(task, "FAILED"))

    assert [(200, task["taskId"], "text/plain")] * 2 == [a[:3] for a in (first, again)]
    found = (await api.get(f"/workflow/{started}")).body
    assert [(row["status"], row["outputData"]) for row in found["tasks"]] == [
        ("COMPLETED", {"y": 1}),
        ("SCHEDULED", {}),
    ]


@pytest.mark.parametrize(
    ("changed", "status", "message"),
    [
        ({"workflowInstanceId": ""}, 400, "Workflow Id cannot be null or empty"),
        ({"taskId": ""}, 400, "Task ID cannot be null or empty"),
        ({"taskId": "nope"}, 404, "No such task found by id: nope"),
        ({"workflowInstanceId": "nope"}, 404, "No such workflow found by id: nope"),
        (
            {"externalOutputPayloadStoragePath": "x"},
            400,
            "externalOutputPayloadStoragePath: no payload is stored at x",
        ),
    ],
)
async def test_an_update_must_name_a_task_of_its_workflow(api: Api, changed, status, message):
    await api.register("w", "a")
    await api.start("w")
    [task] = await api.poll("a")

    answer = await api.post("/tasks", {**result(task), **changed})

    errors = answer.body.get("validationErrors", [answer.body])
    assert (status, message) == (answer.status, errors[0]["message"])


async def test_an_update_of_a_task_of_another_workflow_is_404(api: Api):
    await api.register("w", "a")
    await api.start("w")
    other = await api.start("w")
    task = (await api.poll("a"))[0]

    answer = await api.post("/tasks", {**result(task), "workflowInstanceId": other})

    assert (404, f"No such task found by id: {task['taskId']}") == (
        answer.status,
        answer.body["message"],
    )


async def test_an_update_by_reference_merges_output_and_is_empty_when_nothing_waits(api: Api):
    await api.register("w", "a", "b")
    started = await api.start("w")

    kept = await api.post(f"/tasks/{started}/a_0/IN_PROGRESS", {"first": 1}, workerid="w9")
    done = await api.post(f"/tasks/{started}/a_0/COMPLETED", {"second": 2})
    none = await api.post(f"/tasks/{started}/a_0/COMPLETED", {})
    row = (await api.get(f"/workflow/{started}")).body["tasks"][0]

    assert [(200, row["taskId"])] * 2 == [(a.status, a.body) for a in (kept, done)]
    assert none[:3] == (200, "", None)
    assert (row["status"], row["outputData"]) == ("COMPLETED", {"first": 1, "second": 2})


async def test_an_update_by_reference_can_be_answered_with_the_workflow(api: Api):
    await api.register("w", "a", "b")
    started = await api.start("w")

    done = await api.post(f"/tasks/{started}/a_0/COMPLETED/sync", {})
    none = await api.post(f"/tasks/{started}/a_0/COMPLETED/sync", {})
    bad = await api.post(f"/tasks/{started}/b_1/DONE", {})

    assert [(row["referenceTaskName"], row["status"]) for row in done.body["tasks"]] == [
        ("a_0", "COMPLETED"),
        ("b_1", "SCHEDULED"),
    ]
    assert (404, f"Found no running task a_0 of workflow {started} to update") == (
        none.status,
        none.body["message"],
    )
    assert bad.status == 400


async def test_one_task_is_read_by_its_id(api: Api):
    await api.register("w", "a")
    started = await api.start("w")
    row = (await api.get(f"/workflow/{started}")).body["tasks"][0]

    found = await api.get(f"/tasks/{row['taskId']}")
    unknown = await api.get("/tasks/nope")

    assert row == found.body
    assert (unknown.status, unknown.body["message"]) == (404, "Task not found for taskId: nope")


async def test_logs_come_from_text_bodies_and_from_updates_in_order(api: Api):
    await api.register("w", "a")
    await api.start("w")
    [task] = await api.poll("a")
    path = f"/tasks/{task['taskId']}/log"

    none = await api.get(path)
    added = await api.post(path, "first é".encode(), headers={"content-type": "text/plain"})
    await api.post("/tasks", result(task, logs=[{"log": "second", "createdTime": 5}]))
    lines = (await api.get(path)).body

    assert (none.status, none.body, added.status, added.body) == (204, "", 200, "")
    assert [line["log"] for line in lines] == ["first é", "second"]
    assert [task["taskId"]] * 2 == [line["taskId"] for line in lines]


async def test_queue_sizes_count_what_waits(api: Api):
    await api.register("wa", "a")
    await api.register("wb", "b")
    for _ in range(2):
        await api.start("wa")
    await api.start("wb", taskToDomain={"b": "east"})

    assert (await api.get("/tasks/queue/size", taskType="a")).body == 2
    assert (await api.get("/tasks/queue/size", taskType="b", domain="east")).body == 1
    assert (await api.get("/tasks/queue/size")).status == 400
    assert (await api.get("/tasks/queue/sizes", taskType=["a", "b"])).body == {"a": 2, "b": 0}
    assert (await api.get("/tasks/queue/all")).body == {"a": 2, "east:b": 1}
    assert (await api.get("/tasks/queue/all/verbose")).body["a"]["a"] == {"size": 2, "uacked": 0}


async def test_a_requeue_counts_open_tasks_and_offers_begun_ones_again(api: Api):
    """The worker that has the task may still report it (spec 9.4)."""
    await api.register("w", "a")
    for _ in range(2):
        await api.start("w")
    (first,) = await api.poll("a")
    nothing = await api.post("/tasks/queue/requeue/nope")

    counted = await api.post("/tasks/queue/requeue/a")
    shown = (await api.get(f"/tasks/{first['taskId']}")).body
    tasks = await api.poll("a", count=9)
    again = next(task for task in tasks if task["taskId"] == first["taskId"])

    assert (nothing[:2], counted[:2]) == ((200, "0"), (200, "2"))
    assert (shown["status"], again["pollCount"]) == ("IN_PROGRESS", 2)
    assert again["startTime"] == first["startTime"]


async def test_poll_data_names_the_last_worker_of_each_domain(api: Api, world: World):
    for query in ({"workerid": "w1"}, {"workerid": "w2"}, {"workerid": "w3", "domain": "east"}):
        await api.get("/tasks/poll/a", **query)

    found = (await api.get("/tasks/queue/polldata", taskType="a")).body
    everything = (await api.get("/tasks/queue/polldata/all")).body

    at = world.clock.now_ms()
    assert [
        {"queueName": "a", "workerId": "w2", "lastPollTime": at},
        {"queueName": "a", "domain": "east", "workerId": "w3", "lastPollTime": at},
    ] == found
    assert found == everything
    refused = await api.get("/tasks/queue/polldata", taskType="")
    assert refused.status == 400
    assert refused.body["validationErrors"][0]["message"] == "TaskType cannot be null or empty."


async def test_polls_at_other_gateways_are_shown_too(api: Api, world: World):
    await api.get("/tasks/poll/a", workerid="w1")
    at = world.clock.now_ms() + 1
    world.polls.record(Polled(task_type="a", worker_id="w9", last_poll_time=at))

    found = (await api.get("/tasks/queue/polldata", taskType="a")).body

    assert found == [{"queueName": "a", "workerId": "w9", "lastPollTime": at}]
    assert (await api.get("/tasks/queue/polldata", taskType="b")).body == []
