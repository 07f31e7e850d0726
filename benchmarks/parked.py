"""What parked workflows cost: nothing, once they wait for a person or a time that is far away.

    python benchmarks/parked.py [--count 100000] [--seconds 20]

Starts a system of its own (`firmus up`, a temporary folder, free ports), starts the workflows over
NATS, half of them waiting in a HUMAN task and half in a WAIT of a day, waits until the read model
has them all, and then measures the CPU of every process while nothing happens, and what each holds.
The same is measured before, of the empty system.
"""

import argparse
import asyncio
import resource
import time
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from firmus.bench.cpu import cpu_of
from firmus.bench.http import Http
from firmus.bench.processes import System, started
from firmus.worker import Client

AT_ONCE = 64
CAUGHT_UP_WITHIN_S = 600.0
SETTLE_S = 40.0
"""Longer than the pause between two checkpoints, so that the last one is written."""

KINDS: dict[str, dict[str, Any]] = {
    "parked_human": {"type": "HUMAN"},
    "parked_wait": {"type": "WAIT", "inputParameters": {"duration": "1 day"}},
}


async def register(http: Http) -> None:
    for name, task in KINDS.items():
        definition = {
            "name": name,
            "version": 1,
            "schemaVersion": 2,
            "ownerEmail": "bench@example.com",
            "tasks": [{"name": name, "taskReferenceName": "rest", **task}],
        }
        body = msgspec.json.encode(definition)
        answer = await http.call("POST", "/api/metadata/workflow", body)
        assert answer.status == 200, answer.body


async def park(url: str, count: int) -> float:
    """Starts that many; how many a second."""
    names = list(KINDS)
    numbers = iter(range(count))
    began = time.perf_counter()
    async with Client(url) as client:

        async def starter() -> None:
            for number in numbers:
                await client.start(names[number % len(names)], {"number": number})

        await asyncio.gather(*(starter() for _ in range(AT_ONCE)))
    return count / (time.perf_counter() - began)


async def until_shown(http: Http, count: int) -> None:
    """Returns once search knows of them all."""
    async with asyncio.timeout(CAUGHT_UP_WITHIN_S):
        while True:
            answer = await http.call("GET", "/api/workflow/search?size=1&query=status%3DRUNNING")
            if msgspec.json.decode(answer.body)["totalHits"] >= count:
                return
            await asyncio.sleep(1)


async def idle(what: str, system: System, seconds: float) -> None:
    before = cpu_of(system.pids)
    await asyncio.sleep(seconds)
    after = cpu_of(system.pids)
    for name, pid in system.pids.items():
        percent = 100 * (after[name] - before[name]) / seconds
        print(f"{what:<10}{name:<12}{percent:6.2f} % of a core {rss_mib(pid):8,.0f} MiB")
    total = sum(after[name] - before[name] for name in after)
    print(f"{what:<10}{'all':<12}{100 * total / seconds:6.2f} % of a core")


def rss_mib(pid: int) -> float:
    pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize() / 2**20


async def run(given: Any) -> None:
    async with started("process") as system:
        http = Http(system.rest)
        assert system.nats is not None
        await register(http)
        await asyncio.sleep(3)
        await idle("empty", system, given.seconds)
        rate = await park(system.nats, given.count)
        print(f"{given.count:,} workflows started, {rate:,.0f} a second")
        await until_shown(http, given.count)
        await asyncio.sleep(SETTLE_S)
        await idle("parked", system, given.seconds)
        http.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=20.0)
    uvloop.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
