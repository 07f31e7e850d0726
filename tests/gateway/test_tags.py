"""Tags of definitions over REST."""

import pytest

from tests.gateway.client import Api

A, B = ({"key": "team", "value": value, "type": "METADATA"} for value in "ab")


@pytest.fixture
async def paths(api: Api) -> list[str]:
    await api.register("w", "a")
    await api.post("/metadata/taskdefs", [{"name": "a"}])
    return ["/metadata/workflow/w/tags", "/metadata/task/a/tags"]


async def test_tags_are_added_replaced_removed_and_read(api: Api, paths: list[str]):
    for path in paths:
        assert (await api.get(path)).body == []
        assert (await api.post(path, A)).status == 200
        await api.post(path, [B, {"key": "team", "value": "b"}])
        assert (await api.get(path)).body == [A, B]
        await api.call("DELETE", path, {"key": "team", "value": "a"})
        assert (await api.get(path)).body == [B]
        await api.put(path, [A])
        assert (await api.get(path)).body == [A]
    assert (await api.get("/metadata/tags")).body == [A]


async def test_lists_of_definitions_are_narrowed_by_tags(api: Api, paths: list[str]):
    await api.register("other", "a")
    await api.post("/metadata/taskdefs", [{"name": "b"}])
    for path in paths:
        await api.put(path, [A])

    for listed, name in (("/metadata/workflow", "w"), ("/metadata/taskdefs", "a")):
        by_key = (await api.get(listed, tagKey="team")).body
        by_both = (await api.get(listed, tagKey="team", tagValue="a")).body
        by_value = (await api.get(listed, tagValue="b")).body
        assert [found["name"] for found in by_key] == [name]
        assert (by_both, by_value) == (by_key, [])
        assert len((await api.get(listed)).body) == 2


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/metadata/workflow/nobody/tags", A, 404),
        ("/metadata/task/nobody/tags", [A], 404),
        ("/metadata/workflow/w/tags", {"key": "team"}, 400),
        ("/metadata/workflow/w/tags", "team", 400),
        ("/metadata/workflow/w/tags", {"key": "w", "value": "x", "type": "RATE_LIMIT"}, 400),
        ("/metadata/workflow/w/tags", {"key": "w", "value": 0, "type": "RATE_LIMIT"}, 400),
        ("/metadata/workflow/nobody/tags", {"key": "w", "value": 5, "type": "RATE_LIMIT"}, 404),
        ("/metadata/task/a/tags", {"key": "a", "value": 5, "type": "RATE_LIMIT"}, 501),
    ],
)
async def test_what_cannot_be_tagged_is_refused(api: Api, paths, path, body, status):
    assert (await api.post(path, body)).status == status


async def test_nobody_has_no_tags(api: Api):
    assert (await api.get("/metadata/task/nobody/tags")).status == 404
    assert (await api.get("/metadata/tags")).body == []


async def test_a_workflows_limit_is_set_by_itself_or_as_a_tag(api: Api, paths: list[str]):
    path, tags = "/metadata/workflow/w/rate-limit", paths[0]
    assert (await api.get(path)).status == 404
    await api.put(path, {"rateLimitKey": "k", "concurrentExecLimit": 3})
    assert (await api.get(path)).body["concurrentExecLimit"] == 3
    assert (await api.get("/metadata/workflow/w")).body["rateLimitConfig"]["rateLimitKey"] == "k"
    tag = {"key": "w", "value": "3", "type": "RATE_LIMIT"}
    assert (await api.get(tags)).body == [tag]

    await api.post(tags, [{**tag, "value": 5}, A])
    assert (await api.get(tags)).body == [A, {**tag, "value": "5"}]
    await api.call("DELETE", tags, {**tag, "value": 5})
    assert ((await api.get(path)).status, (await api.get(tags)).body) == (404, [A])
    await api.put(path, {"concurrentExecLimit": 1})
    assert (await api.call("DELETE", path)).status == 200
    assert (await api.get(path)).status == 404


async def test_a_limit_is_one_of_all_versions_and_at_least_one(api: Api, paths: list[str]):
    tasks = [{"name": "a", "taskReferenceName": "a"}]
    await api.post("/metadata/workflow", {"name": "w", "version": 7, "tasks": tasks})
    await api.put("/metadata/workflow/w/rate-limit", {"concurrentExecLimit": 2})
    for version in (1, 7):
        found = (await api.get("/metadata/workflow/w", version=version)).body
        assert found["rateLimitConfig"]["concurrentExecLimit"] == 2
    for name, body, status in (
        ("w", {"concurrentExecLimit": 0}, 400),
        ("x", {"concurrentExecLimit": 1}, 404),
    ):
        assert (await api.put(f"/metadata/workflow/{name}/rate-limit", body)).status == status
