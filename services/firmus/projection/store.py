"""The read model as one SQLite file: the search tables and the cursor they reflect.

Rows and cursor change in one transaction. The cursor is a row of our own and not the eventsourcing
library's tracking record, for two reasons: it names the commit (workflow and digest) beside the
position, so that a log that lost its end is noticed, and it shares its transaction with the
checkpoint of EVENTS; the idea, progress stored with the view, is the library's.

One connection writes, others read beside it (WAL).
"""

import queue
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec

from firmus.ports import Stopped
from firmus.projection.attribute_rows import SCHEMA as ATTRIBUTES_SCHEMA
from firmus.projection.attribute_rows import AttributeRows
from firmus.projection.cursors import EventsCursor, RowsCursor, events_cursor_of, rows_cursor_of
from firmus.projection.dialect import SQLITE
from firmus.projection.fields import Searchable
from firmus.projection.finding import find
from firmus.projection.port import (
    PAGE_TOO_LARGE,
    Found,
    RowBatch,
    StoreFault,
    UnusableModel,
)
from firmus.projection.query import Compiled
from firmus.projection.snapshot import SqliteSnapshot
from firmus.projection.sqlite import faults
from firmus.projection.views import TASK_COLUMNS, WORKFLOW_COLUMNS, Row
from firmus.projection.word_index import WordIndex
from firmus_contracts.envelope import ENGINE_VERSION
from firmus_contracts.errors import Refusal

SCHEMA_VERSION = 4
READERS = 2
WORDS_SUFFIX = "-words"
PAGE_BYTES_MAX = 128 * 1024 * 1024
PRAGMAS = (
    *("synchronous = NORMAL", "busy_timeout = 5000", "cache_size = -32768"),
    "wal_autocheckpoint = 8000",
)
"""Pages go from the write-ahead log into the file, which waits for the disk, at every 32 MiB."""
_SCHEMA = """
CREATE TABLE workflows (
  workflow_id TEXT PRIMARY KEY, revision INTEGER NOT NULL, workflow_type TEXT NOT NULL,
  version INTEGER NOT NULL, status TEXT NOT NULL, correlation_id TEXT, parent_workflow_id TEXT,
  classifier TEXT NOT NULL, priority INTEGER NOT NULL, start_ms INTEGER NOT NULL,
  update_ms INTEGER NOT NULL, end_ms INTEGER, summary TEXT NOT NULL, change INTEGER NOT NULL);
CREATE INDEX workflows_change ON workflows (change);
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
  update_ms INTEGER NOT NULL, end_ms INTEGER, summary TEXT NOT NULL, change INTEGER NOT NULL);
CREATE INDEX tasks_change ON tasks (change);
CREATE INDEX tasks_workflow ON tasks (workflow_id);
CREATE INDEX tasks_type ON tasks (task_type, status, scheduled_ms);
CREATE INDEX tasks_type_scheduled ON tasks (task_type, scheduled_ms);
CREATE INDEX tasks_status ON tasks (status, scheduled_ms);
CREATE INDEX tasks_scheduled ON tasks (scheduled_ms);
CREATE INDEX tasks_definition ON tasks (task_def_name, scheduled_ms, status);
CREATE TABLE stopped (
  workflow_id TEXT PRIMARY KEY, position INTEGER NOT NULL, problem TEXT NOT NULL);
CREATE TABLE removed (
  number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, hit INTEGER NOT NULL);
CREATE TRIGGER workflows_removed AFTER DELETE ON workflows
  BEGIN INSERT INTO removed (kind, hit) VALUES ('workflows', old.rowid); END;
CREATE TRIGGER tasks_removed AFTER DELETE ON tasks
  BEGIN INSERT INTO removed (kind, hit) VALUES ('tasks', old.rowid); END;
CREATE TABLE progress (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


def _upsert(table: str, columns: Sequence[str]) -> str:
    changed = ", ".join(f"{name} = excluded.{name}" for name in columns[1:])
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - constants of this module
        f" ON CONFLICT ({columns[0]}) DO UPDATE SET {changed}"
        f" WHERE excluded.revision >= {table}.revision"
    )


_UPSERT_WORKFLOW = _upsert("workflows", (*WORKFLOW_COLUMNS, "change"))
_UPSERT_TASK = _upsert("tasks", (*TASK_COLUMNS, "change"))
_PUT = "INSERT OR REPLACE INTO progress (key, value) VALUES (?, ?)"


class SqliteModel:
    """An open read model; implements `port.ReadModel`."""

    dialect = SQLITE

    def __init__(self, path: Path) -> None:
        """Makes the file if it does not exist. Raises UnusableModel; StoreFault when the file
        cannot be reached.
        """
        self.path = path
        self._readers: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        self._open: list[sqlite3.Connection] = []
        self._words: WordIndex | None = None
        self._known: str | None = None
        self._coming: str | None = None
        try:
            with faults(path):
                self._writer = self._connect()
                self._check_schema()
                self._attributes = AttributeRows(self._writer)
                self._change = self._newest_change()
                self._known = self._progress("rows")
                self._words = WordIndex(path.with_name(path.name + WORDS_SUFFIX), path)
                for _ in range(READERS):
                    self._readers.put(self._reader(self._words))
        except sqlite3.DatabaseError as error:
            self.close()
            raise UnusableModel(f"{path}: {error}") from error
        except (UnusableModel, StoreFault):
            self.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        self._open.append(connection)
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        return connection

    def _reader(self, words: WordIndex) -> sqlite3.Connection:
        reader = self._connect()
        reader.execute("ATTACH ? AS words", (str(words.path),))
        reader.execute("PRAGMA query_only = ON")
        reader.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, PAGE_BYTES_MAX)
        return reader

    def _check_schema(self) -> None:
        found = self._writer.execute("PRAGMA user_version").fetchone()[0]
        if found == 0:
            self._writer.execute("PRAGMA journal_mode = WAL")
            self._writer.executescript(
                f"BEGIN; {_SCHEMA} {ATTRIBUTES_SCHEMA}"
                f" PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            )
            self._writer.execute(_PUT, ("made by", f"firmus {ENGINE_VERSION}"))
        elif found != SCHEMA_VERSION:
            raise UnusableModel(f"{self.path}: schema {found}, this build has {SCHEMA_VERSION}")

    def _newest_change(self) -> int:
        tables = ("SELECT max(change) FROM workflows", "SELECT max(change) FROM tasks")
        return max(self._writer.execute(each).fetchone()[0] or 0 for each in tables)

    def close(self) -> None:
        if self._words is not None:
            self._words.close()
        for connection in self._open:
            connection.close()
        self._open.clear()

    def rows_cursor(self) -> RowsCursor:
        return rows_cursor_of(self._progress("rows"))

    def events_checkpoint(self) -> EventsCursor:
        return events_cursor_of(self._progress("events"))

    def stopped(self) -> list[Stopped]:
        with faults(self.path):
            rows = self._writer.execute("SELECT workflow_id, position, problem FROM stopped")
            return [Stopped(*row) for row in rows]

    def made_by(self) -> str:
        return self._progress("made by") or ""

    def snapshot(self) -> SqliteSnapshot:
        with faults(self.path):
            return SqliteSnapshot(self.path)

    def begin(self) -> None:
        with faults(self.path):
            self._writer.execute("BEGIN IMMEDIATE")
        if self._progress("rows") != self._known:
            self._writer.rollback()
            raise StoreFault(f"{self.path}: somebody else has written")
        self._change += 1

    def put(self, workflows: Sequence[Row], tasks: Sequence[Row]) -> None:
        change = (self._change,)
        with faults(self.path):
            self._writer.executemany(_UPSERT_WORKFLOW, [row + change for row in workflows])
            self._writer.executemany(_UPSERT_TASK, [row + change for row in tasks])

    def finish(self, batch: RowBatch) -> None:
        with faults(self.path):
            self._finish(batch)

    def _finish(self, batch: RowBatch) -> None:
        self._attributes.put(batch)
        self._writer.executemany(
            "DELETE FROM tasks WHERE task_id = ?", [(it,) for it in batch.removed_tasks]
        )
        removed = [(it,) for it in batch.removed_workflows]
        self._writer.executemany("DELETE FROM workflows WHERE workflow_id = ?", removed)
        self._writer.executemany("DELETE FROM tasks WHERE workflow_id = ?", removed)
        if removed or batch.removed_tasks:
            taken = self._words.removed if self._words else 0
            self._writer.execute("DELETE FROM removed WHERE number <= ?", (taken,))
        self._writer.executemany(
            "INSERT OR REPLACE INTO stopped (workflow_id, position, problem) VALUES (?, ?, ?)",
            [(it.workflow_id, it.position, it.problem) for it in batch.stopped],
        )
        self._coming = msgspec.json.encode(batch.cursor).decode()
        self._writer.execute(_PUT, ("rows", self._coming))
        if batch.events is not None:
            self._writer.execute(_PUT, ("events", msgspec.json.encode(batch.events).decode()))

    def attribute_kinds(self) -> dict[str, frozenset[str]]:
        return self._attributes.kinds.by_name

    def commit(self) -> None:
        with faults(self.path):
            self._writer.execute("COMMIT")
        self._known = self._coming

    def roll_back(self) -> None:
        if self._writer.in_transaction:
            with faults(self.path):
                self._writer.rollback()
                self._attributes.read()

    def index_words(self) -> bool:
        with faults(self.path):
            return self._words is not None and self._words.step()

    def find(
        self, what: Searchable, search: Compiled, *, start: int, size: int, timeout_s: float = 60.0
    ) -> Found:
        reader = self._readers.get()
        try:
            with faults(self.path):
                return find(reader, what, search, start=start, size=size, timeout_s=timeout_s)
        except sqlite3.DataError as error:
            raise Refusal("PAYLOAD_TOO_LARGE", PAGE_TOO_LARGE) from error
        finally:
            self._readers.put(reader)

    def _progress(self, key: str) -> str | None:
        told = "SELECT value FROM progress WHERE key = ?"
        with faults(self.path):
            row = self._writer.execute(told, (key,)).fetchone()
        return None if row is None else str(row[0])
