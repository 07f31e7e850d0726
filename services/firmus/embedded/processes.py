"""Which operating-system process is meant: a pid alone is not an identity, as pids come again."""

import asyncio
import os
import signal
import subprocess
from pathlib import Path

import msgspec

_PROC = Path("/proc")
_PATIENCE_S = 10.0


class ProcessRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A process as written down. `started` tells it from a later one with the same pid."""

    pid: int
    started: str


def identify(pid: int) -> ProcessRecord | None:
    """The record of a running process; None when there is none (a zombie does not run)."""
    started = _started_by_proc(pid) if _PROC.joinpath("self").exists() else _started_by_ps(pid)
    return None if started is None else ProcessRecord(pid=pid, started=started)


def runs(record: ProcessRecord) -> bool:
    """Whether exactly this process still runs."""
    return identify(record.pid) == record


async def end(record: ProcessRecord, *, patience_s: float = _PATIENCE_S) -> None:
    """Ends a process that may not be our child: TERM, then KILL after `patience_s`."""
    for sent, wait_s in ((signal.SIGTERM, patience_s), (_KILL, patience_s)):
        if not runs(record):
            return
        try:
            os.kill(record.pid, sent)
        except ProcessLookupError:
            return
        await _gone(record, wait_s)
    if runs(record):
        raise TimeoutError(f"process {record.pid} does not end")


async def end_child(process: asyncio.subprocess.Process, *, patience_s: float = _PATIENCE_S) -> int:
    """Ends a child of ours and returns its exit code: TERM, then KILL after `patience_s`."""
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), patience_s)
        except TimeoutError:
            process.kill()
    return await process.wait()


async def wait_gone(record: ProcessRecord) -> None:
    """Returns when a process that may not be our child has ended."""
    while runs(record):  # noqa: ASYNC110 - not our child, so nothing tells us
        await asyncio.sleep(_WATCH_S)


_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
_WATCH_S = 0.25


async def _gone(record: ProcessRecord, wait_s: float) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_s
    while runs(record) and loop.time() < deadline:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.02)


def _started_by_proc(pid: int) -> str | None:
    try:
        fields = _PROC.joinpath(str(pid), "stat").read_text().rpartition(")")[2].split()
        boot = _PROC.joinpath("sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    state, start_ticks = fields[0], fields[19]
    return None if state in {"Z", "X"} else f"{boot}/{start_ticks}"


def _started_by_ps(pid: int) -> str | None:
    try:
        shown = subprocess.run(
            ["ps", "-o", "stat=,lstart=", "-p", str(pid)],  # noqa: S607 - its path differs by system
            capture_output=True,
            text=True,
            check=False,
        ).stdout.strip()
    except OSError:
        return None
    state, _, started = shown.partition(" ")
    return None if not started or state.startswith("Z") else started.strip()
