"""Lists of workflows and tasks by what they are."""

from urllib.parse import quote

from firmus.edge.lookups import quoted
from firmus.ports import LATEST
from tests.gateway.client import Api
from tests.gateway.ports import World


async def test_the_running_list_holds_open_workflows_of_a_version(api: Api, world: World):
    await api.register("w", "a")
    await api.register("w", "a", version=2)
    live, paused, ended = [await api.start("w", version=1) for _ in range(3)]
    await api.put(f"/workflow/{paused}/pause")
    await api.delete(f"/workflow/{ended}")
    second = await api.start("w")
    now = world.clock.now_ms()

    async def ids(**query):
        return set((await api.get("/workflow/running/w", **query)).body)

    assert await ids() == {live, paused}
    assert await ids(version=2) == {second}
    assert await ids(startTime=now - 9, endTime=now + 9) == {live, paused, ended}
    assert await ids(startTime=now - 9, endTime=now - 1) == set()


async def test_a_list_waits_until_the_read_model_has_seen_what_was_there(api: Api, world: World):
    await api.register("w", "a")
    started = await api.start("w")
    world.search.behind = [1]

    answer = await api.get("/workflow/running/w")

    assert answer.body == [started]
    assert world.search.asked[-1].at_least == LATEST


async def test_correlated_workflows_are_running_unless_closed_ones_are_wanted(api: Api):
    await api.register("größe", "a")
    live, paused, ended = [await api.start("größe", correlationId="für dich") for _ in range(3)]
    await api.put(f"/workflow/{paused}/pause")
    await api.delete(f"/workflow/{ended}")

    async def found(correlation="für dich", **query):
        path = f"/workflow/größe/correlated/{correlation}"
        return [(w["workflowId"], len(w["tasks"])) for w in (await api.get(path, **query)).body]

    assert await found() == [(live, 0)]
    assert await found(includeClosed=True, includeTasks=True) == [
        (each, 1) for each in (live, paused, ended)
    ]
    assert await found("nope", includeClosed=True) == []
    several = await api.post(f"/workflow/{quote('größe')}/correlated", ["für dich", "nope"])
    assert {each: len(ws) for each, ws in several.body.items()} == {"für dich": 1, "nope": 0}


async def test_pending_tasks_of_a_type_come_in_pages(api: Api):
    await api.register("w", "a")
    done, *left = [await api.start("w") for _ in range(3)]
    await api.post(f"/tasks/{done}/a_0/COMPLETED", {})

    found = (await api.get("/admin/task/a")).body
    one = (await api.get("/admin/task/a", start=1, count=1)).body

    assert [task["workflowInstanceId"] for task in found] == left
    assert [task["workflowInstanceId"] for task in one] == left[1:]
    assert (await api.get("/admin/task/nope")).body == []
    assert (await api.get("/admin/task/a", count=9999)).status == 400


def test_a_value_of_a_query_is_quoted_whatever_it_holds():
    assert quoted('a "b" AND \\c') == '"a \\"b\\" AND \\\\c"'
