"""HTTP manners: paths, methods, bodies, content types."""

import json
from urllib.parse import quote

import pytest

from firmus.gateway import reading
from tests.gateway.client import Api
from tests.gateway.ports import World


async def test_a_path_that_does_not_exist_is_404_and_so_is_a_trailing_slash(api: Api):
    for path in (
        "/nosuch",
        "/workflow/a/b/c/d",
        "/metadata",
        "/metadata/nosuch",
        "/tasks/in_progress/x",
        "/workflow/",
        "/metadata/workflow/",
        "/tasks//log",
    ):
        answer = await api.get(path)

        assert (answer.status, answer.kind) == (404, "application/json"), path
        expected = {"status": 404, "retryable": False, "message": f"No such path: /api{path}"}
        assert expected.items() <= answer.body.items()


async def test_a_method_that_a_path_does_not_have_is_405(api: Api):
    for method, path in (
        ("PATCH", "/workflow"),
        ("DELETE", "/metadata/taskdefs"),
        ("PUT", "/workflow/x/restart"),
        ("POST", "/metadata/workflow/names"),
        ("PUT", "/tasks"),
        ("DELETE", "/workflow/x/status"),
    ):
        answer = await api.call(method, path, {})

        assert answer.status == 405, path
        assert answer.body["message"] == f"Request method '{method}' is not supported"
        assert answer.headers["allow"]


async def test_the_accept_header_changes_nothing(api: Api):
    for accept in ("*/*", "text/plain", "application/xml"):
        answer = await api.get("/workflow/nope", headers={"accept": accept})

        assert (answer.status, answer.kind) == (404, "application/json")


async def test_a_json_body_needs_a_json_content_type(api: Api):
    await api.register("w", "a")
    raw = json.dumps({"name": "w", "input": {"x": "é"}}, ensure_ascii=False).encode()

    for kind, status in (
        ("application/json", 200),
        ("application/json;charset=UTF-8", 200),
        ("Application/JSON; charset=utf-8", 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
    ):
        answer = await api.post("/workflow", raw, headers={"content-type": kind})
        assert answer.status == status, kind


async def test_a_body_that_cannot_be_read_is_400_and_starts_nothing(api: Api, world: World):
    await api.register("w", "a")

    for raw in (b'{"name": ', b"[]", b'"x"', b'{"name": "w", "version": "x"}', None, b"\xff"):
        answer = await api.post("/workflow", raw)
        assert answer.status == 400, raw

    assert await world.log.end() == 0


async def test_a_query_that_cannot_be_read_is_400_and_names_the_parameter(api: Api):
    for path, query, named in (
        ("/workflow/search", {"size": "abc"}, "size"),
        ("/workflow/search", {"size": 2**31}, "size"),
        ("/workflow/search", {"topLevelOnly": "maybe"}, "topLevelOnly"),
        ("/workflow/search", {"start": -1}, "start"),
        ("/tasks/queue/size", {}, "taskType"),
    ):
        answer = await api.get(path, **query)

        assert answer.status == 400, path
        assert named in answer.body["message"]


async def test_names_in_paths_may_hold_any_letter(api: Api):
    for name in ("two words", "größe", "a:b", "a+b", "50%"):
        await api.register(name, "a")

        async with api.session.get(f"{api.base}/api/metadata/workflow/{quote(name)}") as answer:
            assert (await answer.json())["name"] == name


async def test_a_body_that_is_too_large_is_413(api: Api, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "BODY_BYTES_MAX", 100)

    answer = await api.post("/workflow", {"name": "x" * 100})

    async def in_pieces():
        yield b"x" * 101

    headers = {"content-type": "application/json"}
    path = f"{api.base}/api/workflow"
    async with api.session.post(path, data=in_pieces(), headers=headers) as chunked:
        assert (answer.status, chunked.status) == (413, 413)
