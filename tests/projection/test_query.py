"""The search syntax, against rows: what it finds, and what it refuses and where."""

import sqlite3
from pathlib import Path

import msgspec
import pytest
from tests.projection.stores import STORES, opened

from firmus.projection import snapshot, store
from firmus.projection.comparison import compare
from firmus.projection.cursors import RowsCursor
from firmus.projection.fields import WORKFLOWS, Searchable, searchable
from firmus.projection.port import ReadModel, RowBatch, StoreFault
from firmus.projection.query import compile_search
from firmus.projection.store import SqliteModel
from firmus_contracts.errors import Refusal

WORKFLOW = {
    "workflow_id": "", "revision": 1, "workflow_type": "w", "version": 1, "status": "RUNNING",
    "correlation_id": None, "parent_workflow_id": None, "classifier": "workflow", "priority": 0,
    "start_ms": 0, "update_ms": 0, "end_ms": None, "summary": "{}",
}  # fmt: skip


def put(model: ReadModel, workflows: list[dict], tasks: tuple = ()) -> None:
    model.begin()
    model.put([tuple({**WORKFLOW, **row}.values()) for row in workflows], tasks)
    model.finish(RowBatch(cursor=RowsCursor(1)))
    model.commit()


def summary(key: str, **more: object) -> str:
    return msgspec.json.encode({"key": key, **more}).decode()


@pytest.fixture(scope="module", params=STORES)
def model(request, tmp_path_factory: pytest.TempPathFactory):
    with opened(request.param, tmp_path_factory.mktemp("query")) as models:
        model = models.open(1)
        fill(model)
        yield model
        model.close()


def fill(model: ReadModel) -> None:
    rows = [
        {"workflow_type": "order flow", "status": "COMPLETED", "correlation_id": "Aa-1",
         "start_ms": 100, "end_ms": 150, "version": 1, "priority": 5,
         "summary": summary("one", input="{x=1, word=grün}", failedTaskNames=[])},
        {"workflow_type": "order", "status": "FAILED", "correlation_id": "ab%2",
         "start_ms": 200, "end_ms": 900, "version": 2,
         "summary": summary("two", reasonForIncompletion='said "no"', failedTaskNames=["a", "b"])},
        {"workflow_type": "other", "status": "RUNNING", "parent_workflow_id": "id-1",
         "start_ms": 300, "version": 10, "summary": summary("three", failedTaskNames=["b"])},
    ]  # fmt: skip
    put(model, [{"workflow_id": f"id-{n}", "update_ms": n, **row} for n, row in enumerate(rows, 1)])
    assert not model.index_words()


def searched(model: ReadModel, what: str = "workflows") -> Searchable:
    return searchable(model.dialect)[what]


def keys(model: ReadModel, query: str = "", free_text: str = "*", sort: str = "startTime:ASC"):
    what = searched(model)
    compiled = compile_search(what, query=query, free_text=free_text, sort=sort)
    found = model.find(what, compiled, start=0, size=10)
    return [msgspec.json.decode(row)["key"] for row in found.summaries]


ALL = ["one", "two", "three"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ALL),
        ("  ", ALL),
        ("status=FAILED", ["two"]),
        ("status = 'FAILED'", ["two"]),
        ('status="FAILED"', ["two"]),
        ("workflowType=order flow AND status=COMPLETED", ["one"]),
        ("workflowType IN (order flow,other)", ["one", "three"]),
        ("workflowType IN ( 'order flow' , \"other\" )", ["one", "three"]),
        ("status IN(FAILED)", ["two"]),
        ("status NOT IN (FAILED, RUNNING)", ["one"]),
        ("correlationId NOT IN (Aa-1)", ["two", "three"]),
        ("status != FAILED", ["one", "three"]),
        ("status <> FAILED", ["one", "three"]),
        ("correlationId != 'Aa-1'", ["two", "three"]),
        ("status=FAILED OR status=RUNNING", ["two", "three"]),
        ("status=FAILED OR status=COMPLETED AND version=1", ["one", "two"]),
        ("(status=FAILED OR status=COMPLETED) AND version=2", ["two"]),
        ("((status=FAILED))", ["two"]),
        ("startTime>100", ["two", "three"]),
        ("startTime>=100 AND startTime<300", ["one", "two"]),
        ("startTime<=200", ["one", "two"]),
        ("startTime BETWEEN 100 AND 200 AND status=FAILED", ["two"]),
        ("version>2", ["three"]),
        ("endTime<9223372036854775807 AND startTime>-9223372036854775808", ["one", "two"]),
        ("version IN (1,10)", ["one", "three"]),
        ("executionTime>=50", ["one", "two"]),
        ("endTime IS NULL", ["three"]),
        ("endTime is not null", ["one", "two"]),
        ("correlationId IS NULL", ["three"]),
        ('parentWorkflowId=""', ["one", "two"]),
        ("parentWorkflowId != ''", ["three"]),
        ("parentWorkflowId=id-1", ["three"]),
        ("workflowType=order*", ["one", "two"]),
        ("workflowType=*flow", ["one"]),
        ("workflowType='o*r'", ["two", "three"]),
        ("workflowType != order*", ["three"]),
        ("workflowType IN (oth*,order)", ["two", "three"]),
        ("correlationId=ab%*", ["two"]),
        ("correlationId=a_*", []),
        ("correlationId=aa-1", []),
        ("correlationId=AA*", ["one"]),
        ("correlationId STARTS_WITH 'A'", ["one"]),
        ("correlationId starts_with a", ["two"]),
        ("failedTaskNames=a", ["two"]),
        ("failedTaskNames=b", ["two", "three"]),
        ("failedTaskNames != a", ["one", "three"]),
        ("failedTaskNames IS NULL", ["one"]),
        ("failedTaskNames IS NOT NULL", ["two", "three"]),
        (r"reasonForIncompletion='said \"no\"'", ["two"]),
        ("input=*grün*", ["one"]),
        ("status='AND'", []),
        ("workflowId IN (id-1,id-3)", ["one", "three"]),
    ],
)
def test_a_query_finds(model: ReadModel, query: str, found: list[str]) -> None:
    assert keys(model, query) == found


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("gibberish", r"^Incorrectly formatted query string: gibberish$"),
        ("status=A AND gibberish", r"string: gibberish \(position 14"),
        ("nothing=1", r"position 1: no field 'nothing': known are classifier"),
        ("taskId=1", "no field 'taskId'"),
        ("status=FAILED and version=1", r"\(position 14: quote the value"),
        ("status=FAILED status=A", r"quote the value, or write AND"),
        ("status='a' b", r"position 12: expected AND, OR or the end"),
        ("status='a", "position 8: quote the value"),
        ("status=", "position 8: expected a value"),
        ("status=A AND", "position 13"),
        ("(status=A", r"position 10: expected AND, OR or a closing"),
        ("status=A)", "position 9"),
        ("status IN A", "position 10: expected a list"),
        ("status IN ()", "position 12: expected a value"),
        ("status IN (A", "expected a comma or a parenthesis"),
        ("startTime>soon", "position 11: expected a number"),
        ("startTime=", "expected a value"),
        ("startTime=''", "expected a number"),
        ("startTime=1*", "expected a number"),
        ("version=99999999999999999999", "expected a number"),
        ("version=9223372036854775808", "expected a number"),
        ("startTime BETWEEN 1", "expected AND and the upper bound"),
        ("version STARTS_WITH 1", "only a text"),
        ("failedTaskNames > a", "a list has no order"),
        ("(" * 41 + "status=A" + ")" * 41, "more than 40 parentheses"),
        (" AND ".join(["status=A"] * 201), "more than 200 conditions"),
    ],
)
def test_a_query_is_refused_where_it_is_wrong(query: str, message: str) -> None:
    with pytest.raises(Refusal, match=message) as refused:
        compile_search(WORKFLOWS, query=query, free_text="*", sort="")
    assert refused.value.code == "INVALID"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("grün", ["one"]),
        ("GRUN", ["one"]),
        ("word=grün", ["one"]),
        ("x=1 grün", ["one"]),
        ("x=2 grün", []),
        ("gr*", ["one"]),
        ("r*", []),
        ('said "no"', ["two"]),
        ('said"no', ["two"]),
        ("*no*", ["two"]),
        ("reasonForIncompletion", []),
        ("*", ALL),
        ("", ALL),
        ("-- %", ALL),
        ("100%", []),
        ("NOT OR AND", []),
        ("NEAR(said)", []),
    ],
)
def test_free_text_finds_words_in_any_case(model, text: str, found: list[str]) -> None:
    assert keys(model, free_text=text) == found


def test_a_star_within_a_word_is_refused() -> None:
    with pytest.raises(Refusal, match="a star"):
        compile_search(WORKFLOWS, query="", free_text="gr*n", sort="")


def test_free_text_and_query_must_both_hold(model: ReadModel) -> None:
    assert keys(model, "status=FAILED", free_text="grün") == []


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        ("startTime:DESC", ["three", "two", "one"]),
        ("status:ASC", ["one", "two", "three"]),
        ("status", ["one", "two", "three"]),
        ("version:desc", ["three", "two", "one"]),
        ("classifier:ASC|startTime:DESC", ["three", "two", "one"]),
        ("classifier:ASC,startTime:ASC", ALL),
        ("", ["three", "two", "one"]),
    ],
)
def test_sorting(model: ReadModel, sort: str, found: list[str]) -> None:
    assert keys(model, sort=sort) == found


@pytest.mark.parametrize("sort", ["nothing:ASC", "startTime:UP", "failedTaskNames:ASC", "rowid"])
def test_a_sort_that_cannot_be_is_refused(sort: str) -> None:
    with pytest.raises(Refusal, match="Cannot sort"):
        compile_search(WORKFLOWS, query="", free_text="", sort=sort)


@pytest.mark.parametrize("kind", ["workflows", "tasks"])
def test_every_field_can_be_asked_for_and_sorted_by(model: ReadModel, kind: str) -> None:
    what = searched(model, kind)
    for name, field in what.fields.items():
        value = "1" if field.kind in ("number", "time") else "x"
        sort = "" if field.kind == "list" else f"{name}:ASC"
        compiled = compile_search(what, query=f"{name}={value}", free_text="", sort=sort)
        model.find(what, compiled, start=0, size=1)


@pytest.mark.parametrize("value", ["'; DROP TABLE workflows; --", "x' OR '1'='1", "\x00", "?"])
def test_values_are_never_read_as_sql(model: ReadModel, value: str) -> None:
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    assert keys(model, f'workflowId="{quoted}"') == []
    assert keys(model) == ALL


def test_text_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(Refusal, match="Unicode"):
        compile_search(WORKFLOWS, query="status='\ud800'", free_text="", sort="")


def test_pages_share_one_count(model: ReadModel) -> None:
    what = searched(model)
    compiled = compile_search(what, query="", free_text="", sort="startTime:ASC")
    pages = [(0, 10), (0, 1), (1, 1), (1, 10), (2, 1), (5, 10), (0, 0)]
    found = [model.find(what, compiled, start=at, size=size) for at, size in pages]
    assert {it.total_hits for it in found} == {3}
    assert [len(it.summaries) for it in found] == [3, 1, 1, 2, 1, 0, 0]


def test_a_search_that_takes_too_long_is_broken_off(model: ReadModel, monkeypatch) -> None:
    from firmus.projection import finding

    monkeypatch.setattr(finding, "PROGRESS_STEPS", 1)
    what = searched(model)
    compiled = compile_search(what, query="", free_text="x", sort="")
    if model.dialect.hit == "hit":
        compiled = msgspec.structs.replace(compiled, where="(SELECT pg_sleep(60)) IS NULL")
        compiled = msgspec.structs.replace(compiled, parameters=())
    with pytest.raises(StoreFault):
        model.find(what, compiled, start=0, size=1, timeout_s=0.0)
    assert keys(model) == ALL


@pytest.mark.parametrize(
    "query",
    ["workflowType=a AND status=B", "correlationId=a", "parentWorkflowId=a", "workflowId=a",
     "status=A", "startTime>1", "workflowType STARTS_WITH 'a'"],
)  # fmt: skip
def test_usual_filters_are_served_by_an_index(tmp_path: Path, query: str) -> None:
    model = SqliteModel(tmp_path / "readmodel-1.db")
    compiled = compile_search(WORKFLOWS, query=query, free_text="", sort="")
    with sqlite3.connect(tmp_path / "readmodel-1.db") as db:
        plan = db.execute(
            f"EXPLAIN QUERY PLAN SELECT summary FROM workflows WHERE {compiled.where}",
            compiled.parameters,
        ).fetchall()
    db.close()
    model.close()
    assert "USING" in plan[0][3]
    assert "INDEX" in plan[0][3]


@pytest.mark.parametrize("store", STORES)
def test_a_row_never_goes_back(store: str, tmp_path: Path) -> None:
    with opened(store, tmp_path) as models:
        model = models.open(1)
        put(model, [{"workflow_id": "a", "revision": 5, "summary": summary("new")}])
        put(model, [{"workflow_id": "a", "revision": 4, "summary": summary("old")}])
        assert keys(model) == ["new"]
        model.close()


@pytest.mark.parametrize(
    ("within", "found"),
    [
        (None, ALL),
        ((), []),
        (("*",), ALL),
        (("order",), ["two"]),
        (("order*",), ["one", "two"]),
        (("ORDER*", "Order"), []),
        (("*er",), ["two", "three"]),
        (("o*r", "order flow"), ALL),
        (("o?her", "[o]rder*", "order%"), []),
        (("order",) * 2 + ("x' OR 1=1 --",), ["two"]),
    ],
)
def test_only_workflows_within_some_names_are_found(model, within, found) -> None:
    what = searched(model)
    compiled = compile_search(
        what,
        query="version=1 OR version>1",
        free_text="*",
        sort="startTime:ASC",
        within=within,
    )
    page = model.find(what, compiled, start=0, size=10)
    assert [msgspec.json.decode(row)["key"] for row in page.summaries] == found
    assert page.total_hits == len(found)
    first = model.find(what, compiled, start=0, size=1)
    assert first.total_hits == len(found)


def test_a_page_or_a_chunk_that_is_too_large_is_asked_for_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "PAGE_BYTES_MAX", 30_000)
    monkeypatch.setattr(snapshot, "CHUNK_BYTES_MAX", 30_000)
    model = SqliteModel(tmp_path / "rows.db")
    large = [
        {"workflow_id": f"id-{n}", "summary": summary("x", input="x" * 9000)} for n in range(8)
    ]
    put(model, large)
    plain = compile_search(WORKFLOWS, query="", free_text="", sort="")
    with pytest.raises(Refusal, match="smaller size") as refused:
        model.find(WORKFLOWS, plain, start=0, size=8)
    assert refused.value.code == "PAYLOAD_TOO_LARGE"
    assert model.find(WORKFLOWS, plain, start=0, size=2).total_hits == 8
    both = model.snapshot(), model.snapshot()
    *_, whole = compare(*both)
    assert [(it.rows, it.different) for it in whole.tables] == [(8, 0), (0, 0), (0, 0), (0, 0)]
    for each in (*both, model):
        each.close()


def test_what_the_disk_refuses_is_a_fault_of_the_store(tmp_path: Path) -> None:
    model = SqliteModel(tmp_path / "rows.db")
    model._writer.set_progress_handler(lambda: True, 1)  # as if it could not be read
    for read in (model.rows_cursor, model.events_checkpoint, model.stopped, model.made_by):
        with pytest.raises(StoreFault):
            read()
    model.close()
