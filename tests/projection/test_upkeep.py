"""Rebuilds are compared with the model in use; the one before can be put in use again."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.projection.conftest import find, names, rebuild_is, rows_at, running, until
from tests.projection.histories import finished
from tests.projection.test_rebuild import rows, write_all_kinds

from firmus.eventlog.memory import MemoryLog
from firmus.projection import life as life_module
from firmus.projection import store, upkeep
from firmus.projection.folder import ReadModelFolder
from firmus_contracts.errors import Refusal


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "projection"


def spoil(file: Path, *statements: str) -> None:
    """What a fault in an earlier build may have left in the rows."""
    with closing(sqlite3.connect(file)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


SPOILT = (
    "UPDATE workflows SET status = 'RUNNING' WHERE workflow_type = 'flow'",
    "DELETE FROM tasks WHERE task_type = 'b'",
)


async def test_an_equal_model_is_found_equal(make, log: MemoryLog) -> None:
    async with running(make()) as service:
        await rows_at(service, await write_all_kinds(log))
        await service.upkeep().rebuild("strict")
        done = await rebuild_is(service, state="done")
    assert done.comparison is not None
    assert (done.comparison.position, done.comparison.different) == (await log.end(), 0)
    assert [(it.table, it.new_rows) for it in done.comparison.tables] == [
        ("workflows", 4), ("tasks", 5), ("stopped", 1), ("attributes", 0),
    ]  # fmt: skip
    assert all(it.digest == it.new_digest for it in done.comparison.tables)


async def test_differences_are_told_and_the_log_is_believed(
    make, log: MemoryLog, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(make()) as service:
        await rows_at(service, await write_all_kinds(log))
        spoil(folder / "readmodel-1.db", *SPOILT)
        assert (await find(service, "workflowType=flow AND status=RUNNING")).total_hits == 1
        await service.upkeep().rebuild()
        done = await rebuild_is(service, state="done")
        assert (await find(service, "workflowType=flow AND status=COMPLETED")).total_hits == 1
    assert done.comparison is not None
    assert {it.table: it.different for it in done.comparison.tables if it.different} == {
        "workflows": 1, "tasks": 1,
    }  # fmt: skip
    assert "found differences" in caplog.text


async def test_a_strict_rebuild_leaves_a_model_that_differs_in_use(
    make, log: MemoryLog, folder: Path
) -> None:
    async with running(make()) as service:
        await rows_at(service, await write_all_kinds(log))
        spoil(folder / "readmodel-1.db", *SPOILT)
        await service.upkeep().rebuild("strict")
        held = await rebuild_is(service, state="held")
        assert "workflows: 1 rows" in held.problem
        assert (await find(service, "workflowType=flow AND status=RUNNING")).total_hits == 1
        last = await finished(log, 9)
        await rows_at(service, last.position)
    assert not (folder / "readmodel-2.db").exists()


async def test_a_difference_to_a_model_of_another_build_is_expected(
    make, log: MemoryLog, folder: Path
) -> None:
    async with running(make()) as service:
        await rows_at(service, await write_all_kinds(log))
        spoil(folder / "readmodel-1.db", *SPOILT)
        spoil(folder / "readmodel-1.db", "UPDATE progress SET value = 'x' WHERE key = 'made by'")
        await service.upkeep().rebuild("strict")
        done = await rebuild_is(service, state="done")
    assert done.comparison is not None
    assert (done.comparison.different, bool(done.comparison.expected)) == (2, True)


async def test_a_rollback_puts_the_model_before_in_use_and_it_catches_up(
    make, log: MemoryLog, folder: Path
) -> None:
    async with running(make()) as service:
        await rows_at(service, await write_all_kinds(log))
        await service.upkeep().rebuild()
        await rebuild_is(service, state="done")
        await rows_at(service, (await finished(log, 9, name="after")).position)
        begun = await service.upkeep().roll_back()
        assert (begun.model, begun.kind) == (1, "catch_up")
        await rebuild_is(service, model=1, state="done")
        last = await finished(log, 10, name="later")
        await rows_at(service, last.position)
        assert (await find(service, "workflowType IN (after,later)")).total_hits == 2
        status = await service.status()
        assert (status.current and status.current.model, status.kept and status.kept.model) == (
            1,
            2,
        )
        await service.upkeep().rebuild("strict")
        await rebuild_is(service, model=3, state="done")
    assert rows(folder / "readmodel-1.db") == rows(folder / "readmodel-3.db")
    assert not (folder / "readmodel-2.db").exists()


async def test_a_rollback_can_be_rolled_back_also_after_a_restart(make, log: MemoryLog) -> None:
    async with running(make()) as service:
        await rows_at(service, (await finished(log, 1)).position)
        await service.upkeep().rebuild()
        await rebuild_is(service, state="done")
        await service.upkeep().roll_back()
        await rebuild_is(service, model=1, state="done")
    async with running(make()) as service:
        await rows_at(service, (await finished(log, 2)).position)
        await service.upkeep().roll_back()
        await rebuild_is(service, model=2, state="done")
        assert len(await names(service)) == 2


async def test_of_two_that_roll_back_at_once_one_does(make, log: MemoryLog) -> None:
    async with running(make()) as service:
        await rows_at(service, (await finished(log, 1)).position)
        await service.upkeep().rebuild()
        await rebuild_is(service, state="done")
        answers = await asyncio.gather(
            *(service.upkeep().roll_back() for _ in range(3)), return_exceptions=True
        )
        refused = [it for it in answers if isinstance(it, Refusal)]
        assert [it.code for it in refused] == ["CONFLICT", "CONFLICT"]
        await rebuild_is(service, model=1, kind="catch_up", state="done")


async def test_what_comes_while_a_model_catches_up_is_found_by_its_words(
    make, log: MemoryLog
) -> None:
    async with running(make()) as service:
        await rows_at(service, (await finished(log, 1)).position)
        await service.upkeep().rebuild()
        await rebuild_is(service, state="done")
        last = await finished(log, 2, name="meanwhile")
        await rows_at(service, last.position)
        await service.upkeep().roll_back()
        await rebuild_is(service, model=1, state="done")

        async def found() -> bool:
            return (await find(service, free_text="meanwhile")).total_hits == 1

        await until("its words", found)


async def test_whoever_asks_anew_does_not_hear_of_the_one_before(
    make, log: MemoryLog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(make()) as service:
        await rows_at(service, (await finished(log, 1)).position)
        monkeypatch.setattr(store, "PRAGMAS", (*store.PRAGMAS, "max_page_count = 2"))
        await service.upkeep().rebuild()
        await rebuild_is(service, state="failed")
        await until("nothing left", lambda: not list(folder.glob("readmodel-2.db*")))
        monkeypatch.undo()
        again = await service.upkeep().rebuild()
        assert service.upkeep().progress == again


async def test_without_a_kept_model_nothing_is_rolled_back(make, log: MemoryLog) -> None:
    async with running(make()) as service:
        await rows_at(service, (await finished(log, 1)).position)
        with pytest.raises(Refusal) as refused:
            await service.upkeep().roll_back()
        assert refused.value.code == "NOT_FOUND"
        await service.upkeep().rebuild()
        await rebuild_is(service, state="done")
        await service.upkeep().drop_kept()
        assert (await service.status()).kept is None
        with pytest.raises(Refusal):
            await service.upkeep().roll_back()
        await service.upkeep().drop_kept()


async def test_a_kept_model_of_another_schema_is_refused(
    make, log: MemoryLog, folder: Path
) -> None:
    async with running(make()) as service:
        await rows_at(service, (await finished(log, 1)).position)
        await service.upkeep().rebuild()
        await rebuild_is(service, state="done")
        spoil(folder / "readmodel-1.db", "PRAGMA user_version = 1")
        with pytest.raises(Refusal, match="schema 1") as refused:
            await service.upkeep().roll_back()
        assert refused.value.code == "ILLEGAL_STATE"
        await rows_at(service, (await finished(log, 2)).position)
        assert (await service.status()).current.model == 2  # type: ignore[union-attr]


@pytest.mark.nats
async def test_a_model_far_behind_the_events_catches_up_beside(
    make, log: MemoryLog, publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a rollback leaves it that was killed, or an instance that stood still for long."""
    one, two = tmp_path / "one", tmp_path / "two"
    async with running(make(folder=one, publisher=publisher)) as service:
        await rows_at(service, await write_all_kinds(log))
    async with running(make(folder=two, publisher=publisher)) as service:
        for number in range(20, 30):
            last = await finished(log, number)
        await rows_at(service, last.position)
        await publisher.drained()
    monkeypatch.setattr(life_module, "CATCH_UP_MAX", 3)
    async with running(make(folder=one, publisher=publisher)) as service:
        assert (await rebuild_is(service, kind="catch_up", state="done")).model == 1
        await rows_at(service, (await finished(log, 30)).position)
        await service.upkeep().rebuild("strict")
        await rebuild_is(service, model=2, state="done")
    assert rows(one / "readmodel-1.db") == rows(one / "readmodel-2.db")


async def test_a_full_disk_ends_a_rebuild_and_nothing_else(
    make, log: MemoryLog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(make()) as service:
        for number in range(1, 100):
            last = await finished(log, number)
        await rows_at(service, last.position)
        # SQLite itself says of a new file of more pages what it says of a full disk.
        monkeypatch.setattr(store, "PRAGMAS", (*store.PRAGMAS, "max_page_count = 40"))
        await service.upkeep().rebuild()
        failed = await rebuild_is(service, state="failed")
        assert "full" in failed.problem
        last = await finished(log, 100)
        await rows_at(service, last.position)
        assert (await find(service)).total_hits == 100
    assert not list(folder.glob("readmodel-2.db*"))


async def test_a_rebuild_without_room_is_refused_after_the_kept_one_went(
    make, log: MemoryLog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(make()) as service:
        await rows_at(service, (await finished(log, 1)).position)
        await service.upkeep().rebuild()
        await rebuild_is(service, state="done")
        monkeypatch.setattr(upkeep, "ROOM", 1e12)
        with pytest.raises(Refusal, match="too few") as refused:
            await service.upkeep().rebuild()
        assert refused.value.code == "ILLEGAL_STATE"
        assert not (folder / "readmodel-1.db").exists()


def test_a_swap_that_was_cut_off_at_any_step_leaves_one_of_the_two_in_use(folder: Path) -> None:
    models = ReadModelFolder(folder)
    for number in (1, 2, 3):
        models.open(number).close()
    models.promote(1)
    for number in (2, 3):
        models.open(number).close()
    models.promote(2)
    pointer = (folder / "current").read_bytes()
    models.open(3).close()
    (folder / "current.new").write_bytes(b"readmodel-3.db")  # half a line of the next pointer
    assert (models.current(), models.kept()) == (2, 1)
    models.promote(3)
    (folder / "readmodel-1.db").touch()  # the pointer is there, the oldest not removed yet
    models.remove_unfinished()
    assert sorted(it.name for it in folder.glob("*.db")) == ["readmodel-2.db", "readmodel-3.db"]
    (folder / "current").write_bytes(pointer)
    assert (models.current(), models.kept()) == (2, None)
