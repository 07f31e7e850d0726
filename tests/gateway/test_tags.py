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
        ("/metadata/workflow/w/tags", {"key": "w", "value": 5, "type": "RATE_LIMIT"}, 501),
    ],
)
async def test_what_cannot_be_tagged_is_refused(api: Api, paths, path, body, status):
    assert (await api.post(path, body)).status == status


async def test_nobody_has_no_tags(api: Api):
    assert (await api.get("/metadata/task/nobody/tags")).status == 404
    assert (await api.get("/metadata/tags")).body == []
