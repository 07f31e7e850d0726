"""Pausing, resuming, terminating, deciding; one by one and in bulk."""

import pytest

from tests.gateway.client import Api, result

UNKNOWN = "01890000-0000-8000-8000-000000000000"


async def status(api: Api, workflow_id: str) -> str:
    return (await api.get(f"/workflow/{workflow_id}/status")).body["status"]


async def test_pause_and_resume_answer_without_a_body(api: Api):
    await api.register("w", "a")
    started = await api.start("w")

    paused = await api.put(f"/workflow/{started}/pause")
    then = await status(api, started)
    resumed = await api.put(f"/workflow/{started}/resume")

    assert [(a.status, a.body, a.kind) for a in (paused, resumed)] == [(200, "", None)] * 2
    assert (then, await status(api, started)) == ("PAUSED", "RUNNING")


async def test_terminate_keeps_the_reason(api: Api):
    await api.register("w", "a")
    started = await api.start("w")

    answer = await api.delete(f"/workflow/{started}", reason="enough")
    found = (await api.get(f"/workflow/{started}")).body

    assert (answer.status, answer.body) == (200, "")
    assert (found["status"], found["reasonForIncompletion"]) == ("TERMINATED", "enough")


async def test_decide_is_answered_and_changes_nothing_that_waits(api: Api):
    await api.register("w", "a")
    started = await api.start("w")

    answer = await api.put(f"/workflow/decide/{started}")

    assert (answer.status, answer.body, await status(api, started)) == (200, "", "RUNNING")


async def test_an_unknown_workflow_is_404(api: Api):
    for method, path in (
        ("PUT", "/workflow/{}/pause"),
        ("PUT", "/workflow/{}/resume"),
        ("PUT", "/workflow/decide/{}"),
        ("DELETE", "/workflow/{}"),
    ):
        for unknown in ("nope", UNKNOWN):
            answer = await api.call(method, path.format(unknown))

            assert (answer.status, answer.body["message"]) == (
                404,
                f"No such workflow found by id: {unknown}",
            )


async def test_terminating_what_has_completed_is_a_conflict(api: Api):
    await api.register("w", "a")
    started = await api.start("w")
    [task] = await api.poll("a")
    await api.post("/tasks", result(task))

    answer = await api.delete(f"/workflow/{started}")

    assert (
        answer.status,
        answer.body["message"],
    ) == (409, "Cannot terminate a COMPLETED workflow.")


async def test_bulk_operations_succeed_and_fail_by_id(api: Api):
    await api.register("w", "a")
    one, two = await api.start("w"), await api.start("w")
    await api.delete(f"/workflow/{two}")

    paused = await api.put("/workflow/bulk/pause", [one, "nope", two])
    resumed = await api.put("/workflow/bulk/resume", [one])
    ended = await api.post("/workflow/bulk/terminate", [one], reason="enough")

    assert ([one], {"nope", two}) == (
        paused.body["bulkSuccessfulResults"],
        set(paused.body["bulkErrorResults"]),
    )
    assert paused.body["bulkErrorResults"]["nope"] == "No such workflow found by id: nope"
    assert [[one], [one]] == [a.body["bulkSuccessfulResults"] for a in (resumed, ended)]
    assert (await api.get(f"/workflow/{one}")).body["reasonForIncompletion"] == "enough"


async def test_bulk_search_gives_the_executions_themselves(api: Api):
    await api.register("w", "a")
    started = await api.start("w")

    answer = await api.post("/workflow/bulk/search", [started, "nope"], includeTasks=False)

    assert [(started, [])] == [
        (found["workflowId"], found["tasks"]) for found in answer.body["bulkSuccessfulResults"]
    ]
    assert answer.body["bulkErrorResults"] == {"nope": "No such workflow found by id: nope"}


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (0, "WorkflowIds list cannot be null."),
        (1001, "Cannot process more than 1000 workflows. Please use multiple requests."),
    ],
)
async def test_bulk_lists_hold_between_1_and_1000_ids(api: Api, count, message):
    answer = await api.put("/workflow/bulk/pause", ["x"] * count)

    assert (400, message) == (answer.status, answer.body["validationErrors"][0]["message"])
