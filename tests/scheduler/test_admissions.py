"""Workflows that wait for a slot are let go in turn, by whichever schedulers there are."""

import asyncio
import random

import pytest

from firmus.broker.slots import SlotLedger
from firmus.scheduler.service import Scheduler
from firmus.workflow.slots import Entry
from firmus_contracts import commands as cmd
from firmus_contracts import events as ev
from tests.scheduler.conftest import World, until
from tests.scheduler.world import SHARDS, workflow_id

IDS = [workflow_id(number) for number in range(1, 25)]


class Gated(World):
    """Starts ask for slots as the decider does; `begun` are those let go, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = SlotLedger(self.slots, self.clock)

    async def start_one(self, workflow: str, limit: int = 2) -> Entry:
        entry = await self.ledger.enter("g/k", workflow, limit, queue=True)
        held = entry is Entry.WAITS
        await self.start(workflow, gate="g/k", slots=limit, held=held)
        return entry

    async def end(self, workflow: str) -> None:
        await self.decider.happens(workflow, ev.WorkflowCompleted())

    async def counts(self) -> list[int]:
        """How many ran after each event of the log."""
        running: set[str] = set()
        counts = [0]
        async with asyncio.timeout(10):
            async for batch in self.log.follow(after=0):
                for record in batch:
                    for event in record.commit.events:
                        match event:
                            case ev.WorkflowStarted(held=False) | ev.WorkflowReleased():
                                running.add(record.workflow_id)
                            case ev.WorkflowCompleted() | ev.WorkflowTerminated():
                                running.discard(record.workflow_id)
                        counts.append(len(running))
                if batch[-1].position == await self.log.end():
                    return counts
        raise AssertionError

    def released(self) -> list[str]:
        return [command.workflow_id for command in self.decider.sent(cmd.ReleaseWorkflow)]


@pytest.fixture
async def gated():
    world = Gated()
    yield world
    await world.close()


LAYOUTS = [(range(SHARDS),), ((0, 1), (2, 3)), ((0,), (1,), (2, 3))]


@pytest.mark.parametrize("layout", LAYOUTS, ids=len)
async def test_the_moment_one_ends_the_next_one_begins(gated: Gated, layout) -> None:
    for shards in layout:
        await gated.scheduler(shards=tuple(shards))
    entries = [await gated.start_one(one) for one in IDS[:6]]
    assert [str(entry) for entry in entries] == ["HOLDS"] * 2 + ["WAITS"] * 4
    for number in range(4):
        await gated.end(IDS[number])
        await until(lambda number=number: len(gated.released()) == number + 1)
    assert gated.released() == IDS[2:6]
    assert max(await gated.counts()) == 2


@pytest.mark.parametrize("seed", range(3))
async def test_never_more_than_the_limit_whoever_starts_ends_and_dies(
    gated: Gated, seed: int
) -> None:
    chance = random.Random(seed)
    halves = [(0, 1), (2, 3)]
    schedulers: list[Scheduler] = [await gated.scheduler(shards=half) for half in halves]
    starting = asyncio.gather(*(gated.start_one(one) for one in IDS))
    ended: set[str] = set()

    async def end_some() -> bool:
        for one in chance.sample(IDS, len(IDS)):
            state = await gated.decider.read(one)
            if state is not None and not state.held and not state.status.terminal:
                await gated.end(one)
                ended.add(one)
                break
        return len(ended) == len(IDS)

    rounds = 0
    while not await end_some():
        rounds += 1
        if rounds % 7 == 0:
            which = chance.randrange(2)
            await gated.kill(schedulers[which])
            schedulers[which] = await gated.scheduler(shards=halves[which])
        await asyncio.sleep(0.001)
    await starting
    assert max(await gated.counts()) <= 2
    await until(lambda: not gated.slots.gates())


async def test_a_restart_finds_out_whom_it_has_to_let_go(gated: Gated) -> None:
    first = await gated.scheduler()
    for one in IDS[:3]:
        await gated.start_one(one, limit=1)
    await first.stop()
    await gated.end(IDS[0])
    await gated.scheduler()
    await until(lambda: gated.released() == [IDS[1]])


async def test_lost_records_are_made_anew_from_the_log(gated: Gated) -> None:
    for one in IDS[:4]:
        await gated.start_one(one)
    gated.slots.forget()
    await gated.scheduler()
    await until(lambda: gated.slots.gates() == ["g/k"])
    record, _ = await gated.slots.get("g/k")
    assert record is not None
    assert (set(record.holders), record.limit) == (set(IDS[:2]), 2)
    await gated.end(IDS[0])
    await until(lambda: gated.released() == [IDS[2]])


async def test_a_start_that_never_came_to_be_gives_its_slot_up_after_a_while(
    gated: Gated,
) -> None:
    await gated.ledger.enter("g/k", IDS[0], 1, queue=True)
    await gated.start_one(IDS[1], limit=1)
    gated.clock.advance(60_000)
    await gated.scheduler()
    await until(lambda: gated.released() == [IDS[1]])


async def test_one_that_is_terminated_while_it_waits_is_passed_over(gated: Gated) -> None:
    await gated.scheduler()
    for one in IDS[:3]:
        await gated.start_one(one, limit=1)
    await gated.decider.happens(IDS[1], ev.WorkflowTerminated())
    await gated.end(IDS[0])
    await until(lambda: gated.released() == [IDS[2]])


async def in_line(gated: Gated, count: int) -> bool:
    """Whether so many shards have told who is first in line there."""
    record, _ = await gated.slots.get("g/k")
    return record is not None and len(record.heads) == count


async def test_a_limit_that_is_registered_anew_counts_for_those_that_wait(gated: Gated) -> None:
    halves = [await gated.scheduler(shards=half) for half in ((0, 1), (2, 3))]
    for one in IDS[:6]:
        await gated.start_one(one, limit=1)
    await until(lambda: in_line(gated, SHARDS))
    await until(lambda: sum(one.counters()["workflows_held"] for one in halves) == 5)
    gated.shared["g"] = 3
    for scheduler in halves:
        await scheduler.learn_limits()
    await until(lambda: len(gated.released()) == 2)
    assert gated.released() == IDS[1:3]
    assert max(await gated.counts()) == 3


async def test_the_limit_of_the_newest_start_counts(gated: Gated) -> None:
    await gated.scheduler()
    for one in IDS[:3]:
        await gated.start_one(one, limit=1)
    await until(lambda: in_line(gated, 2))
    await gated.start_one(IDS[3], limit=2)
    await until(lambda: gated.released() == [IDS[1]])
