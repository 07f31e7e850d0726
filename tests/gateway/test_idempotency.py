"""Starts with an idempotency key, and commands with one."""

import asyncio

import aiohttp

from firmus.gateway import service
from firmus_contracts import ids
from tests.gateway.client import Api
from tests.gateway.ports import World


async def start(api: Api, key: str, strategy: str | None = None):
    more = {"idempotencyStrategy": strategy} if strategy else {}
    return await api.post("/workflow", {"name": "w", "idempotencyKey": key, **more})


async def test_a_key_that_was_used_is_a_conflict_unless_said_otherwise(api: Api):
    await api.register("w", "a")
    first = await start(api, "k")

    assert [(await start(api, "k", s)).status for s in (None, "FAIL")] == [409, 409]
    assert first.body == (await start(api, "k", "RETURN_EXISTING")).body
    assert first.body != (await start(api, "other")).body
    assert (await api.get(f"/workflow/{first.body}")).body["idempotencyKey"] == "k"


async def test_fail_on_running_starts_anew_once_the_earlier_run_has_ended(api: Api):
    await api.register("w", "a")
    first = await start(api, "k", "FAIL_ON_RUNNING")
    refused = await start(api, "k", "FAIL_ON_RUNNING")
    await api.delete(f"/workflow/{first.body}")

    second = await start(api, "k", "FAIL_ON_RUNNING")

    assert (refused.status, second.status) == (409, 200)
    assert first.body != second.body
    assert second.body == (await start(api, "k", "RETURN_EXISTING")).body


async def test_a_key_whose_start_was_lost_is_healed_by_the_next_try(api: Api, world: World):
    await api.register("w", "a")
    lost = ids.mint_workflow_id(world.clock.now_ms(), 5)
    await world.keys.put("w", "k", lost, expected=0)

    healed = await start(api, "k", "FAIL")

    assert (200, lost) == (healed.status, healed.body)
    assert (await api.get(f"/workflow/{lost}/status")).body["status"] == "RUNNING"


async def test_many_starts_with_one_key_make_one_workflow(api: Api, world: World):
    await api.register("w", "a")

    found = await asyncio.gather(*(start(api, "k", "RETURN_EXISTING") for _ in range(8)))

    assert {200} == {answer.status for answer in found}
    assert len({answer.body for answer in found}) == 1
    assert await world.log.end() == 1


async def test_an_unknown_strategy_is_refused(api: Api):
    await api.register("w", "a")

    assert (await start(api, "k", "MAYBE")).status == 400


async def test_the_header_makes_a_repeated_start_answer_the_first_one(api: Api):
    await api.register("w", "a")
    headers = {"Idempotency-Key": "k"}

    first = await api.post("/workflow/w", {}, headers=headers)
    again = await api.post("/workflow/w", {}, headers=headers)

    assert (200, first.body) == (again.status, again.body)


async def test_the_header_makes_a_repeated_command_count_once_and_only_for_the_same_thing(
    api: Api, world: World
):
    await api.register("w", "a")
    started = (await api.post("/workflow/w", {})).body
    headers = {"Idempotency-Key": "k"}

    for _ in range(2):
        await api.put(f"/workflow/{started}/pause", headers=headers)
    commits = await world.log.end()
    await api.put(f"/workflow/{started}/resume", headers=headers)

    assert commits == 2
    assert (await api.get(f"/workflow/{started}/status")).body["status"] == "RUNNING"


async def test_without_a_place_for_keys_they_are_refused_not_ignored(world: World):
    listener = await service.start(world.ports(keys=None), host="127.0.0.1", port=0)
    async with aiohttp.ClientSession() as session:
        api = Api(session, listener.port)
        await api.register("w", "a")
        answer = await start(api, "k")
        header = await api.post("/workflow/w", {}, headers={"Idempotency-Key": "k"})
    await listener.close()

    assert (answer.status, header.status) == (501, 501)
