"""The full-text index of a read model in PostgreSQL, fed from the rows behind a cursor of its own.

As in SQLite (`projection.word_index`): rows carry the number of the transaction that changed them
last, and rows that were removed leave a mark. A step is one transaction, under a lock on the
cursor.
"""

import threading
from typing import Any

import msgspec

from firmus.projection.postgres.connecting import Connection
from firmus.projection.postgres.folding import words
from firmus.projection.postgres.schema import recordset
from firmus.projection.words import (
    LEXEME_CHARS_MAX,
    LEXEMES_CHARS_MAX,
    MANY,
    TABLES,
    words_of,
)

STEP_ROWS = 500
STEP_BYTES = 4_000_000
"""As they are stored, packed."""

_NEXT = """
SELECT change, hit, CAST(summary AS text), upto FROM (
  SELECT change, hit, summary, pg_column_size(summary) AS size,
    sum(pg_column_size(summary)) OVER (ORDER BY change, hit) AS upto
  FROM (SELECT change, hit, summary FROM {kind} WHERE (change, hit) > (%s, %s)
    ORDER BY change, hit LIMIT %s) AS following) AS summed
WHERE upto - size < %s ORDER BY change, hit
"""

_PUT = """
INSERT INTO {table} (hit, words, lexemes)
SELECT hit, words, CAST(lexemes AS tsvector)
FROM json_to_recordset(CAST(%s AS json)) AS given (hit bigint, words text, lexemes text)
ON CONFLICT (hit) DO UPDATE SET words = excluded.words, lexemes = excluded.lexemes
"""
_decode = msgspec.json.Decoder().decode


def step(connection: Connection) -> bool:
    """Takes in some of what has changed; False once nothing is left. Raises psycopg.Error."""
    with connection.transaction():
        cursors = {
            kind: (change, hit)
            for kind, change, hit in connection.execute(
                "SELECT kind, change, hit FROM words_cursor ORDER BY kind FOR UPDATE"
            )
        }
        _forget(connection)
        more = [_learn(connection, kind, cursors[kind]) for kind in TABLES]
    return any(more)


def _forget(connection: Connection) -> None:
    gone = connection.execute(
        "WITH gone AS (DELETE FROM removed RETURNING kind, hit)"
        " SELECT kind, array_agg(hit) FROM gone GROUP BY kind"
    ).fetchall()
    for kind, hits in gone:
        connection.execute(f"DELETE FROM {TABLES[kind]} WHERE hit = ANY(%s)", [hits])  # noqa: S608 - constants


def _learn(connection: Connection, kind: str, after: tuple[int, int]) -> bool:
    rows = connection.execute(_NEXT.format(kind=kind), [*after, STEP_ROWS, STEP_BYTES]).fetchall()
    if rows:
        made = [_indexed(hit, _decode(summary)) for _, hit, summary, _ in rows]
        connection.execute(_PUT.format(table=TABLES[kind]), [recordset(made)])
        connection.execute(
            "UPDATE words_cursor SET change = %s, hit = %s WHERE kind = %s", [*rows[-1][:2], kind]
        )
    return len(rows) == STEP_ROWS or (bool(rows) and rows[-1][3] >= STEP_BYTES)


def _indexed(hit: int, summary: dict[str, Any]) -> dict[str, str | int]:
    found = words(words_of(summary))
    lexemes = "' '".join({word[:LEXEME_CHARS_MAX] for word in found})
    if len(lexemes) > LEXEMES_CHARS_MAX:
        lexemes = MANY
    return {"hit": hit, "words": f" {' '.join(found)} ", "lexemes": f"'{lexemes}'" * bool(found)}


class Turns:
    """The steps of one model, one after the other, whichever threads ask for them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._turn = threading.Lock()

    def step(self) -> bool:
        with self._turn:
            return step(self._connection)

    def close(self) -> None:
        with self._turn:
            self._connection.close()
