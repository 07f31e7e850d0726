"""What every store of schedules does; one class of tests for each implementation inherits it."""

import asyncio

import msgspec
import pytest

from firmus.schedules.records import KEPT
from firmus.schedules.runs import Outcome, RunsClaimed, cursor_after, ended, run_of
from firmus_contracts.errors import Refusal
from firmus_contracts.requests import Tag
from tests.schedules.samples import T0, schedule

HOSTILE_NAMES = ["a.b.c", "with blank", "*", ">", "grün/žluť", "日本", "-", "%41", "a" * 300]


def claimed(name: str, version: int, at_ms: int = T0) -> RunsClaimed:
    return RunsClaimed(
        originator_id=name,
        originator_version=version,
        time_ms=at_ms,
        through_ms=at_ms,
        runs=(run_of(name, "* * * * * *", "UTC", at_ms),),
        request=msgspec.Raw(b'{"name":"flow"}'),
    )


class SchedulesContract:
    """Needs the fixtures `schedules` (empty) and `clock`."""

    async def test_a_saved_schedule_is_read_back(self, schedules, clock):
        saved = await schedules.save(schedule(description="first"))
        assert saved == await schedules.schedule("nightly")
        assert (saved.create_time, saved.cron_schedules) == (clock.now_ms(), [])
        assert await schedules.schedule("other") is None

    async def test_any_name_is_a_schedule_of_its_own(self, schedules):
        for name in HOSTILE_NAMES:
            await schedules.save(schedule(name))
        assert [found.name for found in await schedules.schedules()] == sorted(HOSTILE_NAMES)
        assert await schedules.delete("*")
        assert len(await schedules.schedules()) == len(HOSTILE_NAMES) - 1

    async def test_lists_are_by_workflow_part_of_the_name_and_pause(self, schedules):
        for name, workflow in (("b1", "x"), ("a1", "x"), ("A2", "y")):
            await schedules.save(schedule(name, workflow=workflow))
        await schedules.pause("a1", None)
        assert [s.name for s in await schedules.schedules("x")] == ["a1", "b1"]
        found = await schedules.search(workflow_name=None, schedule_name="a", paused=None)
        assert [s.name for s in found] == ["A2", "a1"]
        found = await schedules.search(workflow_name="x", schedule_name=None, paused=True)
        assert [s.name for s in found] == ["a1"]

    async def test_pausing_and_resuming(self, schedules):
        await schedules.save(schedule())
        await schedules.pause("nightly", "holiday")
        assert (await schedules.schedule("nightly")).paused_reason == "holiday"
        await schedules.resume("nightly")
        with pytest.raises(Refusal, match="Schedule 'nightly' not found"):
            await schedules.resume("nightly")

    async def test_tags_are_added_once_and_removed_by_key_and_value(self, schedules):
        await schedules.save(schedule())
        team, area = Tag(key="team", value="a"), Tag(key="area", value="b")
        await schedules.add_tags("nightly", [team, area])
        await schedules.add_tags("nightly", [team])
        await schedules.remove_tags("nightly", [Tag(key="area", value="b", type="METADATA")])
        assert (await schedules.schedule("nightly")).tags == [team]

    async def test_a_schedule_deleted_twice_is_gone_once(self, schedules):
        await schedules.save(schedule())
        assert await schedules.delete("nightly")
        assert not await schedules.delete("nightly")
        assert await schedules.schedules() == []

    async def test_writers_of_one_schedule_wait_for_each_other(self, schedules):
        await asyncio.gather(*(schedules.save(schedule(description=str(n))) for n in range(20)))
        await asyncio.gather(*(schedules.pause("nightly", str(n)) for n in range(20)))
        assert (await schedules.schedule("nightly")).paused

    @pytest.mark.parametrize(
        "given", [{"name": ""}, {"start_workflow_request": None}, {"zone_id": "Mars/X"}]
    )
    async def test_what_cannot_be_a_schedule_is_refused(self, schedules, given):
        with pytest.raises(Refusal) as refusal:
            await schedules.save(msgspec.structs.replace(schedule(), **given))
        assert refusal.value.code == "INVALID"
        assert await schedules.schedules() == []

    async def test_a_start_too_large_for_a_claim_is_refused(self, schedules):
        with pytest.raises(Refusal) as refusal:
            await schedules.save(schedule(start={"input": {"x": "x" * 4_200_000}}))
        assert refusal.value.code == "PAYLOAD_TOO_LARGE"

    async def test_runs_are_recorded_all_or_none_and_only_in_turn(self, schedules):
        runs = schedules.runs
        assert await runs.record([claimed("a", 1), claimed("b.c", 1)])
        assert not await runs.record([claimed("d", 1), claimed("a", 1)])
        found = await runs.lasts(["a", "b.c", "d"], sure=False)
        assert sorted(event.originator_id for event in found) == ["a", "b.c"]
        assert await runs.lasts(["d"], sure=True) == []

    async def test_the_last_event_says_where_a_schedule_stands(self, schedules):
        first = claimed("a", 1)
        outcome = Outcome(execution_id=first.runs[0].execution_id, state="EXECUTED")
        await schedules.runs.record([first])
        assert await schedules.pending() == [first.runs[0].execution_id]
        await schedules.runs.record([ended(first, (outcome,), now_ms=T0)])
        (last,) = await schedules.runs.lasts(["a"], sure=True)
        assert (cursor_after(last).version, cursor_after(last).open) == (2, None)
        assert [record.state for record in await schedules.executions("", "")] == ["EXECUTED"]

    async def test_of_many_runs_the_last_ones_are_found(self, schedules):
        for n in range(KEPT + 5):
            first = claimed("a", 2 * n + 1, T0 + n)
            await schedules.runs.record([first])
            await schedules.runs.record([ended(first, (), now_ms=T0)])
        found = await schedules.executions("", "")
        assert [record.scheduled_time - T0 for record in found] == list(range(KEPT + 4, 4, -1))
