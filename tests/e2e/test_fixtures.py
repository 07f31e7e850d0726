"""Real definitions, as users of Conductor wrote them, run by workers through a whole system, on
every branch; addresses outside are pointed at a server of the test.
"""

import asyncio
import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import aiohttp
import msgspec
import pytest

from firmus.console.rest import RestClient
from firmus.workflow.blueprint import Blueprint
from firmus_contracts.bodies import decode_workflow_def
from tests.definitions_run.test_fixtures import FIXTURES, RUNS, Run
from tests.e2e.processes import PATIENCE_S
from tests.e2e.system import System

pytestmark = [pytest.mark.e2e, pytest.mark.nats]

TERMINAL = frozenset({"COMPLETED", "FAILED", "TERMINATED", "TIMED_OUT"})
WORKERS = [f"integration_task_{n}" for n in (*range(6), 20)]
WORKERS += [f"task_{n}" for n in (1, 4, 5, 6, 10, 11, 30)] + ["task_optional", "simple"]
ANSWERS: dict[str, Any] = {
    "/conductor/_search?size=10": {"hits": [{"workflowId": "w1", "status": "RUNNING"}]},
    "/api": {"hostName": "h", "apiRandomDelay": "1"},
}
PATH = re.compile(r'"https?://[^/"]+(/[^"]*)"')


class Outside(BaseHTTPRequestHandler):
    """The world that the definitions call, by path."""

    def do_GET(self) -> None:
        found = ANSWERS.get(self.path)
        body = json.dumps(found).encode()
        self.send_response(404 if found is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""


@pytest.fixture(scope="module")
def outside() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Outside)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def written(name: str, outside: str) -> dict[str, Any]:
    """A definition of the fixtures, its addresses outside replaced by that of the test."""
    text = (FIXTURES / f"{name}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(PATH.sub(rf'"{outside}\1"', text))
    return found


class Crew:
    """Workers for all task names, over REST, and a person who completes what waits for one."""

    def __init__(self, session: aiohttp.ClientSession, api: str) -> None:
        self._session, self._api = session, api
        self._runs: dict[str, Run] = {}
        self._open: dict[str, list[str]] = {}

    async def run_all(self, asked: list[tuple[str, Run]]) -> list[dict[str, Any]]:
        """Starts all runs at once and works until they have ended; the executions, in order."""
        started = []
        for name, run in asked:
            request = {"name": name, "input": run.input}
            async with self._session.post(f"{self._api}/workflow", json=request) as answer:
                assert answer.status == 200, await answer.text()
                started.append(await answer.text())
                self._runs[started[-1]] = run
        workers = [asyncio.create_task(self._work(name)) for name in WORKERS]
        ends = asyncio.gather(*(self._ended(one) for one in started))
        try:
            done, _ = await asyncio.wait(
                [ends, *workers], timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED
            )
            assert ends in done, [one.exception() for one in done] or [
                rows for rows in self._open.values() if rows
            ]
            return ends.result()
        finally:
            for task in (ends, *workers):
                task.cancel()
            await asyncio.gather(ends, *workers, return_exceptions=True)

    async def _work(self, task_type: str) -> None:
        polled = f"{self._api}/tasks/poll/batch/{task_type}?count=10&timeout=5000&workerid=crew"
        while True:
            for task in await self._get(polled):
                run = await self._run_of(task["workflowInstanceId"])
                ref = task["workflowTask"]["taskReferenceName"]
                status, output, reason = run.says.get(ref, ("COMPLETED", {}, None))
                result = {
                    "workflowInstanceId": task["workflowInstanceId"],
                    "taskId": task["taskId"],
                    "status": status,
                    "outputData": output,
                    "reasonForIncompletion": reason,
                }
                async with self._session.post(f"{self._api}/tasks", json=result) as answer:
                    assert answer.status == 200, await answer.text()

    async def _run_of(self, workflow_id: str) -> Run:
        """The run that a workflow, or the parent that it has, belongs to."""
        if workflow_id not in self._runs:
            child = await self._get(f"{self._api}/workflow/{workflow_id}?includeTasks=false")
            self._runs[workflow_id] = await self._run_of(child["parentWorkflowId"])
        return self._runs[workflow_id]

    async def _ended(self, workflow_id: str) -> dict[str, Any]:
        while True:
            found = await self._get(f"{self._api}/workflow/{workflow_id}")
            self._open[workflow_id] = [
                f"{found['workflowName']} {task['referenceTaskName']} {task['status']}"
                for task in found["tasks"]
                if task["status"] in {"SCHEDULED", "IN_PROGRESS"}
            ]
            if found["status"] in TERMINAL:
                return found
            for task in found["tasks"]:
                if task["taskType"] in {"WAIT", "EVENT"} and task["status"] == "IN_PROGRESS":
                    ref = task["referenceTaskName"]
                    done = f"{self._api}/tasks/{workflow_id}/{ref}/COMPLETED"
                    async with self._session.post(done, json={}) as answer:
                        assert answer.status == 200
            await asyncio.sleep(0.1)

    async def _get(self, url: str) -> Any:
        async with self._session.get(url) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()


@pytest.fixture(scope="module")
def ended(shared: System, outside: str) -> dict[str, list[dict[str, Any]]]:
    """The executions of all runs by the definition's name."""
    client = RestClient(shared.url)
    client.register_tasks(
        [{"name": name, "retryCount": 1, "retryDelaySeconds": 1} for name in WORKERS]
    )
    for name in sorted(RUNS, key=lambda name: name != "sub_flow_1"):
        client.register_workflow(written(name, outside))
    asked = [(name, run) for name, runs in RUNS.items() for run in runs]

    async def play() -> list[dict[str, Any]]:
        limits = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=limits) as session:
            named = [(written(name, outside)["name"], run) for name, run in asked]
            return await Crew(session, shared.api).run_all(named)

    found: dict[str, list[dict[str, Any]]] = {}
    for (name, _), execution in zip(asked, asyncio.run(play()), strict=True):
        found.setdefault(name, []).append(execution)
    return found


@pytest.mark.parametrize("name", RUNS)
def test_a_real_definition_ends_as_it_should_on_every_branch(
    name: str, ended: dict[str, list[dict[str, Any]]]
) -> None:
    reached = set()
    for run, execution in zip(RUNS[name], ended[name], strict=True):
        assert execution["status"] == run.ends, execution
        assert all(task["status"] != "IN_PROGRESS" for task in execution["tasks"])
        reached |= {re.sub(r"__\d+$", "", t["referenceTaskName"]) for t in execution["tasks"]}
    definition = decode_workflow_def(Path(FIXTURES / f"{name}.json").read_bytes())
    assert Blueprint(definition, "").nodes.keys() <= reached


def test_what_was_called_outside_comes_into_outputs(
    ended: dict[str, list[dict[str, Any]]],
) -> None:
    for execution in ended["kitchensink"]:
        assert execution["output"] == {"statues": ["RUNNING"], "workflowIds": ["w1"]}
    assert "Host h" in msgspec.json.encode(ended["quickstart_workflow"][0]["output"]).decode()
