"""Starts with an idempotency key, and commands with one."""

import asyncio

import aiohttp
import pytest

from firmus.broker.starting import Starts
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


@pytest.mark.parametrize("strategy", ["FAIL", "FAIL_ON_RUNNING"])
@pytest.mark.parametrize("lost", [False, True])
async def test_of_twenty_starts_with_one_key_one_succeeds(
    api: Api, world: World, strategy: str, lost: bool
):
    """Also when all twenty make up for a start that was lost after its key was taken."""
    await api.register("w", "a")
    if lost:
        await world.keys.put("w", "k", ids.mint_workflow_id(1, 5), expected=0)

    found = await asyncio.gather(*(start(api, "k", strategy) for _ in range(20)))

    assert sorted(answer.status for answer in found) == [200] + [409] * 19
    assert await world.log.end() == 1


@pytest.mark.parametrize(
    ("on_conflict", "statuses"),
    [(None, [200, 409]), ("FAIL", [200, 409]), ("RETURN_EXISTING", [200, 200])],
)
async def test_a_start_by_name_gives_key_and_strategy_in_headers(
    api: Api, on_conflict: str | None, statuses: list[int]
):
    await api.register("w", "a")
    headers = {"X-Idempotency-Key": "k"} | ({"X-On-Conflict": on_conflict} if on_conflict else {})

    found = [await api.post("/workflow/w", {}, headers=headers) for _ in range(2)]

    assert [answer.status for answer in found] == statuses
    assert (await start(api, "k", "RETURN_EXISTING")).body == found[0].body


async def test_a_key_of_another_definition_is_another_key(api: Api):
    await api.register("w", "a")
    await api.register("v", "a")

    first = await start(api, "k")
    other = await api.post("/workflow", {"name": "v", "idempotencyKey": "k"})

    assert (first.status, other.status) == (200, 200)


async def test_a_start_that_was_refused_leaves_its_key_to_the_next_one(api: Api, world: World):
    refused = await start(api, "k")
    await api.register("w", "a")

    assert (refused.status, (await start(api, "k")).status) == (404, 200)
    assert (await start(api, "k")).status == 409
    assert await world.log.end() == 1


async def test_bad_headers_are_refused(api: Api):
    await api.register("w", "a")
    for headers in ({"X-On-Conflict": "MAYBE"}, {"Idempotency-Key": "k" * 257}):
        assert (await api.post("/workflow/w", {}, headers=headers)).status == 400
    assert (await start(api, "k" * 4097)).status == 400


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
    listener = await service.start(
        world.ports(starts=Starts(world.door, None)), host="127.0.0.1", port=0
    )
    async with aiohttp.ClientSession() as session:
        api = Api(session, listener.port)
        await api.register("w", "a")
        answer = await start(api, "k")
        header = await api.post("/workflow/w", {}, headers={"Idempotency-Key": "k"})
    await listener.close()

    assert (answer.status, header.status) == (501, 501)


@pytest.mark.parametrize("strategy", ["FAIL", "RETURN_EXISTING", "FAIL_ON_RUNNING"])
async def test_the_key_of_a_removed_workflow_is_free_again(api: Api, strategy: str):
    await api.register("w", "a")
    first = await start(api, "k")
    await api.delete(f"/workflow/{first.body}/remove", archiveWorkflow=False)

    second = await start(api, "k", strategy)

    assert (second.status, first.body != second.body) == (200, True)
    assert second.body == (await start(api, "k", "RETURN_EXISTING")).body
