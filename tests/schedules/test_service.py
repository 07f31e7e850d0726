"""The service before the real decider: what is due is started once, whatever happens."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from firmus.ports import Unavailable
from firmus_contracts.commands import StartWorkflow
from tests.schedules.desk import Desk, until
from tests.schedules.samples import MINUTE, SECOND, T0, each, schedule


@pytest.fixture
async def desk() -> Desk:
    found = Desk()
    await found.prepare()
    return found


async def test_what_is_due_is_started_with_its_own_facts_in_the_input(desk: Desk) -> None:
    start = {"input": {"k": 1, "_scheduledTime": "mine"}, "correlation_id": "c", "priority": 3}
    await desk.store.save(schedule(start=start))
    async with desk.running():
        desk.at(MINUTE + 7)
        (record,) = await desk.records(1)
    (state,) = await desk.started()
    assert state.input == {
        "k": 1,
        "_startedByScheduler": "nightly",
        "_scheduledTime": T0 + MINUTE,
        "_executedTime": T0 + MINUTE + 7,
        "_executionId": record.execution_id,
        "_schedulerCron": "0 * * * * * UTC",
    }
    assert (state.correlation_id, state.priority) == ("c", 3)
    assert (record.state, record.workflow_id) == ("EXECUTED", state.workflow_id)


async def test_a_schedule_saved_later_wakes_the_service(desk: Desk) -> None:
    async with desk.running() as service:
        await desk.store.save(schedule())
        desk.at(MINUTE)
        await desk.records(1)
        assert (service.executed, service.failed, service.waiting) == (1, 0, 1)


async def test_a_start_that_is_refused_is_a_failed_run_and_the_next_one_comes(desk: Desk) -> None:
    await desk.store.save(schedule(workflow="unknown"))
    async with desk.running():
        for minute in (1, 2):
            desk.at(minute * MINUTE)
            records = await desk.records(minute)
    assert [record.state for record in records] == ["FAILED", "FAILED"]
    assert records[0].reason == "No such workflow defined. name=unknown, version=null"
    assert records[0].workflow_id is None


async def test_nothing_is_started_by_what_is_paused_deleted_or_all_paused(desk: Desk) -> None:
    for name in ("runs", "paused", "deleted"):
        await desk.store.save(schedule(name))
    async with desk.running():
        await desk.store.pause("paused", None)
        await desk.store.delete("deleted")
        desk.at(MINUTE)
        assert [r.schedule_name for r in await desk.records(1)] == ["runs"]
        await desk.store.pause_all()
        desk.at(2 * MINUTE)
        await asyncio.sleep(0.01)
        await desk.store.resume_all()
        desk.at(3 * MINUTE + 1)
        last = (await desk.records(2))[-1]
    assert (last.scheduled_time, last.execution_time) == (T0 + 2 * MINUTE, T0 + 3 * MINUTE + 1)


async def test_after_a_standstill_one_run_or_each_of_them_spec_8_8(desk: Desk) -> None:
    await desk.store.save(schedule("one"))
    await desk.store.save(schedule("each", run_catchup_schedule_instances=True))
    async with desk.running():
        desk.at(MINUTE)
        await desk.records(2)
    desk.at(30 * MINUTE)
    async with desk.running():
        records = await desk.records(32)
    assert len([r for r in records if r.schedule_name == "one"]) == 2
    assert len(await desk.started()) == 32


async def test_a_standby_that_believes_it_is_its_turn_starts_nothing_twice(desk: Desk) -> None:
    for n in range(20):
        await desk.store.save(schedule(f"s{n}", cron="* * * * * *"))
    async with desk.running(), desk.running():
        for second in range(1, 6):
            desk.at(second * SECOND)
            await desk.records(20 * second)
    states = await desk.started()
    assert len(states) == 100
    keys = {(s.input["_startedByScheduler"], s.input["_scheduledTime"]) for s in states}
    assert len(keys) == 100


class Turn:
    """A turn that a test gives and takes."""

    def __init__(self) -> None:
        self.given = asyncio.Event()
        self.released = 0

    @property
    def held(self) -> bool:
        return self.given.is_set()

    async def acquire(self) -> None:
        await self.given.wait()

    async def release(self) -> None:
        self.released += 1


async def test_only_whose_turn_it_is_works_and_who_gets_it_again_goes_on(desk: Desk) -> None:
    await desk.store.save(schedule(cron="* * * * * *"))
    first, second = Turn(), Turn()
    first.given.set()
    async with desk.running(turns=first) as one, desk.running(turns=second) as two:
        for count, (gets, loses) in enumerate(((first, second), (second, first)) * 2, start=1):
            loses.given.clear()
            desk.at(count * SECOND - 1)
            gets.given.set()
            desk.at(count * SECOND)
            await desk.records(count)
        assert (one.executed, two.executed) == (2, 2)
    assert len(await desk.started()) == 4


class Forgetful:
    """Runs whose writer is told "not known" after every write, or before it."""

    def __init__(self, runs: Any, *, stored: bool) -> None:
        self._runs = runs
        self._stored = stored
        self.lost = 3

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runs, name)

    async def record(self, events: Sequence[Any]) -> bool:
        if self.lost:
            self.lost -= 1
            if self._stored:
                await self._runs.record(events)
            raise Unavailable("nobody knows")
        recorded: bool = await self._runs.record(events)
        return recorded


@pytest.mark.parametrize("stored", [True, False], ids=["stored", "not stored"])
async def test_a_claim_of_which_nobody_knows_is_looked_up(desk: Desk, *, stored: bool) -> None:
    await desk.store.save(schedule(cron="* * * * * *"))
    runs = Forgetful(desk.store.runs, stored=stored)
    async with desk.running(runs):
        for second in (1, 2, 3):
            desk.at(second * SECOND)
            records = await desk.records(second)
    assert runs.lost == 0
    assert [r.scheduled_time - T0 for r in records] == [SECOND, 2 * SECOND, 3 * SECOND]
    assert len(await desk.started()) == 3


async def test_a_claim_left_behind_is_taken_over_whatever_became_of_its_schedule(
    desk: Desk,
) -> None:
    await desk.store.save(schedule())
    desk.world.door.shut = True
    async with desk.running():
        desk.at(MINUTE)
        await until(desk.store.pending)
    await desk.store.delete("nightly")
    desk.world.door.shut = False
    desk.at(2 * MINUTE)
    async with desk.running():
        (record,) = await desk.records(1)
    (state,) = await desk.started()
    assert (record.state, record.workflow_id) == ("EXECUTED", state.workflow_id)


async def test_a_start_whose_answer_was_lost_is_not_made_twice(desk: Desk) -> None:
    await desk.store.save(schedule())
    desk.world.door.loses_answers = True
    async with desk.running():
        desk.at(MINUTE)
        await until(desk.started)
        desk.world.door.loses_answers = False
        await desk.records(1)
    assert len(await desk.started()) == 1
    ids = {c.workflow_id for c in desk.world.door.seen if isinstance(c, StartWorkflow)}
    assert len(ids) == 1


async def test_a_schedule_that_waits_for_the_decider_holds_up_no_other(desk: Desk) -> None:
    await desk.store.save(schedule("a", start={"idempotency_key": "k"}))
    await desk.store.save(
        schedule(
            "b", None, cron_schedules=each(("0 * * * * *", "UTC"), ("0 * * * * *", "Asia/Tokyo"))
        )
    )
    async with desk.running():
        for minute in (1, 2):
            desk.at(minute * MINUTE)
            records = await desk.records(3 * minute)
    by_a = [(r.state, r.reason) for r in records if r.schedule_name == "a"]
    assert by_a[0] == ("EXECUTED", None)
    assert by_a[1][0] == "FAILED"
    assert "Idempotency key k of flow belongs to workflow" in by_a[1][1]
