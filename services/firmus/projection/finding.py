"""Finding in SQLite: one page of hits, read from an open read model. Blocks."""

import sqlite3
import time

import msgspec

from firmus.projection.cursors import rows_cursor_of
from firmus.projection.fields import Searchable
from firmus.projection.paging import token_of
from firmus.projection.port import Found
from firmus.projection.query import Compiled
from firmus.projection.sources import Source, count, source_of

PROGRESS_STEPS = 100_000
"""Steps of SQLite's machine between two looks at the clock."""

_POSITION = "(SELECT value FROM progress WHERE key = 'rows')"
_decode_page = msgspec.json.Decoder(list[msgspec.Raw]).decode


def find(
    reader: sqlite3.Connection,
    what: Searchable,
    search: Compiled,
    *,
    start: int,
    size: int,
    timeout_s: float,
) -> Found:
    """A page of hits. Raises sqlite3.OperationalError when it takes too long.

    One transaction, so that the number of hits and the place of the last one are of the page.
    """
    deadline = time.monotonic() + timeout_s
    reader.set_progress_handler(lambda: time.monotonic() > deadline, PROGRESS_STEPS)
    reader.execute("BEGIN")
    try:
        return _find(reader, what, search, start=start, size=size)
    finally:
        reader.rollback()


def _find(
    reader: sqlite3.Connection, what: Searchable, search: Compiled, *, start: int, size: int
) -> Found:
    source = source_of(reader, what, search)
    page = _page(reader, search, source, start=start, size=size)
    if len(page.summaries) < size and not source.whole:
        source = Source(what.table, what.table, search.order)
        page = _page(reader, search, source, start=start, size=size)
    full = len(page.summaries) == size
    # A page that is not full shows the number of hits by itself.
    if search.behind:
        total = search.total
    elif not full and (page.summaries or start == 0):
        total = start + len(page.summaries)
    else:
        total = count(reader, what, search, source)
    following = _next(reader, what, search, page.last, total) if full and size else ""
    return Found(total, page.summaries, page.position, following)


class _Page(msgspec.Struct, frozen=True):
    summaries: list[msgspec.Raw]
    position: int
    last: int


def _page(
    reader: sqlite3.Connection, search: Compiled, source: Source, *, start: int, size: int
) -> _Page:
    """SQLite puts the page together in one step: a thread that takes row after row would wait for
    the interpreter's lock each time, as long as a busy loop keeps it.
    """
    parts = (source.where, search.where, search.behind)
    both = " AND ".join(f"({part})" for part in parts if part)
    where = f" WHERE {both}" if both else ""
    # Sorted without the summaries: an index alone serves most searches up to the page itself.
    hits = (
        f"SELECT {source.table}.rowid AS hit FROM {source.rows}{where}"  # noqa: S608 - compiled from known names, values are bound
        f" ORDER BY {source.order} LIMIT ? OFFSET ?"
    )
    page = (
        f"SELECT '[' || coalesce(group_concat(summary, ','), '') || ']', {_POSITION},"  # noqa: S608 - as above
        f" group_concat(hit)"
        f" FROM ({hits}) CROSS JOIN {source.table} ON {source.table}.rowid = hit"
    )
    bound = (*source.bound, *search.parameters, *search.behind_parameters, size, start)
    text, stored, hits_text = reader.execute(page, bound).fetchone()
    position = rows_cursor_of(stored).position
    return _Page(_decode_page(text), position, int((hits_text or "0").rpartition(",")[2]))


def _next(
    reader: sqlite3.Connection, what: Searchable, search: Compiled, last: int, total: int
) -> str:
    """The token of the place of a page's last row."""
    values = ", ".join(key.sql for key in search.keys)
    place = reader.execute(f"SELECT {values} FROM {what.table} WHERE rowid = ?", (last,)).fetchone()  # noqa: S608 - known names
    return token_of(list(place), total)
