"""Latency of synchronous `execute`: a workflow of one worker task, one call at a time.

usage: python benchmarks/execute.py [--url http://127.0.0.1:8080] [--nats nats://127.0.0.1:4222]

Drives a running system; a native worker runs in this process. Beside it two bounds: a workflow
without worker tasks, executed, and the plain start of the same workflow.
"""

import argparse
import asyncio
import time
import uuid
from typing import Any

import msgspec

from firmus.bench.http import Http
from firmus.bench.report import percentile
from firmus.worker import Worker, task

CALLS = 300
WARM_UP = 50


async def measured(what: str, http: Http, path: str, body: dict[str, Any]) -> None:
    data = msgspec.json.encode(body)
    times = []
    for _ in range(WARM_UP + CALLS):
        began = time.perf_counter()
        answer = await http.call("POST", path, data)
        times.append(time.perf_counter() - began)
        assert answer.status == 200, answer.body
        assert b"signalTimeout" not in answer.body or b'"COMPLETED"' in answer.body
    times = times[WARM_UP:]
    p50_ms, p99_ms = percentile(times, 50), percentile(times, 99)
    print(f"{what:42} p50 {p50_ms:7.2f} ms   p99 {p99_ms:7.2f} ms")


async def main(url: str, nats: str) -> None:
    tag = uuid.uuid4().hex[:8]
    kind, worked, alone = f"echo_{tag}", f"worked_{tag}", f"alone_{tag}"
    http = Http(url)

    @task(kind)
    async def echo(given: dict[str, Any]) -> dict[str, Any]:
        return given

    tasks = {
        worked: {"name": kind, "taskReferenceName": "t", "type": "SIMPLE"},
        alone: {"name": "s", "taskReferenceName": "s", "type": "SET_VARIABLE"},
    }
    made = [{"name": name, "version": 1, "tasks": [one]} for name, one in tasks.items()]
    answer = await http.call("PUT", "/api/metadata/workflow", msgspec.json.encode(made))
    assert answer.status == 200, answer.body
    worker = Worker(nats, [echo])
    running = asyncio.create_task(worker.run())
    try:
        await measured("execute, one worker task", http, f"/api/workflow/execute/{worked}/1", {})
        await measured("execute, no worker task", http, f"/api/workflow/execute/{alone}/1", {})
        await measured("start, no worker task", http, f"/api/workflow/{alone}", {})
    finally:
        running.cancel()
        http.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--nats", default="nats://127.0.0.1:4222")
    chosen = parser.parse_args()
    asyncio.run(main(chosen.url, chosen.nats))
