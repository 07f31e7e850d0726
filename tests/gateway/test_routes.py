"""The table of routes: complete, unambiguous, honest about what is missing."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from firmus.broker.polldata import PollTable
from firmus.gateway.app import by_path, covered
from firmus.gateway.polling import Polls
from firmus.gateway.routes import Route, not_yet, routes
from tests.gateway.client import Api
from tests.gateway.ports import World

OPENAPI = Path(__file__).parent.parent / "contract" / "openapi"


def shape(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


def published() -> Iterator[tuple[str, str]]:
    for file in sorted(OPENAPI.glob("*.yml")):
        for path, operations in yaml.safe_load(file.read_text())["paths"].items():
            for method in operations.keys() & {"get", "put", "post", "delete", "patch"}:
                yield method.upper(), shape(f"/api{path}")


def table(world: World) -> list[Route]:
    return routes(world.ports(), Polls(world.queues, world.clock, PollTable()))


def test_every_published_operation_has_a_row(world: World):
    ours = {(route.method, shape(route.path)) for route in table(world)}

    assert set() == set(published()) - ours


def test_no_method_of_a_path_stands_twice(world: World):
    row = table(world)[0]

    with pytest.raises(ValueError, match="twice"):
        by_path([row, row])


@pytest.mark.parametrize(
    ("general", "path", "bound"),
    [
        ("/w/{key}", "/w/search", {"key": "search"}),
        ("/t/{key}/{ref}/{status}", "/t/{key}/{ref}/signal", {"status": "signal"}),
        ("/w/{key}", "/w/{key}", None),
        ("/w/{key}/tasks", "/w/decide/{key}", None),
        ("/w/{key}", "/w/a/b", None),
        ("/w/{key}", "/w/", None),
        ("/w/{key}", "/x/a", None),
    ],
)
def test_a_general_path_covers_fixed_ones(general, path, bound):
    assert bound == covered(general, path)


async def test_paths_that_are_not_offered_yet_say_so(api: Api, world: World):
    missing = [route for route in table(world) if route.handler is not_yet]

    answers = [
        await api.call(route.method, re.sub(r"\{\w+\}", "x", route.path).removeprefix("/api"))
        for route in missing
    ]

    assert missing
    assert {(501, "NOT_IMPLEMENTED")} == {(a.status, a.body["code"]) for a in answers}
    assert all("is not offered by this server yet" in a.body["message"] for a in answers)


async def test_the_completion_queues_are_none(api: Api):
    assert [(await api.get(path)).body for path in ("/queue/size", "/queue/")] == [{}, {}]
    refused = await api.post("/queue/update/w/ref/COMPLETED", {})
    assert (
        refused.status,
        refused.body["message"],
    ) == (400, "There is no queue for handling COMPLETED status")


async def test_operators_find_sweep_acknowledge_and_terminate(api: Api):
    await api.register("w", "a")
    started = await api.start("w")
    row = (await api.get(f"/workflow/{started}")).body["tasks"][0]

    before = await api.post(f"/tasks/{row['taskId']}/ack")
    await api.poll("a")
    after = await api.post(f"/tasks/{row['taskId']}/ack")
    swept = await api.post(f"/admin/sweep/requeue/{started}")
    ended = await api.delete(f"/workflow/{started}/terminate", reason="enough")

    assert (before.body, after.body) == (False, True)
    assert (200, "text/plain", f"true.{started}") == (swept.status, swept.kind, swept.body)
    assert (ended.status, ended.body) == (200, "")
