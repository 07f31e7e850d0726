"""Every service with no more rights on NATS than the table gives it, doing all that it does."""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from firmus import wiring
from firmus.cli import main
from firmus.worker import Client, Worker, task
from tests.e2e.users import access, guarded_server, password, services_on
from tests.gateway.client import Api
from tests.nats_server import NatsServer

pytestmark = [pytest.mark.e2e, pytest.mark.nats, pytest.mark.timeout(180)]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(wiring, "settle_memory", lambda: None)
    server = guarded_server(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def api(server: NatsServer, tmp_path: Path) -> AsyncIterator[Api]:
    async with services_on(server, tmp_path) as running, aiohttp.ClientSession() as session:
        yield Api(session, int(running.url.rpartition(":")[2]))
        running.check()
    denied = [line for line in server.said().splitlines() if "Violation" in line]
    assert sorted({line.partition("] ")[2][28:] for line in denied}) == []


async def until(what: str, holds: Callable[[], Any], within_s: float = 30.0) -> Any:
    try:
        async with asyncio.timeout(within_s):
            while not (found := await holds()):
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"never came: {what}")
    return found


async def ended(api: Api, key: str) -> Any:
    async def look() -> Any:
        found = (await api.get(f"/workflow/{key}")).body
        return found if found["status"] != "RUNNING" else None

    return await until(f"the end of {key}", look)


LIMITED = {"concurrentExecLimit": 2, "rateLimitPerFrequency": 100, "rateLimitFrequencyInSeconds": 1}
PRICE = {
    "name": "price",
    "taskReferenceName": "p",
    "inputParameters": {"order": "${workflow.input.order}"},
}
SHARED = {"rateLimitConfig": {"rateLimitKey": "k", "concurrentExecLimit": 5}}


async def define(api: Api, name: str, *tasks: dict[str, Any], **fields: Any) -> None:
    definition = {"name": name, "tasks": [*tasks], **fields}
    assert (await api.post("/metadata/workflow", definition)).status == 200


async def test_workers_with_limits_and_large_values(api: Api, server: NatsServer):
    @task("price")
    async def price(given: dict[str, Any]) -> dict[str, Any]:
        return {"price": given["order"] * 2, "text": "y" * 300_000}

    await api.post("/metadata/taskdefs", [{"name": "price", "retryCount": 0, **LIMITED}])
    await define(api, "w", PRICE, **SHARED)
    worker = Worker(access(server, "orders"), [price])
    working = asyncio.create_task(worker.run())
    async with Client(access(server, "orders")) as client:
        run = await client.execute("w", {"order": 4}, within_s=30)
        big = await client.start("w", {"order": 1, "text": "x" * 600_000})
        done = await client.wait(big)
        assert (done.status, done.reason) == ("COMPLETED", None)
        for _ in range(2):
            await client.publish_start_event("w", {"order": 5}, idempotency_key="k")
        assert len(await client.history(big)) > 1

        async def found() -> bool:
            page = await api.get("/workflow/search", query="workflowType=w", atLeast="latest")
            return bool(page.body["totalHits"] == 3)

        await until("three executions", found)
    worker.stop()
    await working
    assert run.workflow.status == "COMPLETED"


async def test_everything_that_rest_offers(api: Api):
    await define(api, "w", {"name": "t", "taskReferenceName": "t"}, **SHARED)
    key = (await api.post("/workflow", {"name": "w", "idempotencyKey": "a"})).body
    waiting = asyncio.create_task(
        api.post("/workflow/execute/w/1", {"name": "w"}, waitForSeconds=5, waitUntilTaskRef="t")
    )
    polled = []
    while len(polled) < 2:
        polled += await api.poll("t", count=2, timeout=500)
    for each in polled:
        done = {"workflowInstanceId": each["workflowInstanceId"], "taskId": each["taskId"]}
        done |= {"status": "COMPLETED", "outputData": {}}
        assert (await api.post("/tasks/update-v2", done)).status in {200, 204}
    assert (await waiting).body["status"] == "COMPLETED"
    assert (await ended(api, key))["status"] == "COMPLETED"
    again = await api.post("/workflow", {"name": "w", "idempotencyKey": "b"})
    for method, path in (
        ("PUT", f"/workflow/{again.body}/pause"),
        ("PUT", f"/workflow/{again.body}/resume"),
        ("DELETE", f"/workflow/{again.body}"),
        ("POST", f"/workflow/{again.body}/restart"),
        ("DELETE", f"/workflow/{key}/remove"),
        ("POST", "/tasks/queue/requeue/t"),
        ("GET", "/tasks/queue/all/verbose"),
        ("GET", "/tasks/queue/polldata/all"),
        ("GET", "/admin/queues"),
        ("GET", "//metrics"),
        ("GET", "/scheduler/search/executions"),
    ):
        assert (await api.call(method, path)).status in {200, 204}, path
    tested = {"name": "w", "taskRefToMockOutput": {"t": [{"output": {}}]}}
    assert (await api.post("/workflow/test", tested)).status == 200


async def test_schedules_and_events(api: Api, server: NatsServer):
    message = {"name": "e", "taskReferenceName": "e", "type": "EVENT", "inputParameters": {}}
    tasks = [message | {"taskReferenceName": f"e{n}", "sink": sink} for n, sink in enumerate(SINKS)]
    changes = {"onScheduled": [{"type": "seen", "payload": {"sink": "nats:outside.seen"}}]}
    wait = {"name": "x", "taskReferenceName": "x", "type": "WAIT", "onStateChange": changes}
    wait["inputParameters"] = {"duration": "0 seconds"}
    await define(api, "sender", *tasks, wait)
    await define(api, "heard", {**wait, "onStateChange": {}})
    for number, event in enumerate(("conductor:sender:e0", "nats:outside.x")):
        starting = {"action": "start_workflow", "start_workflow": {"name": "heard"}}
        handler = {"name": f"h{number}", "event": event, "active": True, "actions": [starting]}
        assert (await api.post("/event", handler)).status == 200
    schedule = {
        "name": "s",
        "cronExpression": "* * * * * *",
        "startWorkflowRequest": {"name": "sender"},
    }
    assert (await api.post("/scheduler/schedules", schedule)).status == 200

    async def heard() -> bool:
        page = await api.get("/workflow/search", query="workflowType=heard", atLeast="latest")
        return bool(page.body["totalHits"] >= 4)

    await until("workflows started by messages", heard)
    assert (await api.put("/scheduler/schedules/s/pause")).status == 200
    assert (await api.get("/admin/queues", verbose=True)).status == 200
    for number in range(2):
        assert (await api.delete(f"/event/h{number}")).status == 200


async def test_keys_that_an_operator_makes_let_in(
    server: NatsServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setenv("FIRMUS_NATS_USER", "admin")
    monkeypatch.setenv("FIRMUS_NATS_PASSWORD", password("admin"))
    making = ["keys", "create", "ops", "--role", "admin", "--nats-url", server.url, "--json"]
    async with services_on(server, tmp_path, security=True) as running:
        capsys.readouterr()
        assert await asyncio.to_thread(main, making) == 0
        made = json.loads(capsys.readouterr().out.splitlines()[-1])
        pair = b64encode(f"{made['keyId']}:{made['keySecret']}".encode()).decode()
        path = f"{running.url}/api/metadata/workflow"
        async with aiohttp.ClientSession() as session:
            statuses = [
                (await session.get(path, headers=headers)).status
                for headers in ({}, {"Authorization": f"Basic {pair}"})
            ]
        running.check()
    assert statuses == [401, 200]
    assert "Violation" not in server.said()


SINKS = ("conductor", "nats:outside.x")
