"""Event handlers over REST, from their first day to their last."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from firmus.gateway import service
from firmus.handlers.store import memory_handlers
from tests.gateway.client import Api
from tests.gateway.ports import World

EVENT = "conductor:w:orders"
HANDLER = {
    "name": "orders",
    "event": EVENT,
    "actions": [{"action": "start_workflow", "start_workflow": {"name": "w"}}],
    "active": True,
}


@pytest.fixture
async def kept(world: World) -> AsyncIterator[Api]:
    ports = world.ports(event_handlers=memory_handlers(world.clock))
    listener = await service.start(ports, host="127.0.0.1", port=0)
    async with aiohttp.ClientSession() as session:
        yield Api(session, listener.port)
    await listener.close()


async def test_one_is_added_changed_and_deleted(kept: Api):
    added = await kept.post("/event", HANDLER)
    twice = await kept.post("/event", HANDLER)
    changed = await kept.put("/event", {**HANDLER, "active": False})
    listed = await kept.get("/event")
    deleted = await kept.delete("/event/orders")
    gone = await kept.delete("/event/orders")

    assert [one.status for one in (added, twice, changed, deleted, gone)] == [
        *(200, 409, 200, 200, 404)
    ]
    assert [(one["name"], one["active"]) for one in listed.body] == [("orders", False)]


async def test_those_of_an_event_are_listed_resting_ones_only_if_asked_for(kept: Api):
    await kept.post("/event", HANDLER)
    await kept.post("/event", {**HANDLER, "name": "resting", "active": False})

    active = await kept.get(f"/event/{EVENT}")
    whole = await kept.get(f"/event/{EVENT}", activeOnly="false")

    assert [one["name"] for one in active.body] == ["orders"]
    assert sorted(one["name"] for one in whole.body) == ["orders", "resting"]


async def test_one_without_actions_is_refused(kept: Api):
    refused = await kept.post("/event", {**HANDLER, "actions": []})

    assert refused.status == 400
    assert [one["path"] for one in refused.body["validationErrors"]] == ["actions"]


async def test_several_are_added_as_a_list(kept: Api):
    made = [{**HANDLER, "name": name} for name in ("one", "two")]
    answers = [await kept.post("/event", each) for each in (made, [], [{"name": "x"}])]

    assert [each.status for each in answers] == [200, 200, 400]
    assert {one["name"] for one in (await kept.get("/event")).body} == {"one", "two"}
