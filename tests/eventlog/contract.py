"""What every EventLog must do: one suite, run on each implementation."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from firmus.eventlog.chain import verify
from firmus.eventlog.codec import COMMIT_MAX_BYTES, VALUE_MAX_BYTES
from firmus.eventlog.history import load_state
from firmus.eventlog.port import AppendConflict, Appended, CommitTooLarge, EventLog, LogTruncated
from firmus_contracts import events as ev
from firmus_contracts import ids
from firmus_contracts.envelope import Commit, Record, Unreadable

SHARDS = 16
NOW_MS = 1_700_000_000_000
LARGE = "x" * (VALUE_MAX_BYTES + 1)
_numbers = itertools.count(1)


@dataclass
class Harness:
    """A log under test, and a way round it for bytes that firmus would not write."""

    log: EventLog
    store: Callable[[str, bytes], Awaitable[None]]
    damage: Callable[[str], Awaitable[None]]


def new_workflow(shard: int | None = None) -> str:
    """A workflow id never used before, of a shard when one is given."""
    while True:
        workflow_id = ids.mint_workflow_id(NOW_MS, next(_numbers) * 0x9E3779B97F4A7C15)
        if shard is None or ids.shard_of(workflow_id, SHARDS) == shard:
            return workflow_id


def started(workflow_id: str, **more: Any) -> Commit:
    event = ev.WorkflowStarted(name="order", definition_version=1, definition_hash="d", **more)
    return commit(workflow_id, 1, event)


def commit(workflow_id: str, version: int, *events: ev.WorkflowEvent, previous: str = "") -> Commit:
    return Commit(
        commit_id=f"commit-{next(_numbers)}",
        workflow_id=workflow_id,
        first_version=version,
        time_ms=NOW_MS,
        events=events,
        previous=previous,
    )


async def append_many(log: EventLog, workflow_id: str, count: int) -> list[Appended]:
    """A chain of `count` commits."""
    done = [await log.append(started(workflow_id), expected=0)]
    for version in range(2, count + 1):
        change = ev.VariablesSet(variables={"at": version})
        last = done[-1]
        body = commit(workflow_id, version, change, previous=last.digest)
        done.append(await log.append(body, expected=last.position))
    return done


async def followed(log: EventLog, count: int, **options: Any) -> list[Record]:
    """The first `count` records that a follower gets, or more if they came at once."""
    found: list[Record] = []
    async with aclosing(log.follow(**options)) as batches:  # type: ignore[type-var]
        while len(found) < count:
            batch = await anext(batches)
            assert batch, "a batch is never empty"
            found += batch
    return found


def positions(records: list[Record]) -> list[int]:
    return [record.position for record in records]


class LogContract:
    """Subclasses give a `harness` fixture."""

    async def test_a_commit_is_read_back_as_it_was_appended(self, harness: Harness) -> None:
        body = started(new_workflow(), input={"a": [1, {"b": None}]}, priority=3)
        done = await harness.log.append(body, expected=0)
        [record] = await harness.log.read(body.workflow_id)
        assert record.commit == body
        assert (record.position, record.digest) == (done.position, done.digest)
        assert record.workflow_id == body.workflow_id

    async def test_an_append_behind_the_last_commit_is_a_conflict(self, harness: Harness) -> None:
        workflow_id = new_workflow()
        first, second = await append_many(harness.log, workflow_id, 2)
        for expected in (0, first.position):
            with pytest.raises(AppendConflict):
                await harness.log.append(commit(workflow_id, 3), expected=expected)
        assert positions(await harness.log.read(workflow_id)) == [first.position, second.position]

    async def test_an_append_after_a_commit_that_is_not_there_is_a_conflict(
        self, harness: Harness
    ) -> None:
        done = await harness.log.append(started(new_workflow()), expected=0)
        with pytest.raises(AppendConflict):
            await harness.log.append(started(new_workflow()), expected=done.position)

    async def test_the_same_commit_again_is_a_success_at_the_same_place(
        self, harness: Harness
    ) -> None:
        body = started(new_workflow())
        first = await harness.log.append(body, expected=0)
        assert await harness.log.append(body, expected=0) == first
        assert len(await harness.log.read(body.workflow_id)) == 1

    async def test_the_same_commit_again_is_found_under_later_ones(self, harness: Harness) -> None:
        body = started(new_workflow())
        first = await harness.log.append(body, expected=0)
        next_one = commit(body.workflow_id, 2, ev.WorkflowPaused(), previous=first.digest)
        await harness.log.append(next_one, expected=first.position)
        assert await harness.log.append(body, expected=0) == first

    async def test_of_two_writers_with_one_expectation_one_wins(self, harness: Harness) -> None:
        workflow_id = new_workflow()
        attempts = [harness.log.append(started(workflow_id), expected=0) for _ in range(20)]
        results = await asyncio.gather(*attempts, return_exceptions=True)
        assert sum(isinstance(result, Appended) for result in results) == 1
        assert sum(isinstance(result, AppendConflict) for result in results) == 19
        assert len(await harness.log.read(workflow_id)) == 1

    async def test_reading_starts_after_a_position(self, harness: Harness) -> None:
        workflow_id = new_workflow()
        done = await append_many(harness.log, workflow_id, 600)
        every = [one.position for one in done]
        assert positions(await harness.log.read(workflow_id)) == every
        assert positions(await harness.log.read(workflow_id, after=every[2])) == every[3:]
        assert await harness.log.read(workflow_id, after=every[-1]) == []

    async def test_a_workflow_that_never_was_has_no_commits(self, harness: Harness) -> None:
        await harness.log.append(started(new_workflow()), expected=0)
        assert await harness.log.read(new_workflow()) == []
        assert await harness.log.head(new_workflow()) is None

    async def test_the_head_is_the_last_commit(self, harness: Harness) -> None:
        workflow_id = new_workflow()
        done = await append_many(harness.log, workflow_id, 3)
        await append_many(harness.log, new_workflow(), 1)
        head = await harness.log.head(workflow_id)
        assert head is not None
        assert (head.position, head.digest) == (done[-1].position, done[-1].digest)

    async def test_the_end_is_the_last_position_of_all(self, harness: Harness) -> None:
        assert await harness.log.end() == 0
        await append_many(harness.log, new_workflow(), 2)
        last = await harness.log.append(started(new_workflow()), expected=0)
        assert await harness.log.end() == last.position

    async def test_following_gives_what_is_there_in_log_order(self, harness: Harness) -> None:
        bodies = [started(new_workflow()) for _ in range(1500)]
        done = await asyncio.gather(*(harness.log.append(body, expected=0) for body in bodies))
        found = await followed(harness.log, 1500, after=0)
        assert positions(found) == sorted(one.position for one in done)
        after = positions(found)[1000]
        rest = await followed(harness.log, 499, after=after)
        assert positions(rest) == positions(found)[1001:]

    async def test_following_waits_for_what_is_new(self, harness: Harness) -> None:
        [old] = await append_many(harness.log, new_workflow(), 1)
        waiting = asyncio.create_task(followed(harness.log, 2, after=old.position))
        await asyncio.sleep(0)
        bodies = [started(new_workflow()) for _ in range(2)]
        done = [await harness.log.append(body, expected=0) for body in bodies]
        found = await waiting
        assert positions(found) == [one.position for one in done]
        assert [record.commit for record in found] == bodies

    async def test_following_shards_leaves_out_the_others(self, harness: Harness) -> None:
        mine = [new_workflow(shard) for shard in (3, 5, 3)]
        for workflow_id in (mine[0], new_workflow(4), mine[1], new_workflow(0), mine[2]):
            await harness.log.append(started(workflow_id), expected=0)
        found = await followed(harness.log, 3, after=0, shards=(3, 5))
        assert [record.workflow_id for record in found] == mine

    async def test_following_beyond_the_end_is_refused(self, harness: Harness) -> None:
        [only] = await append_many(harness.log, new_workflow(), 1)
        with pytest.raises(LogTruncated):
            await followed(harness.log, 1, after=only.position + 1)

    async def test_large_values_are_put_back_where_they_were(self, harness: Harness) -> None:
        workflow_id = new_workflow()
        events = (
            ev.WorkflowStarted(
                name="n", definition_version=1, definition_hash="d", input={"in": LARGE}
            ),
            ev.VariablesSet(variables={"v": LARGE, "small": 1}),
            ev.TaskScheduled(
                ordinal=1,
                seq=1,
                ref="a",
                task_type="SIMPLE",
                input={"small": 2},
                output={"o": LARGE},
            ),
        )
        body = commit(workflow_id, 1, *events)
        done = await harness.log.append(body, expected=0)
        [read] = await harness.log.read(workflow_id)
        head = await harness.log.head(workflow_id)
        [met] = await followed(harness.log, 1, after=0)
        assert read.commit == body
        assert head == read
        assert met == read
        assert read.digest == done.digest

    async def test_following_without_payloads_shows_where_they_are(self, harness: Harness) -> None:
        body = started(new_workflow(), input={"in": LARGE}, variables={"small": 1})
        done = await harness.log.append(body, expected=0)
        [met] = await followed(harness.log, 1, after=0, payloads=False)
        event = met.commit.events[0]
        assert isinstance(event, ev.WorkflowStarted)
        assert (event.input, event.variables) == ({}, {"small": 1})
        [ref] = met.commit.blobs
        assert (ref.event, ref.field) == (0, "input")
        assert ref.size == len(msgspec.json.encode({"in": LARGE}))
        assert met.digest == done.digest

    async def test_a_missing_large_value_stops_its_workflow_only(self, harness: Harness) -> None:
        body = started(new_workflow(), input={"in": LARGE})
        await harness.log.append(body, expected=0)
        sound = started(new_workflow())
        await harness.log.append(sound, expected=0)
        [met, _] = await followed(harness.log, 2, after=0, payloads=False)
        await harness.damage(met.commit.blobs[0].sha256)
        broken, whole = await followed(harness.log, 2, after=0)
        assert isinstance(broken.body, Unreadable)
        assert "missing" in broken.body.problem
        assert whole.commit == sound

    async def test_a_commit_too_large_for_a_message_is_refused(self, harness: Harness) -> None:
        lines = (("x" * (COMMIT_MAX_BYTES + 1), NOW_MS),)
        body = commit(new_workflow(), 1, ev.TaskLogged(ordinal=1, lines=lines))
        with pytest.raises(CommitTooLarge):
            await harness.log.append(body, expected=0)
        assert await harness.log.read(body.workflow_id) == []

    async def test_a_commit_that_cannot_be_read_stops_its_workflow_only(
        self, harness: Harness
    ) -> None:
        hostile, sound = new_workflow(), started(new_workflow())
        good = msgspec.to_builtins(started(hostile))
        strange = [
            b"\x00not json",
            msgspec.json.encode(good | {"events": [{"type": "what.is.this"}]}),
        ]
        for stored in strange:
            await harness.store(hostile, stored)
        await harness.log.append(sound, expected=0)
        found = await followed(harness.log, 3, after=0)
        assert [isinstance(record.body, Unreadable) for record in found] == [True, True, False]
        assert [record.body.stored for record in found[:2]] == strange  # type: ignore[union-attr]
        assert found[2].commit == sound
        with pytest.raises(ValueError, match=r"what\.is\.this"):
            _ = (await harness.log.read(hostile))[1].commit

    async def test_the_chain_of_what_was_appended_holds(self, harness: Harness) -> None:
        workflow_id = new_workflow()
        await append_many(harness.log, workflow_id, 5)
        assert verify(await harness.log.read(workflow_id)) is None

    async def test_the_state_of_a_workflow_is_loaded_and_carried_on(self, harness: Harness) -> None:
        workflow_id = new_workflow()
        assert (await load_state(harness.log, workflow_id)).state is None
        done = await append_many(harness.log, workflow_id, 3)
        loaded = await load_state(harness.log, workflow_id)
        assert loaded.state is not None
        assert (loaded.state.version, loaded.state.variables) == (3, {"at": 3})
        assert (loaded.position, loaded.digest) == (done[-1].position, done[-1].digest)
        pause = commit(workflow_id, 4, ev.WorkflowPaused(), previous=loaded.digest)
        last = await harness.log.append(pause, expected=loaded.position)
        onward = await load_state(harness.log, workflow_id, start=loaded)
        assert onward == await load_state(harness.log, workflow_id)
        assert (onward.position, onward.digest) == (last.position, last.digest)
