"""Queries: Conductor's search syntax, read and compiled to SQL with bound parameters.

The union of its two grammars (spec 7.2, 7.3):

    query     := condition { (AND | OR) condition }       AND binds closer than OR
    condition := ( query ) | field operator value
    operator  := = != < > <= >= IN NOT-IN BETWEEN STARTS_WITH IS-NULL IS-NOT-NULL

A value is quoted, single or double, or bare up to AND, OR or a parenthesis; `*` in a compared
text stands for any characters. Times are epoch milliseconds. Everything else is a Refusal INVALID
that names the place.
"""

import re

import msgspec

from firmus.projection.attribute_query import NotComparable, Required, condition
from firmus.projection.fields import AttributeField, Field, Searchable
from firmus.projection.ordering import Key, compile_sort
from firmus.projection.values import Value, like_pattern, parameter, read_list, read_value
from firmus.projection.words import hits_of
from firmus_contracts.errors import Refusal

CONDITIONS_MAX = 200
DEPTH_MAX = 40
PARAMETERS_MAX = 10_000
TEXT_MAX = 1000

_SPACE = re.compile(r"\s*")
_NAME = re.compile(r"(?:attributes\.)?[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(
    r"\s*(!=|<>|>=|<=|=|>|<|NOT\s+IN\b|IN\b|BETWEEN\b|STARTS_WITH\b|IS\s+NOT\s+NULL\b|IS\s+NULL\b)",
    re.IGNORECASE,
)
_JOINER = re.compile(r"(AND|OR)\b")
_PIECE_END = re.compile(r"\s(?:AND|OR)\s")


class Compiled(msgspec.Struct, frozen=True):
    """`where` is empty when all rows match. `keys` are the order, the last of them unique. `behind`
    and its parameters restrict a page to what comes after another one; they do not count for the
    number of hits, which is `total` then. `required` is in `where` too, and nothing else with
    `only_required`. `among` selects the numbers of rows that hits must be among, where the store
    looks for the best way to do that; empty: all.
    """

    where: str
    parameters: tuple[str | int | float, ...]
    keys: tuple[Key, ...]
    behind: str = ""
    behind_parameters: tuple[str | int | float, ...] = ()
    total: int = 0
    required: tuple[Required, ...] = ()
    only_required: bool = False
    among: str = ""
    among_parameters: tuple[str, ...] = ()

    @property
    def order(self) -> str:
        return ", ".join(map(str, self.keys))


def compile_search(
    what: Searchable,
    *,
    query: str,
    free_text: str,
    sort: str,
    within: tuple[str, ...] | None = None,
) -> Compiled:
    """The SQL of a search, `within` workflows of such names. Raises Refusal INVALID."""
    parameters: list[str | int | float] = []
    wheres: list[str] = []
    _check_text(query, free_text)
    required: tuple[Required, ...] = ()
    only_required = True
    if query.strip():
        read = _Reader(query, what).read()
        wheres.append(read.sql)
        parameters += read.parameters
        required, only_required = read.required, not read.others
    if within is not None:
        named, patterns = _named(what, within)
        wheres.append(named)
        parameters += patterns
    found, bound = hits_of(what, free_text)
    among = found if what.dialect.weighs_words else ""
    if found and not among:
        wheres.append(f"{what.dialect.hit} IN ({found})")
        parameters += bound
    if len(parameters) > PARAMETERS_MAX:
        raise Refusal("INVALID", f"A query compares with at most {PARAMETERS_MAX} values")
    where = " AND ".join(f"({part})" for part in wheres)
    keys = compile_sort(what, sort)
    only_required = only_required and within is None and not found
    return Compiled(
        where,
        tuple(parameters),
        keys,
        required=required,
        only_required=only_required,
        among=among,
        among_parameters=tuple(bound) if among else (),
    )


def _named(what: Searchable, within: tuple[str, ...]) -> tuple[str, list[str]]:
    """The condition that a workflow's name fits one of the patterns, in case too."""
    column, fits = what.fields["workflowType"].sql, what.dialect.fits
    conditions, bound = [], []
    for pattern in within:
        if "*" not in pattern:
            conditions.append(f"{column} = ?")
            bound.append(pattern)
        elif fits == "GLOB":
            conditions.append(f"{column} GLOB ?")
            bound.append(re.sub(r"([\[?])", r"[\1]", pattern))
        else:
            conditions.append(rf"{column} LIKE ? ESCAPE '\'")
            bound.append(like_pattern(pattern))
    return " OR ".join(conditions) or "1 = 0", bound


def _check_text(query: str, free_text: str) -> None:
    if len(free_text) > TEXT_MAX:
        raise Refusal("INVALID", f"freeText is longer than {TEXT_MAX} characters")
    try:
        (query + free_text).encode()
    except UnicodeEncodeError as error:
        raise Refusal("INVALID", "A search holds text that is not Unicode") from error


class _Where(msgspec.Struct, frozen=True):
    """A query's condition, its parameters in the order of their question marks, what it requires,
    and whether it holds anything beside that.
    """

    sql: str
    parameters: list[str | int | float]
    required: tuple[Required, ...]
    others: bool


class _Reader:
    """One pass over a query. `alone`: what the query joins with AND and leaves without parentheses
    has to hold, which is not so once an OR stands beside it.
    """

    def __init__(self, text: str, what: Searchable, *, alone: bool = True) -> None:
        self._text = text
        self._what = what
        self._alone = alone
        self._parameters: list[str | int | float] = []
        self._required: list[Required] = []
        self._others = False
        self._at = 0
        self._depth = 0
        self._conditions = 0
        self._piece_at = 0

    def read(self) -> _Where:
        sql = self._any()
        if self._at < len(self._text):
            raise self._wrong("expected AND, OR or the end")
        if self._required and not self._alone:
            return _Reader(self._text, self._what, alone=False).read()
        return _Where(sql, self._parameters, tuple(self._required), self._others)

    def _any(self) -> str:
        options = [self._all()]
        while self._joined("OR"):
            options.append(self._all())
            self._alone = self._alone and bool(self._depth)
        return options[0] if len(options) == 1 else f"({' OR '.join(options)})"

    def _all(self) -> str:
        parts = [self._condition()]
        while self._joined("AND"):
            parts.append(self._condition())
        return " AND ".join(parts)

    def _joined(self, keyword: str) -> bool:
        self._skip_space()
        found = _JOINER.match(self._text, self._at)
        if found is None or found[1] != keyword:
            return False
        self._at = found.end()
        return True

    def _condition(self) -> str:
        self._skip_space()
        self._piece_at = self._at
        if self._text.startswith("(", self._at):
            return self._group()
        self._conditions += 1
        if self._conditions > CONDITIONS_MAX:
            raise self._wrong(f"more than {CONDITIONS_MAX} conditions")
        name = _NAME.match(self._text, self._at)
        operator = _OPERATOR.match(self._text, name.end()) if name else None
        if name is None or operator is None:
            raise self._no_condition()
        field = self._what.field(name[0])
        if field is None:
            raise self._wrong(f"no field {name[0]!r}: {self._what.known()}")
        self._at = operator.end()
        written = " ".join(operator[1].upper().split())
        if isinstance(field, AttributeField):
            return self._attribute(field, written)
        self._others = True
        return self._compared(field, written)

    def _attribute(self, field: AttributeField, operator: str) -> str:
        values: list[Value] = []
        match operator:
            case "IS NULL" | "IS NOT NULL":
                pass
            case "IN" | "NOT IN":
                values = self._list()
            case "BETWEEN":
                values = list(self._bounds())
            case _:
                values = [self._value()]
        try:
            found = condition(
                self._what, field, operator, values, alone=self._alone and not self._depth
            )
        except NotComparable as wrong:
            self._at = wrong.value.at
            raise self._wrong(wrong.problem) from wrong
        self._parameters += found.bound
        if found.required is None:
            self._others = True
        else:
            self._required.append(found.required)
        return found.sql

    def _group(self) -> str:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise self._wrong(f"more than {DEPTH_MAX} parentheses deep")
        opened = self._at
        self._at += 1
        sql = self._any()
        if not self._text.startswith(")", self._at):
            unclosed = self._at >= len(self._text)
            self._piece_at = opened if unclosed else self._piece_at
            raise self._wrong("expected AND, OR or a closing parenthesis")
        self._at += 1
        self._depth -= 1
        return f"({sql})"

    def _compared(self, field: Field, operator: str) -> str:
        match operator:
            case "IS NULL" | "IS NOT NULL":
                return _is_null(field, negated=operator == "IS NOT NULL")
            case "IN" | "NOT IN":
                return self._in_list(field, self._list(), negated=operator == "NOT IN")
            case "BETWEEN":
                low, high = self._bounds()
                if field.kind == "list":
                    raise self._wrong("a list has no range")
                return f"{field.sql} BETWEEN {self._bind(field, low)} AND {self._bind(field, high)}"
            case "STARTS_WITH":
                return self._starts_with(field, self._value())
            case "=" | "!=" | "<>":
                return self._in_list(field, [self._value()], negated=operator != "=")
            case _:
                if field.kind == "list":
                    raise self._wrong("a list has no order")
                return f"{field.sql} {operator} {self._bind(field, self._value())}"

    def _bounds(self) -> tuple[Value, Value]:
        low = self._value()
        if not self._joined("AND"):
            raise self._wrong("expected AND and the upper bound")
        return low, self._value()

    def _in_list(self, field: Field, values: list[Value], *, negated: bool) -> str:
        """`=` and IN: one of the values; the negation also holds where there is no value."""
        column = "value" if field.kind == "list" else field.sql
        plain = [v for v in values if v.text and not (v.wild and field.kind in ("text", "list"))]
        options = []
        if any(not value.text for value in values):
            if field.kind in ("number", "time"):
                raise self._wrong("expected a number")
            empty = "" if field.never_empty else f" OR {column} = ''"
            options.append(f"({column} IS NULL{empty})")
        if len(plain) == 1:
            options.append(f"{column} = {self._bind(field, plain[0])}")
        elif plain:
            marks = ", ".join(self._bind(field, value) for value in plain)
            options.append(f"{column} IN ({marks})")
        for value in values:
            if value.text and value not in plain:
                if len(value.text) > TEXT_MAX:
                    raise self._wrong(f"a value with stars has at most {TEXT_MAX} characters")
                self._parameters.append(like_pattern(value.text))
                options.append(rf"{column} {self._what.dialect.like} ? ESCAPE '\'")
        matched = f"({' OR '.join(options)})" if len(options) > 1 else options[0]
        if field.kind == "list":
            exists = f"EXISTS (SELECT 1 FROM {field.sql} WHERE {matched})"  # noqa: S608 - field.sql and matched hold known names and question marks only
            return f"NOT {exists}" if negated else exists
        return f"({matched}) IS NOT TRUE" if negated else matched

    def _starts_with(self, field: Field, value: Value) -> str:
        """A range, so that an index serves it; exact in case, unlike `=` with a star."""
        if field.kind != "text":
            raise self._wrong("only a text starts with something")
        if not value.text:
            return f"{field.sql} IS NOT NULL"
        begun = value.text[: field.chars_max or None]
        self._parameters += [begun, begun + "\U0010ffff"]
        return f"({field.sql} >= ? AND {field.sql} < ?)"

    def _bind(self, field: Field, value: Value) -> str:
        bound = parameter(field, value)
        if bound is None:
            self._at = value.at
            raise self._wrong("expected a number")
        self._parameters.append(bound)
        return "?"

    def _value(self) -> Value:
        return self._taken(read_value(self._text, self._at))

    def _list(self) -> list[Value]:
        values = read_list(self._text, self._at)
        if isinstance(values, list):
            self._at = values[-1].end
            self._at = self._text.index(")", self._at) + 1
            return values
        self._at = values.at
        raise self._wrong(values.problem)

    def _taken(self, value: Value) -> Value:
        if value.problem:
            self._at = value.at
            raise self._wrong(value.problem)
        self._at = value.end
        return value

    def _skip_space(self) -> None:
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at

    def _no_condition(self) -> Refusal:
        if self._piece() == self._text:
            return Refusal("INVALID", f"Incorrectly formatted query string: {self._text}")
        return self._wrong("expected a field, an operator and a value")

    def _wrong(self, problem: str) -> Refusal:
        return Refusal(
            "INVALID",
            f"Incorrectly formatted query string: {self._piece()}"
            f" (position {self._at + 1}: {problem})",
        )

    def _piece(self) -> str:
        end = _PIECE_END.search(self._text, self._piece_at)
        return self._text[self._piece_at : end.start() if end else None]


def _is_null(field: Field, *, negated: bool) -> str:
    if field.kind == "list":
        return f"{'' if negated else 'NOT '}EXISTS (SELECT 1 FROM {field.sql})"  # noqa: S608 - field.sql is a constant
    return f"{field.sql} IS {'NOT ' if negated else ''}NULL"
