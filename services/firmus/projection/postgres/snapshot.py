"""A read model as it was at one moment: a read transaction on its schema. Blocks.

PostgreSQL makes the digests of chunks; only rows that are looked at one by one are sent.
"""

from firmus.projection.comparison import Chunk
from firmus.projection.cursors import rows_cursor_of
from firmus.projection.postgres.connecting import connect, faults
from firmus.projection.snapshot import COLUMNS

_SUMMARY = {
    "workflows": "CAST(CAST(summary AS jsonb) - 'searchAttributes' AS text)",
    "tasks": "CAST(summary AS text)",
}
"""Attributes stand in the summaries of workflows too, and are compared by themselves."""
_ATTRIBUTES = """
SELECT workflows.workflow_id AS id,
  CAST(json_agg(json_build_array(name, place, text, number) ORDER BY name, place) AS text)
    AS content
FROM workflows JOIN attributes ON attributes.workflow = workflows.hit
WHERE workflows.workflow_id > %s GROUP BY workflows.workflow_id ORDER BY workflows.workflow_id
LIMIT %s
"""


class PostgresSnapshot:
    """What a schema holds when this is made, until `close`; implements `comparison.Snapshot`."""

    def __init__(self, url: str, schema: str) -> None:
        self._schema = schema
        with faults(schema):
            self._connection = connect(url, schema=schema)
            self._connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            stored = self._connection.execute(
                "SELECT value FROM progress WHERE key = 'rows'"
            ).fetchone()
        self._position = rows_cursor_of(stored[0] if stored else None).position

    def close(self) -> None:
        self._connection.close()

    def position(self) -> int:
        return self._position

    def chunk(self, table: str, after: str, size: int) -> Chunk:
        with faults(self._schema):
            found = self._connection.execute(
                "SELECT count(*), max(id), md5(string_agg(content, E'\\n' ORDER BY id))"  # noqa: S608 - constants of this module
                f" FROM ({_rows_of(table)}) AS rows",
                (after, size),
            ).fetchone()
        count, last, digest = found or (0, "", "")
        return Chunk(count, last or "", bytes.fromhex(digest or ""))

    def rows(self, table: str, after: str, size: int) -> dict[str, str]:
        with faults(self._schema):
            found = self._connection.execute(_rows_of(table), (after, size)).fetchall()
        return {row[0]: row[1] for row in found}


def _rows_of(table: str) -> str:
    if table == "attributes":
        return _ATTRIBUTES
    columns = COLUMNS[table]
    shown = ", ".join(_SUMMARY[table] if it == "summary" else it for it in columns)
    return (
        f"SELECT {columns[0]} AS id, CAST(json_build_array({shown}) AS text) AS content"  # noqa: S608 - as above
        f" FROM {table} WHERE {columns[0]} > %s ORDER BY {columns[0]} LIMIT %s"
    )
