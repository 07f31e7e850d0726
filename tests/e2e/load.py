"""Clients under trouble: starters and workers that repeat what was not answered."""

import asyncio
import random
import uuid
from typing import Any

import aiohttp
import msgspec

from firmus.broker.wire import StreamRefused, Unanswered
from firmus.worker import Client

BUSY_MAX = 60
"""Workflows that may be open before the starters wait, so that a run ends soon after its chaos."""
WORK_TYPES = ("kill_a", "kill_b", "kill_c", "kill_d", "kill_e", "kill_x")
FLOW, CHILD = "kill_flow", "kill_child"
KINDS = ("child", "timer", "plain")
PAUSE_S = 0.1
PASSING = frozenset({500, 502, 503, 504})
"""What a client repeats, if what it asks may be repeated."""


def task_definitions() -> list[dict[str, Any]]:
    """A task whose worker never got it, or never told, comes again after two seconds."""
    common = {
        "retryCount": 100,
        "retryDelaySeconds": 0,
        "responseTimeoutSeconds": 2,
        "timeoutSeconds": 3600,
        "ownerEmail": "e2e@example.com",
    }
    return [{"name": name, **common} for name in WORK_TYPES]


def _simple(name: str) -> dict[str, Any]:
    return {
        "name": f"kill_{name}",
        "taskReferenceName": name,
        "type": "SIMPLE",
        "inputParameters": {"n": "${workflow.input.n}"},
    }


def _operator(ref: str, kind: str, **fields: Any) -> dict[str, Any]:
    return {"name": ref, "taskReferenceName": ref, "type": kind, **fields}


def workflow_definitions() -> list[dict[str, Any]]:
    """A fork, a join, and by its kind a sub-workflow, a timer or a task."""
    child = _operator("child", "SUB_WORKFLOW", subWorkflowParam={"name": CHILD, "version": 1})
    timer = _operator("timer", "WAIT", inputParameters={"duration": "1 seconds"})
    choice = _operator(
        "choice",
        "SWITCH",
        evaluatorType="value-param",
        expression="kind",
        inputParameters={"kind": "${workflow.input.kind}"},
        decisionCases={"child": [child], "timer": [timer]},
        defaultCase=[_simple("d")],
    )
    tasks = [
        _simple("a"),
        _operator("fork", "FORK_JOIN", forkTasks=[[_simple("b")], [_simple("c")]]),
        _operator("join", "JOIN", joinOn=["b", "c"]),
        choice,
        _simple("e"),
    ]
    common = {"version": 1, "schemaVersion": 2, "ownerEmail": "e2e@example.com"}
    output = {"n": "${e.output.n}"}
    return [
        {"name": CHILD, "tasks": [_simple("x")], **common},
        {"name": FLOW, "tasks": tasks, "outputParameters": output, **common},
    ]


class Load:
    """Starts workflows and does their work, over REST, until told to stop.

    `accepted` are the ids that a start answered with 200; `keyed` those of starts that were
    repeated under one idempotency key until they were answered, by that key; `published` the keys
    of start events that were stored. `surprises` are answers that no client should ever get.
    """

    def __init__(self, api: str, nats_url: str, rng: random.Random) -> None:
        self.accepted: list[str] = []
        self.keyed: dict[str, str] = {}
        self.published: list[str] = []
        self.surprises: list[str] = []
        self.unanswered = 0
        self.updates = 0
        self._api = api
        self._nats_url = nats_url
        self._rng = rng
        self._open = asyncio.Semaphore(BUSY_MAX)
        self._starting = True
        self._working = True

    def stop_starting(self) -> None:
        self._starting = False
        for _ in range(2):
            self._open.release()

    def stop(self) -> None:
        self.stop_starting()
        self._working = False

    async def run(self) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            workers = [self._work(session, name, it) for name in WORK_TYPES for it in (1, 2)]
            await asyncio.gather(self._start(session), self._publish(), *workers)

    async def _start(self, session: aiohttp.ClientSession) -> None:
        number = 0
        while True:
            await self._open.acquire()
            if not self._starting:
                return
            number += 1
            given = {"n": number, "kind": KINDS[number % len(KINDS)]}
            request: dict[str, Any] = {"name": FLOW, "version": 1, "input": given}
            if number % 2:
                key = str(uuid.uuid4())
                given["key"] = key
                request |= {"idempotencyKey": key, "idempotencyStrategy": "RETURN_EXISTING"}
                answered = await self._asked(session, "workflow", request, repeat=True)
                if answered is not None:
                    self.keyed[key] = answered
            else:
                answered = await self._asked(session, "workflow", request, repeat=False)
            if answered is None:
                self._open.release()
            else:
                self.accepted.append(answered)

    async def _publish(self) -> None:
        """Start events: each is published until it is stored, then it is firmus's to start it."""
        async with Client(self._nats_url) as client:
            while self._starting:
                await self._open.acquire()
                key = str(uuid.uuid4())
                given = {"n": len(self.published), "kind": "plain", "key": key}
                while self._working:
                    try:
                        await client.publish_start_event(FLOW, given, message_id=key)
                    except (Unanswered, StreamRefused):
                        await asyncio.sleep(PAUSE_S)
                    else:
                        self.published.append(key)
                        break
                await asyncio.sleep(2 * PAUSE_S)

    async def _asked(
        self, session: aiohttp.ClientSession, path: str, body: Any, *, repeat: bool
    ) -> str | None:
        """The text of a 200; None when it was not answered (and not to be repeated)."""
        data = msgspec.json.encode(body)
        headers = {"Content-Type": "application/json"}
        while self._working:
            try:
                async with session.post(
                    f"{self._api}/{path}", data=data, headers=headers
                ) as answer:
                    text = await answer.text()
                    if answer.status == 200:
                        return text
                    if answer.status not in PASSING:
                        self.surprises.append(f"POST {path}: {answer.status} {text[:300]}")
                        return None
            except (aiohttp.ClientError, TimeoutError):
                pass
            self.unanswered += 1
            if not repeat:
                return None
            await asyncio.sleep(PAUSE_S)
        return None

    async def _work(self, session: aiohttp.ClientSession, name: str, number: int) -> None:
        query = {"count": "10", "timeout": "500", "workerid": f"{name}-{number}"}
        while self._working:
            try:
                url = f"{self._api}/tasks/poll/batch/{name}"
                async with session.get(url, params=query) as answer:
                    tasks = await answer.json() if answer.status == 200 else []
                    if answer.status not in {200, *PASSING}:
                        self.surprises.append(f"poll: {answer.status} {await answer.text()}")
            except (aiohttp.ClientError, TimeoutError):
                tasks = []
                await asyncio.sleep(PAUSE_S)
            await asyncio.gather(*(self._finish(session, task) for task in tasks))

    async def _finish(self, session: aiohttp.ClientSession, task: dict[str, Any]) -> None:
        failed = self._rng.random() < 0.05
        result = {
            "workflowInstanceId": task["workflowInstanceId"],
            "taskId": task["taskId"],
            "workerId": "e2e",
            "status": "FAILED" if failed else "COMPLETED",
            "outputData": {"n": task["inputData"].get("n")},
        }
        if await self._asked(session, "tasks", result, repeat=True) is not None:
            self.updates += 1
        if task["referenceTaskName"] == "e" and not failed:
            self._open.release()
