"""Random rows and random searches: both stores find the same, in the same order."""

import random
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.projection.stores import needs_postgres, opened
from tests.projection.test_query import WORKFLOW

from firmus.projection.cursors import RowsCursor
from firmus.projection.fields import SEARCHABLE, searchable, with_attributes
from firmus.projection.paging import after
from firmus.projection.port import Attributed, Found, ReadModel, RowBatch
from firmus.projection.query import compile_search
from firmus.projection.views import TASK_COLUMNS
from firmus.workflow.attributes import Attribute
from firmus_contracts.errors import Refusal

pytestmark = needs_postgres
NUMBERS = [-(2**63), -7, -1, 0, 1, 2, 3, 10, 11, 2**53, 2**53 + 1, 2**63 - 1]
TEXTS = [
    *("", "a", "A", "ab", "aB", "Ab c", "a%b", "a_b", "a\\b", "a'b", 'a"b', "%", "_", "\\", "*"),
    *("é", "É", "e\u0301", "e", "ß", "SS", "ss", "İ", "i", "\u0131", "I", "ǅ", "ά", "\u03b1", "Ж"),
    *("ж", "日本", "\U0001f600", "\ue000", "\U0010ffff", "x-1", "x 1", "X1", "{k=v, w=[1, 2]}"),
    *("tab\tend", "NULL", "AND", "(a)", " a ", "grün/Grün", "foo_bar", "foo bar", "ﬁ", "½", "²"),
]  # fmt: skip
KINDS = {"n": "number", "t": "text", "both": "text"}
FIELDS = SEARCHABLE


def workflow(chance: random.Random, number: int, revision: int) -> tuple[Any, ...]:
    text, summary = chance.choice, {"key": f"{number}/{revision}"}
    for name in ("input", "output", "reasonForIncompletion", "createdBy", "taskToDomain"):
        if chance.random() < 0.7:
            summary[name] = {"a": text(TEXTS)} if name == "taskToDomain" else text(TEXTS)
    if chance.random() < 0.7:
        summary["failedTaskNames"] = chance.choices(TEXTS, k=chance.randrange(3))
    return tuple({
        **WORKFLOW, "workflow_id": f"id-{number}", "revision": revision,
        "workflow_type": text(TEXTS), "version": chance.choice(NUMBERS), "status": text(TEXTS),
        "correlation_id": chance.choice([None, *TEXTS]), "priority": chance.choice(NUMBERS),
        "parent_workflow_id": chance.choice([None, "id-1", "id-2"]),
        "start_ms": chance.randrange(4), "update_ms": chance.choice(NUMBERS[4:]),
        "end_ms": chance.choice([None, 1, 5]), "summary": msgspec.json.encode(summary).decode(),
    }.values())  # fmt: skip


def task(chance: random.Random, number: int) -> tuple[Any, ...]:
    texts = {name: chance.choice(TEXTS) for name in TASK_COLUMNS}
    shown = {"key": f"t{number}", "input": chance.choice(TEXTS), "workflowPriority": number % 7}
    numbers = {"scheduled_ms": chance.randrange(3), "start_ms": chance.choice([None, 2]),
               "update_ms": 1, "end_ms": chance.choice([None, 3]), "revision": 1}  # fmt: skip
    row = {**texts, **numbers, "task_id": f"t{number}", "workflow_id": f"id-{number % 40}",
           "summary": msgspec.json.encode(shown).decode()}  # fmt: skip
    return tuple(row.values())


def attributes(chance: random.Random) -> tuple[Attribute, ...]:
    numbers = [*NUMBERS, 0.1, -1.5, 1e300, 2.5]
    made = [Attribute("n", "number", number=chance.choice(numbers)),
            Attribute("t", "text", text=chance.choice(TEXTS)),
            Attribute("both", "text", text=chance.choice(TEXTS)),
            Attribute("both", "number", number=chance.choice(numbers))]  # fmt: skip
    return tuple(it for it in made if chance.random() < 0.6)


def fill(model: ReadModel, seed: int) -> None:
    """Rows that come, change and go, in several transactions."""
    chance = random.Random(seed)
    for turn in range(1, 6):
        numbers = chance.sample(range(80), 40)
        workflows = [workflow(chance, number, turn) for number in numbers]
        found = {row[0]: attributes(chance) for row in workflows}
        given = [Attributed(key, turn, "w", found[key]) for key in found if found[key]]
        tasks = [task(chance, number) for number in chance.sample(range(90), 30)]
        model.begin()
        model.put(workflows, tasks)
        model.finish(RowBatch(
            workflows=workflows, tasks=tasks, attributes=given, cursor=RowsCursor(turn),
            removed_workflows=[f"id-{chance.randrange(80)}"], removed_tasks=["t1", f"t{turn}"],
        ))  # fmt: skip
        model.commit()
        while model.index_words():
            pass


@pytest.fixture(scope="module", params=[1, 2])
def models(request, tmp_path_factory) -> Iterator[list[ReadModel]]:
    folder = tmp_path_factory.mktemp("both")
    with opened("sqlite", folder) as one, opened("postgres", folder) as other:
        both = [one.open(1), other.open(1)]
        for model in both:
            fill(model, request.param)
        yield both
        for model in both:
            model.close()


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


piece = st.sampled_from(TEXTS) | st.text(max_size=4)
value = st.one_of(
    piece, st.builds("{}*".format, piece), st.builds("*{}".format, piece),
    st.builds("{}*{}".format, piece, piece),
).filter(lambda it: "\x00" not in it).map(quoted)  # fmt: skip
number = st.sampled_from(NUMBERS).map(str)
decimal = number | st.sampled_from(["0.1", "-1.5", "1e300", "2.50", "1e2"])
compared = st.sampled_from(["=", "!=", "<", ">", "<=", ">="])


@st.composite
def conditions(draw: st.DrawFn, kind: str) -> str:
    fields = {name: field.kind for name, field in FIELDS[kind].fields.items()}
    if kind == "workflows":
        fields |= KINDS
    name = draw(st.sampled_from(sorted(fields)))
    values = {"number": number, "time": number}.get(fields[name], value)
    values = decimal if name == "n" else values
    one, other = draw(values), draw(values)
    shapes = [f"IN ({one}, {other})", f"NOT IN ({one},{other})", "IS NULL", "IS NOT NULL",
              f"= {one}", f"!= {one}"]  # fmt: skip
    if fields[name] != "list":
        shapes += [f"{draw(compared)} {one}", f"BETWEEN {one} AND {other}"]
    if fields[name] == "text":
        shapes.append(f"STARTS_WITH {one}")
    return f"{name} {draw(st.sampled_from(shapes))}"


def queries(kind: str) -> st.SearchStrategy[str]:
    joined = st.sampled_from(["{} AND {}", "{} OR {}", "({} OR {})", "({}) AND ({})"])

    def join(parts: tuple[str, str, str]) -> str:
        before, between, behind = parts[0].split("{}")
        return f"{before}{parts[1]}{between}{parts[2]}{behind}"

    return st.just("") | st.recursive(
        conditions(kind), lambda one: st.tuples(joined, one, one).map(join), max_leaves=5
    )


@st.composite
def sorts(draw: st.DrawFn, kind: str) -> str:
    names = [name for name, field in FIELDS[kind].fields.items() if field.kind != "list"]
    names += KINDS if kind == "workflows" else []
    chosen = draw(st.lists(st.sampled_from(sorted(names)), max_size=3))
    return "|".join(f"{name}:{draw(st.sampled_from(['ASC', 'DESC']))}" for name in chosen)


def walk(model: ReadModel, kind: str, asked: dict[str, Any], size: int) -> list[Any] | str:
    """All pages, or why there are none."""
    what = searchable(model.dialect)[kind]
    if kind == "workflows":
        what = with_attributes(what, model.attribute_kinds())
    pages: list[Any] = []
    try:
        plain = compiled = compile_search(what, **asked)
    except Refusal as refusal:
        return refusal.message
    while True:
        page: Found = model.find(what, compiled, start=0, size=size)
        pages.append((page.total_hits, page.position, [bytes(it) for it in page.summaries]))
        if not page.next:
            return pages
        compiled = after(plain, page.next)


names = st.sampled_from([*TEXTS, *(f"{it}*" for it in TEXTS), "*", "[a-z]*", "?*", "a?b*", "]"])
"""Patterns of names, as what a key may see is given."""

quick = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize("kind", ["workflows", "tasks"])
@quick
@given(data=st.data())
def test_both_find_the_same_in_the_same_order(models, kind: str, data: st.DataObject) -> None:
    within = data.draw(st.none() | st.lists(names, max_size=2).map(tuple))
    asked = {"query": data.draw(queries(kind)), "free_text": "*", "sort": data.draw(sorts(kind)),
             "within": within}  # fmt: skip
    size = data.draw(st.sampled_from([3, 17, 500]))
    one, other = (walk(model, kind, asked, size) for model in models)
    assert one == other


@pytest.mark.parametrize("kind", ["workflows", "tasks"])
@quick
@given(text=st.lists(piece | st.builds("{}*".format, piece), max_size=3).map(" ".join))
def test_both_find_the_same_words(models, kind: str, text: str) -> None:
    asked = {"query": "", "free_text": text.replace("\x00", ""), "sort": "updateTime:ASC"}
    one, other = (walk(model, kind, asked, 500) for model in models)
    assert one == other
