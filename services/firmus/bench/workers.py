"""The worker process of a benchmark: `python -m firmus.bench.workers rest|native URL NAME…`.

It works on the named tasks until its standard input ends, so it never outlives its driver.
"""

import argparse
import asyncio
import contextlib
import os
from collections.abc import Coroutine
from typing import Any

import msgspec

from firmus.bench.http import Answer, Http, Lost, credential_lines
from firmus.console.system import run_loop
from firmus.embedded.lifetime import until_told
from firmus.telemetry import set_up_logging
from firmus.worker import Task, Worker

POLL_COUNT = 50
POLL_TIMEOUT_MS = 100
PAUSE_S = 0.05
REPORT_TRIES = 50


class _Handed(msgspec.Struct, rename="camel"):
    """What this worker reads of a task."""

    task_id: str
    workflow_instance_id: str
    input_data: dict[str, Any] = {}


_decode_one = msgspec.json.Decoder(_Handed).decode
_decode_all = msgspec.json.Decoder(list[_Handed]).decode


def work(x: Any) -> dict[str, Any]:
    """What a task comes to: next to nothing."""
    return {"ok": True, "in": x}


class RestWorker:
    """`pollers` loops for each name: a batch poll, then each task with update-v2 for as long as
    that hands over the next one.
    """

    def __init__(self, url: str, names: list[str], *, pollers: int, batch: int) -> None:
        self._http = Http(url, most=1024, headers=credential_lines(os.environ))
        self._names = names
        self._pollers = pollers
        self._batch = batch

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for name in self._names:
                for _ in range(self._pollers):
                    group.create_task(self._poll(name))

    async def _poll(self, name: str) -> None:
        path = (
            f"/api/tasks/poll/batch/{name}"
            f"?count={self._batch}&timeout={POLL_TIMEOUT_MS}&workerid=bench"
        )
        while True:
            try:
                answer = await self._http.call("GET", path)
            except (Lost, OSError):
                await asyncio.sleep(PAUSE_S)
                continue
            if answer.status != 200:
                await asyncio.sleep(PAUSE_S)
            elif len(answer.body) > 2:
                await asyncio.gather(*map(self._perform, _decode_all(answer.body)))

    async def _perform(self, first: _Handed) -> None:
        task: _Handed | None = first
        while task is not None:
            body = msgspec.json.encode(
                {
                    "workflowInstanceId": task.workflow_instance_id,
                    "taskId": task.task_id,
                    "status": "COMPLETED",
                    "workerId": "bench",
                    "outputData": work(task.input_data.get("x")),
                }
            )
            answer = await self._report(body)
            task = _decode_one(answer.body) if answer.status == 200 and answer.body else None

    async def _report(self, body: bytes) -> Answer:
        for _ in range(REPORT_TRIES):
            with contextlib.suppress(Lost, OSError):
                answer = await self._http.call("POST", "/api/tasks/update-v2", body)
                if answer.status < 500:
                    return answer
            await asyncio.sleep(PAUSE_S)
        return Answer(0, b"")


def native_worker(url: str, names: list[str], *, concurrency: int) -> Worker:
    async def perform(given: dict[str, Any]) -> dict[str, Any]:
        return work(given.get("x"))

    tasks = [Task(name, perform, domain=None, concurrency=None) for name in names]
    return Worker(url, tasks, concurrency=concurrency)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("over", choices=("rest", "native"))
    parser.add_argument("url")
    parser.add_argument("names", nargs="+")
    parser.add_argument("--pollers", type=int, default=2)
    parser.add_argument("--batch", type=int, default=POLL_COUNT)
    parser.add_argument("--concurrency", type=int, default=100)
    options = parser.parse_args()
    set_up_logging("warning")
    job: Coroutine[Any, Any, None]
    if options.over == "rest":
        job = RestWorker(
            options.url, options.names, pollers=options.pollers, batch=options.batch
        ).run()
    else:
        job = native_worker(options.url, options.names, concurrency=options.concurrency).run()
    run_loop(until_told(job, stdin_end=True))


if __name__ == "__main__":
    main()
