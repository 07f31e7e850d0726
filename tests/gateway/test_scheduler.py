"""Schedules over REST (spec 8.8)."""

from typing import Any

import aiohttp
import msgspec
import pytest

from firmus.gateway import service
from firmus.schedules.runs import RunsClaimed, run_of
from tests.gateway.client import Api
from tests.gateway.ports import World

YEARLY = "0 0 0 1 1 *"
BASE = "/scheduler/schedules"


def given(name: str = "s", **more: Any) -> dict[str, Any]:
    start = {"name": "w", "input": {"k": 1}}
    return {"name": name, "cronExpression": YEARLY, "startWorkflowRequest": start, **more}


async def test_a_schedule_is_answered_with_all_its_defaults(api: Api, world: World):
    saved = await api.post(BASE, given())
    now_ms = world.clock.now_ms()
    assert saved.body == {
        "name": "s",
        "cronExpression": YEARLY,
        "zoneId": "UTC",
        "cronSchedules": [],
        "startWorkflowRequest": {
            "name": "w",
            "input": {"k": 1},
            "taskToDomain": {},
            "priority": 0,
        },
        "runCatchupScheduleInstances": False,
        "paused": False,
        "createTime": now_ms,
        "updatedTime": now_ms,
        "createdBy": "",
        "updatedBy": "",
    }
    assert (await api.get(f"{BASE}/s")).body == saved.body
    assert "firmus-warning" not in saved.headers


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"cronExpression": "nonsense"}, "Invalid cron expression: 'nonsense' has 1 fields"),
        ({"cronExpression": None}, "never runs"),
        ({"cronSchedules": [{"cronExpression": "@daily", "zoneId": "Mars/X"}]}, "Mars/X"),
        (
            {"cronSchedules": [{"cronExpression": "@daily", "zoneId": "M\r\nX: 1\x00ü"}]},
            "M??X: 1??",
        ),
    ],
)
async def test_what_will_never_run_is_taken_with_a_warning(
    api: Api, more: dict[str, Any], told: str
):
    saved = await api.post(BASE, given(**more))
    assert saved.status == 200
    assert told in saved.headers["firmus-warning"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"name": ""}, "name: a schedule needs a name"),
        ({"name": None}, "name: a schedule needs a name"),
        ({"startWorkflowRequest": None}, "startWorkflowRequest.name: a schedule needs a workflow"),
        ({"startWorkflowRequest": {}}, "startWorkflowRequest.name: a schedule needs a workflow"),
        ({"zoneId": "Mars/Phobos"}, "Unknown time-zone ID: Mars/Phobos"),
        ({"scheduleStartTime": "soon"}, "scheduleStartTime"),
        (
            {"startWorkflowRequest": {"name": "w", "workflowDef": {"name": "w", "tasks": []}}},
            "Validation failed",
        ),
    ],
)
async def test_what_cannot_be_a_schedule_is_refused(api: Api, more: dict[str, Any], message: str):
    refused = await api.post(BASE, given(**more))
    assert refused.status == 400
    assert message in refused.body["message"]
    assert (await api.get(BASE)).body == []


async def test_unknown_schedules_are_not_found_and_deleting_them_is_fine(api: Api):
    not_found = (404, "Schedule 'nope' not found")
    for method, path in (
        ("GET", ""),
        ("GET", "/tags"),
        ("PUT", "/pause"),
        ("PUT", "/resume"),
    ):
        answer = await api.call(method, f"{BASE}/nope{path}")
        assert (answer.status, answer.body["message"]) == not_found
    assert (await api.delete(f"{BASE}/nope")).status == 200
    assert (await api.get(f"{BASE}/s/pause")).status == 405


async def test_pausing_tells_why_and_resuming_forgets_it(api: Api):
    await api.post(BASE, given())
    assert (await api.put(f"{BASE}/s/pause", reason="holiday")).body == ""
    assert (await api.get(f"{BASE}/s")).body["pausedReason"] == "holiday"
    await api.put(f"{BASE}/s/resume")
    assert "pausedReason" not in (await api.get(f"{BASE}/s")).body
    assert (await api.put(f"{BASE}/s/resume")).status == 404


async def test_many_at_once_each_for_itself(api: Api):
    for name in ("a", "b"):
        await api.post(BASE, given(name))
    paused = await api.put("/scheduler/bulk/pause", ["a", "b", "nope"])
    assert paused.body == {
        "bulkErrorResults": {"nope": "Schedule 'nope' not found"},
        "bulkSuccessfulResults": ["a", "b"],
    }
    assert (await api.put("/scheduler/bulk/resume", ["a", "a"])).body == {
        "bulkErrorResults": {"a": "Schedule 'a' not found"},
        "bulkSuccessfulResults": ["a"],
    }
    for names in ([], ["x"] * 1001):
        refused = await api.put("/scheduler/bulk/resume", names)
        assert refused.status == 400
        assert refused.body["validationErrors"][0]["path"] == "resumeSchedules.arg0"


async def test_search_has_pages_and_a_total(api: Api):
    for name in ("c1", "a1", "B1"):
        await api.post(BASE, given(name, paused=name == "c1"))

    async def found(**query: Any) -> tuple[int, list[str]]:
        body = (await api.get(f"{BASE}/search", **query)).body
        return body["totalHits"], [schedule["name"] for schedule in body["results"]]

    assert await found() == (3, ["B1", "a1", "c1"])
    assert await found(scheduleName="b", freeText="x", sort="name:DESC") == (1, ["B1"])
    assert await found(workflowName="w", paused="TRUE") == (1, ["c1"])
    assert await found(start=1, size=1) == (3, ["a1"])
    assert await found(start=-1, size=-1) == (3, ["B1", "a1", "c1"])
    assert await found(size=0) == (3, [])
    assert await found(paused="", workflowName="", scheduleName="") == (3, ["B1", "a1", "c1"])
    assert (await api.get(f"{BASE}/search", paused="perhaps")).status == 400


async def test_executions_are_found_with_what_they_were_to_start(api: Api, world: World):
    run = run_of("s", YEARLY, "UTC", 5)
    await world.schedules.runs.record(
        [
            RunsClaimed(
                originator_id="s",
                originator_version=1,
                time_ms=7,
                through_ms=7,
                runs=(run,),
                request=msgspec.Raw(b'{"name":"w","input":{"k":1}}'),
            )
        ]
    )
    found = await api.get("/scheduler/search/executions", query="scheduleName IN (s)", freeText="*")
    assert found.body == {
        "totalHits": 1,
        "results": [
            {
                "executionId": run.execution_id,
                "scheduleName": "s",
                "scheduledTime": 5,
                "executionTime": 7,
                "workflowName": "w",
                "startWorkflowRequest": {"name": "w", "input": {"k": 1}},
                "state": "POLLED",
                "zoneId": "UTC",
            }
        ],
    }
    requeued = await api.get("/scheduler/admin/requeue")
    assert requeued.body == {"sampleIds": [run.execution_id], "recordIds.size": 1}
    assert (await api.get("/scheduler/search/executions", query="scheduledTime>x")).status == 400


async def test_the_next_times_are_at_most_five_and_never_past(api: Api, world: World):
    world.clock.advance(1_893_456_000_000 - world.clock.now_ms())  # 2030-01-01T00:00:00Z
    day, first = 86_400_000, 1_893_542_400_000

    async def times(**query: Any) -> list[int]:
        found: list[int] = (await api.get("/scheduler/nextFewSchedules", **query)).body
        return [(at - first) // day for at in found]

    daily = {"cronExpression": "@daily"}
    assert await times(**daily) == [0, 1, 2, 3, 4]
    assert await times(**daily, limit=20, scheduleStartTime=5) == [0, 1, 2, 3, 4]
    assert await times(**daily, scheduleStartTime=first, scheduleEndTime=first + day) == [0, 1]
    assert await times(**daily, limit=0) == []
    assert await times(**daily, limit=1, scheduleStartTime="", scheduleEndTime="") == [0]
    told = (await api.get("/scheduler/nextFewSchedules", cronExpression="x")).body
    assert told["message"] == "Invalid cron expression"
    assert told["validationErrors"][0]["path"] == "cronExpression"
    for bad in ({}, {"cronExpression": "* * * * *"}, {**daily, "limit": "x"}):
        assert (await api.get("/scheduler/nextFewSchedules", **bad)).status == 400


async def test_all_are_paused_and_resumed(api: Api):
    for act in ("pause", "resume", "resume"):
        assert (await api.get(f"/scheduler/admin/{act}")).body == {"status": "done"}


async def test_tags(api: Api):
    await api.post(BASE, given())
    tags = [{"key": "team", "value": "a", "type": "METADATA"}, {"key": "k", "value": "v"}]
    assert (await api.put(f"{BASE}/s/tags", tags)).status == 200
    assert (await api.get(f"{BASE}/s/tags")).body == tags
    await api.delete(f"{BASE}/s/tags", [{"key": "team", "value": "a"}])
    assert (await api.get(f"{BASE}/s")).body["tags"] == tags[1:]


async def test_a_server_without_schedules_says_so(world: World):
    listener = await service.start(world.ports(schedules=None), host="127.0.0.1", port=0)
    async with aiohttp.ClientSession() as session:
        answer = await Api(session, listener.port).get(BASE)
    await listener.close()
    assert (answer.status, answer.body["message"]) == (501, "This server keeps no schedules")
