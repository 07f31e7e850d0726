"""Search: what is asked of the read model, and what its answer becomes."""

import pytest

from firmus.ports import SearchRequest
from tests.gateway.client import Api
from tests.gateway.ports import World


async def test_a_page_of_summaries_says_how_far_it_reaches(api: Api):
    await api.register("w", "a")
    started = [await api.start("w") for _ in range(3)]

    answer = await api.get("/workflow/search", start=1, size=1)

    assert (3, started[1:2]) == (
        answer.body["totalHits"],
        [found["workflowId"] for found in answer.body["results"]],
    )
    position, lag = (answer.headers[f"firmus-search-{name}"] for name in ("position", "lag"))
    assert (position, lag) == ("3", "0")


async def test_the_parameters_reach_the_read_model(api: Api, world: World):
    await api.get("/workflow/search")
    await api.get(
        "/workflow/search",
        query="status=RUNNING",
        classifier="a,b",
        topLevelOnly="true",
        freeText="x",
        sort="startTime:DESC",
    )

    defaults, given = world.search.asked
    assert defaults == SearchRequest(what="workflows")
    assert (given.free_text, given.sort) == ("x", "startTime:DESC")
    assert given.query == 'status=RUNNING AND classifier IN ("a","b") AND parentWorkflowId=""'


@pytest.mark.parametrize(
    ("given", "query"),
    [
        ({"query": "a=1 OR b=2", "topLevelOnly": "true"}, '(a=1 OR b=2) AND parentWorkflowId=""'),
        ({"query": "a=1 OR b=2"}, "a=1 OR b=2"),
        ({"query": " ", "classifier": 'x) OR ("\\'}, 'classifier IN ("x) OR (\\"\\\\")'),
    ],
)
async def test_what_parameters_ask_for_counts_whatever_the_query_is(
    api: Api, world: World, given: dict[str, str], query: str
):
    await api.get("/workflow/search", **given)
    assert [asked.query for asked in world.search.asked] == [query]


async def test_a_search_may_ask_for_all_that_was_answered_before(api: Api, world: World):
    await api.register("w", "a")
    started = await api.start("w")
    world.search.behind = [1]

    late = await api.get("/workflow/search")
    fresh = await api.get("/workflow/search", atLeast="latest")
    exact = await api.get("/workflow/search", atLeast=late.headers["firmus-search-position"])

    assert (late.body["results"], late.headers["firmus-search-lag"]) == ([], "1")
    assert [found["workflowId"] for found in fresh.body["results"]] == [started]
    assert exact.status == 200


async def test_a_read_model_that_does_not_get_there_is_unavailable(api: Api, world: World):
    answer = await api.get("/workflow/search", atLeast=10**6)

    assert (answer.status, answer.body["retryable"]) == (503, True)


async def test_where_to_begin_is_said_once_and_readably(api: Api):
    for query in ({"searchAfter": "x", "start": 1}, {"atLeast": -5}, {"atLeast": "soon"}):
        assert (await api.get("/workflow/search", **query)).status == 400, query


@pytest.mark.parametrize("path", ["/workflow/search", "/workflow/search-v2", "/tasks/search"])
async def test_a_page_is_limited_and_a_bad_query_refused(api: Api, path):
    large = await api.get(path, size=5001)
    bad = await api.get(path, query="gibberish")

    what = path.split("/")[1].removesuffix("s") + "s"
    assert (400, f"Cannot return more than 5000 {what}. Please use pagination.") == (
        large.status,
        large.body["validationErrors"][0]["message"],
    )
    assert (
        bad.status,
        bad.body["message"],
    ) == (400, "Incorrectly formatted query string: gibberish")


async def test_search_v2_gives_executions_without_tasks_and_tasks_whole(api: Api):
    await api.register("w", "a")
    started = await api.start("w", {"x": 1})

    workflows = (await api.get("/workflow/search-v2")).body
    tasks = (await api.get("/tasks/search-v2")).body
    summaries = (await api.get("/tasks/search")).body

    assert (1, [(started, {"x": 1}, [])]) == (
        workflows["totalHits"],
        [(w["workflowId"], w["input"], w["tasks"]) for w in workflows["results"]],
    )
    assert (1, [(started, "a_0")]) == (
        tasks["totalHits"],
        [(t["workflowInstanceId"], t["referenceTaskName"]) for t in tasks["results"]],
    )
    assert [started] == [t["workflowId"] for t in summaries["results"]]


async def test_workflows_are_found_by_their_tasks_each_once(api: Api):
    await api.register("w", "a", "b")
    await api.register("x", "c")
    started = [await api.start("w"), await api.start("w")]
    await api.start("x")
    await api.post(f"/tasks/{started[0]}/a_0/COMPLETED", {})
    query = "workflowType=w"

    summaries = (await api.get("/workflow/search-by-tasks", query=query)).body
    objects = (await api.get("/workflow/search-by-tasks-v2", query=query)).body
    none = (await api.get("/workflow/search-by-tasks", query="taskType=nope")).body

    few = (await api.get("/workflow/search-by-tasks", query=query, size=1)).body

    assert (summaries["totalHits"], objects["totalHits"], few["totalHits"]) == (2, 2, 3)
    assert [w["workflowId"] for w in summaries["results"]] == started
    assert [(w["workflowId"], w["tasks"]) for w in objects["results"]] == [
        (each, []) for each in started
    ]
    assert none == {"totalHits": 0, "results": []}
