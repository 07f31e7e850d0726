"""The full-text index: fed behind the rows, by a cursor of its own."""

from pathlib import Path

import msgspec
import pytest
from tests.projection.conftest import find, rebuild_is, rows_at, running, until
from tests.projection.histories import finished
from tests.projection.stores import STORES, opened
from tests.projection.test_query import put, searched, summary

from firmus.projection import word_index
from firmus.projection.cursors import EventsCursor, RowsCursor
from firmus.projection.port import ReadModel, ReadModels, RowBatch
from firmus.projection.postgres import word_index as postgres_word_index
from firmus.projection.query import compile_search
from firmus.projection.store import SqliteModel


def found(model: ReadModel, text: str) -> list[str]:
    what = searched(model)
    compiled = compile_search(what, query="", free_text=text, sort="startTime:ASC")
    page = model.find(what, compiled, start=0, size=100)
    return [msgspec.json.decode(row)["key"] for row in page.summaries]


def indexed(model: ReadModel) -> None:
    while model.index_words():
        pass


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "readmodel-1.db"


@pytest.fixture(params=STORES)
def models(request, tmp_path: Path):
    with opened(request.param, tmp_path) as models:
        yield models


@pytest.fixture
def model(models: ReadModels):
    model = models.open(1)
    yield model
    model.close()


def remove(model: ReadModel, *ids: str) -> None:
    model.begin()
    model.finish(RowBatch(removed_workflows=list(ids), cursor=RowsCursor(9), events=EventsCursor()))
    model.commit()


def test_rows_are_found_by_their_words_once_the_index_has_taken_them(model: ReadModel) -> None:
    put(model, [{"workflow_id": "a", "summary": summary("a", input="{city=Łódź}")}])
    assert found(model, "łódź") == []
    indexed(model)
    assert found(model, "łódź") == ["a"]


def test_a_row_that_changed_is_found_by_what_it_says_now(model: ReadModel) -> None:
    put(model, [{"workflow_id": "a", "summary": summary("a", output="first")}])
    indexed(model)
    put(model, [{"workflow_id": "a", "revision": 2, "summary": summary("a", output="second")}])
    indexed(model)
    assert (found(model, "first"), found(model, "second")) == ([], ["a"])


def test_more_rows_than_a_step_are_taken_in_several(model: ReadModel, monkeypatch) -> None:
    for module in (word_index, postgres_word_index):
        monkeypatch.setattr(module, "STEP_ROWS", 3)
    put(
        model,
        [{"workflow_id": f"id-{n}", "summary": summary(f"k{n}", input="x")} for n in range(8)],
    )
    assert model.index_words()
    assert len(found(model, "x")) == 3
    indexed(model)
    assert len(found(model, "x")) == 8


def test_what_is_removed_leaves_the_index_and_its_place_may_be_taken(model: ReadModel) -> None:
    put(model, [{"workflow_id": "a", "summary": summary("a", input="secret")}])
    indexed(model)
    remove(model, "a")
    put(model, [{"workflow_id": "b", "summary": summary("b", input="other")}])
    indexed(model)
    assert (found(model, "secret"), found(model, "other")) == ([], ["b"])
    left = model._words._connection.execute("SELECT count(*) FROM workflow_words").fetchone()  # type: ignore[attr-defined]
    assert left == (1,)


def test_the_index_goes_on_where_it_was(models: ReadModels) -> None:
    first = models.open(1)
    put(first, [{"workflow_id": "a", "summary": summary("a", input="x")}])
    indexed(first)
    put(first, [{"workflow_id": "b", "summary": summary("b", input="x")}])
    first.close()
    second = models.open(1)
    assert found(second, "x") == ["a"]
    indexed(second)
    assert found(second, "x") == ["a", "b"]
    second.close()


@pytest.mark.parametrize("damage", ["lost", "broken", "ahead"])
def test_an_index_that_does_not_fit_its_rows_is_made_anew(path: Path, damage: str) -> None:
    first = SqliteModel(path)
    put(first, [{"workflow_id": "a", "summary": summary("a", input="x")}])
    indexed(first)
    if damage == "ahead":
        first._words._move("workflows", 99, 1)  # type: ignore[union-attr]
    first.close()
    file = path.with_name(path.name + "-words")
    if damage == "lost":
        file.unlink()
    elif damage == "broken":
        file.write_bytes(b"not a database" * 100)
    second = SqliteModel(path)
    indexed(second)
    assert found(second, "x") == ["a"]
    second.close()


async def test_the_projection_feeds_the_index_and_that_of_a_rebuilt_model(make, log) -> None:
    service = make()
    async with running(service):
        await service.active.wait()
        history = await finished(log, 1, name="wanted")

        async def shown() -> bool:
            return (await find(service, free_text="wanted")).total_hits == 1

        await until("the words", shown)
        await rows_at(service, history.position)
        await service.upkeep().rebuild()
        await rebuild_is(service, state="done")
        await until("the words of the new model", shown)


async def test_a_search_that_waits_waits_for_the_words_too(make, log) -> None:
    service = make()
    async with running(service):
        await service.active.wait()
        await finished(log, 1, name="wanted")
        assert (await find(service, free_text="wanted", at_least=-1, wait_s=10)).total_hits == 1
