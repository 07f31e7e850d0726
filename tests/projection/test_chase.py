"""A chase ends under any load, exactly where the live follower stands."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from tests.projection.conftest import rebuild_is, rows_at, running
from tests.projection.histories import Definitions, finished
from tests.projection.test_rebuild import rows

from firmus.eventlog.memory import MemoryLog
from firmus.projection import chase as chase_module
from firmus.projection.chase import Chase, Surroundings
from firmus.projection.folder import ReadModelFolder
from firmus.projection.follower import Follower
from firmus.projection.live import LiveModel
from firmus.projection.rows import Classifiers


async def test_a_rebuild_ends_under_a_writer_that_goes_on_and_on(
    make, log: MemoryLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chase_module, "NEAR_POSITIONS", 64)
    async with running(make()) as service:
        await service.active.wait()
        resting = asyncio.Event()

        async def write() -> int:
            number = 0
            while not resting.is_set():
                number += 1
                last = await finished(log, number)
                await asyncio.sleep(0.001)
            return last.position

        writer = asyncio.create_task(write())
        await rows_at(service, 1000)
        await service.upkeep().rebuild("strict")
        done = await rebuild_is(service, state="done")
        resting.set()
        await rows_at(service, await writer)
    assert done.comparison is not None
    assert done.comparison.different == 0
    assert rows(tmp_path / "projection" / "readmodel-2.db")["stopped"] == []


class Runner:
    """A live follower that has taken the log up to a position, and takes more when it may."""

    def __init__(self, log: MemoryLog) -> None:
        self.follower = Follower(log, rows=None)
        self._log = log

    async def take_up_to(self, position: int) -> None:
        if self.follower.applied.position == position:
            return
        async for batch in self._log.follow(after=self.follower.applied.position):
            await self.follower.take([it for it in batch if it.position <= position])
            return


async def nothing_to_flush() -> None:
    """The runner writes no rows."""


@pytest.mark.parametrize("ahead", [0, 1, 3])
async def test_it_stops_at_the_live_follower_even_where_the_log_goes_on(
    log: MemoryLog, tmp_path: Path, ahead: int
) -> None:
    for number in range(1, 4):
        last = await finished(log, number)
    runner = Runner(log)
    await runner.take_up_to(last.position - ahead)
    live = LiveModel(ReadModelFolder(tmp_path))
    model = await live.open(1)
    told: list[int] = []
    around = Surroundings(
        log=log,
        live=live,
        classifiers=Classifiers(Definitions()),
        follower=runner.follower,
        flush=nothing_to_flush,
        events=lambda: None,
    )
    chase = Chase(around, model=model, told=told.append)
    async with asyncio.timeout(10), AsyncExitStack() as turn:
        await chase.reach(turn)
        assert runner.follower.turn.locked()
        assert model.rows_cursor().position == last.position - ahead
        assert sum(told) == last.position - ahead
    assert not runner.follower.turn.locked()
    await runner.take_up_to(last.position)
    async with asyncio.timeout(10), AsyncExitStack() as turn:
        await chase.reach(turn)
        assert model.rows_cursor().position == last.position
    model.close()
    live.dispose()
