"""Reading one workflow: whole, its status, its tasks by pages."""

from tests.gateway.client import Api, result

UNKNOWN = "01890000-0000-8000-8000-000000000000"


async def test_include_tasks_is_read_in_any_case_and_true_by_default(api: Api):
    await api.register("w", "a")
    started = await api.start("w")

    for query, count in (
        ({"includeTasks": "true"}, 1),
        ({"includeTasks": "FALSE"}, 0),
        ({"includeTasks": "True"}, 1),
        ({"includeTasks": "false"}, 0),
        ({}, 1),
    ):
        found = (await api.get(f"/workflow/{started}", **query)).body
        assert len(found["tasks"]) == count
        snapshot = found["workflowDefinition"]["tasks"]
        assert [task["taskReferenceName"] for task in snapshot] == ["a_0"]


async def test_an_unknown_workflow_is_404(api: Api):
    for path in ("/workflow/{}", "/workflow/{}/status", "/workflow/{}/tasks"):
        for unknown in ("nope", UNKNOWN):
            answer = await api.get(path.format(unknown))

            assert (answer.status, answer.body["message"], answer.body["retryable"]) == (
                404,
                f"No such workflow found by id: {unknown}",
                False,
            )


async def test_status_shows_output_and_variables_only_when_asked(api: Api):
    await api.register("w", "a", variables={"v": 1}, outputParameters={"o": "${a_0.output.y}"})
    started = await api.start("w", correlationId="c")
    [task] = await api.poll("a")
    await api.post("/tasks", result(task, outputData={"y": 5}))

    bare = await api.get(f"/workflow/{started}/status")
    both = await api.get(f"/workflow/{started}/status", includeOutput=True, includeVariables=True)

    expected = {"workflowId": started, "correlationId": "c", "status": "COMPLETED"}
    assert expected == bare.body
    assert {**expected, "output": {"o": 5}, "variables": {"v": 1}} == both.body


async def test_tasks_come_in_pages_and_by_status(api: Api):
    await api.register("w", "a", "b")
    started = await api.start("w")
    [task] = await api.poll("a")
    await api.post("/tasks", result(task))

    async def page(**query):
        found = (await api.get(f"/workflow/{started}/tasks", **query)).body
        return found["totalHits"], [task["referenceTaskName"] for task in found["results"]]

    assert await page() == (2, ["a_0", "b_1"])
    assert await page(start=1, count=1) == (2, ["b_1"])
    assert await page(start=9) == (2, [])
    assert await page(status="completed") == (1, ["a_0"])
    assert await page(status=["COMPLETED", "SCHEDULED"]) == (2, ["a_0", "b_1"])
    assert await page(status="NO_SUCH") == (0, [])
    assert (await api.get(f"/workflow/{started}/tasks", start=-1)).status == 400
