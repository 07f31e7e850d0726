"""Skipping tasks and removing workflows, one by one and in bulk; who asked for it."""

from tests.gateway.client import Api, result
from tests.gateway.ports import World


async def completed(api: Api, **fields: object) -> tuple[str, str]:
    """A workflow of `w` that has completed, and its task."""
    started = await api.start("w", **fields)
    [task] = await api.poll("a")
    await api.post("/tasks", result(task))
    return started, task["taskId"]


async def test_a_task_is_skipped_with_the_input_and_output_of_the_body(api: Api):
    await api.register("w", "a", "b")
    started = await api.start("w")

    given = {"taskInput": {"i": 1}, "taskOutput": {"o": 2}}
    answer = await api.put(f"/workflow/{started}/skiptask/b_1", given, reason="not today")
    again = await api.put(f"/workflow/{started}/skiptask/b_1")
    row = (await api.get(f"/workflow/{started}")).body["tasks"][0]

    assert (answer.status, answer.body, again.status) == (200, "", 409)
    assert (row["referenceTaskName"], row["status"], row["seq"]) == ("b_1", "SKIPPED", 0)
    assert (row["inputData"], row["outputData"]) == ({"i": 1}, {"o": 2})
    assert (row["startTime"], row["reasonForIncompletion"]) == (0, "not today")


async def test_a_removed_workflow_is_gone_for_every_reader(api: Api):
    await api.register("w", "a")
    started, task = await completed(api, correlationId="c")
    await api.post(f"/tasks/{task}/log", b"a line")

    removed = await api.delete(f"/workflow/{started}/remove", archiveWorkflow=False)

    assert (removed.status, removed.body) == (200, "")
    for path in ("", "/tasks", "/status"):
        answer = await api.get(f"/workflow/{started}{path}")
        message = f"No such workflow found by id: {started}"
        assert (answer.status, answer.body["message"]) == (404, message)
    assert (await api.get(f"/tasks/{task}")).status == 404
    assert (await api.get(f"/tasks/{task}/log")).status == 204
    listed = await api.get("/workflow/w/correlated/c", includeClosed=True)
    assert (listed.status, listed.body) == (200, [])
    assert (await api.get("/workflow/search-v2")).body["results"] == []


async def test_a_removed_workflow_takes_no_command_and_its_worker_is_told(api: Api):
    await api.register("w", "a")
    started = await api.start("w")
    [task] = await api.poll("a")
    await api.delete(f"/workflow/{started}/remove", archiveWorkflow=False)

    answers = [
        await api.post("/tasks", result(task)),
        await api.put(f"/workflow/{started}/pause"),
        await api.delete(f"/workflow/{started}"),
        await api.delete(f"/workflow/{started}/remove"),
        await api.put(f"/workflow/decide/{started}"),
    ]

    assert [answer.status for answer in answers] == [404] * 5


async def test_only_what_has_ended_is_archived(api: Api):
    await api.register("w", "a")
    started = await api.start("w")

    refused = await api.delete(f"/workflow/{started}/remove")
    both = await api.delete(f"/workflow/{started}/terminate-remove", reason="enough")

    message = f"Cannot archive workflow: {started} with status: RUNNING"
    assert (refused.status, refused.body["message"], both.status) == (400, message, 200)
    assert (await api.get(f"/workflow/{started}")).status == 404


async def test_a_repeated_removal_with_a_key_is_answered_as_before(api: Api):
    await api.register("w", "a")
    started, _ = await completed(api)
    key = {"Idempotency-Key": "k"}

    answers = [await api.delete(f"/workflow/{started}/remove", headers=key) for _ in range(2)]

    assert [answer.status for answer in answers] == [200, 200]


async def test_bulk_removal_answers_for_each(api: Api):
    await api.register("w", "a")
    done, _ = await completed(api)
    live, other = await api.start("w"), await api.start("w")

    first = await api.call("DELETE", "/workflow/bulk/remove", [done, live, "nope"])
    both = await api.call("DELETE", "/workflow/bulk/terminate-remove", [live, other])
    empty = await api.call("DELETE", "/workflow/bulk/remove", [])

    assert first.body["bulkSuccessfulResults"] == [done]
    assert set(first.body["bulkErrorResults"]) == {live, "nope"}
    assert both.body["bulkSuccessfulResults"] == [live, live, other, other]
    assert (both.body["bulkErrorResults"], empty.status) == ({}, 400)


async def test_what_cannot_be_terminated_in_bulk_is_removed_all_the_same(api: Api):
    await api.register("w", "a")
    done, _ = await completed(api)

    answer = await api.call("DELETE", "/workflow/bulk/terminate-remove", [done])

    assert answer.body["bulkSuccessfulResults"] == [done]
    assert answer.body["bulkErrorResults"] == {done: "Cannot terminate a COMPLETED workflow."}


async def test_the_log_and_the_workflow_tell_who_asked(api: Api, world: World):
    await api.register("w", "a")
    started = await api.start("w")

    await api.put(f"/workflow/{started}/pause", reason="night", headers={"Firmus-Actor": "ann"})

    assert (await api.get(f"/workflow/{started}")).body["updatedBy"] == "ann"
    commit = (await world.decider.history(started))[-1].commit
    assert [(cause.kind, cause.actor) for cause in commit.causes] == [("pause_workflow", "ann")]
    other = await api.start("w", createdBy="bob")
    assert (await world.decider.history(other))[0].commit.causes[0].actor == "bob"
    refused = await api.put(f"/workflow/{started}/pause", headers={"Firmus-Actor": "x" * 257})
    assert refused.status == 400


async def test_variables_are_set_and_the_workflow_is_the_answer(api: Api):
    await api.register("w", "a", variables={"v": 0, "w": 1})
    started = await api.start("w")

    answer = await api.post(f"/workflow/{started}/variables", {"v": 2})
    await api.delete(f"/workflow/{started}")
    refused = await api.post(f"/workflow/{started}/variables", {"v": 3})

    assert (answer.status, answer.body["variables"]) == (200, {"v": 2, "w": 1})
    assert (refused.status, (await api.post("/workflow/nope/variables", {})).status) == (409, 404)


async def test_state_is_updated_in_one_step_and_answered_by_the_run(api: Api, world: World):
    await api.register("w", "a", "b")
    started = await api.start("w")

    update = {
        "taskReferenceName": "a_0",
        "taskResult": {"status": "COMPLETED", "outputData": {"n": 1}},
        "variables": {"v": 2},
    }
    query = {"requestId": "r", "waitUntilTaskRef": "a_0"}
    answer = await api.post(f"/workflow/{started}/state", update, **query)

    run = answer.body
    assert (answer.status, run["requestId"], run["responseType"]) == (200, "r", "TARGET_WORKFLOW")
    assert (run["signalTimeout"], run["variables"]) == (False, {"v": 2})
    assert [task["status"] for task in run["tasks"]] == ["COMPLETED", "SCHEDULED"]
    assert len(await world.decider.history(started)) == 2


async def test_a_state_update_that_waits_for_nothing_is_answered_at_once(api: Api):
    await api.register("w", "a", "b")
    started = await api.start("w")

    several = {"taskResults": {"a_0": {"status": "IN_PROGRESS", "outputData": {"n": 1}}}}
    answer = await api.post(f"/workflow/{started}/state", several, waitForSeconds=0)

    assert (answer.status, answer.body["signalTimeout"]) == (200, True)
    assert answer.body["tasks"][0]["outputData"] == {"n": 1}


async def test_a_state_update_that_cannot_be_read_or_done_is_refused_whole(api: Api):
    await api.register("w", "a")
    started = await api.start("w")
    done = {"status": "COMPLETED"}

    answers = [
        await api.post(f"/workflow/{started}/state", {"variables": {"v": 1}, **more})
        for more in (
            {"taskReferenceName": "a_0"},
            {"taskReferenceName": "a_0", "taskResult": {}},
            {"taskResults": {"a_0": done, "zzz": done}},
        )
    ]

    assert [answer.status for answer in answers] == [400, 400, 404]
    assert (await api.get(f"/workflow/{started}")).body["variables"] == {}


async def test_a_running_workflow_is_upgraded_or_the_difference_is_told(api: Api):
    await api.register("w", "a")
    started = await api.start("w")
    await api.register("w", "a", "b", version=2)
    await api.register("w", "z", "a", version=3)

    refused = await api.post(f"/workflow/{started}/upgrade", {"name": "w", "version": 3})
    given = {"name": "w", "version": 2, "workflowInput": {"n": 1}}
    answer = await api.post(f"/workflow/{started}/upgrade", given)
    [task] = await api.poll("a")
    await api.post("/tasks", result(task))

    assert refused.status == 409
    assert "task a_0, which was reached, is missing" in refused.body["message"]
    found = (await api.get(f"/workflow/{started}")).body
    assert (answer.status, found["workflowVersion"], found["input"]) == (200, 2, {"n": 1})
    assert [row["taskType"] for row in found["tasks"]] == ["a", "b"]


async def test_an_upgrade_that_cannot_be_read_is_refused(api: Api):
    await api.register("w", "a")
    started = await api.start("w")

    answers = [
        await api.post(f"/workflow/{started}/upgrade", body)
        for body in ({}, {"name": "w", "taskOutput": {"a_0": 1}}, {"name": "w", "version": 7})
    ]

    assert [answer.status for answer in answers] == [400, 400, 404]


async def test_a_jump_leaves_the_open_task_and_begins_another(api: Api):
    await api.register("w", "a", "b")
    started = await api.start("w")
    [task] = await api.poll("a")

    answer = await api.post(f"/workflow/{started}/jump/b_1", {"n": 1})
    late = await api.post("/tasks", result(task))
    unknown = await api.post(f"/workflow/{started}/jump/zzz")

    rows = (await api.get(f"/workflow/{started}")).body["tasks"]
    assert [(row["taskType"], row["status"]) for row in rows] == [
        ("a", "SKIPPED"),
        ("b", "SCHEDULED"),
    ]
    assert (answer.status, rows[1]["inputData"], late.status) == (200, {"n": 1}, 200)
    assert unknown.status == 404
