"""Finding in SQLite: one page of hits, read from an open read model. Blocks."""

import sqlite3
import time

import msgspec

from firmus.projection.cursors import RowsCursor
from firmus.projection.fields import Searchable
from firmus.projection.paging import token_of
from firmus.projection.port import Found
from firmus.projection.query import Compiled

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

    SQLite puts the page together in one step: a thread that takes row after row would wait for the
    interpreter's lock each time, as long as a busy loop keeps it.
    """
    where = f" WHERE {search.where}" if search.where else ""
    both = " AND ".join(f"({part})" for part in (search.where, search.behind) if part)
    page_where = f" WHERE {both}" if both else ""
    # Sorted without the summaries: an index alone serves most searches up to the page itself.
    hits = (
        f"SELECT rowid AS hit FROM {what.table}{page_where}"  # noqa: S608 - compiled from known names, values are bound
        f" ORDER BY {search.order} LIMIT ? OFFSET ?"
    )
    page = (
        f"SELECT '[' || coalesce(group_concat(summary, ','), '') || ']', {_POSITION},"  # noqa: S608 - as above
        f" group_concat(hit)"
        f" FROM ({hits}) CROSS JOIN {what.table} ON {what.table}.rowid = hit"
    )
    count = f"SELECT count(*) FROM {what.table}{where}"  # noqa: S608 - as above
    deadline = time.monotonic() + timeout_s
    reader.set_progress_handler(lambda: time.monotonic() > deadline, PROGRESS_STEPS)
    bound = (*search.parameters, *search.behind_parameters, size, start)
    text, stored, hits_text = reader.execute(page, bound).fetchone()
    summaries = _decode_page(text)
    full = len(summaries) == size
    # A page that is not full shows the number of hits by itself.
    if search.behind:
        total = search.total
    elif not full and (summaries or start == 0):
        total = start + len(summaries)
    else:
        total = reader.execute(count, search.parameters).fetchone()[0]
    following = _next(reader, what, search, hits_text, total) if full and size else ""
    position = msgspec.json.decode(stored, type=RowsCursor).position if stored else 0
    return Found(total, summaries, position, following)


def _next(
    reader: sqlite3.Connection, what: Searchable, search: Compiled, hits: str, total: int
) -> str:
    """The token of the place of a page's last row; empty should the row be gone meanwhile."""
    values = ", ".join(key.sql for key in search.keys)
    last = int(hits.rpartition(",")[2])
    place = reader.execute(f"SELECT {values} FROM {what.table} WHERE rowid = ?", (last,)).fetchone()  # noqa: S608 - known names
    return "" if place is None else token_of(list(place), total)
