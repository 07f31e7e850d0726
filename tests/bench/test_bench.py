"""`firmus bench` as a user runs it: it starts a system, drives it both ways, and leaves nothing."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from firmus.bench.cpu import command_of, descendants
from firmus.embedded.processes import identify, runs

pytestmark = [pytest.mark.e2e, pytest.mark.nats]


async def bench(folder: Path, *arguments: str) -> asyncio.subprocess.Process:
    """Temporary files of the benchmark go to `folder`."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "firmus", "bench", "--json", *arguments),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)},
    )


async def test_each_workload_is_measured_over_both_paths(tmp_path):
    process = await bench(tmp_path, *("--n", "30", "--idle-n", "3", "--what", "idle,w1,fan100,w3"))
    out, _ = await process.communicate()
    rows = [json.loads(row) for row in out.splitlines()]
    assert process.returncode == 0
    wanted = [
        (over, what) for over in ("native", "rest") for what in ("idle", "w1", "fan100", "w3")
    ]
    assert [(row["over"], row["what"]) for row in rows] == wanted
    for row in rows:
        assert row.get("failed", 0) == 0
        assert row["p50_ms"] > 0
        assert {"services", "nats", "projection", "driver"} <= row["cpu_us"].keys()
    assert list(tmp_path.iterdir()) == []


async def test_a_killed_benchmark_leaves_no_process_behind(tmp_path):
    process = await bench(tmp_path, "--n", "100000", "--what", "w1", "--over", "native")
    started = await until(lambda: workers(process.pid) and descendants(process.pid))
    records = [record for pid in started if (record := identify(pid)) is not None]
    assert len(records) >= 4  # up, nats-server, projection, worker
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    await until(lambda: not any(runs(record) for record in records))


def workers(pid: int) -> list[int]:
    return [each for each in descendants(pid) if "firmus.bench.workers" in command_of(each)]


async def until(found):
    async with asyncio.timeout(60):
        while not (result := found()):
            await asyncio.sleep(0.05)
    return result
