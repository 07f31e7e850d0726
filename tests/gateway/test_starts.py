"""Starting workflows, and reading them back at once."""

from firmus_contracts import ids
from tests.gateway.client import Api
from tests.gateway.ports import World


async def test_a_start_answers_the_id_as_text_and_can_be_read_at_once(api: Api):
    await api.register("w", "a")

    started = await api.post("/workflow", {"name": "w", "input": {"x": 1}, "correlationId": "c"})
    found = await api.get(f"/workflow/{started.body}")

    assert (started.status, started.kind) == (200, "text/plain")
    assert ids.is_workflow_id(started.body)
    assert tuple(found.body[name] for name in ("status", "input", "correlationId")) == (
        "RUNNING",
        {"x": 1},
        "c",
    )
    assert [task["referenceTaskName"] for task in found.body["tasks"]] == ["a_0"]


async def test_a_start_by_name_takes_its_input_from_the_body_and_the_rest_from_the_query(api: Api):
    await api.register("w", "a")
    await api.register("w", "a", version=2)

    started = await api.post(
        "/workflow/w", {"x": [1, None]}, version=1, correlationId="c/1 é", priority=7
    )
    found = (await api.get(f"/workflow/{started.body}")).body

    assert tuple(
        found[name] for name in ("workflowVersion", "correlationId", "priority", "input")
    ) == (1, "c/1 é", 7, {"x": [1, None]})


async def test_a_missing_definition_is_named_differently_by_the_two_ways_to_start(api: Api):
    by_body = await api.post("/workflow", {"name": "nope", "version": 3})
    by_path = await api.post("/workflow/nope", {})

    assert (
        by_body.status,
        by_body.body["message"],
    ) == (404, "No such workflow defined. name=nope, version=3")
    assert (
        by_path.status,
        by_path.body["message"],
    ) == (404, "No such workflow found by name: nope, version: null")


async def test_a_start_may_bring_its_definition_which_is_checked_and_not_registered(api: Api):
    inline = {"name": "w", "version": 4, "tasks": [{"name": "a", "taskReferenceName": "a"}]}

    started = await api.post("/workflow", {"name": "w", "workflowDef": inline})
    bad = await api.post("/workflow", {"name": "w", "workflowDef": {"name": "w", "tasks": []}})

    assert (await api.get(f"/workflow/{started.body}")).body["workflowVersion"] == 4
    assert (await api.get("/metadata/workflow/w")).status == 404
    assert (
        bad.status,
        bad.body["validationErrors"][0]["message"],
    ) == (400, "WorkflowTask list cannot be empty")


async def test_a_start_is_refused_for_a_priority_out_of_range_in_body_and_query(api: Api):
    await api.register("w", "a")

    refused = [
        await api.post("/workflow", {"name": "w", "priority": 100}),
        await api.post("/workflow", {"name": "w", "priority": -1}),
        await api.post("/workflow/w", {}, priority=100),
        await api.post("/workflow/w", {}, priority=-1),
    ]

    assert [answer.status for answer in refused] == [400] * 4
    assert [answer.body["validationErrors"][0]["message"] for answer in refused] == [
        "priority: 100 should be maximum 99",
        "priority: -1 should be minimum 0",
        "99 is the maximum priority value",
        "0 is the minimum priority value",
    ]


async def test_a_workflow_may_be_called_like_a_path(api: Api):
    await api.register("search", "a")

    started = await api.post("/workflow/search", {})

    assert (await api.get(f"/workflow/{started.body}")).body["workflowName"] == "search"


async def test_the_callers_trace_goes_into_the_command(api: Api, world: World):
    await api.register("w", "a")
    trace = f"00-{'a' * 32}-{'b' * 16}-01"

    await api.post("/workflow/w", {}, headers={"traceparent": trace})

    assert trace == world.door.seen[-1].trace
