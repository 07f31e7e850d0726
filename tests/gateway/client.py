"""A client of the gateway under test, over real HTTP. Each answer is held against the document."""

import io
import json
from typing import Any, NamedTuple

import aiohttp

from tests.gateway.told import ours

WORKER = "w1"
LARGE_BYTES = 1 << 19
"""What is larger is sent from a file object, as aiohttp wants it."""


class Answer(NamedTuple):
    status: int
    body: Any
    kind: str | None
    headers: Any


class Api:
    """Paths below `/api` unless they start with `//`. Bodies: JSON, or bytes as they are."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self.session = session
        self.base = f"http://127.0.0.1:{port}"

    async def call(self, method: str, path: str, body: Any = None, **query: Any) -> Answer:
        headers = query.pop("headers", {})
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        if data is not None:
            headers = {"content-type": "application/json", **headers}
        url = self.base + (path[1:] if path.startswith("//") else f"/api{path}")
        params = [
            (name, str(value))
            for name, given in query.items()
            for value in (given if isinstance(given, list) else [given])
        ]
        async with self.session.request(
            method,
            url,
            data=io.BytesIO(data) if data and len(data) > LARGE_BYTES else data,
            params=params,
            headers=headers,
            skip_auto_headers=["content-type"],
        ) as answer:
            raw = await answer.read()
            faults = ours().faults(method, answer.url.raw_path, answer.status, answer.headers, raw)
            assert not faults, faults
            kind = answer.headers.get("content-type")
            found: Any = raw.decode()
            if kind == "application/json":
                found = json.loads(raw) if raw else None
            return Answer(answer.status, found, kind and kind.partition(";")[0], answer.headers)

    async def get(self, path: str, **query: Any) -> Answer:
        return await self.call("GET", path, **query)

    async def post(self, path: str, body: Any = None, **query: Any) -> Answer:
        return await self.call("POST", path, body, **query)

    async def put(self, path: str, body: Any = None, **query: Any) -> Answer:
        return await self.call("PUT", path, body, **query)

    async def delete(self, path: str, body: Any = None, **query: Any) -> Answer:
        return await self.call("DELETE", path, body, **query)

    # --- what most tests begin with ---

    async def register(self, name: str, *types: str, **fields: Any) -> None:
        tasks = [{"name": t, "taskReferenceName": f"{t}_{i}"} for i, t in enumerate(types)]
        answer = await self.post("/metadata/workflow", {"name": name, "tasks": tasks, **fields})
        assert answer.status == 200, answer.body

    async def start(self, name: str, input: dict[str, Any] | None = None, **fields: Any) -> str:
        answer = await self.post("/workflow", {"name": name, "input": input or {}, **fields})
        assert answer.status == 200, answer.body
        return str(answer.body)

    async def poll(self, task_type: str, **query: Any) -> Any:
        answer = await self.get(f"/tasks/poll/batch/{task_type}", workerid=WORKER, **query)
        assert answer.status == 200, answer.body
        return answer.body


def result(task: dict[str, Any], status: str = "COMPLETED", **fields: Any) -> dict[str, Any]:
    """The report of a task that was polled."""
    return {
        "workflowInstanceId": task["workflowInstanceId"],
        "taskId": task["taskId"],
        "status": status,
        "workerId": WORKER,
        **fields,
    }
