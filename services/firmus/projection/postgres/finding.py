"""Finding in PostgreSQL: one page of hits, read from an open read model. Blocks."""

from decimal import Decimal
from typing import Any

import msgspec

from firmus.projection.cursors import RowsCursor
from firmus.projection.fields import Searchable
from firmus.projection.paging import NUMBER_MAX, token_of
from firmus.projection.port import Found
from firmus.projection.postgres.connecting import Connection
from firmus.projection.postgres.schema import without_nul
from firmus.projection.query import Compiled

FEW = 5000
"""So many hits are quicker named one by one than looked for."""

_POSITION = "(SELECT value FROM progress WHERE key = 'rows')"
_COUNTED = "(SELECT rows FROM counts WHERE kind = '{}')"


def find(reader: Connection, what: Searchable, search: Compiled, *, start: int, size: int) -> Found:
    """A page of hits. Raises psycopg.Error.

    The page and the log position that it reflects come from one statement, so from one snapshot.
    """
    search = _narrowed(reader, what, search)
    page, bound = _page(what, search)
    first = f"SELECT {_POSITION}, {_COUNTED.format(what.table)}, found.* FROM (SELECT) AS one LEFT JOIN ({page}) AS found ON true ORDER BY {_order(search)}"  # noqa: S608, E501 - compiled from known names, values are bound
    rows = _ask(reader, first, [*bound, size, start])
    stored, counted = rows[0][:2]
    hits = [row[2:] for row in rows if row[2] is not None]
    total = _total(reader, what, search, start=start, size=size, found=len(hits), counted=counted)
    following = ""
    if size and len(hits) == size:
        following = token_of([_plain(value) for value in hits[-1][1:]], total)
    position = msgspec.json.decode(stored, type=RowsCursor).position if stored else 0
    return Found(total, [msgspec.Raw(hit[0].encode()) for hit in hits], position, following)


def _narrowed(reader: Connection, what: Searchable, search: Compiled) -> Compiled:
    """The search without `among`. PostgreSQL guesses badly how many rows a word or an attribute
    finds, and walks all rows in their order for one that is rare: so few hits are named one by one.
    """
    parts = [search.where] if search.where else []
    bound: list[Any] = list(search.parameters)
    must = [(it.sql, it.bound) for it in search.required]
    if search.among:
        must.append((search.among, search.among_parameters))
    for selected, given in must:
        found = {row[0] for row in _ask(reader, f"{selected} LIMIT ?", [*given, FEW + 1])}
        if len(found) <= FEW:
            parts.append(f"{what.table}.{what.dialect.hit} = ANY(?)")
            bound.append(sorted(found))
        elif selected == search.among:
            parts.append(f"{what.table}.{what.dialect.hit} IN ({selected})")
            bound += given
    where = " AND ".join(f"({part})" for part in parts)
    return msgspec.structs.replace(search, where=where, parameters=tuple(bound))


def _page(what: Searchable, search: Compiled) -> tuple[str, list[Any]]:
    """Hits are sorted without their summaries: an index alone serves most searches up to the page
    itself.
    """
    both = " AND ".join(f"({part})" for part in (search.where, search.behind) if part)
    where = f" WHERE {both}" if both else ""
    keys = ", ".join(f"{key.sql} AS key{number}" for number, key in enumerate(search.keys))
    names = ", ".join(f"key{number}" for number in range(len(search.keys)))
    last = f"key{len(search.keys) - 1}"
    hits = f"SELECT {keys} FROM {what.table}{where} ORDER BY {search.order} LIMIT ? OFFSET ?"  # noqa: S608 - as above
    page = (
        f"SELECT CAST({what.table}.summary AS text), {names} FROM ({hits}) AS hits"  # noqa: S608 - as above
        f" JOIN {what.table} ON {what.table}.hit = {last}"
    )
    return page, [*search.parameters, *search.behind_parameters]


def _order(search: Compiled) -> str:
    return ", ".join(f"key{number} {key.direction}" for number, key in enumerate(search.keys))


def _total(
    reader: Connection,
    what: Searchable,
    search: Compiled,
    *,
    start: int,
    size: int,
    found: int,
    counted: int,
) -> int:
    """A page that is not full shows the number of hits by itself."""
    if search.behind:
        return search.total
    if not search.where:
        return counted
    if found < size and (found or start == 0):
        return start + found
    count = f"SELECT count(*) FROM {what.table} WHERE {search.where}"  # noqa: S608 - compiled, values are bound
    return int(_ask(reader, count, list(search.parameters))[0][0])


def _ask(reader: Connection, sql: str, bound: list[Any]) -> list[tuple[Any, ...]]:
    """A compiled search has no other question marks, and no percent sign."""
    given = [Decimal(repr(it)) if isinstance(it, float) else without_nul(it) for it in bound]
    return reader.execute(sql.replace("?", "%s"), given).fetchall()


def _plain(value: Any) -> str | int | float | None:
    """Exact numbers as JSON has them."""
    if isinstance(value, Decimal):
        whole = -NUMBER_MAX - 1 <= value <= NUMBER_MAX and value == value.to_integral_value()
        return int(value) if whole else float(value)
    return value  # type: ignore[no-any-return]  # a text, a number or nothing
