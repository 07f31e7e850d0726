"""Search attributes in a query: conditions over values that stand in a table of their own.

A condition holds for an execution if it holds for one of its values, each compared as what the
definition calls it: `total > 100` looks at numbers, and at texts too where some definition calls
`total` a text. A negation holds wherever the condition itself does not.
"""

from typing import Literal

import msgspec

from firmus.projection.fields import AttributeField, Field, Searchable
from firmus.projection.values import Value, like_pattern
from firmus.workflow.attributes import CHARACTERS_MAX, number_of, time_ms

Parameter = str | int | float
_EXPECTED = {
    "text": "a text", "number": "a number", "boolean": "true or false",
    "time": "a time: epoch milliseconds or ISO 8601",
}  # fmt: skip
_LONG = 2**63


_Given = tuple[Value, Parameter | None]
"""A value, and what a column compares with for it; None when it cannot."""


class NotComparable(Exception):
    """A value that the attribute cannot be compared with, and what was expected instead."""

    def __init__(self, value: Value, problem: str) -> None:
        super().__init__(problem)
        self.value = value
        self.problem = problem


class _Condition(msgspec.Struct, frozen=True):
    sql: str
    bound: list[Parameter]


class Required(msgspec.Struct, frozen=True):
    """What every hit fulfils: `sql` with `bound` finds the numbers of its rows, some of them more
    than once. `name`: of the attribute, which every hit has.
    """

    name: str
    sql: str
    bound: tuple[Parameter, ...]


class Conditioned(msgspec.Struct, frozen=True):
    """A condition, what is bound in it, in order, and what it requires."""

    sql: str
    bound: list[Parameter]
    required: Required | None = None


def condition(
    what: Searchable,
    field: AttributeField,
    operator: str,
    values: list[Value],
    *,
    alone: bool,
) -> Conditioned:
    """The SQL of a condition. `alone`: whatever stands beside it, it has to hold; then it looks
    at one row's values, and a store may begin with what it requires. Raises NotComparable.
    """
    hit, name = what.dialect.hit, what.dialect.value_name
    one = (
        f"SELECT 1 FROM attributes WHERE workflow = workflows.{hit}"  # noqa: S608 - a name has letters, digits and underscores
        f" AND {name} = '{field.name}'"
    )
    every = f"SELECT workflow FROM attributes WHERE name = '{field.name}'"  # noqa: S608 - as above
    if operator == "IS NULL":
        return Conditioned(f"NOT EXISTS ({one})", [])
    if operator == "IS NOT NULL":
        return _holding(what, field, one, every, _Condition("", []), alone=alone)
    negated = operator in ("!=", "<>", "NOT IN")
    positive = "=" if operator in ("!=", "<>", "IN", "NOT IN") else operator
    given = [value for value in values if value.text or positive == "STARTS_WITH"]
    matching = _matching(what, field, positive, given) if given else None
    if len(given) == len(values) and matching is not None and not negated:
        return _holding(what, field, one, every, matching, alone=alone)
    options = [f"EXISTS ({one} AND ({matching.sql}))"] if matching is not None else []
    if len(given) < len(values):
        if positive != "=" or not field.holds("text"):
            empty = next(value for value in values if not value.text)
            raise NotComparable(empty, f"expected {_wanted(field)}")
        options += [f"NOT EXISTS ({one})", f"EXISTS ({one} AND text = '')"]
    sql = f"({' OR '.join(options)})"
    bound = [] if matching is None else matching.bound
    return Conditioned(f"NOT {sql}" if negated else sql, bound)


def _holding(
    what: Searchable,
    field: AttributeField,
    one: str,
    every: str,
    matching: _Condition,
    *,
    alone: bool,
) -> Conditioned:
    and_ = f" AND ({matching.sql})" if matching.sql else ""
    if not alone:
        return Conditioned(f"{what.dialect.hit} IN ({every}{and_})", matching.bound)
    required = Required(field.name, every + and_, tuple(matching.bound))
    return Conditioned(f"EXISTS ({one}{and_})", matching.bound, required)


def order(what: Searchable, field: AttributeField) -> list[Field]:
    """What to sort by: an execution stands at its lowest value. Where kinds differ, who has no text
    comes before who has one.
    """
    kinds: dict[str, Literal["text", "number"]] = {"text": "text", "number": "number"}
    return [
        Field(
            f"(SELECT min({column}) FROM attributes"  # noqa: S608 - as above
            f" WHERE workflow = workflows.{what.dialect.hit}"
            f" AND {what.dialect.value_name} = '{field.name}')",
            kinds[column],
            attribute=field.name,
        )
        for column in field.columns
    ]


def _matching(
    what: Searchable, field: AttributeField, operator: str, values: list[Value]
) -> _Condition:
    """What one value has to fulfil, in either column."""
    for value in values:
        if value.wild and len(value.text) > CHARACTERS_MAX:
            problem = f"a value with stars has at most {CHARACTERS_MAX} characters"
            raise NotComparable(value, problem)
        if _text(field, value) is None and _number(field, value) is None:
            raise NotComparable(value, f"expected {_wanted(field)}")
    if operator == "STARTS_WITH":
        if not field.holds("text"):
            raise NotComparable(values[0], "only a text starts with something")
        start = values[0].text[: _chars_max(what)]
        bound: list[Parameter] = [start, start + "\U0010ffff"]
        return _Condition("text >= ? AND text < ?", bound)
    most = _chars_max(what)
    texts: list[_Given] = [(it, text and text[:most]) for it in values
                           for text in (_text(field, it),)]  # fmt: skip
    numbers: list[_Given] = [(value, _number(field, value)) for value in values]
    options = (
        _compared(what, field, "text", operator, texts),
        _compared(what, field, "number", operator, numbers),
    )
    found = [option for option in options if option is not None]
    if not found:
        raise NotComparable(values[0], "expected two bounds of one kind")
    return _Condition(
        " OR ".join(option.sql for option in found), [it for one in found for it in one.bound]
    )


def _compared(
    what: Searchable,
    field: AttributeField,
    column: str,
    operator: str,
    given: list[_Given],
) -> _Condition | None:
    """The same of one column; None when the values are none of its own."""
    known = [bound for _, bound in given if bound is not None]
    if operator == "BETWEEN":
        return _Condition(f"{column} BETWEEN ? AND ?", known) if len(known) == len(given) else None
    if operator != "=":
        return _Condition(f"{column} {operator} ?", known) if known else None
    wild = [it for it, _ in given if it.wild and column == "text" and field.holds("text")]
    plain = [bound for it, bound in given if bound is not None and it not in wild]
    options = [f"{column} IN ({', '.join('?' * len(plain))})"] if plain else []
    options += [rf"{column} {what.dialect.like} ? ESCAPE '\'" for _ in wild]
    patterns = [like_pattern(it.text) for it in wild]
    return _Condition(" OR ".join(options), [*plain, *patterns]) if options else None


def _chars_max(what: Searchable) -> int:
    return what.dialect.text_chars_max or CHARACTERS_MAX


def _text(field: AttributeField, value: Value) -> str | None:
    if field.holds("text"):
        return value.text[:CHARACTERS_MAX]
    written = value.text.lower()
    return written if field.holds("boolean") and written in ("true", "false") else None


def _number(field: AttributeField, value: Value) -> float | None:
    number = number_of(value.text) if field.holds("number") else None
    if number is None and field.holds("time"):
        at = time_ms(value.text)
        number = at if at is not None and abs(at) < _LONG else None
    return number


def _wanted(field: AttributeField) -> str:
    return " or ".join(what for kind, what in _EXPECTED.items() if field.holds(kind))
