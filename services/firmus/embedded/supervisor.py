"""Keeps processes running: a crashed one is started again, after a pause that grows."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from firmus.embedded.datadir import DataDir
from firmus.embedded.processes import ProcessRecord, end, end_child, identify, runs

PAUSE_FIRST_S = 0.2
PAUSE_MOST_S = 10.0
STEADY_S = 30.0


class Process(Protocol):
    """Something that runs outside of this process."""

    @property
    def name(self) -> str: ...

    async def start(self) -> None: ...

    async def wait(self) -> int | None:
        """Returns when it has ended: the exit code, None when that is not known."""
        ...

    async def stop(self) -> None: ...


class ServiceProcess:
    """A service of ours as a child: `python -m firmus serve ROLE`.

    It stops by itself when its standard input ends, so it never outlives this process for long;
    one that does all the same is recorded in the data folder and ended by the next owner.
    """

    def __init__(self, directory: DataDir, role: str, environ: Mapping[str, str]) -> None:
        self.name = role
        self.command: Sequence[str] = (
            *(sys.executable, "-m", "firmus", "serve", role),
            "--until-stdin-ends",
        )
        self._directory = directory
        self._note = f"run/{role}.json"
        self._environ = {**os.environ, **environ}
        self._child: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        return None if self._child is None else self._child.pid

    async def start(self) -> None:
        left = self._directory.read(self._note, ProcessRecord)
        if left is not None and runs(left):
            await end(left)
        self._child = await asyncio.create_subprocess_exec(
            *self.command,
            stdin=asyncio.subprocess.PIPE,
            env=self._environ,
            start_new_session=True,
        )
        self._directory.write(self._note, identify(self._child.pid))

    async def wait(self) -> int | None:
        return None if self._child is None else await self._child.wait()

    async def stop(self) -> None:
        if self._child is not None:
            await end_child(self._child)
        self._directory.forget(self._note)


Report = Callable[[str, int | None, float], None]
"""Told of each crash: name, exit code, seconds until the next start."""


class Supervisor:
    """Starts processes in the order given and keeps each of them running until it is stopped."""

    def __init__(
        self,
        report: Report,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._report = report
        self._sleep = sleep
        self._kept: dict[str, tuple[Process, asyncio.Task[None]]] = {}

    async def keep(self, process: Process) -> None:
        """Starts a process (raising when its first start fails) and restarts it from then on."""
        await process.start()
        watch = asyncio.create_task(self._watch(process), name=f"watch {process.name}")
        self._kept[process.name] = (process, watch)

    async def stop(self, name: str) -> None:
        """Stops one process for good. Harmless when it is not kept."""
        process, watch = self._kept.pop(name, (None, None))
        if process is None or watch is None:
            return
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        await process.stop()

    async def stop_all(self) -> None:
        """Stops what is still kept, the last started first."""
        for name in reversed(list(self._kept)):
            await self.stop(name)

    async def _watch(self, process: Process) -> None:
        loop = asyncio.get_running_loop()
        pause_s = PAUSE_FIRST_S
        while True:
            started = loop.time()
            code = await process.wait()
            if loop.time() - started >= STEADY_S:
                pause_s = PAUSE_FIRST_S
            while True:
                self._report(process.name, code, pause_s)
                await self._sleep(pause_s)
                pause_s = min(pause_s * 2, PAUSE_MOST_S)
                started_again = True
                try:
                    await process.start()
                except Exception:  # noqa: BLE001 - whatever went wrong, the next try may succeed
                    code, started_again = None, False
                _end_if_cancelled()
                if started_again:
                    break


def _end_if_cancelled() -> None:
    """For starts that swallow a cancellation, as nats-py does while it closes a connection: the
    watch would go on, and whoever stops it would wait for ever.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
