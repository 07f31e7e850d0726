"""The functions a path may end in: `.length()`, `.sum()`, `.first()` and so on (spec 2.4)."""

import statistics
from collections.abc import Callable
from typing import Any

from firmus.workflow.expressions.text import text_of

_LARGEST = 1e300


def _length(value: Any, *_: Any) -> int | None:
    return len(value) if isinstance(value, list | dict) else None


def _keys(value: Any, *_: Any) -> list[str] | None:
    return list(value) if isinstance(value, dict) else None


def _first(value: Any, *_: Any) -> Any:
    return value[0] if isinstance(value, list) and value else None


def _last(value: Any, *_: Any) -> Any:
    return value[-1] if isinstance(value, list) and value else None


def _index(value: Any, place: Any = None, *_: Any) -> Any:
    if not isinstance(value, list) or type(place) is not int:
        return None
    return value[place] if -len(value) <= place < len(value) else None


def _append(value: Any, *added: Any) -> Any:
    return [*value, *added] if isinstance(value, list) else None


def _concat(value: Any, *added: Any) -> str:
    texts = [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
    return "".join([*texts, *map(text_of, added)])


def _over_numbers(function: Callable[[list[float]], float]) -> Callable[..., float]:
    """`function` over the numbers of a list and of the arguments. ValueError: there are none."""

    def over(value: Any, *added: Any) -> float:
        candidates = [*(value if isinstance(value, list) else ()), *added]
        numbers = [float(n) for n in candidates if type(n) in {int, float} and abs(n) < _LARGEST]
        if not numbers:
            raise ValueError("no numbers")
        return function(numbers)

    return over


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "length": _length,
    "size": _length,
    "keys": _keys,
    "first": _first,
    "last": _last,
    "index": _index,
    "append": _append,
    "concat": _concat,
    "sum": _over_numbers(sum),
    "min": _over_numbers(min),
    "max": _over_numbers(max),
    "avg": _over_numbers(statistics.fmean),
    "stddev": _over_numbers(statistics.pstdev),
}
"""By name. Numbers come out as floating point, as in Conductor: the sum of [1, 2] is 3.0."""
