"""Random queries over search attributes find what a plain reading of them finds, on every store and
wherever it begins to look.
"""

import operator
import random
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from tests.projection.stores import STORES, opened
from tests.projection.test_query import WORKFLOW, summary

from firmus.projection import sources
from firmus.projection.cursors import RowsCursor
from firmus.projection.fields import searchable, with_attributes
from firmus.projection.port import Attributed, ReadModel, ReadModels, RowBatch
from firmus.projection.query import compile_search
from firmus.workflow.attributes import Attribute

EXECUTIONS = 60
QUERIES = 150
TEXTS = ["", "a", "ab", "b", "Ab"]
NUMBERS = [-1, 0, 1.5, 2, 10]
ORDERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}

Holds = Callable[[list[Attribute]], bool]


def some_attributes(chance: random.Random) -> tuple[Attribute, ...]:
    """`t` has texts, `n` numbers, `m` is a text in some definitions and a number in others."""
    texts = sorted({chance.choice(TEXTS) for _ in range(chance.randrange(3))})
    numbers = sorted({chance.choice(NUMBERS) for _ in range(chance.randrange(3))})
    mixed = chance.choice([[], [("text", chance.choice(TEXTS))], [("number", 2)]])
    return (
        *(Attribute("t", "text", text=text) for text in texts),
        *(Attribute("n", "number", number=number) for number in numbers),
        *(Attribute("m", kind, **{kind: value}) for kind, value in mixed),
    )


@pytest.fixture(scope="module", params=STORES)
def models(request, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReadModels]:
    with opened(request.param, tmp_path_factory.mktemp("walks")) as models:
        yield models


@pytest.fixture(scope="module")
def given() -> dict[str, tuple[Attribute, ...]]:
    chance = random.Random(5)
    return {f"id-{number:02}": some_attributes(chance) for number in range(EXECUTIONS)}


@pytest.fixture(scope="module")
def model(models: ReadModels, given: dict[str, tuple[Attribute, ...]]) -> Iterator[ReadModel]:
    model = models.open(1)
    rows = [
        tuple({**WORKFLOW, "workflow_id": key, "summary": summary(key)}.values()) for key in given
    ]
    found = [Attributed(key, 1, "w", given[key]) for key in given if given[key]]
    model.begin()
    model.put(rows, ())
    model.finish(RowBatch(workflows=rows, attributes=found, cursor=RowsCursor(1)))
    model.commit()
    yield model
    model.close()


def same(value: Attribute, literal: str) -> bool:
    if value.text is not None:
        return value.text == literal
    try:
        return value.number == float(literal)
    except ValueError:
        return False


def condition(chance: random.Random) -> tuple[str, str, Holds]:
    """A condition as it is written, whose attribute it names, and what it means."""
    name = chance.choice("tnm")
    literals = [str(chance.choice(NUMBERS)) for _ in range(2)]
    if name == "t":
        literals = [chance.choice(TEXTS) for _ in range(2)]
    one, quoted = literals[0], [f"'{literal}'" for literal in literals]

    def equal(values: list[Attribute]) -> bool:
        return any(same(value, one) for value in values) or (not one and not values)

    def member(values: list[Attribute]) -> bool:
        found = any(same(value, each) for value in values for each in literals)
        return found or ("" in literals and not values)

    kinds: list[tuple[str, Holds]] = [
        (f"= {quoted[0]}", equal),
        (f"!= {quoted[0]}", lambda values: not equal(values)),
        (f"IN ({', '.join(quoted)})", member),
        (f"NOT IN ({', '.join(quoted)})", lambda values: not member(values)),
        ("IS NULL", lambda values: not values),
        ("IS NOT NULL", bool),
    ]
    if name == "n":
        sign = chance.choice([*ORDERS])
        low, high = sorted(float(literal) for literal in literals)

        def between(values: list[Attribute]) -> bool:
            return any(low <= (value.number or 0) <= high for value in values)

        def ordered(values: list[Attribute]) -> bool:
            return any(ORDERS[sign](value.number, float(one)) for value in values)

        kinds += [(f"{sign} {one}", ordered), (f"BETWEEN {low} AND {high}", between)]
    written, holds = chance.choice(kinds)
    return f"{name} {written}", name, holds


def query(chance: random.Random, depth: int = 2) -> tuple[str, Callable[[Any], bool]]:
    """A query as it is written, and what it means of all attributes of an execution."""
    if not depth or chance.random() < 0.3:
        written, name, holds = condition(chance)
        return written, lambda all_of: holds([it for it in all_of if it.name == name])
    parts = [query(chance, depth - 1) for _ in range(chance.randrange(1, 4))]
    joiner, together = chance.choice([(" AND ", all), (" OR ", any)])
    written = joiner.join(f"({text})" if " OR " in text or chance.random() < 0.3 else text
                          for text, _ in parts)  # fmt: skip
    return written, lambda all_of: together(holds(all_of) for _, holds in parts)


def test_random_queries_find_what_they_say(
    models: ReadModels, model: ReadModel, given: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(11)
    what = with_attributes(searchable(models.dialect)["workflows"], model.attribute_kinds())
    for _ in range(QUERIES):
        written, holds = query(chance)
        expected = [key for key in given if holds(given[key])]
        compiled = compile_search(what, query=written, free_text="*", sort="workflowId:ASC")
        for few in (0, 2, 10_000):
            monkeypatch.setattr(sources, "FEW", few)
            page = model.find(what, compiled, start=0, size=EXECUTIONS + 1)
            found = [msgspec.json.decode(row)["key"] for row in page.summaries]
            assert found == expected, (written, few)
            short = model.find(what, compiled, start=0, size=1)
            assert short.total_hits == len(expected), (written, few)
