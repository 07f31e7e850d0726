"""What a filter `[?(…)]` compares and how (spec 2.4): loosely between numbers and text."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

import regex

from firmus.workflow.expressions.scope import MISSING
from firmus.workflow.expressions.steps import Argument, Predicate
from firmus.workflow.expressions.text import text_of

_MATCH_TIMEOUT_S = 0.05
_FLAGS = {
    "i": regex.IGNORECASE,
    "m": regex.MULTILINE,
    "s": regex.DOTALL,
    "x": regex.VERBOSE,
    "u": regex.UNICODE,
    "d": 0,
}


def either(predicates: list[Predicate]) -> Predicate:
    if len(predicates) == 1:
        return predicates[0]
    return lambda item, scope: any(accepts(item, scope) for accepts in predicates)


def both(predicates: list[Predicate]) -> Predicate:
    if len(predicates) == 1:
        return predicates[0]
    return lambda item, scope: all(accepts(item, scope) for accepts in predicates)


def opposite(accepts: Predicate) -> Predicate:
    return lambda item, scope: not accepts(item, scope)


def exists(read: Argument) -> Predicate:
    """A path alone: it leads somewhere, be it to null. `read` finds its definite part: wildcards
    and the like always find a list, be it an empty one.
    """
    return lambda item, scope: read(item, scope) is not MISSING


def stated(read: Argument) -> Predicate:
    """A literal alone: it is `true`."""
    return lambda item, scope: read(item, scope) is True


def comparison(left: Argument, operator: str, right: Argument) -> Predicate:
    """Raises KeyError for an operator that there is not."""
    holds = OPERATORS[operator]
    return lambda item, scope: holds(left(item, scope), right(item, scope))


def pattern(text: str, flags: str) -> "regex.Pattern[str]":
    """Raises ValueError when it is no regular expression."""
    bits = 0
    for flag in flags:
        if flag not in _FLAGS:
            raise ValueError(f"unknown flag {flag!r} of a regular expression")
        bits |= _FLAGS[flag]
    try:
        return regex.compile(text, bits)
    except regex.error as error:
        raise ValueError(f"bad regular expression: {error}") from error


def _equal(left: Any, right: Any) -> bool:
    """What is not there equals null."""
    left, right = (None if side is MISSING else side for side in (left, right))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | float) and isinstance(right, str):
        try:
            return Decimal(text_of(left)) == Decimal(right.strip())
        except InvalidOperation:
            return False
    if isinstance(left, str) and isinstance(right, int | float):
        return left == text_of(right)
    return bool(left == right)


def _identical(left: Any, right: Any) -> bool:
    same_kind = isinstance(left, str) == isinstance(right, str)
    return same_kind and _equal(left, right)


def _ordered(holds: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """`holds` between two numbers or two texts; false for everything else."""

    def compare(left: Any, right: Any) -> bool:
        if isinstance(left, str) and isinstance(right, str):
            return holds(left, right)
        return _is_number(left) and _is_number(right) and holds(left, right)

    return compare


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _member(left: Any, right: Any) -> bool:
    return isinstance(right, list) and any(_equal(left, item) for item in right)


def _contains(left: Any, right: Any) -> bool:
    if isinstance(left, str):
        return isinstance(right, str) and right in left
    return _member(right, left)


def _size(left: Any, right: Any) -> bool:
    return isinstance(left, str | list | dict) and _is_number(right) and len(left) == right


def _empty(left: Any, right: Any) -> bool:
    return isinstance(left, str | list | dict) and (len(left) == 0) is right


def _exists(left: Any, right: Any) -> bool:
    return (left is not MISSING) is right


def _subset(left: Any, right: Any) -> bool:
    return isinstance(left, list) and all(_member(item, right) for item in left)


def _any_of(left: Any, right: Any) -> bool:
    return isinstance(left, list) and any(_member(item, right) for item in left)


def _none_of(left: Any, right: Any) -> bool:
    return isinstance(left, list) and isinstance(right, list) and not _any_of(left, right)


def _matches(left: Any, right: Any) -> bool:
    """The whole text matches. Raises TimeoutError when that takes too long to find out."""
    if isinstance(left, list):
        return any(_matches(item, right) for item in left)
    if not isinstance(right, regex.Pattern) or not isinstance(left, str | int | float):
        return False
    return right.fullmatch(text_of(left), timeout=_MATCH_TIMEOUT_S) is not None


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "===": _identical,
    "!==": lambda left, right: not _identical(left, right),
    "==": _equal,
    "!=": lambda left, right: not _equal(left, right),
    "=~": _matches,
    "<=": _ordered(lambda left, right: left <= right),
    ">=": _ordered(lambda left, right: left >= right),
    "<": _ordered(lambda left, right: left < right),
    ">": _ordered(lambda left, right: left > right),
    "in": _member,
    "nin": lambda left, right: not _member(left, right),
    "contains": _contains,
    "size": _size,
    "empty": _empty,
    "exists": _exists,
    "subsetof": _subset,
    "anyof": _any_of,
    "noneof": _none_of,
}
"""By their sign; of signs that begin alike the longer one stands first."""
