"""Reads the statement that the input of a JDBC task describes, without any database."""

import re
from collections.abc import Callable
from typing import Any, Literal

import msgspec

TIMEOUT_S = 60.0
TIMEOUT_MAX_S = 3600.0
READING = frozenset(
    ("SELECT", "WITH", "VALUES", "TABLE", "SHOW", "EXPLAIN", "DESCRIBE", "DESC", "PRAGMA")
)
STREAMED = frozenset({"SELECT", "VALUES"})
"""What every database can run under a cursor of its own, so that rows are fetched as needed."""

_FIRST_WORD = re.compile(r"(?:\s|\(|--[^\n]*(?:\n|$)|/\*.*?\*/)*([A-Za-z]+)", re.DOTALL)
_TOKENS = re.compile(
    r"""
    (?P<text> '(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*`
            | (?<![\w$])\$(?P<tag>[A-Za-z_]\w*|)\$.*?\$(?P=tag)\$
            | --[^\n]* | /\*.*?\*/ | :: )
    | (?P<mark> \?\?? )
    | (?<!\w):(?P<name> [A-Za-z_]\w* )
    | (?P<colon> : )
    """,
    re.DOTALL | re.VERBOSE,
)


class Unusable(Exception):
    """The input describes no statement; the message is the task's reason."""


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """`statement` in SQLAlchemy's form: parameters are `:p1`, `:p2`, and every other colon has a
    backslash before it. `values` by those names.
    """

    connection: str
    statement: str
    values: dict[str, Any]
    word: str
    type: Literal["SELECT", "UPDATE"]
    expected_count: int | None
    timeout_s: float


def query_of(given: dict[str, Any]) -> Query:
    """The query that a task's input describes. Raises Unusable."""
    statement = given.get("statement")
    if not isinstance(statement, str) or not statement.strip():
        raise Unusable("JDBC: statement is not given or no text")
    found = _FIRST_WORD.match(statement)
    word = found[1].upper() if found else ""
    text, values = _bound(statement, given.get("parameters"))
    kind = _type(given.get("type"), word)
    expected = given.get("expectedUpdateCount")
    if expected is not None and kind == "SELECT":
        raise Unusable("JDBC: expectedUpdateCount is given, and the type is SELECT")
    return Query(
        connection=_connection(given),
        statement=text,
        values=values,
        word=word,
        type=kind,
        expected_count=None if expected is None else _count(expected),
        timeout_s=_timeout_s(given.get("timeoutSeconds")),
    )


def _connection(given: dict[str, Any]) -> str:
    names = {given[key] for key in ("connectionId", "integrationName") if _is_name(given.get(key))}
    if len(names) != 1:
        how = "different" if names else "both without a name"
        raise Unusable(f"JDBC: connectionId and integrationName are {how}; give one of them")
    return str(names.pop())


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != ""


def _type(given: Any, word: str) -> Literal["SELECT", "UPDATE"]:
    match given.upper() if isinstance(given, str) else given:
        case None | "":
            return "SELECT" if word in READING else "UPDATE"
        case "SELECT":
            return "SELECT"
        case "UPDATE":
            return "UPDATE"
    raise Unusable("JDBC: type is neither SELECT nor UPDATE")


def _count(given: Any) -> int:
    try:
        number = -1 if isinstance(given, bool | float) else int(given)
    except (TypeError, ValueError):
        number = -1
    if number < 0:
        raise Unusable("JDBC: expectedUpdateCount is not a whole number from 0")
    return number


def _timeout_s(given: Any) -> float:
    if given is None:
        return TIMEOUT_S
    try:
        number = 0.0 if isinstance(given, bool) else float(given)
    except (TypeError, ValueError):
        number = 0.0
    if not 0.0 < number <= TIMEOUT_MAX_S:
        raise Unusable(f"JDBC: timeoutSeconds is not a number above 0 and up to {TIMEOUT_MAX_S:g}")
    return number


def _bound(statement: str, parameters: Any) -> tuple[str, dict[str, Any]]:
    """A list binds `?` (`??` is a question mark), an object `:name` and leaves `?` alone."""
    match parameters:
        case None:
            return _by_place(statement, [])
        case list():
            return _by_place(statement, parameters)
        case dict():
            return _by_name(statement, parameters)
    raise Unusable("JDBC: parameters is neither a list nor an object")


def _by_place(statement: str, parameters: list[Any]) -> tuple[str, dict[str, Any]]:
    count = 0

    def written(token: re.Match[str]) -> str:
        nonlocal count
        if token["name"]:
            raise Unusable(f"JDBC: parameters is no object, and the statement has :{token['name']}")
        if token["mark"] == "?":
            count += 1
            return f" :p{count} "
        return "?"

    text = _rewritten(statement, written)
    if count != len(parameters):
        raise Unusable(f"JDBC: the statement has {count} parameters, {len(parameters)} are given")
    return text, {f"p{number}": value for number, value in enumerate(parameters, 1)}


def _by_name(statement: str, parameters: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    places = {name: f"p{number}" for number, name in enumerate(parameters, 1)}
    used: set[str] = set()

    def written(token: re.Match[str]) -> str:
        name = token["name"]
        if not name:
            return token[0]
        if name not in places:
            raise Unusable(f"JDBC: the statement has :{name}, which parameters has not")
        used.add(name)
        return f" :{places[name]} "

    text = _rewritten(statement, written)
    unused = sorted(parameters.keys() - used)
    if unused:
        raise Unusable(f"JDBC: parameters the statement does not have: {', '.join(unused)}")
    return text, {places[name]: value for name, value in parameters.items()}


def _rewritten(statement: str, written: Callable[[re.Match[str]], str]) -> str:
    """Quoted text and comments stay as they are."""

    def one(token: re.Match[str]) -> str:
        if token["text"] or token["colon"]:
            return token[0].replace(":", r"\:")
        return written(token)

    return _TOKENS.sub(one, statement)
