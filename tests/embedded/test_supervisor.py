"""Supervision: crashed processes come back, stopped ones do not."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable

import pytest

from firmus.embedded.datadir import DataDir
from firmus.embedded.processes import ProcessRecord, identify
from firmus.embedded.supervisor import PAUSE_FIRST_S, PAUSE_MOST_S, ServiceProcess, Supervisor


class Fragile:
    """A process in name only, whose end the test decides."""

    name = "fragile"

    def __init__(self) -> None:
        self.starts = 0
        self.stops = 0
        self.refusals = 0
        self._end = asyncio.Event()

    async def start(self) -> None:
        if self.refusals:
            self.refusals -= 1
            raise OSError("not now")
        self.starts += 1
        self._end = asyncio.Event()

    async def wait(self) -> int:
        await self._end.wait()
        return 3

    async def stop(self) -> None:
        self.stops += 1

    def crash(self) -> None:
        self._end.set()


class Swallowing(Fragile):
    """Its later starts take long, and go on when they are cancelled."""

    def __init__(self, *, fails: bool) -> None:
        super().__init__()
        self._fails = fails

    async def start(self) -> None:
        await super().start()
        if self.starts > 1:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            if self._fails:
                raise OSError("cancelled")


@pytest.mark.parametrize("fails", [False, True])
async def test_a_start_that_swallows_its_cancellation_holds_up_no_stop(fails: bool) -> None:
    process = Swallowing(fails=fails)
    supervisor = Supervisor(lambda *_: None, sleep=at_once)
    await supervisor.keep(process)
    process.crash()
    await until(lambda: process.starts == 2)
    await supervisor.stop_all()
    assert (process.starts, process.stops) == (2, 1)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0)


async def at_once(_: float) -> None:
    await asyncio.sleep(0)


async def test_a_crash_is_reported_and_followed_by_a_start_after_a_growing_pause() -> None:
    process, reports = Fragile(), []
    supervisor = Supervisor(lambda *report: reports.append(report), sleep=at_once)
    await supervisor.keep(process)
    for number in range(2, 10):
        process.crash()
        await until(lambda: process.starts == number)  # noqa: B023 - awaited within the turn
    await supervisor.stop_all()
    pauses = [pause_s for _, _, pause_s in reports]
    assert reports[0] == ("fragile", 3, PAUSE_FIRST_S)
    assert pauses == sorted(pauses)
    assert pauses[-1] == PAUSE_MOST_S
    assert process.stops == 1


async def test_a_restart_that_fails_is_tried_again() -> None:
    process = Fragile()
    supervisor = Supervisor(lambda *_: None, sleep=at_once)
    await supervisor.keep(process)
    process.refusals = 3
    process.crash()
    await until(lambda: process.starts == 2)
    await supervisor.stop("fragile")
    assert process.refusals == 0


async def test_a_first_start_that_fails_is_an_error() -> None:
    process = Fragile()
    process.refusals = 1
    with pytest.raises(OSError, match="not now"):
        await Supervisor(lambda *_: None).keep(process)


async def test_a_stopped_process_stays_stopped() -> None:
    process = Fragile()
    supervisor = Supervisor(lambda *_: None, sleep=at_once)
    await supervisor.keep(process)
    await supervisor.stop("fragile")
    await supervisor.stop("fragile")
    process.crash()
    await asyncio.sleep(0)
    assert (process.starts, process.stops) == (1, 1)


def sleeper(directory: DataDir) -> ServiceProcess:
    """A real child that ends with its standard input, as services do."""
    process = ServiceProcess(directory, "projection", {"FIRMUS_PORT": "1"})
    process.command = ("cat",)
    return process


async def test_a_child_is_started_again_after_sigkill(directory: DataDir) -> None:
    process = sleeper(directory)
    supervisor = Supervisor(lambda *_: None, sleep=at_once)
    await supervisor.keep(process)
    first = process.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    while process.pid == first:
        await asyncio.sleep(0.001)
    await supervisor.stop("projection")
    assert process.pid is not None
    assert identify(process.pid) is None
    assert directory.read("run/projection.json", ProcessRecord) is None


async def test_a_child_left_behind_is_ended_before_a_new_one_starts(directory: DataDir) -> None:
    left = await asyncio.create_subprocess_exec("sleep", "600")
    directory.write("run/projection.json", identify(left.pid))
    process = sleeper(directory)
    await process.start()
    assert await left.wait() == -signal.SIGTERM
    await process.stop()
