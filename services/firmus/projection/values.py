"""Values of a query: how they are written, and what is bound for them.

Quoted (single or double; a backslash escapes a quote or a backslash) or bare. A bare value goes
on, blanks included, up to AND, OR, a closing parenthesis or, in a list, a comma.
"""

import re

import msgspec

from firmus.projection.fields import Field

LIST_MAX = 5000

_QUOTED = re.compile(r"""\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")""", re.DOTALL)
_BARE = re.compile(r"\s*((?:(?!\s(?:AND|OR)\b)[^)(])*)")
_ITEM = re.compile(r"\s*([^,)(]*)")
_LOOSE = re.compile(r"""[=<>'"]|\s(?:and|or|And|Or)\s""")
_ESCAPED = re.compile(r"""\\(["'\\])""")
_NUMBER = re.compile(r"[+-]?\d{1,19}")
_LONG = 2**63


class Value(msgspec.Struct, frozen=True):
    """A value, where it begins and where the text goes on after it; or what is wrong at `at`.

    `wild`: stars in it stand for any characters.
    """

    text: str
    at: int
    end: int
    wild: bool = False
    problem: str = ""


def read_value(text: str, at: int) -> Value:
    """The value that begins at `at`."""
    quoted = _read_quoted(text, at)
    if quoted is not None:
        return quoted
    found = _BARE.match(text, at)
    assert found is not None  # it matches nothing, too
    return _bare(found)


def read_list(text: str, at: int) -> list[Value] | Value:
    """The values of `(a, 'b', c)`, at least one; or the Value that tells what is wrong."""
    opening = re.compile(r"\s*\(").match(text, at)
    if opening is None:
        return Value("", at, at, problem="expected a list in parentheses")
    values: list[Value] = []
    at = opening.end()
    while True:
        value = _read_quoted(text, at)
        if value is None:
            found = _ITEM.match(text, at)
            assert found is not None  # it matches nothing, too
            value = _bare(found)
        if value.problem:
            return value
        values.append(value)
        after = re.compile(r"\s*([,)])").match(text, value.end)
        if after is None:
            return Value("", value.end, value.end, problem="expected a comma or a parenthesis")
        if after[1] == ")":
            return values
        if len(values) == LIST_MAX:
            return Value("", value.end, value.end, problem=f"more than {LIST_MAX} values")
        at = after.end()


def parameter(field: Field, value: Value) -> str | int | None:
    """What is bound for a value of this field; None when a number of 64 bits is wanted and it is
    none.
    """
    if field.kind in ("text", "list"):
        return value.text[: field.chars_max or None]
    number = int(value.text) if _NUMBER.fullmatch(value.text) else _LONG
    return number if -_LONG <= number < _LONG else None


def like_pattern(text: str) -> str:
    r"""The LIKE pattern of a text where `*` is any characters; `\` escapes."""
    return re.sub(r"([\\%_])", r"\\\1", text).replace("*", "%")


def _read_quoted(text: str, at: int) -> Value | None:
    found = _QUOTED.match(text, at)
    if found is None:
        return None
    raw = found[1] if found[1] is not None else found[2]
    plain = _ESCAPED.sub(r"\1", raw)
    return Value(plain, at, found.end(), wild="*" in plain)


def _bare(found: re.Match[str]) -> Value:
    plain = found[1].rstrip()
    begin = found.start(1)
    if not plain:
        return Value("", begin, begin, problem="expected a value")
    loose = _LOOSE.search(plain)
    if loose is not None:
        wrong = begin + loose.start()
        return Value("", wrong, wrong, problem="quote the value, or write AND or OR before it")
    return Value(plain, begin, found.end(), wild="*" in plain)
