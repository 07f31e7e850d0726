import asyncio

import pytest

from firmus.eventlog.recorder_journal import SharedCheck


class Gate:
    """A check that a test holds back."""

    def __init__(self):
        self.begun = 0
        self.open = asyncio.Event()
        self.fault: Exception | None = None

    async def __call__(self) -> None:
        self.begun += 1
        await self.open.wait()
        if self.fault is not None:
            raise self.fault


@pytest.fixture
async def gate():
    return Gate()


async def until(condition) -> None:
    while not condition():
        await asyncio.sleep(0)


async def test_calls_made_together_share_one_round(gate):
    gate.open.set()
    shared = SharedCheck(gate)
    await asyncio.gather(*(shared() for _ in range(50)))
    assert gate.begun == 1


async def test_a_round_that_began_before_a_call_does_not_cover_it(gate):
    shared = SharedCheck(gate)
    first = asyncio.ensure_future(shared())
    await until(lambda: gate.begun == 1)
    later = [asyncio.ensure_future(shared()) for _ in range(10)]
    gate.open.set()
    await first
    await asyncio.gather(*later)
    assert gate.begun == 2


async def test_a_caller_that_gives_up_leaves_the_round_to_the_others(gate):
    shared = SharedCheck(gate)
    leaving, staying = asyncio.ensure_future(shared()), asyncio.ensure_future(shared())
    await until(lambda: gate.begun == 1)
    leaving.cancel()
    gate.open.set()
    await staying
    assert gate.begun == 1


async def test_a_failed_round_fails_its_callers_and_no_later_ones(gate):
    shared = SharedCheck(gate)
    gate.fault = LookupError("no answer")
    gate.open.set()
    results = await asyncio.gather(shared(), shared(), return_exceptions=True)
    assert [type(r) for r in results] == [LookupError, LookupError]
    gate.fault = None
    await shared()
    assert gate.begun == 2
