"""Finding in PostgreSQL: one page of hits, read from an open read model. Blocks."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from firmus.projection.cursors import rows_cursor_of
from firmus.projection.fields import Searchable
from firmus.projection.paging import NUMBER_MAX, token_of
from firmus.projection.port import Found
from firmus.projection.postgres.connecting import Connection
from firmus.projection.postgres.schema import without_nul
from firmus.projection.query import Compiled

FEW = 2000
"""So many hits are quicker named one by one than looked for."""

_POSITION = "(SELECT value FROM progress WHERE key = 'rows')"


def find(reader: Connection, what: Searchable, search: Compiled, *, start: int, size: int) -> Found:
    """A page of hits. Raises psycopg.Error.

    The page, the number of all hits and the log position come from one statement, so from one
    snapshot.
    """
    search = _narrowed(reader, what, search)
    source = _source(what, search)
    page = _page(reader, what, search, source, start=start, size=size)
    if not source.whole and len(page.hits) < size:
        source = _plain_source(what, search)
        page = _page(reader, what, search, source, start=start, size=size)
    following = ""
    if size and len(page.hits) == size:
        following = token_of([_plain(value) for value in page.hits[-1][1:]], page.total)
    position = rows_cursor_of(page.stored).position
    found = [msgspec.Raw(hit[0].encode()) for hit in page.hits]
    return Found(page.total, found, position, following)


def _narrowed(reader: Connection, what: Searchable, search: Compiled) -> Compiled:
    """The search without `among`. PostgreSQL guesses badly how many rows a word or an attribute
    finds, and walks all rows in their order for one that is rare: so few hits are named one by one.
    """
    parts = [search.where] if search.where else []
    bound: list[Any] = list(search.parameters)
    hit = f"{what.table}.{what.dialect.hit}"
    named = _few(reader, search.among, search.among_parameters) if search.among else None
    if search.among and named is None:
        parts.append(f"{hit} IN ({search.among})")
        bound += search.among_parameters
    for it in search.required:
        named = _few(reader, it.sql, it.bound) if named is None else named
    if named is not None:
        parts.append(f"{hit} = ANY(?)")
        bound.append(named)
    where = " AND ".join(f"({part})" for part in parts)
    return msgspec.structs.replace(search, where=where, parameters=tuple(bound))


def _few(reader: Connection, selected: str, given: Sequence[Any]) -> list[int] | None:
    """The numbers of the rows that are selected; None when they are too many to name."""
    found = _ask(reader, f"{selected} LIMIT ?", [*given, FEW + 1])
    return sorted({row[0] for row in found}) if len(found) <= FEW else None


class _Source(msgspec.Struct, frozen=True):
    """Where hits are looked for, and what they are sorted by. Not `whole`: rows without a value of
    the attribute they are sorted by come last, and are left out.
    """

    rows: str
    keys: tuple[str, ...]
    where: str = ""
    whole: bool = True


def _plain_source(what: Searchable, search: Compiled) -> _Source:
    return _Source(what.table, tuple(key.sql for key in search.keys))


def _source(what: Searchable, search: Compiled) -> _Source:
    """The index of an attribute's values is in order already; an attribute's lowest value is at
    place 0.
    """
    key = search.keys[0]
    always = any(one.name == key.attribute for one in search.required)
    fits = key.attribute and len(search.keys) == 2 and (always or key.descending)
    if not fits:
        return _plain_source(what, search)
    column = "number" if key.number else "text"
    rows = f"attributes AS picked JOIN {what.table} ON {what.table}.hit = picked.workflow"
    where = f"picked.name = '{key.attribute}' AND picked.{column} IS NOT NULL AND picked.place = 0"
    return _Source(rows, (f"picked.{column}", "picked.workflow"), where, whole=always)


class _Page(msgspec.Struct, frozen=True):
    """The cursor as stored, the number of all hits, and those of the page: each its summary and its
    place in the order.
    """

    stored: str | None
    total: int
    hits: list[tuple[Any, ...]]


def _page(
    reader: Connection,
    what: Searchable,
    search: Compiled,
    source: _Source,
    *,
    start: int,
    size: int,
) -> _Page:
    """Hits are sorted without their summaries: an index alone serves most searches up to the page
    itself.
    """
    both = " AND ".join(f"({it})" for it in (source.where, search.where, search.behind) if it)
    where = f" WHERE {both}" if both else ""
    names = [f"key{number}" for number in range(len(source.keys))]
    keys = ", ".join(f"{sql} AS {name}" for sql, name in zip(source.keys, names, strict=True))
    directions = [key.direction for key in search.keys]
    if source.where:  # what is picked has a value
        directions = ["DESC" if key.descending else "ASC" for key in search.keys]
    order = ", ".join(f"{sql} {way}" for sql, way in zip(source.keys, directions, strict=True))
    hits = f"SELECT {keys} FROM {source.rows}{where} ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608 - compiled from known names, values are bound
    page = (
        f"SELECT CAST({what.table}.summary AS text), {', '.join(names)} FROM hits"  # noqa: S608 - as above
        f" JOIN {what.table} ON {what.table}.hit = {names[-1]}"
    )
    total, total_bound = _total(what, search, start=start, size=size)
    sql = (
        f"WITH hits AS MATERIALIZED ({hits}) SELECT {_POSITION}, {total}, found.*"  # noqa: S608 - as above
        f" FROM (SELECT) AS one LEFT JOIN ({page}) AS found ON true ORDER BY {_order(search)}"
    )
    bound = [*search.parameters, *search.behind_parameters, size, start, *total_bound]
    rows = _ask(reader, sql, bound)
    return _Page(rows[0][0], rows[0][1], [row[2:] for row in rows if row[2] is not None])


def _order(search: Compiled) -> str:
    return ", ".join(f"key{number} {key.direction}" for number, key in enumerate(search.keys))


def _total(
    what: Searchable, search: Compiled, *, start: int, size: int
) -> tuple[str, list[str | int | float]]:
    """What yields the number of all hits, and its parameters. A page that is not full shows it by
    itself.
    """
    if search.behind:
        return "CAST(? AS bigint)", [search.total]
    if not search.where:
        return f"(SELECT rows FROM counts WHERE kind = '{what.table}')", []  # noqa: S608 - a constant
    on_page = "(SELECT count(*) FROM hits)"
    told = f"{on_page} < ?" if start == 0 else f"{on_page} BETWEEN 1 AND ? - 1"
    every = f"(SELECT count(*) FROM {what.table} WHERE {search.where})"  # noqa: S608 - compiled, values are bound
    sql = f"CASE WHEN {told} THEN {on_page} + CAST(? AS bigint) ELSE {every} END"
    return sql, [size, start, *search.parameters]


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
