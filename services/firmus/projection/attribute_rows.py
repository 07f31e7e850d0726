"""Search attributes in the read model: their table, and which names it holds. Blocks.

Written in the transaction of the executions' rows, to which they belong by rowid. What is no longer
chosen is taken out when the execution's row is written anew; only workflows of a name that ever
had attributes are looked at for that.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator

from firmus.projection.attributed import Kinds
from firmus.projection.port import Attributed, RowBatch

SCHEMA = """
CREATE TABLE attributes (
  workflow INTEGER NOT NULL, name TEXT NOT NULL, place INTEGER NOT NULL,
  text TEXT, number NUMERIC, PRIMARY KEY (workflow, name, place)) WITHOUT ROWID;
CREATE INDEX attributes_text ON attributes (name, text, workflow) WHERE text IS NOT NULL;
CREATE INDEX attributes_number ON attributes (name, number, workflow) WHERE number IS NOT NULL;
CREATE TABLE attribute_kinds (
  workflow_type TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL,
  PRIMARY KEY (workflow_type, name, kind)) WITHOUT ROWID;
CREATE TRIGGER workflows_attributes AFTER DELETE ON workflows
  BEGIN DELETE FROM attributes WHERE workflow = old.rowid; END;
"""
_ROW = "FROM workflows WHERE workflow_id = ? AND revision = ?"
_FORGET = f"DELETE FROM attributes WHERE workflow = (SELECT rowid {_ROW})"  # noqa: S608 - a constant
_PUT = (
    f"INSERT INTO attributes (workflow, name, place, text, number) SELECT rowid, ?, ?, ?, ? {_ROW}"
)


class AttributeRows:
    """The table over the connection that writes; `kinds` is what it holds."""

    def __init__(self, writer: sqlite3.Connection) -> None:
        self._writer = writer
        self.read()

    def read(self) -> None:
        """Learns from the table what it holds."""
        rows = self._writer.execute("SELECT workflow_type, name, kind FROM attribute_kinds")
        self.kinds = Kinds(set(rows))

    def put(self, batch: RowBatch) -> None:
        """Of executions whose rows are written. One that the row is newer than changes nothing."""
        rows = self.kinds.rows(batch)
        if not rows:
            return
        self._writer.executemany(_FORGET, [(row.workflow_id, row.revision) for row in rows])
        self._writer.executemany(_PUT, [values for row in rows for values in _values(row)])
        new = self.kinds.new(rows)
        if new:
            self._writer.executemany("INSERT OR IGNORE INTO attribute_kinds VALUES (?, ?, ?)", new)
            self.read()


def _values(row: Attributed) -> Iterator[tuple[str | int | float | None, ...]]:
    """An attribute's lowest value, which comes first, is at place 0."""
    places: Counter[str] = Counter()
    for it in row.attributes:
        yield (it.name, places[it.name], it.text, it.number, row.workflow_id, row.revision)
        places[it.name] += 1
