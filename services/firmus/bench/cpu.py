"""CPU seconds of processes, from the operating system."""

import os
import subprocess
from pathlib import Path

import msgspec

_PROC = Path("/proc")


class _Process(msgspec.Struct, frozen=True):
    pid: int
    parent: int
    cpu_s: float


def cpu_of(pids: dict[str, int]) -> dict[str, float]:
    """The CPU seconds that each process has used so far; 0 for one that has ended."""
    if _PROC.joinpath("self/schedstat").exists():
        return {name: _exact_s(pid) for name, pid in pids.items()}
    known = {each.pid: each for each in _all()}
    return {name: known[pid].cpu_s if pid in known else 0.0 for name, pid in pids.items()}


def descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for each in _all():
        children.setdefault(each.parent, []).append(each.pid)
    found, open_ = list[int](), [pid]
    while open_:
        more = children.get(open_.pop(), [])
        found += more
        open_ += more
    return found


def command_of(pid: int) -> str:
    """Its command line; empty when it has ended."""
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return _ps("-o", "command=", "-p", str(pid)).strip()


def _exact_s(pid: int) -> float:
    """Of the threads that it has now: nanoseconds, where `stat` counts hundredths of a second."""
    total_ns = 0
    try:
        for thread in (_PROC / str(pid) / "task").iterdir():
            total_ns += int((thread / "schedstat").read_text().split()[0])
    except OSError:
        return total_ns / 1e9
    return total_ns / 1e9


def _all() -> list[_Process]:
    if _PROC.joinpath("self/stat").exists():
        tick = os.sysconf("SC_CLK_TCK")
        return [
            found
            for entry in os.listdir(_PROC)  # noqa: PTH208 - a thousand Path objects less
            if entry.isdigit() and (found := _read(int(entry), tick)) is not None
        ]
    lines = _ps("-axo", "pid=,ppid=,time=").splitlines()
    return [
        _Process(int(pid), int(parent), _seconds(time))
        for pid, parent, time in (line.split() for line in lines)
    ]


def _read(pid: int, tick: int) -> _Process | None:
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return _Process(pid, int(fields[1]), (int(fields[11]) + int(fields[12])) / tick)


def _ps(*arguments: str) -> str:
    return subprocess.run(
        ["ps", *arguments],  # noqa: S607 - its path differs by system
        capture_output=True,
        text=True,
        check=False,
    ).stdout


def _seconds(time: str) -> float:
    """`[days-][hours:]minutes:seconds` as ps writes it."""
    days, _, rest = time.rpartition("-")
    total = 0.0
    for part in rest.split(":"):
        total = total * 60 + float(part)
    return total + 86_400 * int(days or 0)
