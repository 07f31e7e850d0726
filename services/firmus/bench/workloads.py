"""The workloads. Each drives one path and returns what it measured."""

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any

import msgspec

from firmus.bench.cpu import cpu_of
from firmus.bench.definitions import Names, fan_input
from firmus.bench.paths import STARTS_AT_ONCE, Path
from firmus.bench.report import Measured, percentile, scaled

OPEN_AT_ONCE = 200
START_AT_ONCE_ONLY = 64
FAN_ROUNDS = 3
WARM_UP = 200
ONE_AT_A_TIME_PROBE_S = 0.002
FAN_PROBE_S = 0.01

Emit = Callable[[Measured], None]


class Meter:
    """CPU and time since it was made. `pids`: the processes by name."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._pids = {**pids, "driver": os.getpid()}
        self._cpu_s = cpu_of(self._pids)
        self._began = time.perf_counter()

    def seconds(self) -> float:
        return time.perf_counter() - self._began

    def cpu_us(self, per: int) -> dict[str, float]:
        """Microseconds of CPU, divided among `per` pieces of work."""
        now = cpu_of(self._pids)
        return {name: round((now[name] - self._cpu_s[name]) / per * 1e6) for name in now}

    def cpu_percent(self) -> dict[str, float]:
        """Of one core."""
        now, seconds = cpu_of(self._pids), self.seconds()
        return {name: round((now[name] - self._cpu_s[name]) / seconds * 100, 2) for name in now}


async def one(path: Path, name: str, input_: dict[str, Any]) -> tuple[float, bool]:
    """Runs a workflow; seconds from the start command to the known end, and whether all is well."""
    began = time.perf_counter()
    status = await path.ended(await path.start(name, input_))
    return time.perf_counter() - began, status == "COMPLETED"


async def saturated(path: Path, names: Names, n: int, pids: dict[str, int]) -> Measured:
    """W1: `n` workflows of three tasks in a row, OPEN_AT_ONCE unfinished at any time."""
    gate = asyncio.Semaphore(OPEN_AT_ONCE)

    async def gated(x: int) -> tuple[float, bool]:
        async with gate:
            return await one(path, names.sequence, {"x": x})

    await asyncio.gather(*map(gated, range(min(n, WARM_UP))))
    meter = Meter(pids)
    results = await asyncio.gather(*map(gated, range(n)))
    seconds = meter.seconds()
    return _rated("w1", path, meter, seconds, results)


async def one_by_one(path: Path, names: Names, n: int, pids: dict[str, int]) -> Measured:
    """Latency: one workflow of three tasks at a time."""
    before, path.probe_s = path.probe_s, ONE_AT_A_TIME_PROBE_S
    try:
        meter = Meter(pids)
        results = [await one(path, names.sequence, {"x": x}) for x in range(n)]
        seconds = meter.seconds()
    finally:
        path.probe_s = before
    found = _rated("idle", path, meter, seconds, results)
    return msgspec.structs.replace(found, per_s=None, scaled=None)


async def fanned(path: Path, names: Names, width: int, pids: dict[str, int]) -> Measured:
    """W2: one dynamic fork of `width` branches and its join, FAN_ROUNDS times."""
    before, path.probe_s = path.probe_s, FAN_PROBE_S
    given = fan_input(names, width)
    try:
        meter = Meter(pids)
        results = [await one(path, names.fan, given) for _ in range(FAN_ROUNDS)]
        seconds = meter.seconds()
    finally:
        path.probe_s = before
    times = [took for took, _ in results]
    return Measured(
        what=f"fan{width}",
        over=path.name,
        n=width,
        failed=sum(not well for _, well in results),
        seconds=round(seconds, 3),
        per_s=round(width * FAN_ROUNDS / seconds, 1),
        p50_ms=percentile(times, 50),
        p99_ms=percentile(times, 99),
        cpu_us=meter.cpu_us(width * FAN_ROUNDS),
    )


async def accepted(path: Path, names: Names, n: int, pids: dict[str, int]) -> Measured:
    """W3: starts, each answered after its commit, while nobody works on the tasks."""
    gate = asyncio.Semaphore(START_AT_ONCE_ONLY if path.name == "rest" else STARTS_AT_ONCE)
    times: list[float] = []

    async def start(x: int) -> None:
        async with gate:
            began = time.perf_counter()
            await path.start(names.sequence, {"x": x})
            times.append(time.perf_counter() - began)

    meter = Meter(pids)
    await asyncio.gather(*map(start, range(n)))
    seconds = meter.seconds()
    return Measured(
        what="w3",
        over=path.name,
        n=n,
        seconds=round(seconds, 3),
        per_s=round(n / seconds, 1),
        p50_ms=percentile(times, 50),
        p99_ms=percentile(times, 99),
        cpu_us=meter.cpu_us(n),
    )


async def at_rest(over: str, what: str, types: int, pids: dict[str, int], for_s: float) -> Measured:
    """CPU of a system that has nothing to do while `types` task types are polled."""
    meter = Meter(pids)
    await asyncio.sleep(for_s)
    return Measured(what=what, over=over, n=types, seconds=for_s, cpu_percent=meter.cpu_percent())


def _rated(
    what: str,
    path: Path,
    meter: Meter,
    seconds: float,
    results: list[tuple[float, bool]],
) -> Measured:
    n = len(results)
    times = [took for took, _ in results]
    cpu_us = meter.cpu_us(n)
    per_s = round(n / seconds, 1)
    return Measured(
        what=what,
        over=path.name,
        n=n,
        failed=sum(not well for _, well in results),
        seconds=round(seconds, 3),
        per_s=per_s,
        p50_ms=percentile(times, 50),
        p99_ms=percentile(times, 99),
        cpu_us=cpu_us,
        scaled=scaled(path.name, per_s, cpu_us),
    )
