"""Signals: to the first WAIT, there and back (spec 8.5)."""

import asyncio
from typing import Any

import pytest

from tests.gateway.client import Api
from tests.gateway.ports import World
from tests.gateway.test_executions import A, define, rows, watched

UNKNOWN = "018bcfe5-6800-8000-8000-000000000000"


def wait(ref: str, **inputs: Any) -> dict[str, Any]:
    return {"name": ref, "taskReferenceName": ref, "type": "WAIT", "inputParameters": inputs}


def fork(*refs: str) -> list[dict[str, Any]]:
    branches = [[wait(ref)] for ref in refs]
    join = {"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": list(refs)}
    return [
        {"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": branches},
        join,
    ]


async def started(api: Api, *tasks: dict[str, Any]) -> str:
    await define(api, "w", *tasks)
    return await api.start("w")


async def found(api: Api, workflow_id: str) -> Any:
    return (await api.get(f"/workflow/{workflow_id}")).body


async def test_a_signal_completes_the_first_wait_with_its_output(api: Api):
    workflow_id = await started(api, *fork("w1", "w2"))
    for given in ({"n": 1}, {"n": 2}):
        answer = await api.post(f"/tasks/{workflow_id}/COMPLETED/signal", given)
        assert (answer.status, answer.body, answer.kind) == (200, "", None)
    run = await found(api, workflow_id)
    assert (run["status"], run["output"]) == ("COMPLETED", {"w1": {"n": 1}, "w2": {"n": 2}})


async def test_a_signal_in_progress_adds_to_the_output_and_ends_nothing(api: Api):
    workflow_id = await started(api, wait("w"))
    await api.post(f"/tasks/{workflow_id}/IN_PROGRESS/signal", {"a": 1})
    await api.post(f"/tasks/{workflow_id}/COMPLETED/signal", {"b": 2})
    assert (await found(api, workflow_id))["output"] == {"a": 1, "b": 2}


async def test_where_nothing_waits_a_signal_is_lost_quietly_and_a_synchronous_one_is_404(api: Api):
    workflow_id = await started(api, A)
    quiet = await api.post(f"/tasks/{workflow_id}/COMPLETED/signal", {})
    loud = await api.post(f"/tasks/{workflow_id}/COMPLETED/signal/sync", {})
    assert (quiet.status, loud.status) == (200, 404)
    message = f"Found no blocked task in workflow {workflow_id} to signal"
    assert loud.body["message"] == message
    for path in (f"{UNKNOWN}/COMPLETED/signal", "nope/FAILED/signal/sync"):
        refused = await api.post(f"/tasks/{path}", {})
        assert refused.status == 404
        assert refused.body["message"].startswith("No such workflow found by id: ")


async def test_a_synchronous_signal_is_answered_at_the_next_block_and_at_the_end(api: Api):
    workflow_id = await started(api, wait("w"), wait("next", k="${w.output.n}"))
    path = f"/tasks/{workflow_id}/COMPLETED/signal/sync"
    task = (await api.post(path, {"n": 7}, returnStrategy="BLOCKING_TASK")).body
    run = (await api.post(path, {"m": 8})).body
    assert (task["referenceTaskName"], task["input"]) == ("next", {"k": 7})
    assert (run["status"], run["output"]) == ("COMPLETED", {"m": 8})
    assert rows(run) == ["w COMPLETED", "next COMPLETED"]


async def test_a_synchronous_signal_waits_for_what_follows_and_not_too_long(api: Api, world: World):
    workflow_id = await started(api, wait("w"), A, wait("v"))
    path = f"/tasks/{workflow_id}/COMPLETED/signal/sync"
    call = asyncio.create_task(api.post(path, {}, timeoutMillis=600_000))
    await watched(world)
    await api.post(f"/tasks/{workflow_id}/a/COMPLETED", {})
    answer = (await call).body
    assert (rows(answer)[-1], answer["signalTimeout"]) == ("v IN_PROGRESS", False)

    workflow_id = await api.start("w")
    path = f"/tasks/{workflow_id}/COMPLETED/signal/sync"
    late = (await api.post(path, {}, timeoutMillis=1)).body
    assert (rows(late)[-1], late["signalTimeout"]) == ("a SCHEDULED", True)


async def test_many_signals_at_once_end_one_wait_each(api: Api):
    refs = [f"w{n}" for n in range(8)]
    workflow_id = await started(api, *fork(*refs))
    path = f"/tasks/{workflow_id}/COMPLETED/signal"
    await asyncio.gather(*(api.post(path, {"n": n}) for n in range(8)))
    run = await found(api, workflow_id)
    assert run["status"] == "COMPLETED"
    assert sorted(run["output"][ref]["n"] for ref in refs) == list(range(8))


async def test_a_signal_repeated_under_its_key_counts_once(api: Api):
    workflow_id = await started(api, wait("w"), wait("v"))
    path, key = f"/tasks/{workflow_id}/COMPLETED/signal", {"Idempotency-Key": "k"}
    for _ in range(3):
        await api.post(path, {}, headers=key)
    assert rows(await found(api, workflow_id)) == ["w COMPLETED", "v IN_PROGRESS"]


@pytest.mark.parametrize("sync", ["", "/sync"])
async def test_a_status_that_cannot_be_reported_is_refused(api: Api, sync: str):
    workflow_id = await started(api, wait("w"))
    answer = await api.post(f"/tasks/{workflow_id}/SKIPPED/signal{sync}", {})
    assert (answer.status, answer.body["message"]) == (400, "status: unknown value 'SKIPPED'")


async def test_a_report_by_reference_of_an_unknown_workflow_finds_nothing(api: Api):
    quiet = await api.post(f"/tasks/{UNKNOWN}/w/COMPLETED", {})
    loud = await api.post("/tasks/nope/w/COMPLETED/sync", {})
    assert (quiet.status, quiet.body, loud.status) == (200, "", 404)
    assert loud.body["message"] == "Found no running task w of workflow nope to update"


@pytest.mark.parametrize("by", ["w", "w__1", "w__1__1"])
async def test_inside_loops_a_reference_alone_means_the_open_pass(api: Api, by: str):
    inner = _once("inner", wait("w"))
    workflow_id = await started(api, wait("my__w"), _once("outer", inner), A)
    own = await api.post(f"/tasks/{workflow_id}/my/COMPLETED", {})
    assert own.body == ""
    await api.post(f"/tasks/{workflow_id}/my__w/COMPLETED", {})
    answer = await api.post(f"/tasks/{workflow_id}/{by}/COMPLETED/sync", {"by": by})
    rows = {task["referenceTaskName"]: task["status"] for task in answer.body["tasks"]}
    assert (rows["w__1__1"], rows["a"]) == ("COMPLETED", "SCHEDULED")


def _once(ref: str, *tasks: dict[str, Any]) -> dict[str, Any]:
    loop = {"type": "FOR_EACH", "inputParameters": {"items": [1]}, "loopOver": list(tasks)}
    return {"name": ref, "taskReferenceName": ref, **loop}
