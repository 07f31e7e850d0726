"""How late schedules start when many are due at one moment, and what a run costs.

usage: python benchmarks/schedules.py [--url http://127.0.0.1:8080] [--schedules 200]
                                      [--cron '* * * * * *'] [--seconds 10]

Drives a running system of one or two processes; its workflows end at once. All schedules are due at
the same instants. They are deleted at the end.
"""

import argparse
import asyncio
import uuid
from typing import Any

import msgspec

from firmus.bench.http import Http
from firmus.bench.report import percentile

WARM_UP_S = 2.0
AT_ONCE = 20


async def call(http: Http, method: str, path: str, body: Any = None) -> bytes:
    answer = await http.call(method, path, b"" if body is None else msgspec.json.encode(body))
    assert answer.status == 200, answer.body
    return answer.body


async def executed(http: Http) -> float:
    lines = (await call(http, "GET", "/metrics")).decode().splitlines()
    found = [line for line in lines if line.startswith("firmus_schedules_executed_total")]
    return sum(float(line.rpartition(" ")[2]) for line in found)


async def main(url: str, count: int, cron: str, seconds: float) -> None:
    tag, http = uuid.uuid4().hex[:8], Http(url)
    tasks = [{"name": "s", "taskReferenceName": "s", "type": "SET_VARIABLE"}]
    await call(http, "PUT", "/api/metadata/workflow", [{"name": tag, "tasks": tasks}])
    names = [f"{tag}_{number}" for number in range(count)]
    start = {"cronExpression": cron, "startWorkflowRequest": {"name": tag}}
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(method: str, path: str, body: Any = None) -> None:
        async with limit:
            await call(http, method, f"/api/scheduler/schedules{path}", body)

    try:
        await asyncio.gather(*(one("POST", "", start | {"name": n}) for n in names))
        await asyncio.sleep(WARM_UP_S)
        before = await executed(http)
        await asyncio.sleep(seconds)
        runs = await executed(http) - before
    finally:
        await asyncio.gather(*(one("DELETE", f"/{n}") for n in names))
    query = f"size=10000&query=workflowName={tag}"
    answer = await call(http, "GET", f"/api/scheduler/search/executions?{query}")
    found = msgspec.json.decode(answer)["results"]
    late_s = [(run["executionTime"] - run["scheduledTime"]) / 1000 for run in found]
    p50_ms, p99_ms = percentile(late_s, 50), percentile(late_s, 99)
    print(f"{runs:.0f} runs in {seconds:.0f} s; late p50 {p50_ms:.0f} ms, p99 {p99_ms:.0f} ms")
    http.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--schedules", type=int, default=200)
    parser.add_argument("--cron", default="* * * * * *")
    parser.add_argument("--seconds", type=float, default=10.0)
    chosen = parser.parse_args()
    asyncio.run(main(chosen.url, chosen.schedules, chosen.cron, chosen.seconds))
