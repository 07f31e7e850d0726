"""Where the CPU of each service goes under load: W1 while py-spy samples, as shares by function.

usage: python benchmarks/profile.py [native|rest] [--n 3000] [--top 40] [--keep DIR]
Needs py-spy (a program, not a dependency) on the path and the right to read other processes.
"""

import argparse
import asyncio
import re
import secrets
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

from firmus.bench import workloads
from firmus.bench.command import SETTLE_S, opened_path, register
from firmus.bench.definitions import Names
from firmus.bench.processes import started, working
from firmus.bench.report import line

RATE_PER_S = 250
PROFILED = ("services", "projection", "worker")


async def profile(over: str, n: int, folder: Path) -> None:
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
            print(line(await workloads.saturated(path, names, n, pids)))
            samplers = [await _sampler(pids[role], folder / role) for role in PROFILED]
            print(line(await workloads.saturated(path, names, n, pids)), "(while sampled)")
            for sampler in samplers:
                sampler.send_signal(2)
                await sampler.wait()


async def _sampler(pid: int, file: Path) -> asyncio.subprocess.Process:
    program = Path(sys.executable).with_name("py-spy")
    found = str(program) if program.exists() else shutil.which("py-spy")
    if found is None:
        sys.exit("py-spy is not installed")
    return await asyncio.create_subprocess_exec(
        found, "record", "--pid", str(pid), "--rate", str(RATE_PER_S), "--format", "raw",
        "--output", str(file), "--duration", "600",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip


def shares(file: Path, top: int) -> None:
    """Functions by the share of samples in which they run, themselves and with what they call."""
    own, whole, total = Counter[str](), Counter[str](), 0
    for row in file.read_text().splitlines():
        stack, count = row.rsplit(" ", 1)
        frames = [re.sub(r":\d+\)$", ")", frame) for frame in stack.split(";")]
        total += int(count)
        own[frames[-1]] += int(count)
        for frame in set(frames):
            whole[frame] += int(count)
    print(f"\n{file.name}: {total} samples\n{'itself':>50} %{'with what it calls':>64} %")
    for left, right in zip(own.most_common(top), whole.most_common(top), strict=False):
        cells = [f"{name[-58:]:<58} {100 * count / total:5.1f}" for name, count in (left, right)]
        print("   ".join(cells))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("over", nargs="?", choices=("native", "rest"), default="native")
    parser.add_argument("--n", type=int, default=3000)
    parser.add_argument("--top", type=int, default=40)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        asyncio.run(profile(options.over, options.n, folder))
        for role in PROFILED:
            shares(folder / role, options.top)


if __name__ == "__main__":
    main()
