"""Masked fields over REST: hidden from whoever reads, not from workers."""

import msgspec
import pytest

from tests.gateway.client import Api, result

SECRET = "4711-0815"


@pytest.fixture
async def ids(api: Api) -> dict[str, str]:
    """A finished workflow that masks `card`, and its task."""
    card = {"card": "${workflow.input.card}"}
    tasks = [{"name": "a", "taskReferenceName": "a", "inputParameters": card}]
    out = {"card": "${a.output.card}", "n": "${a.output.n}"}
    given = {"name": "w", "tasks": tasks, "outputParameters": out, "maskedFields": ["card"]}
    assert (await api.post("/metadata/workflow", given)).status == 200
    workflow_id = await api.start("w", {"card": SECRET})
    [task] = await api.poll("a")
    assert task["inputData"] == {"card": SECRET}
    await api.post("/tasks", result(task, outputData={"card": SECRET, "n": 1}))
    return {"w": workflow_id, "t": task["taskId"]}


@pytest.mark.parametrize(
    "path",
    [
        "/workflow/{w}?includeTasks=true",
        "/workflow/{w}/status?includeOutput=true&includeVariables=true",
        "/workflow/{w}/tasks",
        "/tasks/{t}",
        "/external/payloads/workflow/output/{w}.json",
        "/external/payloads/task/input/{t}.json",
        "/external/payloads/task/output/{t}.json",
    ],
)
async def test_no_answer_shows_them(api: Api, ids: dict[str, str], path: str) -> None:
    answer = await api.get(path.format(**ids))

    assert answer.status == 200
    written = msgspec.json.encode(answer.body).decode()
    assert SECRET not in written
    assert '"card":"***"' in written


async def test_a_start_that_does_not_fit_names_the_path_and_no_value(api: Api) -> None:
    schema = {"name": "s", "type": "JSON", "data": {"properties": {"card": {"type": "integer"}}}}
    tasks = [{"name": "a", "taskReferenceName": "a"}]
    given = {"name": "w", "tasks": tasks, "inputSchema": schema, "maskedFields": ["card"]}
    await api.post("/metadata/workflow", given)
    answer = await api.post("/workflow", {"name": "w", "input": {"card": SECRET}})

    assert answer.status == 400
    assert [error["path"] for error in answer.body["validationErrors"]] == ["input.card"]
    assert SECRET not in msgspec.json.encode(answer.body).decode()


async def test_a_worker_gets_a_large_masked_input_whole_for_a_path_would_lead_to_masks(
    api: Api,
) -> None:
    tasks = [{"name": "a", "taskReferenceName": "a", "inputParameters": {"v": "${workflow.input}"}}]
    await api.post("/metadata/workflow", {"name": "w", "tasks": tasks, "maskedFields": ["card"]})
    large = {"card": SECRET, "big": "x" * (4 << 20)}
    await api.start("w", large)
    [task] = await api.poll("a")

    assert task["inputData"] == {"v": large}


async def test_a_task_that_came_as_data_is_shown_without_them(api: Api) -> None:
    branch = {"name": "b", "taskReferenceName": "b1", "inputParameters": {"card": SECRET}}
    fork = {
        "name": "f",
        "taskReferenceName": "f",
        "type": "FORK_JOIN_DYNAMIC",
        "dynamicForkTasksParam": "ts",
        "dynamicForkTasksInputParamName": "ins",
        "inputParameters": {"ts": "${workflow.input.ts}", "ins": {}},
    }
    join = {"name": "j", "taskReferenceName": "j", "type": "JOIN"}
    given = {"name": "w", "tasks": [fork, join], "maskedFields": ["card"]}
    assert (await api.post("/metadata/workflow", given)).status == 200
    workflow_id = await api.start("w", {"ts": [branch]})
    [task] = await api.poll("b")
    shown = await api.get(f"/workflow/{workflow_id}?includeTasks=true")

    assert task["inputData"] == {"card": SECRET}
    assert SECRET not in msgspec.json.encode(shown.body).decode()
