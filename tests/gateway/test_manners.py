"""HTTP manners: paths, methods, bodies, content types."""

import json

import pytest

from firmus.gateway import reading
from tests.gateway.client import Api
from tests.gateway.ports import World


@pytest.mark.parametrize(
    "path",
    [
        "/nosuch",
        "/workflow/a/b/c/d",
        "/metadata",
        "/metadata/nosuch",
        "/tasks/in_progress/x",
        "/workflow/",
        "/metadata/workflow/",
        "/tasks//log",
    ],
)
async def test_a_path_that_does_not_exist_is_404_and_so_is_a_trailing_slash(api: Api, path):
    answer = await api.get(path)

    assert (answer.status, answer.kind) == (404, "application/json")
    assert {"status": 404, "retryable": False, "code": "NOT_FOUND"}.items() <= answer.body.items()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "/workflow"),
        ("DELETE", "/metadata/taskdefs"),
        ("PUT", "/workflow/x/restart"),
        ("POST", "/metadata/workflow/names"),
        ("PUT", "/tasks"),
        ("DELETE", "/workflow/x/status"),
    ],
)
async def test_a_method_that_a_path_does_not_have_is_405(api: Api, method, path):
    answer = await api.call(method, path, {})

    assert (405, f"Request method '{method}' is not supported") == (
        answer.status,
        answer.body["message"],
    )
    assert answer.headers["allow"]


@pytest.mark.parametrize("accept", ["*/*", "text/plain", "application/xml"])
async def test_the_accept_header_changes_nothing(api: Api, accept):
    answer = await api.get("/workflow/nope", headers={"accept": accept})

    assert (answer.status, answer.kind) == (404, "application/json")


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 200),
        ("application/json;charset=UTF-8", 200),
        ("Application/JSON; charset=utf-8", 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
    ],
)
async def test_a_json_body_needs_a_json_content_type(api: Api, kind, status):
    await api.register("w", "a")
    raw = json.dumps({"name": "w", "input": {"x": "é"}}, ensure_ascii=False).encode()

    answer = await api.post("/workflow", raw, headers={"content-type": kind})

    assert status == answer.status


@pytest.mark.parametrize(
    "raw", [b'{"name": ', b"[]", b'"x"', b'{"name": "w", "version": "x"}', None, b"\xff"]
)
async def test_a_body_that_cannot_be_read_is_400_and_starts_nothing(api: Api, world: World, raw):
    await api.register("w", "a")

    answer = await api.post("/workflow", raw)

    assert answer.status == 400
    assert await world.log.end() == 0


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/workflow/search", {"size": "abc"}),
        ("/workflow/search", {"size": 2**31}),
        ("/workflow/search", {"topLevelOnly": "maybe"}),
        ("/tasks/queue/size", {}),
        ("/workflow/search", {"start": -1}),
    ],
)
async def test_a_query_that_cannot_be_read_is_400_and_names_the_parameter(api: Api, path, query):
    answer = await api.get(path, **query)

    assert answer.status == 400
    assert (*query, "taskType")[0] in answer.body["message"]


@pytest.mark.parametrize("name", ["two words", "größe", "a:b", "a+b", "50%"])
async def test_names_in_paths_may_hold_any_letter(api: Api, name):
    from urllib.parse import quote

    await api.register(name, "a")

    with_escapes = await api.session.get(f"{api.base}/api/metadata/workflow/{quote(name)}")

    assert name == (await with_escapes.json())["name"]


async def test_a_body_that_is_too_large_is_413(api: Api, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "BODY_BYTES_MAX", 100)

    answer = await api.post("/workflow", {"name": "x" * 100})

    async def in_pieces():
        yield b"x" * 101

    async with api.session.post(f"{api.base}/api/workflow", data=in_pieces()) as chunked:
        assert (answer.status, chunked.status) == (413, 413)
