"""Where SQLite begins to look for the hits of a search: at rows, or at search attributes. Blocks.

SQLite keeps no figures by which it could tell whether few executions have a value or most of them.
So it is asked: few are looked up one by one, of many each row is asked for its value.
"""

import sqlite3

import msgspec

from firmus.projection.fields import Searchable
from firmus.projection.ordering import Key
from firmus.projection.query import Compiled

FEW = 2_000
"""So many values are read to begin with them; a page of rows that have one of more is soon full."""

Parameter = str | int | float


class Source(msgspec.Struct, frozen=True):
    """`rows` stand after FROM; `where` and its parameters come before the search's own. Not
    `whole`: rows without a value of the attribute they are sorted by come last, and are left out.
    """

    table: str
    rows: str
    order: str
    where: str = ""
    bound: tuple[Parameter, ...] = ()
    whole: bool = True


def source_of(reader: sqlite3.Connection, what: Searchable, search: Compiled) -> Source:
    """Chooses by counting a little. Raises sqlite3.OperationalError."""
    least, few = FEW, None
    for one in search.required:
        found = reader.execute(f"SELECT count(*) FROM ({one.sql} LIMIT {FEW})", one.bound)  # noqa: S608 - compiled from known names, values are bound
        (number,) = found.fetchone()
        if number < least:
            least, few = number, one
    if few is not None:
        # Without that word SQLite may find an index of another condition more promising.
        rows = f"{what.table} NOT INDEXED"
        return Source(what.table, rows, search.order, f"rowid IN ({few.sql})", few.bound)
    key = search.keys[0]
    if key.attribute and search.only_required and len(search.keys) == 2:
        return _in_order(what, search, key)
    return Source(what.table, what.table, search.order)


def _in_order(what: Searchable, search: Compiled, key: Key) -> Source:
    """The index of an attribute's values, if what has none comes last or is no hit."""
    always = any(one.name == key.attribute for one in search.required)
    if not (always or key.descending):
        return Source(what.table, what.table, search.order)
    column, direction = "number" if key.number else "text", "DESC" if key.descending else "ASC"
    values = (
        f"SELECT workflow, {column} AS value FROM attributes WHERE name = '{key.attribute}'"  # noqa: S608 - as above
        f" AND {column} IS NOT NULL AND place = 0"
    )
    rows = f"({values}) AS picked CROSS JOIN workflows ON workflows.rowid = picked.workflow"
    order = f"picked.value {direction}, picked.workflow {direction}"
    return Source(what.table, rows, order, whole=always)


def count(reader: sqlite3.Connection, what: Searchable, search: Compiled, source: Source) -> int:
    """The number of all hits. Raises sqlite3.OperationalError."""
    bound: tuple[Parameter, ...] = (*source.bound, *search.parameters)
    if search.only_required and len(search.required) == 1:
        [one] = search.required
        sql, bound = f"SELECT count(DISTINCT workflow) FROM ({one.sql})", one.bound  # noqa: S608 - as above
    elif source.where:
        sql = f"SELECT count(*) FROM {source.rows} WHERE {source.where} AND {search.where}"  # noqa: S608 - as above
    else:
        where = f" WHERE {search.where}" if search.where else ""
        sql = f"SELECT count(*) FROM {what.table}{where}"  # noqa: S608 - as above
    return int(reader.execute(sql, bound).fetchone()[0])
