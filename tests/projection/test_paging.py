"""Paging by place: every row once and in order, however the rows compare and whatever comes between."""

import sqlite3
from pathlib import Path

import msgspec
import pytest
from tests.projection.conftest import WAIT_S, find, rows_at, running
from tests.projection.histories import finished
from tests.projection.stores import STORES, opened
from tests.projection.test_query import put, searched, summary

from firmus.eventlog.memory import MemoryLog
from firmus.ports import LATEST
from firmus.projection.fields import TASKS, WORKFLOWS, Searchable
from firmus.projection.finding import find as find_in
from firmus.projection.paging import after
from firmus.projection.port import Found, ReadModel
from firmus.projection.query import Compiled, compile_search
from firmus.projection.store import SqliteModel
from firmus_contracts.errors import Refusal

SORTS = ["", "startTime:ASC", "startTime:DESC", "correlationId:ASC", "correlationId:DESC",
         "status:ASC|startTime:DESC", "correlationId:DESC|status:ASC", "executionTime:DESC"]  # fmt: skip


def rows(count: int) -> list[dict]:
    return [
        {
            "workflow_id": f"id-{n:03}",
            "start_ms": n // 4,
            "end_ms": n if n % 2 else None,
            "status": "FAILED" if n % 3 else "RUNNING",
            "correlation_id": None if n % 5 == 0 else f"c{n % 4}",
            "summary": summary(f"id-{n:03}"),
        }
        for n in range(count)
    ]


@pytest.fixture(params=STORES)
def model(request, tmp_path: Path):
    with opened(request.param, tmp_path) as models:
        model = models.open(1)
        put(model, rows(40))
        yield model
        model.close()


def walk(model: ReadModel, sort: str, size: int) -> list[str]:
    what = searched(model)
    plain = compile_search(what, query="", free_text="*", sort=sort)
    seen: list[str] = []
    compiled = plain
    while True:
        page = model.find(what, compiled, start=0, size=size)
        assert page.total_hits == 40
        seen += [msgspec.json.decode(row)["key"] for row in page.summaries]
        if not page.next:
            return seen
        compiled = after(plain, page.next)


@pytest.mark.parametrize("size", [1, 7, 20, 39, 40, 41])
@pytest.mark.parametrize("sort", SORTS)
def test_pages_put_together_are_the_whole_in_order(model: ReadModel, sort: str, size: int) -> None:
    assert walk(model, sort, size) == walk(model, sort, 1000)
    assert len(set(walk(model, sort, size))) == 40


def test_rows_that_come_meanwhile_repeat_nothing(model: ReadModel) -> None:
    what = searched(model)
    compiled = compile_search(what, query="", free_text="*", sort="startTime:DESC")
    first = model.find(what, compiled, start=0, size=10)
    put(model, [{"workflow_id": f"new-{n}", "start_ms": 99} for n in range(5)])

    second = model.find(what, after(compiled, first.next), start=0, size=10)
    assert [msgspec.json.decode(row)["key"] for row in first.summaries][-1] == "id-030"
    assert msgspec.json.decode(second.summaries[0])["key"] == "id-029"


def plan(model: SqliteModel, what: Searchable, search: Compiled) -> list[str]:
    conditions = " AND ".join(f"({it})" for it in (search.where, search.behind) if it)
    found = model._writer.execute(
        f"EXPLAIN QUERY PLAN SELECT rowid FROM {what.table} WHERE {conditions}"
        f" ORDER BY {search.order}",
        (*search.parameters, *search.behind_parameters),
    )
    return [row[3] for row in found]


def test_a_deep_page_begins_at_its_place_in_an_index(tmp_path: Path) -> None:
    model = SqliteModel(tmp_path / "readmodel-1.db")
    put(model, rows(40))
    compiled = compile_search(WORKFLOWS, query="", free_text="*", sort="")
    token = model.find(WORKFLOWS, compiled, start=0, size=10).next
    steps = plan(model, WORKFLOWS, after(compiled, token))
    assert "SEARCH workflows USING COVERING INDEX workflows_start (start_ms<?)" in steps[0]
    model.close()


@pytest.mark.parametrize(
    "query", ["taskType=t", "taskType=t AND status=FAILED", "status=FAILED", "taskDefName=t"]
)
def test_the_newest_tasks_of_a_kind_are_in_the_order_of_an_index(
    tmp_path: Path, query: str
) -> None:
    """Whoever has a million tasks of a type does not wait until they are sorted."""
    model = SqliteModel(tmp_path / "readmodel-1.db")
    compiled = compile_search(TASKS, query=query, free_text="*", sort="")
    steps = plan(model, TASKS, compiled)
    assert steps[0].startswith("SEARCH tasks USING COVERING INDEX tasks_")
    assert "USE TEMP B-TREE FOR ORDER BY" not in steps
    model.close()


@pytest.mark.parametrize(
    "token", ["x", "####", "W10=", "eyJhIjoxfQ==", "WzEsMiwzXQ==", "WzEsWzFdXQ=="]
)
def test_a_token_of_something_else_is_refused(token: str) -> None:
    compiled = compile_search(WORKFLOWS, query="", free_text="*", sort="")
    with pytest.raises(Refusal, match="searchAfter"):
        after(compiled, token)


async def test_a_search_waits_for_what_the_log_held_when_it_was_asked(make, log: MemoryLog) -> None:
    service = make()
    async with running(service):
        await service.active.wait()
        for number in range(1, 4):
            history = await finished(log, number)
            page = await find(service, at_least=LATEST, wait_s=10.0)
            assert (page.total_hits, page.position, page.lag) == (number, history.position, 0)


async def test_a_wait_for_a_position_that_is_not_there_ends_with_what_is(make, log) -> None:
    service = make()
    async with running(service):
        await rows_at(service, (await finished(log, 1)).position)
        page = await find(service, at_least=10**6, wait_s=0.01)
        assert page.total_hits == 1


def test_the_number_of_hits_and_the_place_are_of_the_moment_of_the_page(tmp_path: Path) -> None:
    """A row comes when SQLite is about to count, one moves when it is about to look for a place."""
    model = SqliteModel(tmp_path / "rows.db")

    def update(number: int, time_ms: int) -> None:
        row = {"workflow_id": str(number), "update_ms": time_ms, "summary": summary(str(number))}
        put(model, [row])

    update(1, 1)
    update(2, 2)
    reader = sqlite3.connect(model.path, isolation_level=None)

    def meanwhile(statement: str) -> None:
        if statement.startswith("SELECT count"):
            update(3, 3)
        elif "WHERE rowid" in statement:
            update(2, 4)

    def keys(search: Compiled) -> tuple[list[str], Found]:
        page = find_in(reader, WORKFLOWS, search, start=0, size=2, timeout_s=WAIT_S)
        return [msgspec.json.decode(row)["key"] for row in page.summaries], page

    compiled = compile_search(WORKFLOWS, query="status=RUNNING", free_text="", sort="updateTime")
    reader.set_trace_callback(meanwhile)
    shown, page = keys(compiled)
    assert (shown, page.total_hits) == (["1", "2"], 2)
    reader.set_trace_callback(None)
    assert keys(after(compiled, page.next))[0] == ["3", "2"]
    reader.close()
    model.close()
