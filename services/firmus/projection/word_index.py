"""The full-text index of a read model: a file of its own beside it, with a cursor of its own.

Rows carry the number of the transaction that changed them last; the index takes what is newer than
its cursor, some rows at a time, so writing rows never waits for it. Rows that were removed leave a
mark that it takes first. What is lost of it, it makes again from the rows.
"""

import sqlite3
import threading
from pathlib import Path

import msgspec

from firmus.projection.words import TABLES, words_of

FORMAT = 1
STEP_ROWS = 500
STEP_CHARS = 4_000_000
STEP_MARKS = 5000
_SCHEMA = f"""
BEGIN;
CREATE VIRTUAL TABLE workflow_words
  USING fts5(words, columnsize=0, tokenize="unicode61 remove_diacritics 2");
CREATE VIRTUAL TABLE task_words
  USING fts5(words, columnsize=0, tokenize="unicode61 remove_diacritics 2");
CREATE TABLE cursor (name TEXT PRIMARY KEY, change INTEGER NOT NULL, hit INTEGER NOT NULL);
PRAGMA user_version = {FORMAT};
COMMIT;
"""
_decode = msgspec.json.Decoder().decode


class WordIndex:
    """The index of one read model. `step` may be called from any thread."""

    def __init__(self, path: Path, model: Path) -> None:
        """Makes the file when there is none, or when it is not this read model's."""
        self.path = path
        self._turn = threading.Lock()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        if not self._fits(model):
            self._connection.close()
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._prepare(model)
            self._connection.executescript(_SCHEMA)
        self.removed = self._cursor("removed")[0]

    def _prepare(self, model: Path) -> None:
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "busy_timeout = 5000"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute("ATTACH ? AS model", (str(model),))

    def _fits(self, model: Path) -> bool:
        """Whether the index can go on: one ahead of its rows was made for rows that were lost."""
        try:
            self._prepare(model)
            if self._connection.execute("PRAGMA main.user_version").fetchone()[0] != FORMAT:
                return False
            newest = (
                self._connection.execute(f"SELECT max(change) FROM model.{table}").fetchone()[0]  # noqa: S608 - constants
                for table in TABLES
            )
            last = max(number or 0 for number in newest)
            return all(self._cursor(table)[0] <= last for table in TABLES)
        except sqlite3.DatabaseError:
            return False

    def close(self) -> None:
        with self._turn:
            self._connection.close()

    def step(self) -> bool:
        """Takes in some of what has changed; False once nothing is left."""
        with self._turn:
            connection = self._connection
            connection.execute("BEGIN")
            try:
                removed, more = self._forget()
                if not more:  # a new row may have the number of one that is not forgotten yet
                    learnt = [self._learn(table) for table in TABLES]
                    more = any(learnt)
                connection.execute("COMMIT")
            except BaseException:
                connection.rollback()
                raise
            self.removed = removed
            return more

    def _forget(self) -> tuple[int, bool]:
        """Takes out rows that are gone; returns the number of the last mark, and whether there may
        be more of them.
        """
        last, _ = self._cursor("removed")
        marks = self._connection.execute(
            "SELECT number, kind, hit FROM model.removed WHERE number > ? ORDER BY number LIMIT ?",
            (last, STEP_MARKS),
        ).fetchall()
        for number, kind, hit in marks:
            self._connection.execute(f"DELETE FROM {TABLES[kind]} WHERE rowid = ?", (hit,))  # noqa: S608 - constants
            last = number
        if marks:
            self._move("removed", last, 0)
        return last, len(marks) == STEP_MARKS

    def _learn(self, table: str) -> bool:
        following = self._connection.execute(
            f"SELECT change, rowid, summary FROM model.{table}"  # noqa: S608 - constants
            " WHERE (change, rowid) > (?, ?) ORDER BY change, rowid LIMIT ?",
            (*self._cursor(table), STEP_ROWS),
        )
        rows, chars = [], 0
        for row in following:
            rows.append(row)
            chars += len(row[2])
            if chars >= STEP_CHARS:
                break
        following.close()
        if rows:
            self._connection.executemany(
                f"INSERT OR REPLACE INTO {TABLES[table]} (rowid, words) VALUES (?, ?)",  # noqa: S608 - constants
                [(hit, words_of(_decode(summary))) for _, hit, summary in rows],
            )
            self._move(table, *rows[-1][:2])
        return len(rows) == STEP_ROWS or chars >= STEP_CHARS

    def _cursor(self, name: str) -> tuple[int, int]:
        found = self._connection.execute(
            "SELECT change, hit FROM main.cursor WHERE name = ?", (name,)
        ).fetchone()
        return found or (0, 0)

    def _move(self, name: str, change: int, hit: int) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO main.cursor (name, change, hit) VALUES (?, ?, ?)",
            (name, change, hit),
        )
