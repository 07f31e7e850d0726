"""Large payloads over REST: shown as paths, fetched and handed in by paths (spec 1.10)."""

from urllib.parse import urlencode

import pytest

from tests.gateway.client import Api, result

LARGE = {"big": "x" * (6 << 20), "n": 1}
TOO_LARGE = {"big": "x" * (11 << 20)}


def below_api(uri: str) -> str:
    return uri.partition("/api")[2]


async def location(api: Api, kind: str = "workflow", **query: str) -> dict[str, str]:
    answer = await api.get(f"/{kind}/externalstoragelocation?{urlencode(query)}")
    assert answer.status == 200, answer.body
    found: dict[str, str] = answer.body
    return found


async def uploaded(api: Api, value: object, payload_type: str) -> str:
    place = await location(api, operation="WRITE", payloadType=payload_type, path="")
    answer = await api.put(below_api(place["uri"]), value)
    assert answer.status == 200, answer.body
    return place["path"]


async def test_a_large_output_is_shown_as_a_path_and_comes_back_unchanged(api: Api) -> None:
    output = {"big": "ü" * ((5 << 20) - 1000), "n": 1.5, "none": None}
    await api.register("w", "a", outputParameters={"n": "${a_0.output.n}", "all": "${a_0.output}"})
    workflow_id = await api.start("w")
    [task] = await api.poll("a")
    await api.post("/tasks", result(task, outputData=output))

    shown = (await api.get(f"/workflow/{workflow_id}")).body
    row = shown["tasks"][0]
    assert (shown["status"], shown["output"], row["outputData"]) == ("COMPLETED", {}, {})
    for held, expected in ((row, output), (shown, {"n": 1.5, "all": output})):
        path = held["externalOutputPayloadStoragePath"]
        place = await location(api, "tasks", operation="READ", payloadType="TASK_OUTPUT", path=path)
        assert (await api.get(below_api(place["uri"]))).body == expected


async def test_a_large_input_reaches_a_worker_as_a_path(api: Api) -> None:
    tasks = [{"name": "a", "taskReferenceName": "a", "inputParameters": {"v": "${workflow.input}"}}]
    await api.post("/metadata/workflow", {"name": "w", "tasks": tasks})
    await api.start("w", LARGE)
    [task] = await api.poll("a")

    assert task["inputData"] == {}
    path = task["externalInputPayloadStoragePath"]
    place = await location(api, "tasks", operation="READ", payloadType="TASK_INPUT", path=path)
    assert (await api.get(below_api(place["uri"]))).body == {"v": LARGE}


async def test_what_a_client_uploaded_is_the_input_of_a_start_and_the_output_of_a_task(
    api: Api,
) -> None:
    await api.register(
        "w", "a", outputParameters={"i": "${workflow.input.n}", "o": "${a_0.output}"}
    )
    path = await uploaded(api, {"n": 7}, "WORKFLOW_INPUT")
    start = {"name": "w", "externalInputPayloadStoragePath": path}
    workflow_id = (await api.post("/workflow", start)).body
    [task] = await api.poll("a")
    output = await uploaded(api, {"v": 8}, "TASK_OUTPUT")
    await api.post("/tasks", result(task, externalOutputPayloadStoragePath=output))

    shown = (await api.get(f"/workflow/{workflow_id}")).body
    assert (shown["input"], shown["externalInputPayloadStoragePath"]) == ({}, path)
    assert shown["output"] == {"i": 7, "o": {"v": 8}}


async def test_a_start_with_too_large_an_input_is_refused_and_leaves_nothing(api: Api) -> None:
    await api.register("w", "a")
    refused = await api.post("/workflow", {"name": "w", "input": TOO_LARGE})

    assert refused.status == 413
    assert "is greater than the permissible limit: 10485760 bytes" in refused.body["message"]
    assert await api.poll("a", timeout=0) == []


async def test_a_task_with_too_large_an_output_fails_for_good(api: Api) -> None:
    await api.register("w", "a")
    workflow_id = await api.start("w")
    [task] = await api.poll("a")
    answer = await api.post("/tasks", result(task, outputData=TOO_LARGE))

    shown = (await api.get(f"/workflow/{workflow_id}")).body
    row = shown["tasks"][0]
    assert (answer.status, shown["status"]) == (200, "FAILED")
    assert (row["status"], row["outputData"]) == ("FAILED_WITH_TERMINAL_ERROR", {})
    assert f"of task: {task['taskId']} is greater" in row["reasonForIncompletion"]


@pytest.mark.parametrize(
    "query",
    [
        {"operation": "STEAL", "payloadType": "TASK_INPUT", "path": ""},
        {"operation": "READ", "payloadType": "LUNCH", "path": ""},
        {"operation": "READ", "path": ""},
    ],
)
async def test_a_location_that_makes_no_sense_is_refused(api: Api, query: dict[str, str]) -> None:
    asked = f"/workflow/externalstoragelocation?{urlencode(query)}"
    assert (await api.get(asked)).status == 400


async def test_only_uploads_can_be_written_and_only_what_is_there_can_be_read(api: Api) -> None:
    await api.register("w", "a")
    own = await api.start("w", {"n": 1})
    base = "/external/payloads/workflow/input"

    assert (await api.put(f"{base}/{own}.json", {"n": 2})).status == 404
    assert (await api.get(f"{base}/{own}.json")).body == {"n": 1}
    assert (await api.get(f"{base}/nothing.json")).status == 404
    assert (await api.put(f"{base}/list.json", [1])).status == 400
    start = {"name": "w", "externalInputPayloadStoragePath": "workflow/input/nothing.json"}
    assert (await api.post("/workflow", start)).status == 400


@pytest.mark.parametrize("path", ["x", "../secrets", "a/b c?d", "workflow/input/no.xml"])
async def test_the_location_of_any_path_is_told_and_nothing_lies_at_a_foreign_one(
    api: Api, path: str
) -> None:
    asked = {"operation": "read", "payloadType": "workflow_input", "path": path}
    place = await location(api, **asked)

    assert place["path"] == path
    assert (await api.get(below_api(place["uri"]))).status == 404
    assert (await api.put(below_api(place["uri"]), {})).status in {404, 405}


async def test_a_path_that_cannot_be_written_is_answered_with_one_that_can(api: Api) -> None:
    place = await location(api, "tasks", operation="WRITE", payloadType="TASK_OUTPUT", path="x")

    assert place["path"].startswith("task/output/")
    assert (await api.put(below_api(place["uri"]), {"n": 1})).status == 200
    assert (await api.get(below_api(place["uri"]))).body == {"n": 1}


async def test_an_upload_may_have_any_content_type(api: Api) -> None:
    place = await location(api, operation="WRITE", payloadType="TASK_OUTPUT", path="")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await api.call("PUT", below_api(place["uri"]), {"n": 1}, headers=form)

    assert (answer.status, (await api.get(below_api(place["uri"]))).body) == (200, {"n": 1})
