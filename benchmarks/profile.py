"""Where the CPU of each process goes under load, by function: W1, once plain and once sampled.

usage: python benchmarks/profile.py [native|rest] [--n 4000] [--top 40]
"""

import argparse
import asyncio
import os
import secrets
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path

from firmus.bench import workloads
from firmus.bench.command import SETTLE_S, opened_path, register
from firmus.bench.definitions import Names
from firmus.bench.processes import started, working
from firmus.bench.report import Measured, line

PROFILED = ("services", "projection", "worker")


async def profile(over: str, n: int) -> tuple[Measured, dict[str, int]]:
    """The plain measurement, and the pids under which samples were written."""
    names = Names(secrets.token_hex(3))
    async with started("process") as system:
        register(system, names)
        url = system.rest if over == "rest" else system.nats or ""
        async with (
            opened_path(system, over, names) as path,
            working(over, url, names.worked_on()) as worker,
        ):
            await asyncio.sleep(SETTLE_S)
            pids = {**system.pids, "worker": worker.pid}
            plain = await workloads.saturated(path, names, n, pids)
            for role in PROFILED:
                os.kill(pids[role], signal.SIGUSR1)
            await workloads.saturated(path, names, n, pids)
    return plain, pids


def shown(role: str, file: Path, whole_us: float, top: int) -> None:
    """Functions by microseconds of CPU per workflow: in themselves, and with what they call."""
    own, whole, total = Counter[str](), Counter[str](), 0
    for row in file.read_text().splitlines():
        stack, _, count = row.rpartition(" ")
        frames = stack.split(";")
        total += int(count)
        own[frames[-1]] += int(count)
        for frame in set(frames):
            whole[frame] += int(count)
    print(f"\n{role}: {total} samples of {whole_us:g} us per workflow")
    print(f"{'us itself':<68} us with what it calls")
    for left, right in zip(own.most_common(top), whole.most_common(top), strict=False):
        cells = [f"{whole_us * c / total:5.0f} {name[-60:]:<60}" for name, c in (left, right)]
        print("  ".join(cells))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("over", nargs="?", choices=("native", "rest"), default="native")
    parser.add_argument("--n", type=int, default=4000)
    parser.add_argument("--top", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BENCH_SAMPLES"] = folder
        sys.path.insert(0, str(Path(__file__).with_name("sampling")))
        plain, pids = asyncio.run(profile(options.over, options.n))
        print(line(plain))
        us = plain.scaled.cpu_us if plain.scaled else plain.cpu_us
        for role in PROFILED:
            shown(role, Path(folder, str(pids[role])), us[role], options.top)


if __name__ == "__main__":
    main()
