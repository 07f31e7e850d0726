"""Paging by place instead of by number: a page begins behind the last row of the one before.

However deep, a page costs the same, and rows that come or go meanwhile neither repeat nor hide
others. The token is the row's place in the order, opaque to clients.
"""

import base64
import binascii

import msgspec

from firmus.projection.ordering import Key
from firmus.projection.query import Compiled
from firmus_contracts.errors import Refusal

NUMBER_MAX = 2**63 - 1

Place = list[str | int | float | None]
"""The value of every key of the order at one row."""


class _Token(msgspec.Struct, frozen=True, array_like=True):
    """`total`: the number of all hits, counted for the first page only."""

    total: int
    place: Place


def token_of(place: Place, total: int) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(_Token(total, place))).decode()


def after(compiled: Compiled, token: str) -> Compiled:
    """The search restricted to what comes after a place. Raises Refusal INVALID for a token that is
    none, or belongs to another order.
    """
    try:
        found = msgspec.json.decode(base64.urlsafe_b64decode(token), type=_Token)
    except (binascii.Error, ValueError) as problem:
        raise Refusal("INVALID", "searchAfter: not what an earlier page gave") from problem
    place = found.place
    if len(place) != len(compiled.keys) or not all(map(_fits, compiled.keys, place)):
        raise Refusal("INVALID", "searchAfter: it belongs to a search with another sort")
    options: list[str] = []
    parameters: list[str | int | float] = []
    same: list[str] = []
    same_parameters: list[str | int | float] = []
    for key, value in zip(compiled.keys, place, strict=True):
        behind = _behind(key, value)
        if behind:
            options.append(" AND ".join([*same, behind]))
            parameters += [*same_parameters, *([] if value is None else [value])]
        same.append(f"{key.sql} IS NULL" if value is None else f"{key.sql} = ?")
        same_parameters += [] if value is None else [value]
    behind = " OR ".join(f"({one})" for one in options)
    first, value = compiled.keys[0], place[0]
    if first.always and value is not None:  # a bound that an index can begin at
        behind = f"{first.sql} {'<=' if first.descending else '>='} ? AND ({behind})"
        parameters.insert(0, value)
    return msgspec.structs.replace(
        compiled, behind=behind, behind_parameters=tuple(parameters), total=found.total
    )


def _fits(key: Key, value: str | int | float | None) -> bool:  # noqa: PYI041 - they differ here
    if value is None:
        return not key.always
    if isinstance(value, int):
        return key.number and -NUMBER_MAX - 1 <= value <= NUMBER_MAX
    return key.number == isinstance(value, float)


def _behind(key: Key, value: str | float | None) -> str:
    """What comes after a value in one key's order, where nulls are the lowest; empty: nothing."""
    if key.descending:
        nulls = "" if key.always else f" OR {key.sql} IS NULL"
        return "" if value is None else f"({key.sql} < ?{nulls})"
    return f"{key.sql} IS NOT NULL" if value is None else f"{key.sql} > ?"
