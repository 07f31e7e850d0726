"""A rebuild gives the same rows as the live read model, while the log goes on."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from tests.projection.conftest import find, names, rebuild_is, rows_at, running
from tests.projection.histories import (
    EVENTS_OF_FINISHED,
    History,
    finished,
    scheduled,
    unreadable_commit,
)

from firmus.eventlog.memory import MemoryLog
from firmus.projection import life as life_module
from firmus.projection.folder import ReadModelFolder
from firmus.projection.publisher import EventsPublisher
from firmus.projection.views import TASK_COLUMNS, WORKFLOW_COLUMNS
from firmus_contracts import events as ev
from firmus_contracts.errors import Refusal


def rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that is the same in every read model of a log; the numbers of transactions are not."""
    with sqlite3.connect(path) as connection:
        tables = {
            table: connection.execute(f"SELECT {columns} FROM {table} ORDER BY 1").fetchall()
            for table, columns in (
                ("workflows", ", ".join(WORKFLOW_COLUMNS)),
                ("tasks", ", ".join(TASK_COLUMNS)),
                ("stopped", "*"),
            )
        }
    connection.close()
    return tables


async def write_all_kinds(log: MemoryLog) -> int:
    """Workflows in every shape: ended, running, paused, failed with a retry, unreadable."""
    await finished(log, 1)
    running_one = History(log, 2, name="running")
    await running_one.start({"deep": [1, {"a": None}]}, correlation_id="c", priority=3)
    await running_one.commit(scheduled("a", 1), scheduled("b", 2))
    paused = History(log, 3, name="paused")
    await paused.start()
    await paused.commit(ev.WorkflowPaused())
    failed = History(log, 4, name="failed")
    await failed.start()
    await failed.commit(scheduled("a", 1))
    await failed.commit(ev.TaskFailed(ordinal=1, reason="no"), scheduled("a", 2, retried=1))
    await failed.commit(ev.TaskFailed(ordinal=2, reason="no", terminal_error=True))
    await failed.commit(ev.WorkflowFailed(reason="no", failed_refs=("a",), failed_names=("a",)))
    log.store(failed.workflow_id, unreadable_commit(failed.workflow_id, failed.version + 1))
    gone = await finished(log, 5, name="gone")
    await gone.commit(ev.WorkflowRemoved())
    return await log.end()


async def rebuilt(service) -> None:
    model = (await service.upkeep().rebuild()).model
    await rebuild_is(service, model=model, state="done")


async def test_a_rebuild_gives_the_same_rows(make, log: MemoryLog, tmp_path: Path) -> None:
    folder = tmp_path / "projection"
    async with running(make()) as service:
        await rows_at(service, await write_all_kinds(log))
        live = rows(folder / "readmodel-1.db")
        await rebuilt(service)
        progress = (await service.status()).rebuild
        assert (progress.commits, progress.position) == (await log.end(), await log.end())
    assert (folder / "current").read_text().split() == ["readmodel-2.db", "readmodel-1.db"]
    again = rows(folder / "readmodel-2.db")
    assert again == live
    assert {table: len(found) for table, found in again.items()} == {
        "workflows": 4, "tasks": 5, "stopped": 1,
    }  # fmt: skip


async def test_a_rebuild_under_load_loses_nothing(make, log: MemoryLog, tmp_path: Path) -> None:
    async with running(make()) as service:
        await service.active.wait()
        histories = [await finished(log, number) for number in range(1, 200)]
        task = asyncio.create_task(rebuilt(service))
        number = 200
        while not task.done():
            histories.append(await finished(log, number))
            number += 1
            await asyncio.sleep(0.001)  # a writer in a loop of its own would not starve the others
        await task
        histories.append(await finished(log, number))
        await rows_at(service, histories[-1].position)
        assert (await find(service, "status=COMPLETED")).total_hits == len(histories)
        assert (await find(service, "status=COMPLETED", what="tasks")).total_hits == len(histories)
        swapped = rows(tmp_path / "projection" / "readmodel-2.db")
        await rebuilt(service)
        assert rows(tmp_path / "projection" / "readmodel-3.db") == swapped


@pytest.mark.nats
async def test_sudden_stops_lose_and_repeat_nothing(
    make, log, wire, events, *, tmp_path: Path, monkeypatch
) -> None:
    """Stopped as a crash stops it: nothing is settled, wherever it stands."""
    monkeypatch.setattr(life_module.Life, "_settle", _nothing)
    histories = []
    for number in range(1, 13):
        publisher = await EventsPublisher.open(wire)
        async with running(make(publisher=publisher)) as service:
            await service.active.wait()
            histories.append(await finished(log, number))
            for _ in range(number):
                await asyncio.sleep(0)
        await publisher.close()
    publisher = await EventsPublisher.open(wire)
    async with running(make(publisher=publisher)) as service:
        histories.append(await finished(log, 100))
        await rows_at(service, histories[-1].position)
        await rebuilt(service)
        await publisher.drained()
    await publisher.close()
    wanted = [f"{it.workflow_id}/{v}" for it in histories for v in range(1, it.version + 1)]
    assert await events.ids() == wanted
    folder = tmp_path / "projection"
    assert rows(folder / "readmodel-1.db") == rows(folder / "readmodel-2.db")


async def _nothing(*_: object) -> None:
    pass


async def test_a_rebuild_of_an_empty_log_ends(make) -> None:
    async with running(make()) as service:
        await service.active.wait()
        await rebuilt(service)
        assert await names(service) == []


async def test_only_one_rebuild_runs_at_a_time(make, log: MemoryLog) -> None:
    async with running(make()) as service:
        await service.active.wait()
        await service.upkeep().rebuild()
        with pytest.raises(Refusal, match="running"):
            await service.upkeep().rebuild()


@pytest.mark.nats
async def test_a_rebuild_publishes_nothing(make, log, publisher, events) -> None:
    async with running(make(publisher=publisher)) as service:
        history = await finished(log, 1)
        await rows_at(service, history.position)
        await rebuilt(service)
        history = await finished(log, 2)
        await rows_at(service, history.position)
        await publisher.drained()
    assert await events.count() == 2 * EVENTS_OF_FINISHED


@pytest.mark.nats
async def test_a_lost_model_is_built_beside_and_does_not_delay_events(
    make, log, publisher, events, *, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(life_module, "CATCH_UP_MAX", 3)
    async with running(make(folder=tmp_path / "one", publisher=publisher)) as service:
        await rows_at(service, (await finished(log, 1)).position)
    async with running(make(folder=tmp_path / "two", publisher=publisher)) as service:
        last = await finished(log, 2)
        await rows_at(service, last.position)
        assert len(await names(service)) == 2
        last = await finished(log, 3)
        await rows_at(service, last.position)
        assert len(await names(service)) == 3
    assert await events.count() == 3 * EVENTS_OF_FINISHED


async def test_the_model_before_is_kept_and_can_be_used_again(
    make, log: MemoryLog, tmp_path: Path
) -> None:
    history = await finished(log, 1)
    async with running(make()) as service:
        await rows_at(service, history.position)
        await rebuilt(service)
        await rebuilt(service)
        history = await finished(log, 2)
        await rows_at(service, history.position)
    folder = ReadModelFolder(tmp_path / "projection")
    assert folder.current() == 3
    assert not (tmp_path / "projection" / "readmodel-1.db").exists()
    assert folder.exchange() == 2
    async with running(make()) as service:
        await rows_at(service, history.position)
        assert len(await names(service)) == 2
    assert folder.current() == 2


async def test_what_a_cut_off_rebuild_left_is_removed(make, log, tmp_path: Path) -> None:
    async with running(make()) as service:
        await rows_at(service, (await finished(log, 1)).position)
    left = tmp_path / "projection" / "readmodel-2.db"
    left.write_bytes(b"half")
    async with running(make()) as service:
        await service.active.wait()
        assert not left.exists()
