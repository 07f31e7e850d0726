"""The read model: one SQLite file with the search tables and the cursor they reflect.

Rows and cursor change in one transaction. The cursor is a row of our own and not the eventsourcing
library's tracking record, for two reasons: it names the commit (workflow and digest) beside the
position, so that a log that lost its end is noticed, and it shares its transaction with the
checkpoint of EVENTS; the idea, progress stored with the view, is the library's.

Everything here blocks: `live.LiveModel` says what runs in threads. One connection writes, others
read beside it (WAL).
"""

import queue
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from firmus.projection.cursors import EventsCursor
from firmus.projection.fields import Searchable
from firmus.projection.paging import token_of
from firmus.projection.query import Compiled
from firmus.projection.views import TASK_COLUMNS, WORKFLOW_COLUMNS, Row

SCHEMA_VERSION = 1
READERS = 2
PROGRESS_STEPS = 100_000
"""Steps of SQLite's machine between two looks at the clock."""

_SCHEMA = """
CREATE TABLE workflows (
  workflow_id TEXT PRIMARY KEY, revision INTEGER NOT NULL, workflow_type TEXT NOT NULL,
  version INTEGER NOT NULL, status TEXT NOT NULL, correlation_id TEXT, parent_workflow_id TEXT,
  classifier TEXT NOT NULL, priority INTEGER NOT NULL, start_ms INTEGER NOT NULL,
  update_ms INTEGER NOT NULL, end_ms INTEGER, summary TEXT NOT NULL);
CREATE INDEX workflows_type ON workflows (workflow_type, status, start_ms);
CREATE INDEX workflows_status ON workflows (status, start_ms);
CREATE INDEX workflows_type_start ON workflows (workflow_type, start_ms, parent_workflow_id);
CREATE INDEX workflows_start ON workflows (start_ms, parent_workflow_id);
CREATE INDEX workflows_correlation ON workflows (correlation_id)
  WHERE correlation_id IS NOT NULL;
CREATE INDEX workflows_parent ON workflows (parent_workflow_id)
  WHERE parent_workflow_id IS NOT NULL;
CREATE TABLE tasks (
  task_id TEXT PRIMARY KEY, revision INTEGER NOT NULL, workflow_id TEXT NOT NULL,
  workflow_type TEXT NOT NULL, correlation_id TEXT, task_type TEXT NOT NULL, task_def_name TEXT,
  status TEXT NOT NULL, domain TEXT, scheduled_ms INTEGER NOT NULL, start_ms INTEGER,
  update_ms INTEGER NOT NULL, end_ms INTEGER, summary TEXT NOT NULL);
CREATE INDEX tasks_workflow ON tasks (workflow_id);
CREATE INDEX tasks_type ON tasks (task_type, status, scheduled_ms);
CREATE INDEX tasks_status ON tasks (status, scheduled_ms);
CREATE INDEX tasks_scheduled ON tasks (scheduled_ms);
CREATE INDEX tasks_definition ON tasks (task_def_name, status, scheduled_ms);
CREATE TABLE stopped (
  workflow_id TEXT PRIMARY KEY, position INTEGER NOT NULL, problem TEXT NOT NULL);
CREATE TABLE progress (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


def _upsert(table: str, columns: Sequence[str]) -> str:
    changed = ", ".join(f"{name} = excluded.{name}" for name in columns[1:])
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - constants of this module
        f" ON CONFLICT ({columns[0]}) DO UPDATE SET {changed}"
        f" WHERE excluded.revision >= {table}.revision"
    )


_UPSERT_WORKFLOW = _upsert("workflows", WORKFLOW_COLUMNS)
_UPSERT_TASK = _upsert("tasks", TASK_COLUMNS)
_POSITION = "(SELECT value FROM progress WHERE key = 'rows')"
_decode_page = msgspec.json.Decoder(list[msgspec.Raw]).decode
_PUT = "INSERT OR REPLACE INTO progress (key, value) VALUES (?, ?)"


class UnusableModel(Exception):
    """The file is no read model of this build; it is built anew from the log."""


class RowsCursor(msgspec.Struct, frozen=True):
    """The last commit that the rows reflect; position 0 when they reflect none."""

    position: int = 0
    workflow_id: str = ""
    digest: str = ""


class Stopped(msgspec.Struct, frozen=True):
    """A workflow that the projection cannot follow past a commit, and why."""

    workflow_id: str
    position: int
    problem: str


class RowBatch(msgspec.Struct, frozen=True, kw_only=True):
    """What one transaction changes."""

    workflows: list[Row] = []
    tasks: list[Row] = []
    removed_tasks: list[str] = []
    removed_workflows: list[str] = []
    stopped: list[Stopped] = []
    cursor: RowsCursor
    events: EventsCursor | None = None


class Found(msgspec.Struct, frozen=True):
    """One page, the number of all hits, and the log position that both reflect. `next` leads to
    the page behind it; empty where this one is not full.
    """

    total_hits: int
    summaries: list[msgspec.Raw]
    position: int
    next: str = ""


class ReadModel:
    """An open read model. One writes at a time; any thread may call `find`."""

    def __init__(self, path: Path) -> None:
        """Makes the file if it does not exist. Raises UnusableModel; sqlite3.OperationalError when
        the file cannot be reached.
        """
        self.path = path
        self._readers: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        self._open: list[sqlite3.Connection] = []
        try:
            self._writer = self._connect()
            self._check_schema()
            for _ in range(READERS):
                reader = self._connect()
                reader.execute("PRAGMA query_only = ON")
                self._readers.put(reader)
        except sqlite3.OperationalError:
            self.close()
            raise
        except sqlite3.DatabaseError as error:
            self.close()
            raise UnusableModel(f"{path}: {error}") from error
        except UnusableModel:
            self.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        self._open.append(connection)
        for pragma in ("synchronous = NORMAL", "busy_timeout = 5000", "cache_size = -32768"):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    def _check_schema(self) -> None:
        found = self._writer.execute("PRAGMA user_version").fetchone()[0]
        if found == 0:
            self._writer.execute("PRAGMA journal_mode = WAL")
            self._writer.executescript(
                f"BEGIN; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            )
        elif found != SCHEMA_VERSION:
            raise UnusableModel(f"{self.path}: schema {found}, this build has {SCHEMA_VERSION}")

    def close(self) -> None:
        for connection in self._open:
            connection.close()
        self._open.clear()

    def rows_cursor(self) -> RowsCursor:
        stored = self._progress("rows")
        return msgspec.json.decode(stored, type=RowsCursor) if stored else RowsCursor()

    def events_checkpoint(self) -> EventsCursor:
        stored = self._progress("events")
        return msgspec.json.decode(stored, type=EventsCursor) if stored else EventsCursor()

    def stopped(self) -> list[Stopped]:
        rows = self._writer.execute("SELECT workflow_id, position, problem FROM stopped")
        return [Stopped(*row) for row in rows]

    def begin(self) -> None:
        """Begins a transaction; `put`, `finish` and `commit` complete it, `roll_back` ends it."""
        self._writer.execute("BEGIN IMMEDIATE")

    def put(self, workflows: Sequence[Row], tasks: Sequence[Row]) -> None:
        """Rows inserted or brought up to date. A row never goes back to an older revision."""
        self._writer.executemany(_UPSERT_WORKFLOW, workflows)
        self._writer.executemany(_UPSERT_TASK, tasks)

    def finish(self, batch: RowBatch) -> None:
        """What a transaction holds beside its rows."""
        self._writer.executemany(
            "DELETE FROM tasks WHERE task_id = ?", [(it,) for it in batch.removed_tasks]
        )
        removed = [(it,) for it in batch.removed_workflows]
        self._writer.executemany("DELETE FROM workflows WHERE workflow_id = ?", removed)
        self._writer.executemany("DELETE FROM tasks WHERE workflow_id = ?", removed)
        self._writer.executemany(
            "INSERT OR REPLACE INTO stopped (workflow_id, position, problem) VALUES (?, ?, ?)",
            [(it.workflow_id, it.position, it.problem) for it in batch.stopped],
        )
        self._writer.execute(_PUT, ("rows", msgspec.json.encode(batch.cursor).decode()))
        if batch.events is not None:
            self._writer.execute(_PUT, ("events", msgspec.json.encode(batch.events).decode()))

    def commit(self) -> None:
        self._writer.execute("COMMIT")

    def roll_back(self) -> None:
        """Nothing happens when the transaction was committed already."""
        self._writer.rollback()

    def find(
        self, what: Searchable, search: Compiled, *, start: int, size: int, timeout_s: float = 60.0
    ) -> Found:
        """A page of hits. Raises sqlite3.OperationalError when it takes too long.

        SQLite puts the page together in one step: a thread that takes row after row would wait for
        the interpreter's lock each time, as long as a busy loop keeps it.
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
        reader = self._readers.get()
        try:
            reader.set_progress_handler(lambda: time.monotonic() > deadline, PROGRESS_STEPS)
            bound = (*search.parameters, *search.behind_parameters, size, start)
            text, stored, hits_text = reader.execute(page, bound).fetchone()
            summaries = _decode_page(text)
            full = len(summaries) == size
            following = _next(reader, what, search, hits_text) if full and size else ""
            # A page that is not full shows the number of hits by itself.
            if not (full or search.behind) and (summaries or start == 0):
                total = start + len(summaries)
            else:
                total = reader.execute(count, search.parameters).fetchone()[0]
        finally:
            self._readers.put(reader)
        position = msgspec.json.decode(stored, type=RowsCursor).position if stored else 0
        return Found(total, summaries, position, following)

    def _progress(self, key: str) -> str | None:
        row = self._writer.execute("SELECT value FROM progress WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])


def _next(reader: sqlite3.Connection, what: Searchable, search: Compiled, hits: str) -> str:
    """The token of the place of a page's last row; empty should the row be gone meanwhile."""
    values = ", ".join(key.sql for key in search.keys)
    last = int(hits.rpartition(",")[2])
    place = reader.execute(f"SELECT {values} FROM {what.table} WHERE rowid = ?", (last,)).fetchone()  # noqa: S608 - known names
    return "" if place is None else token_of(list(place))
