"""Search attributes in PostgreSQL: their table, and which names it holds. Blocks.

As in SQLite (`projection.attribute_rows`): written in the transaction of the executions' rows.
"""

from collections import Counter
from collections.abc import Iterator

from firmus.projection.attributed import Kind, Kinds
from firmus.projection.dialect import POSTGRES_TEXT_CHARS_MAX
from firmus.projection.port import Attributed, RowBatch
from firmus.projection.postgres.connecting import Connection
from firmus.projection.postgres.schema import recordset, without_nul

_GIVEN = (
    "FROM json_to_recordset(CAST(%s AS json)) AS given"
    " (workflow_id text, revision bigint, name text, place integer, text text, number numeric)"
)
_SAME = "workflows.workflow_id = given.workflow_id AND workflows.revision = given.revision"
_FORGET = (
    f"DELETE FROM attributes WHERE workflow IN (SELECT hit {_GIVEN} JOIN workflows ON {_SAME})"  # noqa: S608 - constants
)
_PUT = (
    "INSERT INTO attributes (workflow, name, place, text, number)"
    f" SELECT hit, name, place, left(text, {POSTGRES_TEXT_CHARS_MAX}), number"
    f" {_GIVEN} JOIN workflows ON {_SAME}"
)
_KIND = "INSERT INTO attribute_kinds VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"


class AttributeRows:
    """The table over the connection that writes; `kinds` is what it held after the last commit."""

    def __init__(self, writer: Connection) -> None:
        self._writer = writer
        rows = writer.execute("SELECT workflow_type, name, kind FROM attribute_kinds")
        self.kinds = Kinds({(row[0], row[1], row[2]) for row in rows}, _kept)

    def put(self, batch: RowBatch) -> set[Kind]:
        """Of executions whose rows are written. One that the row is newer than changes nothing.
        Returns kinds that are new, to be learnt when it is committed.
        """
        rows = self.kinds.rows(batch)
        if not rows:
            return set()
        keys = [{"workflow_id": row.workflow_id, "revision": row.revision} for row in rows]
        self._writer.execute(_FORGET, [recordset(keys)])
        self._writer.execute(_PUT, [recordset([it for row in rows for it in _values(row)])])
        new = self.kinds.new(rows)
        for kind in sorted(new):
            self._writer.execute(_KIND, kind)
        return new

    def learn(self, new: set[Kind]) -> None:
        if new:
            self.kinds = Kinds(self.kinds.known | new, _kept)


def _kept(workflow_type: str) -> str:
    """As an index may hold it."""
    return str(without_nul(workflow_type[:POSTGRES_TEXT_CHARS_MAX]))


def _values(row: Attributed) -> Iterator[dict[str, str | float | None]]:
    """An attribute's lowest value, which comes first, is at place 0."""
    places: Counter[str] = Counter()
    for it in row.attributes:
        yield {
            "workflow_id": row.workflow_id,
            "revision": row.revision,
            "name": it.name,
            "place": places[it.name],
            "text": it.text,
            "number": it.number,
        }
        places[it.name] += 1
