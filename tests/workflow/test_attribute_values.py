"""Search attributes: which choices are read, and what they find in an execution."""

from typing import Any

import pytest
from tests.flow import Flow, simple

from firmus.workflow.attributes import (
    ATTRIBUTES_MAX,
    CHARACTERS_MAX,
    LIST_MAX,
    attributes_of,
    choice_of,
    shown,
    time_ms,
)
from firmus.workflow.masking import EVERYTHING


def found(given: dict[str, Any], *, masked: tuple[str, ...] = (), **input: Any) -> dict[str, Any]:
    choice = choice_of({"searchAttributes": given})
    assert not choice.problems
    flow = Flow(simple("a"), variables={"stage": "new"})
    flow.start(input)
    return shown(attributes_of(choice.attributes, flow.state, frozenset(masked)))


@pytest.mark.parametrize(
    ("kind", "value", "read"),
    [
        ("text", "abc", "abc"),
        ("text", 12, "12"),
        ("text", 1e7, "10000000.0"),
        ("text", True, "true"),
        ("text", "", ""),
        ("text", {"a": 1}, '{"a":1}'),
        ("text", "x" * 2000, "x" * CHARACTERS_MAX),
        ("number", 12, 12),
        ("number", 12.5, 12.5),
        ("number", " -1.5e3 ", -1500.0),
        ("number", 2**63, float(2**63)),
        ("number", "7", 7),
        ("time", 1_700_000_000_000, 1_700_000_000_000),
        ("time", "2023-11-14T22:13:20Z", 1_700_000_000_000),
        ("time", "2023-11-14T23:13:20.5+01:00", 1_700_000_000_500),
        ("time", "1970-01-02", 86_400_000),
        ("boolean", False, False),
        ("boolean", "TRUE", True),
        ("text", ["a", "b", "a", None], ["a", "b"]),
        ("number", [3, "x", 4], [3, 4]),
        ("text", [["a"]], '["a"]'),
    ],
)
def test_a_value_is_read_as_its_kind(kind: str, value: Any, read: Any) -> None:
    given = {"it": {"value": "${workflow.input.v}", "type": kind}}
    assert found(given, v=value) == {"it": read}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", None), ("text", []), ("number", "many"), ("number", True), ("number", {}),
        ("number", "1e999"), ("number", 10**400), ("time", "soon"), ("time", 1e300),
        ("time", False), ("boolean", "yes"), ("boolean", 1),
    ],
)  # fmt: skip
def test_what_does_not_read_as_its_kind_is_no_value(kind: str, value: Any) -> None:
    assert found({"it": {"value": "${workflow.input.v}", "type": kind}}, v=value) == {}


def test_paths_may_lead_anywhere_in_input_output_and_variables() -> None:
    given = {
        "first": "${workflow.input.items[0].sku}",
        "each": "${workflow.input.items[*].sku}",
        "stage": "${workflow.variables.stage}",
        "absent": "${workflow.output.total}",
    }
    items = [{"sku": "a"}, {"sku": "b"}]
    assert found(given, items=items) == {"first": "a", "each": ["a", "b"], "stage": "new"}


def test_of_a_list_so_many_elements_count() -> None:
    given = {"n": {"value": "${workflow.input.n}", "type": "number"}}
    assert found(given, n=list(range(500))) == {"n": list(range(LIST_MAX))}


def test_masked_fields_are_never_looked_at() -> None:
    card = {"number": "4711", "kind": "visa"}
    given = {"all": "${workflow.input.card}", "deep": "${workflow.input..number}"}
    assert found(given, masked=("number",), card=card) == {"all": '{"kind":"visa"}'}
    by_filter = {"kind": "${workflow.input.cards[?(@.number == '4711')].kind}"}
    assert found(by_filter, cards=[card]) == {"kind": "visa"}
    assert found(by_filter, masked=("number",), cards=[card]) == {}
    choice = choice_of({"searchAttributes": given})
    assert attributes_of(choice.attributes, None, EVERYTHING) == ()


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ([], ""),
        ("customer", ""),
        ({"1st": "${workflow.input.a}"}, "1st"),
        ({"a-b": "${workflow.input.a}"}, "a-b"),
        ({"a" * 65: "${workflow.input.a}"}, "a" * 65),
        ({"status": "${workflow.input.a}"}, "status"),
        ({"And": "${workflow.input.a}"}, "And"),
        ({"attributes": "${workflow.input.a}"}, "attributes"),
        ({"x": 1}, "x"),
        ({"x": "plain"}, "x"),
        ({"x": ""}, "x"),
        ({"x": "id-${workflow.input.a}"}, "x"),
        ({"x": "${workflow.input.${workflow.input.a}}"}, "x"),
        ({"x": "${workflow.secrets.KEY}"}, "x"),
        ({"x": "${workflow.status}"}, "x"),
        ({"x": "${a.output.b}"}, "x"),
        ({"x": "${workflow}"}, "x"),
        ({"x": "${workflow.input.[}"}, "x"),
        ({"x": "${workflow.input.card.cvv}"}, "x"),
        ({"x": "${workflow.input..cvv}"}, "x"),
        ({"x": {"value": "${workflow.input['a','cvv']}", "type": "text"}}, "x.value"),
        ({"x": {"value": "${workflow.input.a}", "type": "date"}}, "x.type"),
        ({"x": {"value": "${workflow.input.a}", "kind": "text"}}, "x"),
        ({"x": {"type": "text"}}, "x.value"),
    ],
)
def test_what_is_no_choice_is_told_by_its_place(given: Any, place: str) -> None:
    choice = choice_of({"searchAttributes": given}, ("cvv",))
    assert [problem.place for problem in choice.problems] == [place]
    assert choice.attributes == ()


def test_so_many_attributes_and_no_more() -> None:
    given = {f"a{n}": "${workflow.input.a}" for n in range(ATTRIBUTES_MAX + 5)}
    choice = choice_of({"searchAttributes": given})
    assert len(choice.attributes) == ATTRIBUTES_MAX
    assert len(choice.problems) == 1


def test_the_good_ones_stay_beside_a_bad_one() -> None:
    choice = choice_of({"searchAttributes": {"1": "x", "a": "${workflow.input.a}"}})
    assert [one.name for one in choice.attributes] == ["a"]


@pytest.mark.parametrize("text", ["", "tomorrow", "2023-13-01", "12:00", "0x10"])
def test_a_time_is_a_whole_number_or_iso_8601(text: str) -> None:
    assert time_ms(text) is None
