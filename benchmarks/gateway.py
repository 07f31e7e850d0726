"""CPU of the gateway for each call of the workers' path: start, poll, update, empty long poll.

usage: python benchmarks/gateway.py [--n 2000] [--rounds 3] [--profile PHASE [--top 40]]

`firmus up --processes each` gives the gateway a process of its own; its CPU time is the operating
system's, so other load on the machine counts little. Not nothing: cores that share their caches
and their clock are slower, so a fixed piece of Python is timed beside each phase, by CPU time too;
`scaled` is what the phase would have cost in the quietest seconds seen on the reference machine.
A phase is told as the median of twenty parts, as one that others disturb may cost twice as much.
Requests carry the headers that the official Python SDK sends. `--profile` samples the gateway by
its own CPU time during one phase (`poll`, `update`, …).
"""

import argparse
import asyncio
import itertools
import os
import secrets
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any

import msgspec

from firmus.bench.cpu import cpu_of
from firmus.bench.http import Http
from firmus.bench.processes import System, started
from firmus.bench.report import percentile

LANES = 8
QUIET_LOOP_US = 1_250.0
LONG_POLL_S = 4.0
LONG_POLLERS = 100
BATCH = 10
WARM_UP = 300
WINDOWS = 20
SDK_HEADERS = (
    b"Connection: keep-alive\r\nUser-Agent: python-httpx/0.28.1\r\n"
    b"Accept: */*\r\nAccept-Encoding: gzip\r\n"
)

Job = Callable[[], Awaitable[None]]


class Task(msgspec.Struct, rename="camel"):
    task_id: str
    workflow_instance_id: str


_task = msgspec.json.Decoder(Task)
_tasks = msgspec.json.Decoder(list[Task])


class Gateway:
    """The gateway under test, and calls to it. `profiled`: the phase in which it is sampled."""

    def __init__(self, system: System, http: Http, profiled: str = "") -> None:
        self.pid = system.pids["gateway"]
        self.profiled = profiled
        self.http = http
        self.kind = f"bench_{secrets.token_hex(3)}"
        self.open: list[Task] = []

    async def define(self) -> None:
        one = {"name": self.kind, "taskReferenceName": "t", "type": "SIMPLE"}
        given = {**one, "inputParameters": {"x": "${workflow.input.x}", "y": "some text"}}
        made = [{"name": self.kind, "version": 1, "tasks": [given], "timeoutSeconds": 0}]
        task = [{"name": self.kind, "retryCount": 0, "responseTimeoutSeconds": 600}]
        await self.call("POST", "/api/metadata/taskdefs", msgspec.json.encode(task))
        await self.call("PUT", "/api/metadata/workflow", msgspec.json.encode(made))

    async def call(self, method: str, path: str, body: bytes | None = None) -> bytes:
        answer = await self.http.call(method, path, body)
        assert answer.status in (200, 204), (answer.status, answer.body)
        return answer.body

    async def start(self) -> None:
        await self.call("POST", "/api/workflow", b'{"name":"%b","input":{"x":1}}' % self._kind)

    async def poll(self) -> None:
        found = b""
        while not found:
            found = await self.call("GET", f"/api/tasks/poll/{self.kind}?workerid=w")
        self.open.append(_task.decode(found))

    async def poll_batch(self) -> None:
        path = f"/api/tasks/poll/batch/{self.kind}?workerid=w&count={BATCH}&timeout=100"
        left = BATCH
        while left:
            found = _tasks.decode(await self.call("GET", path))
            self.open += found
            left -= len(found)

    async def update(self) -> None:
        await self.call("POST", "/api/tasks", self._report())

    async def update_and_poll(self) -> None:
        found = await self.call("POST", "/api/tasks/update-v2", self._report())
        if found:
            self.open.append(_task.decode(found))

    async def wait_in_vain(self) -> None:
        path = f"/api/tasks/poll/batch/{self.kind}_none?workerid=w&count=1&timeout=100"
        assert await self.call("GET", path) == b"[]"

    @property
    def _kind(self) -> bytes:
        return self.kind.encode()

    def _report(self) -> bytes:
        task = self.open.pop()
        return (
            b'{"workflowInstanceId":"%b","taskId":"%b","status":"COMPLETED","workerId":"w",'
            b'"outputData":{"in":1,"text":"as a worker has done it"},"extendLease":false}'
        ) % (task.workflow_instance_id.encode(), task.task_id.encode())


class Phase(msgspec.Struct, frozen=True):
    """What `n` calls cost the gateway."""

    what: str
    n: int
    cpu_us: float
    best_us: float
    slowness: float
    p50_ms: float | None

    @property
    def scaled_us(self) -> float:
        return self.cpu_us / self.slowness

    def shown(self) -> str:
        return (
            f"{self.what:<30} n={self.n:<6} {self.cpu_us:6.1f} us of CPU,"
            f" best {self.best_us:6.1f}, scaled by {self.slowness:4.2f}: {self.scaled_us:6.1f},"
            f" p50 {self.p50_ms} ms"
        )


async def phase(gateway: Gateway, what: str, n: int, call: Job, lanes: int = LANES) -> Phase:
    """`n` calls in a few lanes, each lane one after the other; CPU is the median of WINDOWS."""
    times: list[float] = []
    marks = [cpu_of({"gateway": gateway.pid})["gateway"]]
    left = iter(range(n))
    every = n // WINDOWS

    async def lane() -> None:
        for _ in left:
            began = time.perf_counter()
            await call()
            times.append(time.perf_counter() - began)
            if len(times) % every == 0:
                marks.append(cpu_of({"gateway": gateway.pid})["gateway"])

    if what and what == gateway.profiled:
        os.kill(gateway.pid, signal.SIGUSR1)
    loop_us = calibration_us()
    marks = [cpu_of({"gateway": gateway.pid})["gateway"]]
    await asyncio.gather(*(lane() for _ in range(lanes)))
    loop_us = (loop_us + calibration_us()) / 2
    if what and what == gateway.profiled:
        os.kill(gateway.pid, signal.SIGUSR2)
    windows_us = [(later - mark) / every * 1e6 for mark, later in itertools.pairwise(marks)]
    cpu_us, best_us = statistics.median(windows_us), min(windows_us)
    return Phase(what, n, cpu_us, best_us, loop_us / QUIET_LOOP_US, percentile(times, 50))


def calibration_us() -> float:
    """CPU of a fixed piece of work like the gateway's: dictionaries, texts, calls; best of five."""
    best = float("inf")
    for _ in range(5):
        began = time.thread_time()
        for number in range(10_000):
            made = {"a": number, "b": str(number)}
            made.get("b", "").partition("1")
        best = min(best, time.thread_time() - began)
    return best * 1e6


async def round_of(gateway: Gateway, n: int) -> list[Phase]:
    """Every kind of call; what one phase makes is the next one's work."""
    phases = [
        await phase(gateway, "start", n, gateway.start),
        await phase(gateway, "poll", n, gateway.poll),
        await phase(gateway, "update", n, gateway.update),
    ]
    await phase(gateway, "", n, gateway.start)
    batches = n // BATCH
    found = await phase(gateway, f"poll of {BATCH}", batches, gateway.poll_batch)
    phases.append(found)
    await phase(gateway, "", n // 2, gateway.update)
    await phase(gateway, "", n // 2, gateway.start)
    phases.append(await phase(gateway, "update-v2", n // 2, gateway.update_and_poll))
    while gateway.open:
        await gateway.update()
    count = round(LONG_POLLERS * LONG_POLL_S * 10)
    phases.append(
        await phase(gateway, "empty long poll", count, gateway.wait_in_vain, lanes=LONG_POLLERS)
    )
    return phases


def total(phases: Iterable[Phase]) -> None:
    """The budgets."""
    us = {each.what: each for each in phases}

    def told(what: str, parts: dict[str, float]) -> None:
        raw = sum(us[name].cpu_us * share for name, share in parts.items())
        scaled = sum(us[name].scaled_us * share for name, share in parts.items())
        print(f"{what:<30} {raw:15.1f} us of CPU, scaled {scaled:6.1f}")

    told("poll + update, a task", {"poll": 1, "update": 1})
    told(f"poll of {BATCH} + updates, a task", {f"poll of {BATCH}": 1 / BATCH, "update": 1})


def profile(folder: Path, pid: int, top: int) -> None:
    """Functions by their share of the CPU: in themselves, and with what they call."""
    own, whole = Counter[str](), Counter[str]()
    for row in folder.joinpath(str(pid)).read_text().splitlines():
        stack, _, count = row.rpartition(" ")
        frames = stack.split(";")
        own[frames[-1]] += int(count)
        for frame in set(frames):
            whole[frame] += int(count)
    samples = own.total()
    print(f"{samples} samples\n{'% itself':<68} % with what it calls")
    for left, right in zip(own.most_common(top), whole.most_common(top), strict=False):
        cells = [f"{100 * c / samples:5.1f} {name[-60:]:<60}" for name, c in (left, right)]
        print("  ".join(cells))


async def main(n: int, rounds: int, profiled: str) -> int:
    """The gateway's process id."""
    async with started("process", "--processes", "each") as system:
        http = Http(system.rest, most=LONG_POLLERS, headers=SDK_HEADERS)
        gateway = Gateway(system, http, profiled)
        await gateway.define()
        await round_of(gateway, WARM_UP)
        for number in range(rounds):
            print(f"round {number + 1}")
            phases = await round_of(gateway, n)
            for each in phases:
                print(each.shown())
            total(phases)
        http.close()
        return gateway.pid


def run(bench: Callable[[int, int, str], Coroutine[Any, Any, int]], usage: str | None) -> None:
    """Runs a benchmark with the options of the command line. `bench` takes how many calls, how many
    rounds and what is profiled, and answers with the gateway's process id.
    """
    parser = argparse.ArgumentParser(description=usage)
    parser.add_argument("--n", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", default="")
    parser.add_argument("--top", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.profile:
            os.environ["BENCH_SAMPLES"] = folder
            sys.path.insert(0, str(Path(__file__).with_name("sampling")))
        pid = asyncio.run(bench(options.n, options.rounds, options.profile))
        if options.profile:
            profile(Path(folder), pid, options.top)


if __name__ == "__main__":
    run(main, __doc__)
