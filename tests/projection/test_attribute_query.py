"""Search attributes in queries, against rows: what finds what, and what is refused and where."""

import itertools
from collections.abc import Callable, Iterator

import msgspec
import pytest
from tests.projection.stores import STORES, opened
from tests.projection.test_query import WORKFLOW, summary

from firmus.projection import sources
from firmus.projection.cursors import RowsCursor
from firmus.projection.fields import WORKFLOWS, Searchable, searchable, with_attributes
from firmus.projection.paging import after
from firmus.projection.port import Attributed, ReadModel, ReadModels, RowBatch
from firmus.projection.postgres import finding
from firmus.projection.query import compile_search
from firmus.workflow.attributes import BUILT_IN, Attribute
from firmus_contracts.errors import Refusal


def text(name: str, value: str) -> Attribute:
    return Attribute(name, "text", text=value)


def number(name: str, value: float, kind: str = "number") -> Attribute:
    return Attribute(name, kind, number=value)


def flag(name: str, value: str) -> Attribute:
    return Attribute(name, "boolean", text=value)


EXECUTIONS = {
    "one": (text("customer", "abc"), number("total", 99), flag("vip", "true"),
            number("due", 1000, "time"), text("code", "100"), text("tag", "x"), text("tag", "y")),
    "two": (text("customer", "Abd"), number("total", 100.5), flag("vip", "false"),
            number("due", 2000, "time"), number("code", 100), text("tag", "y")),
    "three": (text("customer", ""), number("total", -3), text("code", "abc")),
    "four": (),
}  # fmt: skip
ALL = [*EXECUTIONS]


def put(model: ReadModel, revision: int, given: dict[str, tuple[Attribute, ...]]) -> None:
    rows = [
        {**WORKFLOW, "workflow_id": key, "revision": revision, "start_ms": ALL.index(key),
         "summary": summary(key)}
        for key in given
    ]  # fmt: skip
    attributed = [Attributed(key, revision, "w", given[key]) for key in given if given[key]]
    workflows = [tuple(row.values()) for row in rows]
    model.begin()
    model.put(workflows, ())
    model.finish(RowBatch(workflows=workflows, attributes=attributed, cursor=RowsCursor(revision)))
    model.commit()


@pytest.fixture(scope="module", params=STORES)
def models(request, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReadModels]:
    with opened(request.param, tmp_path_factory.mktemp("attributes")) as models:
        yield models


@pytest.fixture(scope="module")
def filled(models: ReadModels) -> Iterator[ReadModel]:
    model = models.open(1)
    put(model, 1, EXECUTIONS)
    yield model
    model.close()


@pytest.fixture
def model(models: ReadModels) -> Iterator[ReadModel]:
    model = models.open(2)
    put(model, 1, EXECUTIONS)
    yield model
    model.close()
    models.remove(2)


@pytest.fixture
def what(models: ReadModels) -> Callable[[ReadModel], Searchable]:
    workflows = searchable(models.dialect)["workflows"]
    return lambda model: with_attributes(workflows, model.attribute_kinds())


@pytest.fixture
def keys(what: Callable[[ReadModel], Searchable]):
    def find(model: ReadModel, query: str, sort: str = "startTime:ASC") -> list[str]:
        within = what(model)
        compiled = compile_search(within, query=query, free_text="*", sort=sort)
        found = model.find(within, compiled, start=0, size=10)
        return [msgspec.json.decode(row)["key"] for row in found.summaries]

    return find


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("customer = 'abc'", ["one"]),
        ("attributes.customer = abc", ["one"]),
        ("customer = 'ab*'", ["one", "two"]),
        ("customer STARTS_WITH 'ab'", ["one"]),
        ("customer STARTS_WITH ''", ["one", "two", "three"]),
        ("customer != 'abc'", ["two", "three", "four"]),
        ("customer IN (abc, Abd)", ["one", "two"]),
        ("customer NOT IN (abc, Abd)", ["three", "four"]),
        ("customer IS NULL", ["four"]),
        ("customer IS NOT NULL", ["one", "two", "three"]),
        ("customer = ''", ["three", "four"]),
        ("customer IN ('', abc)", ["one", "three", "four"]),
        ("customer != ''", ["one", "two"]),
        ("customer > 'A' AND customer < 'b'", ["one", "two"]),
        ("customer BETWEEN 'A' AND 'B'", ["two"]),
        ("total > 99", ["two"]),
        ("total >= 99.0 AND total <= 100.5", ["one", "two"]),
        ("total = 100.5 OR total = -3", ["two", "three"]),
        ("total BETWEEN -10 AND 99", ["one", "three"]),
        ("total IN (99, 1e2)", ["one"]),
        ("vip = true", ["one"]),
        ("vip = TRUE", ["one"]),
        ("vip != true", ["two", "three", "four"]),
        ("due >= 2000", ["two"]),
        ("due < '1970-01-01T00:00:01.500Z'", ["one"]),
        ("tag = y", ["one", "two"]),
        ("tag = x AND tag = y", ["one"]),
        ("tag != x", ["two", "three", "four"]),
        ("tag IN (x, y)", ["one", "two"]),
        ("customer = abc OR total < 0", ["one", "three"]),
        ("(customer = abc) AND vip = true", ["one"]),
        ("(customer = abc OR vip = false) AND total > 99", ["two"]),
        ("customer != abc AND total > 0", ["two"]),
        ("customer = abc AND (total > 50 OR vip = false) AND status = RUNNING", ["one"]),
    ],
)
def test_conditions_find(
    keys, filled: ReadModel, monkeypatch: pytest.MonkeyPatch, query: str, found: list[str]
) -> None:
    assert keys(filled, query) == found
    monkeypatch.setattr(sources, "FEW", 0)
    assert keys(filled, query) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("code = 100", ["one", "two"]),
        ("code > 99", ["two", "three"]),
        ("code = 'abc'", ["three"]),
        ("code != 100", ["three", "four"]),
        ("code STARTS_WITH 1", ["one"]),
        ("code BETWEEN 1 AND 200", ["one", "two"]),
        ("code IS NOT NULL", ["one", "two", "three"]),
    ],
)
def test_where_definitions_differ_each_value_is_compared_as_its_own_kind(
    keys, filled: ReadModel, query: str, found: list[str]
) -> None:
    assert keys(filled, query) == found


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        ("total:ASC", ["four", "three", "one", "two"]),
        ("total:DESC", ["two", "one", "three", "four"]),
        ("attributes.customer:DESC", ["one", "two", "three", "four"]),
        ("tag:ASC,startTime:DESC", ["four", "three", "one", "two"]),
        ("code:ASC", ["four", "two", "one", "three"]),
    ],
)
def test_they_give_an_order_and_its_pages(
    keys, what, filled: ReadModel, sort: str, found: list[str]
) -> None:
    assert keys(filled, "", sort=sort) == found
    within = what(filled)
    compiled = plain = compile_search(within, query="", free_text="*", sort=sort)
    paged = []
    for _ in found:
        page = filled.find(within, compiled, start=0, size=1)
        paged += [msgspec.json.decode(row)["key"] for row in page.summaries]
        compiled = after(plain, page.next)
    assert paged == found


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("customers = 1", "(position 1: no field 'customers'"),
        ("attributes.status = RUNNING", "(position 1: no field 'attributes.status'"),
        ("status = RUNNING AND total > many", "(position 30: expected a number)"),
        ("total = ''", "(position 8: expected a number)"),
        ("total = 1*", "(position 9: expected a number)"),
        ("total STARTS_WITH 1", "(position 19: only a text starts with something)"),
        ("vip = yes", "(position 7: expected true or false)"),
        ("due > soon", "expected a time: epoch milliseconds or ISO 8601)"),
        ("total BETWEEN 1 AND x", "expected a number)"),
        ("code BETWEEN", "expected a value"),
        (f"customer = '{'x' * 1001}*'", "a value with stars has at most 500 characters"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_place(
    keys, filled: ReadModel, query: str, told: str
) -> None:
    with pytest.raises(Refusal) as refused:
        keys(filled, query)
    assert told in refused.value.message


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize("query", ["", "tag IS NOT NULL", "total > -5", "status = RUNNING"])
def test_the_order_is_the_same_wherever_a_store_begins(
    what, filled: ReadModel, monkeypatch: pytest.MonkeyPatch, query: str, direction: str
) -> None:
    within = what(filled)
    compiled = compile_search(within, query=query, free_text="*", sort=f"total:{direction}")
    without = {"tag IS NOT NULL": {"three", "four"}, "total > -5": {"four"}}.get(query, set())
    expected = [it for it in ("four", "three", "one", "two") if it not in without]
    expected = expected if direction == "ASC" else expected[::-1]
    for few, size in itertools.product((0, 10_000), (1, 2, 10)):
        monkeypatch.setattr(sources, "FEW", few)
        page = filled.find(within, compiled, start=0, size=size)
        found = [msgspec.json.decode(row)["key"] for row in page.summaries]
        assert (found, page.total_hits) == (expected[:size], len(expected)), (few, size)


@pytest.mark.parametrize("few", [3, 5, 100])
def test_executions_with_several_values_are_all_found(
    keys, model: ReadModel, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """However many values a store looks at before it decides how to search."""
    monkeypatch.setattr(sources, "FEW", few)
    monkeypatch.setattr(finding, "FEW", few)
    values = {it: range(10 * place, 10 * place + 3) for place, it in enumerate(ALL)}
    put(model, 2, {it: tuple(number("total", n) for n in values[it]) for it in ALL})
    assert keys(model, "total >= 0") == ALL
    assert keys(model, "total >= 0 AND total < 99") == ALL


def test_a_row_written_anew_has_its_new_attributes_only(keys, model: ReadModel) -> None:
    put(model, 2, {"one": (text("customer", "new"),), "two": ()})
    assert keys(model, "customer = new") == ["one"]
    assert keys(model, "total IS NOT NULL") == ["three"]
    put(model, 1, {"one": (text("customer", "old"),)})
    assert keys(model, "customer IN (old, abc)") == []
    assert keys(model, "customer = new") == ["one"]


def test_a_row_taken_away_takes_its_attributes_along(keys, model: ReadModel) -> None:
    model.begin()
    model.finish(RowBatch(removed_workflows=["one"], cursor=RowsCursor(2)))
    model.commit()
    assert keys(model, "tag IS NOT NULL") == ["two"]


def test_what_comes_in_the_place_of_a_row_does_not_inherit(keys, model: ReadModel) -> None:
    model.begin()
    model.finish(RowBatch(removed_workflows=ALL, cursor=RowsCursor(2)))
    model.commit()
    put(model, 3, dict.fromkeys(reversed(ALL), ()))
    assert keys(model, "tag IS NOT NULL OR total IS NOT NULL") == []


def test_what_was_not_committed_is_not_known(models: ReadModels, model: ReadModel) -> None:
    model.begin()
    row = Attributed("one", 1, "w", (text("later", "x"),))
    model.finish(RowBatch(attributes=[row], cursor=RowsCursor(2)))
    model.roll_back()
    assert "later" not in model.attribute_kinds()
    again = models.open(2)
    assert again.attribute_kinds() == model.attribute_kinds()
    assert again.attribute_kinds()["code"] == {"text", "number"}
    again.close()


def test_the_names_are_those_that_registration_keeps_free() -> None:
    assert set(WORKFLOWS.fields) == BUILT_IN
