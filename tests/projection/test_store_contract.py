"""What every store of read models keeps to (`firmus.projection.port`)."""

import random
import secrets
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.projection.stores import STORES, opened
from tests.projection.test_query import WORKFLOW, summary

from firmus.projection import word_index as sqlite_words
from firmus.projection.cursors import EventsCursor, RowsCursor
from firmus.projection.fields import searchable, with_attributes
from firmus.projection.port import (
    Attributed,
    ReadModel,
    ReadModels,
    RowBatch,
    Stopped,
    StoreFault,
)
from firmus.projection.postgres import schema, word_index
from firmus.projection.query import compile_search
from firmus.workflow.attributes import Attribute

_chance = random.Random(1)
LONG = "".join(chr(_chance.randrange(0x4E00, 0x9FFF)) for _ in range(20_000))


@pytest.fixture(params=STORES)
def models(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ReadModels]:
    with opened(request.param, tmp_path) as models:
        yield models


def row(workflow_id: str, **more: object) -> tuple:
    return tuple({**WORKFLOW, "workflow_id": workflow_id, "summary": summary(workflow_id), **more}.values())  # fmt: skip


def write(model: ReadModel, position: int, *ids: str, **more: object) -> None:
    """`more`: fields of the batch, or of the rows."""
    model.begin()
    try:
        fields = {key: more.pop(key) for key in WORKFLOW.keys() & more.keys()}
        model.put([row(it, **fields) for it in ids], [])
        model.finish(RowBatch(cursor=RowsCursor(position, "w", "d"), **more))
        model.commit()
    except BaseException:
        model.roll_back()
        raise


def ids(models: ReadModels, model: ReadModel) -> list[str]:
    what = searchable(models.dialect)["workflows"]
    compiled = compile_search(what, query="", free_text="", sort="workflowId:ASC")
    page = model.find(what, compiled, start=0, size=100)
    return [msgspec.json.decode(one)["key"] for one in page.summaries]


def test_rows_and_cursors_are_there_after_it_was_opened_again(models: ReadModels) -> None:
    model = models.open(1)
    assert (model.rows_cursor(), model.events_checkpoint()) == (RowsCursor(), EventsCursor())
    write(model, 7, "a", "b", events=EventsCursor(5, 1, 2), stopped=[Stopped("s", 3, "no")])
    write(model, 8, removed_workflows=["b"])
    model.close()
    again = models.open(1)
    assert ids(models, again) == ["a"]
    assert again.rows_cursor() == RowsCursor(8, "w", "d")
    assert again.events_checkpoint() == EventsCursor(5, 1, 2)
    assert again.stopped() == [Stopped("s", 3, "no")]
    again.close()


def test_what_is_rolled_back_never_was(models: ReadModels) -> None:
    model = models.open(1)
    write(model, 1, "a")
    model.begin()
    model.put([row("b")], [])
    model.finish(RowBatch(cursor=RowsCursor(2)))
    model.roll_back()
    assert (ids(models, model), model.rows_cursor().position) == (["a"], 1)
    write(model, 2, "c")
    model.roll_back()
    assert ids(models, model) == ["a", "c"]
    model.close()


def test_of_two_that_write_the_one_behind_changes_nothing(models: ReadModels) -> None:
    first, second = models.open(1), models.open(1)
    write(first, 1, "a")
    with pytest.raises(StoreFault):
        write(second, 1, "b")
    assert ids(models, second) == ["a"]
    write(first, 2, "c")
    again = models.open(1)
    write(again, 3, "d")
    with pytest.raises(StoreFault):
        write(first, 3, "e")
    assert ids(models, first) == ["a", "c", "d"]
    for model in (first, second, again):
        model.close()


def test_one_model_is_in_use_and_the_one_before_is_kept(models: ReadModels) -> None:
    assert (models.current(), models.unused()) == (None, 1)
    for number in (1, 2, 3):
        models.open(number).close()
        models.promote(number)
        assert (models.current(), models.unused()) == (number, number + 1)
    assert models.exchange() == 2
    assert (models.current(), models.kept(), models.unused()) == (2, 3, 4)
    models.remove_unfinished()
    assert models.exchange() == 3
    assert (models.current(), models.kept()) == (3, 2)
    assert models.size_bytes(2) > 0
    models.remove(2)
    assert models.kept() is None
    with pytest.raises(FileNotFoundError):
        models.exchange()


def test_a_snapshot_stays_as_it_was(models: ReadModels) -> None:
    model = models.open(1)
    write(model, 7, "a", "b", stopped=[Stopped("s", 3, "no")])
    snapshot = model.snapshot()
    write(model, 8, "c", removed_workflows=["a"])
    assert snapshot.position() == 7
    assert [snapshot.chunk("workflows", after, 10).count for after in ("", "a", "b")] == [2, 1, 0]
    assert list(snapshot.rows("workflows", "", 1)) == ["a"]
    assert snapshot.chunk("stopped", "", 10).last == "s"
    assert snapshot.chunk("tasks", "", 10).count == 0
    later = model.snapshot()
    assert list(later.rows("workflows", "", 10)) == ["b", "c"]
    assert later.rows("workflows", "a", 1) == snapshot.rows("workflows", "a", 1)
    assert later.chunk("workflows", "a", 1).digest == snapshot.chunk("workflows", "a", 1).digest
    assert later.chunk("workflows", "", 10).digest != snapshot.chunk("workflows", "", 10).digest
    for each in (snapshot, later, model):
        each.close()


def test_unfinished_models_are_removed_with_all_that_they_hold(models: ReadModels) -> None:
    for number in (1, 2):
        model = models.open(number)
        write(model, 1, "a")
        model.close()
    models.promote(1)
    models.remove_unfinished()
    models.remove(5)
    again = models.open(2)
    assert (ids(models, again), again.rows_cursor().position) == ([], 0)
    again.close()


def found(model: ReadModel, query: str = "", free_text: str = "") -> list[str]:
    what = searchable(model.dialect)["workflows"]
    compiled = compile_search(what, query=query, free_text=free_text, sort="workflowId:ASC")
    page = model.find(what, compiled, start=0, size=100)
    return [msgspec.json.decode(one)["key"] for one in page.summaries]


def test_names_and_ids_may_be_long_and_hold_anything(models: ReadModels) -> None:
    long = LONG
    model = models.open(1)
    write(model, 1, "long", workflow_type=long, correlation_id=long + "1")
    write(model, 2, "nul", correlation_id="a\0b", summary=summary("nul", input="x\0y \\u0000"))
    write(model, 3, "other", correlation_id="a")
    while model.index_words():
        pass
    assert found(model, f"workflowType='{long}' AND correlationId='{long}1'") == ["long"]
    assert found(model, f"correlationId STARTS_WITH '{long[:700]}'") == ["long"]
    assert found(model, "correlationId='a\0b'") == ["nul"]
    assert found(model, free_text="y") == ["nul"]
    assert ids(models, model) == ["long", "nul", "other"]
    model.close()


@pytest.mark.parametrize("name", ["\u4e00" * 10, "x\0y", pytest.param(LONG, id="long")])
def test_attributes_belong_to_workflows_of_any_name(models: ReadModels, name: str) -> None:
    """Whose value is gone once the row was written without one, in a model opened again too."""
    model = models.open(1)
    tagged = (Attribute("tag", "text", text="t"),)
    write(model, 1, "a", workflow_type=name, attributes=[Attributed("a", 1, name, tagged)])
    model.close()
    model = models.open(1)
    assert model.attribute_kinds() == {"tag": frozenset({"text"})}
    assert tags(model) == ["a"]
    bare = row("a", revision=2, workflow_type=name)
    model.begin()
    model.put([bare], [])
    model.finish(RowBatch(cursor=RowsCursor(2), workflows=[bare]))
    model.commit()
    assert tags(model) == []
    model.close()


def tags(model: ReadModel) -> list[str]:
    what = with_attributes(searchable(model.dialect)["workflows"], model.attribute_kinds())
    compiled = compile_search(what, query="tag=t", free_text="", sort="")
    page = model.find(what, compiled, start=0, size=10)
    return [msgspec.json.decode(one)["key"] for one in page.summaries]


def test_words_may_be_many_and_long(models: ReadModels) -> None:
    model = models.open(1)
    many = " ".join(f"word{number}" for number in range(120_000))
    write(model, 1, "many", summary=summary("many", input=many, output="x" * 3000))
    write(model, 2, "few", summary=summary("few", input="word7 word9", output="x" * 2999))
    while model.index_words():
        pass
    assert found(model, free_text="word7") == ["few", "many"]
    assert found(model, free_text="word119998.word119999") == ["many"]
    assert found(model, free_text="word7.word9") == ["few"]
    assert found(model, free_text="word11999* word8") == ["many"]
    assert found(model, free_text="word119999") == ["many"]
    assert found(model, free_text="x" * 999) == []
    assert found(model, free_text="x" * 900 + "*") == ["few", "many"]
    model.close()


def test_a_row_put_twice_in_a_transaction_is_as_it_was_put_last(models: ReadModels) -> None:
    model = models.open(1)
    model.begin()
    newest = row("a", revision=2, summary=summary("newest"))
    model.put([row("a", summary=summary("first")), newest, row("b")], [])
    model.put([row("a", summary=summary("late"))], [])
    model.finish(RowBatch(cursor=RowsCursor(1), removed_workflows=["b", "nobody"]))
    model.commit()
    assert found(model) == ["newest"]
    what = searchable(models.dialect)["workflows"]
    plain = compile_search(what, query="", free_text="", sort="")
    assert model.find(what, plain, start=5, size=1).total_hits == 1
    model.close()


def test_rows_of_any_size_are_written_and_indexed_in_portions(models, monkeypatch) -> None:
    monkeypatch.setattr(schema, "CHARS_AT_ONCE", 3000)
    monkeypatch.setattr(word_index, "STEP_BYTES", 900)
    monkeypatch.setattr(sqlite_words, "STEP_CHARS", 900)
    model = models.open(1)
    sizes = [10, 5000, 10, 10, 9000, 10, 700, 700, 700, 700]
    texts = [secrets.token_hex(size) for size in sizes]
    model.begin()
    rows = [row(f"id-{n}", summary=summary(f"id-{n}", input=it)) for n, it in enumerate(texts)]
    model.put(rows, [])
    model.finish(RowBatch(cursor=RowsCursor(1)))
    model.commit()
    assert model.index_words()
    assert found(model, free_text=texts[-1][:400] + "*") == []
    while model.index_words():
        pass
    assert [found(model, free_text=it[:400] + "*") for it in texts] == [
        [f"id-{n}"] for n in range(10)
    ]
    model.close()


def test_words_of_rows_that_went_are_forgotten_before_others_have_their_numbers(
    models: ReadModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_words, "STEP_MARKS", 1)
    model = models.open(1)
    write(model, 1, "a", "b", "c", summary=summary("old", input="old"))
    while model.index_words():
        pass
    write(model, 2, removed_workflows=["a", "b", "c"])
    write(model, 3, "d", "e", summary=summary("new", input="new"))
    while model.index_words():
        pass
    assert (found(model, free_text="new"), found(model, free_text="old")) == (["new", "new"], [])
    model.close()
