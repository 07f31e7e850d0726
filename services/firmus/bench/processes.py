"""The processes of a benchmark: the system under test and the worker, each in a group of its own.

They end with their standard input, so nothing is left behind however the driver ends.
"""

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from firmus.bench.cpu import command_of, descendants
from firmus.console.outcome import CommandError
from firmus.embedded.datadir import read_address

UP_WITHIN_S = 60.0
STOP_WITHIN_S = 30.0


class System(msgspec.Struct, frozen=True, kw_only=True):
    """Where the system under test is. `pids`: its processes by what they do, as far as known.

    `nats` None: only REST can be driven.
    """

    rest: str
    nats: str | None
    pids: dict[str, int]


@contextlib.asynccontextmanager
async def started(durability: str, *options: str) -> AsyncIterator[System]:
    """`firmus up` on free ports, with data in a temporary folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix="firmus-bench-") as folder:
        arguments = ("--data-dir", f"{folder}/data", "--durability", durability, *options)
        async with _process("firmus.bench.processes", *arguments) as process:
            async with asyncio.timeout(UP_WITHIN_S):
                while (address := read_address(Path(folder, "data"))) is None:
                    if process.returncode is not None:
                        raise CommandError("the system did not come up; see above")
                    await asyncio.sleep(0.05)
            yield System(rest=address.rest, nats=address.nats, pids=roles_of(process.pid))


@contextlib.asynccontextmanager
async def working(
    over: str, url: str, names: list[str], *options: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker process for the names (see `workers`)."""
    async with _process("firmus.bench.workers", over, url, *names, *options) as process:
        yield process


def roles_of(pid: int) -> dict[str, int]:
    """The processes of an `up` by what they do."""
    roles = {"services": pid}
    for child in descendants(pid):
        command = command_of(child)
        name = "nats" if "nats-server" in command else command.partition(" serve ")[2].split(" ")[0]
        roles[name or f"process {child}"] = child
    return roles


@contextlib.asynccontextmanager
async def _process(module: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", module, *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    try:
        yield process
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(STOP_WITHIN_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _up(arguments: list[str]) -> int:
    """`firmus up` just as a user runs it, told to stop when standard input ends."""
    from firmus.cli import main  # noqa: PLC0415 - the worker has no use for it

    def watch() -> None:
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
    fixed = ("--port", "0", "--nats-port", str(_free_port()), "--log-level", "warning")
    return main(["up", *fixed, *arguments])


def _free_port() -> int:
    import socket  # noqa: PLC0415 - only here

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: Any = probe.getsockname()[1]
        return int(port)


if __name__ == "__main__":
    sys.exit(_up(sys.argv[1:]))
