"""The service: rows follow the log, from any point, whatever happens to it."""

from pathlib import Path

import pytest
from tests.projection.conftest import OpenLease, find, names, rows_at, running, status_is
from tests.projection.histories import History, finished, scheduled, unreadable_commit

from firmus.eventlog.memory import MemoryLog
from firmus.ports import Unavailable
from firmus_contracts import events as ev
from firmus_contracts.errors import Refusal


async def test_rows_follow_the_log(make, log: MemoryLog) -> None:
    await finished(log, 1, name="before")
    async with running(make()) as service:
        history = await finished(log, 2, name="after")
        await rows_at(service, history.position)
        assert sorted(await names(service, "status=COMPLETED")) == ["after", "before"]
        assert (await find(service, "taskType=a", what="tasks")).total_hits == 2


async def test_a_restarted_service_goes_on_from_its_cursor(make, log: MemoryLog) -> None:
    history = History(log)
    await history.start()
    async with running(make()) as service:
        await rows_at(service, history.position)
    await history.run_task("a", 1)
    await history.complete()
    async with running(make()) as service:
        await rows_at(service, history.position)
        assert await names(service, "status=COMPLETED") == ["flow"]
        assert (await find(service, what="tasks")).total_hits == 1


async def test_a_clean_stop_writes_what_was_taken(make, log: MemoryLog, tmp_path: Path) -> None:
    from firmus.projection.store import SqliteModel

    async with running(make()) as service:
        await service.active.wait()
        history = await finished(log, 1)
        await status_is(service, position=history.position)
    model = SqliteModel(tmp_path / "projection" / "readmodel-1.db")
    assert model.rows_cursor().position == history.position
    model.close()


async def test_an_unreadable_commit_stops_its_workflow_and_no_other(
    make, log: MemoryLog, caplog: pytest.LogCaptureFixture
) -> None:
    bad = History(log, 1, name="bad")
    await bad.start()
    at = log.store(bad.workflow_id, unreadable_commit(bad.workflow_id, 2))
    log.store(bad.workflow_id, unreadable_commit(bad.workflow_id, 3))
    good = await finished(log, 2, name="good")
    async with running(make()) as service:
        await rows_at(service, good.position)
        assert await names(service, "status=COMPLETED") == ["good"]
        assert await names(service, "status=RUNNING") == ["bad"]
        assert await names(service, "stopped IS NOT NULL") == ["bad"]
        assert [(it.workflow_id, it.position) for it in (await service.status()).stopped] == [
            (bad.workflow_id, at)
        ]
    assert caplog.text.count("cannot be followed") == 1


async def test_a_gap_in_versions_stops_the_workflow(make, log: MemoryLog) -> None:
    history = History(log)
    await history.start()
    history.version += 1
    await history.commit(ev.WorkflowPaused())
    async with running(make()) as service:
        await rows_at(service, history.position)
        assert await names(service, "status=RUNNING") == ["flow"]
        assert "expected" in (await service.status()).stopped[0].problem


async def test_a_workflow_may_go_on_after_its_end_in_the_same_batch(make, log: MemoryLog) -> None:
    history = await finished(log, 1)
    await history.commit(ev.TaskLogged(ordinal=1, lines=(("late", 1),)))
    async with running(make()) as service:
        await rows_at(service, history.position)
        assert (await service.status()).stopped == []


async def test_rows_that_a_loop_no_longer_shows_are_removed(make, log: MemoryLog) -> None:
    history = History(log)
    await history.start()
    await history.commit(scheduled("loop", 1), scheduled("a__1", 2), scheduled("a__2", 3))
    async with running(make()) as service:
        await rows_at(service, history.position)
        assert (await find(service, what="tasks")).total_hits == 3
        await history.commit(ev.LoopAdvanced(ordinal=1, iteration=3, removed=(2,)))
        await history.commit(scheduled("a__3", 4))
        await history.commit(ev.LoopAdvanced(ordinal=1, iteration=4, removed=(3, 4)))
        await rows_at(service, history.position)
        assert (await find(service, what="tasks")).total_hits == 1


async def test_a_standby_takes_over_when_the_lease_is_lost(
    make, log: MemoryLog, tmp_path: Path
) -> None:
    first_lease = OpenLease()
    second_lease = OpenLease(first_lease._gate)
    async with running(make(lease=first_lease)) as first:
        await first.active.wait()
        async with running(make(lease=second_lease, folder=tmp_path / "other")) as second:
            with pytest.raises(Unavailable):
                await find(second)
            first_lease.take_away()
            await second.active.wait()
            await first.standby.wait()
            history = await finished(log, 1)
            await rows_at(second, history.position)
            with pytest.raises(Unavailable):
                await find(first)
            with pytest.raises(Refusal):
                first.upkeep()


async def test_a_model_that_shows_more_than_the_log_is_built_anew(make, log: MemoryLog) -> None:
    async with running(make()) as service:
        history = await finished(log, 1, name="lost")
        await rows_at(service, history.position)
    other = MemoryLog()
    history = await finished(other, 2, name="kept")
    async with running(make(log=other)) as service:
        await rows_at(service, history.position)
        assert await names(service) == ["kept"]


async def test_a_damaged_file_is_built_anew(make, log: MemoryLog, tmp_path: Path) -> None:
    history = await finished(log, 1)
    async with running(make()) as service:
        await rows_at(service, history.position)
    for file in (tmp_path / "projection").glob("readmodel-1.db*"):
        file.write_bytes(b"not a database" * 100)
    async with running(make()) as service:
        await rows_at(service, history.position)
        assert await names(service) == ["flow"]


async def test_the_classifier_of_the_definition_is_searched(make, log: MemoryLog) -> None:
    for number, name in enumerate(("class_x", "plain", "lost"), 1):
        last = await finished(log, number, name=name)
    async with running(make()) as service:
        await rows_at(service, last.position)
        assert await names(service, "classifier=class_x") == ["class_x"]
        assert sorted(await names(service, "classifier=workflow")) == ["lost", "plain"]


async def test_a_removed_workflow_vanishes_with_its_tasks(make, log: MemoryLog) -> None:
    kept, gone = await finished(log, 1, name="kept"), await finished(log, 2, name="gone")
    running_one = History(log, 3, name="running")
    await running_one.start()
    raised = ev.StateEventRaised(ordinal=1, transition="onScheduled", sink="nats:x")
    await running_one.commit(scheduled("a", 1), raised)
    async with running(make()) as service:
        await rows_at(service, running_one.position)
        await gone.commit(ev.WorkflowRemoved())
        await running_one.commit(ev.WorkflowRemoved())
        await running_one.commit(ev.StateEventSent(ordinal=1, version=3))
        await rows_at(service, running_one.position)
        assert await names(service) == ["kept"]
        assert (await find(service, what="tasks")).total_hits == 1
        assert (await service.status()).stopped == []
    assert kept.position < gone.position


async def test_search_still_lists_what_was_archived(make, log: MemoryLog) -> None:
    history = await finished(log, 1)
    await history.commit(ev.WorkflowRemoved(archived=True))
    async with running(make()) as service:
        await rows_at(service, history.position)
        assert await names(service, "status=COMPLETED") == ["flow"]
