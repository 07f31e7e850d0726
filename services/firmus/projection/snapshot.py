"""A read model as it was at one moment: a read transaction on its SQLite file. Blocks.

SQLite puts each chunk together in one step, outside the interpreter's lock: a busy loop beside it
neither waits nor delays it at every row.
"""

import sqlite3
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from firmus.projection.comparison import Chunk, TooLarge
from firmus.projection.cursors import rows_cursor_of
from firmus.projection.sqlite import faults
from firmus.projection.views import TASK_COLUMNS, WORKFLOW_COLUMNS

CHUNK_BYTES_MAX = 128 * 1024 * 1024

COLUMNS = {
    "workflows": WORKFLOW_COLUMNS,
    "tasks": TASK_COLUMNS,
    "stopped": ("workflow_id", "position", "problem"),
}
"""What is compared of each table, the id first; numbers of rows and of transactions are each
model's own.
"""
_SUMMARY = """CASE WHEN instr(summary, '"searchAttributes"')
  THEN json_remove(summary, '$.searchAttributes') ELSE summary END"""
"""Attributes stand in summaries too, and are compared by themselves."""
_ATTRIBUTES = """
SELECT workflows.workflow_id AS id,
  json_group_array(json_array(name, place, text, number)) AS content
FROM workflows CROSS JOIN attributes ON attributes.workflow = workflows.rowid
WHERE workflows.workflow_id > ? GROUP BY workflows.workflow_id ORDER BY workflows.workflow_id
LIMIT ?
"""
_decode = msgspec.json.Decoder(dict[str, str]).decode


class SqliteSnapshot:
    """What a file holds when this is made, until `close`; implements `comparison.Snapshot`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, CHUNK_BYTES_MAX)
        self._connection.execute("PRAGMA query_only = ON")
        self._connection.execute("BEGIN")
        stored = self._connection.execute(
            "SELECT value FROM progress WHERE key = 'rows'"
        ).fetchone()
        self._position = rows_cursor_of(stored[0] if stored else None).position

    def close(self) -> None:
        self._connection.close()

    def position(self) -> int:
        return self._position

    def chunk(self, table: str, after: str, size: int) -> Chunk:
        count, last, text = self._told(
            f"SELECT count(*), max(id), group_concat(content, x'0a') FROM ({_rows_of(table)})",  # noqa: S608 - constants of this module
            (after, size),
        )
        return Chunk(count, last or "", blake2b((text or "").encode(), digest_size=16).digest())

    def rows(self, table: str, after: str, size: int) -> dict[str, str]:
        (text,) = self._told(
            f"SELECT json_group_object(id, content) FROM ({_rows_of(table)})",  # noqa: S608 - as above
            (after, size),
        )
        return _decode(text)

    def _told(self, statement: str, bound: tuple[str, int]) -> tuple[Any, ...]:
        try:
            with faults(self._path):
                found: tuple[Any, ...] = self._connection.execute(statement, bound).fetchone()
        except sqlite3.DataError as error:
            raise TooLarge(f"{self._path}: {error}") from error
        return found


def _rows_of(table: str) -> str:
    if table == "attributes":
        return _ATTRIBUTES
    columns = COLUMNS[table]
    shown = ", ".join(_SUMMARY if it == "summary" else it for it in columns)
    return (
        f"SELECT {columns[0]} AS id, json_array({shown}) AS content FROM {table}"  # noqa: S608 - as above
        f" WHERE {columns[0]} > ? ORDER BY {columns[0]} LIMIT ?"
    )
