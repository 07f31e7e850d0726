"""The read model as a schema of a PostgreSQL database: search tables and the cursor they reflect.

One connection writes, one feeds the index of words, others read. A transaction is collected here
and goes to the database as a whole when it is committed: rows, cursor and checkpoint of EVENTS.
Words may be lost with the end of what a crash of the database takes, since their cursor is lost
with them; rows wait for its disk, or this process would know of rows that are no longer there.
"""

import queue
from collections.abc import Sequence

import msgspec
import psycopg

from firmus.ports import Stopped
from firmus.projection.cursors import EventsCursor, RowsCursor, events_cursor_of, rows_cursor_of
from firmus.projection.dialect import postgres
from firmus.projection.fields import Searchable
from firmus.projection.port import Found, RowBatch, StoreFault
from firmus.projection.postgres.attribute_rows import AttributeRows
from firmus.projection.postgres.connecting import Connection, connect, faults
from firmus.projection.postgres.finding import find
from firmus.projection.postgres.folding import words
from firmus.projection.postgres.schema import (
    MADE_BY,
    UPSERTS,
    document,
    newest,
    portions,
    schema_of,
    without_nul,
)
from firmus.projection.postgres.snapshot import PostgresSnapshot
from firmus.projection.postgres.word_index import Turns
from firmus.projection.query import Compiled
from firmus.projection.views import Row

DIALECT = postgres(words)
READERS = 4

_LOCKED = "SELECT value FROM progress WHERE key = 'rows' FOR UPDATE"
_PUT = (
    "INSERT INTO progress (key, value) VALUES (%s, %s)"
    " ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)
_REMOVE_TASKS = (
    "WITH gone AS (DELETE FROM tasks WHERE {} = ANY(%s) RETURNING hit),"
    " told AS (INSERT INTO removed (kind, hit) SELECT 'tasks', hit FROM gone)"
    " UPDATE counts SET rows = rows - (SELECT count(*) FROM gone) WHERE kind = 'tasks'"
)
_REMOVE_WORKFLOWS = (
    "WITH gone AS (DELETE FROM workflows WHERE workflow_id = ANY(%s) RETURNING hit),"
    " told AS (INSERT INTO removed (kind, hit) SELECT 'workflows', hit FROM gone),"
    " bare AS (DELETE FROM attributes WHERE workflow IN (SELECT hit FROM gone))"
    " UPDATE counts SET rows = rows - (SELECT count(*) FROM gone) WHERE kind = 'workflows'"
)
_STOP = (
    "INSERT INTO stopped (workflow_id, position, problem) VALUES (%s, %s, %s)"
    " ON CONFLICT (workflow_id) DO UPDATE"
    " SET position = excluded.position, problem = excluded.problem"
)


class PostgresModel:
    """An open read model; implements `port.ReadModel`."""

    dialect = DIALECT

    def __init__(self, url: str, number: int) -> None:
        """Of a schema that is there. Raises StoreFault."""
        self._url = url
        self._schema = schema_of(number)
        self._readers: queue.SimpleQueue[_Reader] = queue.SimpleQueue()
        for _ in range(READERS):
            self._readers.put(_Reader(url, self._schema))
        self._rows: tuple[list[Row], list[Row]] = ([], [])
        self._batch: RowBatch | None = None
        with faults(self._schema):
            self._writer = connect(url, schema=self._schema)
            try:
                self._read_state()
                self._attributes = AttributeRows(self._writer)
                feeder = connect(url, schema=self._schema, synchronous_commit="off")
            except BaseException:
                self._writer.close()
                raise
            self._words = Turns(feeder)

    def _read_state(self) -> None:
        found = self._writer.execute("SELECT key, value FROM progress").fetchall()
        progress: dict[str, str] = dict(found)
        self._known: str | None = progress.get("rows")
        self._events: str | None = progress.get("events")
        self._made_by = progress.get(MADE_BY, "")
        stopped = self._writer.execute("SELECT workflow_id, position, problem FROM stopped")
        self._stopped = {row[0]: Stopped(*row) for row in stopped}
        changes = self._writer.execute(
            "SELECT greatest((SELECT max(change) FROM workflows), (SELECT max(change) FROM tasks))"
        ).fetchone()
        self._change = int((changes and changes[0]) or 0)

    def close(self) -> None:
        """Waits for no search: nobody may be in one."""
        self._words.close()
        self._writer.close()
        for _ in range(READERS):
            reader = self._readers.get()
            reader.close()
            self._readers.put(reader)

    def rows_cursor(self) -> RowsCursor:
        return rows_cursor_of(self._known)

    def events_checkpoint(self) -> EventsCursor:
        return events_cursor_of(self._events)

    def stopped(self) -> list[Stopped]:
        return list(self._stopped.values())

    def attribute_kinds(self) -> dict[str, frozenset[str]]:
        return self._attributes.kinds.by_name

    def made_by(self) -> str:
        return self._made_by

    def snapshot(self) -> PostgresSnapshot:
        return PostgresSnapshot(self._url, self._schema)

    def begin(self) -> None:
        self.roll_back()

    def put(self, workflows: Sequence[Row], tasks: Sequence[Row]) -> None:
        self._rows[0].extend(workflows)
        self._rows[1].extend(tasks)

    def finish(self, batch: RowBatch) -> None:
        self._batch = batch

    def roll_back(self) -> None:
        self._rows = ([], [])
        self._batch = None

    def commit(self) -> None:
        batch = self._batch
        assert batch is not None, "finish comes before commit"
        rows = msgspec.json.encode(batch.cursor).decode()
        events = None if batch.events is None else msgspec.json.encode(batch.events).decode()
        with faults(self._schema), self._writer.transaction():
            found = self._writer.execute(_LOCKED).fetchone()
            if (found[0] if found else None) != self._known:
                raise StoreFault(f"{self._schema}: somebody else has written")
            self._write_rows()
            new_kinds = self._attributes.put(batch)
            self._finish(batch)
            self._writer.execute(_PUT, ("rows", rows))
            if events is not None:
                self._writer.execute(_PUT, ("events", events))
        self._known, self._events = rows, events or self._events
        self._attributes.learn(new_kinds)
        self._stopped |= {it.workflow_id: it for it in batch.stopped}
        self.roll_back()

    def _write_rows(self) -> None:
        self._change += 1
        for table, rows in zip(UPSERTS, self._rows, strict=True):
            fresh = 0
            for some in portions(newest(rows)):
                made = document(table, some, self._change)
                told = self._writer.execute(UPSERTS[table], [made]).fetchone()
                fresh += int(told[0]) if told else 0
            if fresh:
                self._writer.execute(
                    "UPDATE counts SET rows = rows + %s WHERE kind = %s", (fresh, table)
                )

    def _finish(self, batch: RowBatch) -> None:
        if batch.removed_tasks:
            self._writer.execute(_REMOVE_TASKS.format("task_id"), [batch.removed_tasks])
        if batch.removed_workflows:
            self._writer.execute(_REMOVE_WORKFLOWS, [batch.removed_workflows])
            self._writer.execute(_REMOVE_TASKS.format("workflow_id"), [batch.removed_workflows])
        for it in batch.stopped:
            self._writer.execute(_STOP, (it.workflow_id, it.position, without_nul(it.problem)))

    def index_words(self) -> bool:
        with faults(self._schema):
            return self._words.step()

    def find(
        self, what: Searchable, search: Compiled, *, start: int, size: int, timeout_s: float = 60.0
    ) -> Found:
        reader = self._readers.get()
        try:
            with faults(self._schema):
                return reader.find(what, search, start=start, size=size, timeout_s=timeout_s)
        finally:
            self._readers.put(reader)


class _Reader:
    """A connection for one search at a time, made when it is needed."""

    def __init__(self, url: str, schema: str) -> None:
        self._url = url
        self._schema = schema
        self._connection: Connection | None = None
        self._timeout_s = 0.0

    def find(
        self, what: Searchable, search: Compiled, *, start: int, size: int, timeout_s: float
    ) -> Found:
        rested = self._connection is not None
        try:
            return find(self._connected(timeout_s), what, search, start=start, size=size)
        except psycopg.OperationalError:
            if not rested or self._connection is None or not self._connection.closed:
                raise
        # While it rested, the server or the way to it closed it.
        return find(self._connected(timeout_s), what, search, start=start, size=size)

    def _connected(self, timeout_s: float) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._url, schema=self._schema)
            self._timeout_s = 0.0
        if timeout_s != self._timeout_s:
            limit_ms = max(1, int(timeout_s * 1000))
            self._connection.execute(f"SET statement_timeout = {limit_ms}")
            self._timeout_s = timeout_s
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
