"""`POST /workflow/test` (spec 5.12): answered like an execution, and nothing of it in the log."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from firmus.broker.cache import MemoryCache
from firmus.gateway import service
from firmus.rehearsal.service import Rehearsals
from tests.gateway.client import Api
from tests.gateway.ports import NoScripts, World

MOCKS = {"taskRefToMockOutput": {"a_0": [{"output": {"x": 1}}]}}
INLINE = {"name": "i", "tasks": [{"name": "a_0", "taskReferenceName": "a_0"}]}


@pytest.fixture
async def testing(world: World) -> AsyncIterator[Api]:
    rehearsals = Rehearsals(
        definitions=world.definitions,
        scripts=NoScripts(),
        clock=world.clock,
        kept=MemoryCache(world.clock),
    )
    ports = world.ports(rehearsals=rehearsals)
    listener = await service.start(ports, host="127.0.0.1", port=0)
    async with aiohttp.ClientSession() as session:
        yield Api(session, listener.port)
    await listener.close()


async def test_a_registered_definition_is_played_with_mocks(testing: Api, world: World):
    await testing.register("w", "a")
    ended = await testing.post("/workflow/test", {"name": "w", "input": {"n": 2}, **MOCKS})

    assert (ended.status, ended.kind) == (200, "application/json")
    shown = [ended.body[name] for name in ("status", "input", "output", "workflowName")]
    assert shown == ["COMPLETED", {"n": 2}, {"x": 1}, "w"]
    assert await world.log.end() == 0


async def test_its_execution_can_be_read_for_a_while(testing: Api, world: World):
    body = {"name": "i", "workflowDef": INLINE, **MOCKS}
    ended = (await testing.post("/workflow/test", body)).body
    path = f"/workflow/{ended['workflowId']}"

    assert (await testing.get(path)).body == ended
    assert (await testing.get(path, includeTasks="false")).body == {**ended, "tasks": []}
    world.clock.advance(3_600_000)
    assert (await testing.get(path)).status == 404


async def test_an_inline_definition_is_checked_as_for_a_start(testing: Api):
    twice = {**INLINE, "tasks": INLINE["tasks"] * 2}
    refused = await testing.post("/workflow/test", {"name": "i", "workflowDef": twice})
    assert (refused.status, refused.body["code"]) == (400, "INVALID")


async def test_what_cannot_start_is_refused(testing: Api):
    unknown = await testing.post("/workflow/test", {"name": "nope", "version": 1})
    assert unknown.status == 404
    assert unknown.body["message"] == "No such workflow defined. name=nope, version=1"


async def test_a_server_without_rehearsals_says_so(api: Api):
    assert (await api.post("/workflow/test", {"name": "w"})).status == 501
