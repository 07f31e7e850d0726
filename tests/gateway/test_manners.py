"""HTTP manners: paths, methods, bodies, content types."""

import json
from urllib.parse import quote

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


async def test_what_is_there_and_empty_is_absent(api: Api):
    await api.register("w", "a")
    key = await api.start("w")

    for path, query in (
        (f"/workflow/{key}", {"includeTasks": ""}),
        (f"/workflow/{key}", {"includeTasks": " TRUE "}),
        (f"/workflow/{key}/tasks", {"start": "", "count": "", "status": ""}),
        (f"/workflow/{key}/status", {"includeOutput": "", "includeVariables": ""}),
        ("/workflow/search", {"start": "", "size": "", "sort": "", "topLevelOnly": ""}),
        ("/tasks/poll/batch/none", {"count": "", "timeout": "", "domain": "", "workerid": ""}),
    ):
        answer = await api.get(path, **query)
        assert answer.status == 200, (path, answer.body)
        assert answer.body.get("tasks", True) if isinstance(answer.body, dict) else True
    empty = {"version": "", "priority": " ", "correlationId": "", "taskToDomain": None}
    assert (await api.post("/workflow", {"name": "w", **empty})).status == 200
    assert (await api.post("/workflow/w", {}, version="", priority="")).status == 200


async def test_a_number_is_digits_only(api: Api):
    for given, status in (("1", 200), (" 1 ", 200), ("+1", 200), ("1_0", 400), ("٣", 400)):
        assert (await api.get("/workflow/search", size=given)).status == status, given


async def test_text_of_bodies_may_be_any_unicode_form(api: Api):
    await api.register("w", "a")
    text = json.dumps({"name": "w", "input": {"x": "é"}}, ensure_ascii=False)

    for coding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"):
        answer = await api.post("/workflow", text.encode(coding))
        assert answer.status == 200, coding
        found = await api.get(f"/workflow/{answer.body}")
        assert found.body["input"] == {"x": "é"}
    for raw in (text.encode("latin-1"), b'{"name": "w", "input": {"x": "\\ud800"}}'):
        assert (await api.post("/workflow", raw)).status == 400


async def test_json_that_is_none_is_400(api: Api):
    await api.register("w", "a")
    deep = b'{"name": "w", "input": {"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}"
    raws = (b'{"name": "w", "input": {"x": NaN}}', b"{'name': 'w'}", b'{"name": "w"} x', b" ", deep)

    for raw in raws:
        answer = await api.post("/workflow", raw)
        assert (answer.status, answer.body["code"]) == (400, "INVALID"), raw[:40]


async def test_what_can_be_read_has_a_head_and_nothing_is_taken_by_it(api: Api):
    await api.register("w", "a")
    key = await api.start("w")
    whole = await api.get(f"/workflow/{key}")

    head = await api.call("HEAD", f"/workflow/{key}")
    poll = await api.call("HEAD", "/tasks/poll/a")

    assert (head.status, head.body) == (200, None)
    assert head.headers["content-length"] == whole.headers["content-length"]
    assert poll.status == 405
    assert (await api.call("HEAD", "//health")).status == 200
    assert len(await api.poll("a")) == 1


async def test_names_in_paths_may_hold_any_letter(api: Api):
    for name in ("two words", "größe", "a:b", "a+b", "50%"):
        await api.register(name, "a")

        async with api.session.get(f"{api.base}/api/metadata/workflow/{quote(name)}") as answer:
            assert (await answer.json())["name"] == name
