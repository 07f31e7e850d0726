"""Many clients at once: CPU and memory of the gateway, and how the others fare meanwhile.

usage: python benchmarks/connections.py [--polling 500] [--idle 10000] [--seconds 10]

First `--polling` workers as the official SDKs are, each with a connection and ten empty polls a
second; then `--idle` connections that were used once and stay open. `firmus up --processes each`;
the gateway and this driver need `ulimit -n` above the number of connections.
"""

import argparse
import asyncio
import resource
import time
from pathlib import Path

from firmus.bench.cpu import cpu_of
from firmus.bench.http import Http
from firmus.bench.processes import System, started
from firmus.bench.report import percentile

POLL = "/api/tasks/poll/batch/nothing?workerid=w&count=1&timeout=100"


def memory_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


async def others(url: str, seconds: float) -> str:
    """The latency of somebody else's calls, one every 20 ms."""
    http, times = Http(url), list[float]()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.perf_counter()
        assert (await http.call("GET", "/api/version")).status == 200
        times.append(time.perf_counter() - began)
        await asyncio.sleep(0.02)
    http.close()
    return f"others p50 {percentile(times, 50)} ms, p99 {percentile(times, 99)} ms"


async def polling(system: System, count: int, seconds: float) -> None:
    http, done = Http(system.rest, most=count), 0
    until = time.monotonic() + seconds

    async def worker() -> None:
        nonlocal done
        while time.monotonic() < until:
            assert (await http.call("GET", POLL)).body == b"[]"
            done += 1

    pid = system.pids["gateway"]
    before = cpu_of({"it": pid})["it"]
    fared, *_ = await asyncio.gather(
        others(system.rest, seconds), *(worker() for _ in range(count))
    )
    used_s = cpu_of({"it": pid})["it"] - before
    print(
        f"{count} polling workers: {done / seconds:.0f} polls/s, {100 * used_s / seconds:.1f} %"
        f" of a core, {1e6 * used_s / max(done, 1):.1f} us a poll, {memory_mib(pid):.0f} MiB;"
        f" {fared}"
    )
    http.close()


async def idle(system: System, count: int, seconds: float) -> None:
    http = Http(system.rest, most=500)
    pid = system.pids["gateway"]
    empty_mib = memory_mib(pid)
    lanes = [Http(system.rest, most=1) for _ in range(count)]
    for first in range(0, count, 200):
        batch = lanes[first : first + 200]
        await asyncio.gather(*(lane.call("GET", "/api/version") for lane in batch))
    before = cpu_of({"it": pid})["it"]
    fared = await others(system.rest, seconds)
    used_s = cpu_of({"it": pid})["it"] - before
    full_mib = memory_mib(pid)
    print(
        f"{count} idle connections: {full_mib:.0f} MiB ({empty_mib:.0f} before),"
        f" {1024 * (full_mib - empty_mib) / count:.1f} KiB each, {100 * used_s / seconds:.1f} %"
        f" of a core with fifty calls a second; {fared}"
    )
    for lane in (*lanes, http):
        lane.close()


async def main(polled: int, idled: int, seconds: float) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    async with started("process", "--processes", "each") as system:
        print(f"empty: {memory_mib(system.pids['gateway']):.0f} MiB")
        await polling(system, polled, seconds)
        await idle(system, idled, seconds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--polling", type=int, default=500)
    parser.add_argument("--idle", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    asyncio.run(main(options.polling, options.idle, options.seconds))
