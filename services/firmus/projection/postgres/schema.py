"""The tables of a read model in PostgreSQL, and how rows get into them. Pure: only SQL and data.

Texts compare by their bytes (`COLLATE "C"`), as in SQLite. `hit` numbers rows in the order they
came. Texts that an index holds are cut, since PostgreSQL refuses to index long ones.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import msgspec

from firmus.projection.dialect import POSTGRES_TEXT_CHARS_MAX
from firmus.projection.views import TASK_COLUMNS, WORKFLOW_COLUMNS, Row
from firmus_contracts.envelope import ENGINE_VERSION

SCHEMA_VERSION = 1
REGISTRY = "firmus_rm"
"""The schema that says which read model is in use; each of them has one of its own beside it."""

ROWS_AT_ONCE = 500
CHARS_AT_ONCE = 8_000_000

MADE_BY = "made by"
THIS_BUILD = f"firmus {ENGINE_VERSION}"
"""What `progress` tells of the build that made a read model."""

REGISTRY_TABLES = f"""
CREATE SCHEMA IF NOT EXISTS {REGISTRY};
CREATE TABLE IF NOT EXISTS {REGISTRY}.models (
  number integer PRIMARY KEY, schema_version integer NOT NULL);
CREATE TABLE IF NOT EXISTS {REGISTRY}.in_use (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  number integer NOT NULL REFERENCES {REGISTRY}.models,
  kept integer REFERENCES {REGISTRY}.models ON DELETE SET NULL);
"""

TABLES = """
CREATE TABLE workflows (
  workflow_id text COLLATE "C" PRIMARY KEY, revision bigint NOT NULL,
  workflow_type text COLLATE "C" NOT NULL, version bigint NOT NULL,
  status text COLLATE "C" NOT NULL, correlation_id text COLLATE "C",
  parent_workflow_id text COLLATE "C", classifier text COLLATE "C" NOT NULL,
  priority bigint NOT NULL, start_ms bigint NOT NULL, update_ms bigint NOT NULL, end_ms bigint,
  summary json NOT NULL, change bigint NOT NULL,
  hit bigint GENERATED ALWAYS AS IDENTITY UNIQUE);
CREATE INDEX workflows_change ON workflows (change, hit);
CREATE INDEX workflows_type ON workflows (workflow_type, status, start_ms, hit);
CREATE INDEX workflows_status ON workflows (status, start_ms, hit);
CREATE INDEX workflows_type_start ON workflows (workflow_type, start_ms, hit);
CREATE INDEX workflows_start ON workflows (start_ms, hit) INCLUDE (parent_workflow_id);
CREATE INDEX workflows_correlation ON workflows (correlation_id, start_ms, hit)
  WHERE correlation_id IS NOT NULL;
CREATE INDEX workflows_parent ON workflows (parent_workflow_id)
  WHERE parent_workflow_id IS NOT NULL;
CREATE TABLE tasks (
  task_id text COLLATE "C" PRIMARY KEY, revision bigint NOT NULL,
  workflow_id text COLLATE "C" NOT NULL, workflow_type text COLLATE "C" NOT NULL,
  correlation_id text COLLATE "C", task_type text COLLATE "C" NOT NULL,
  task_def_name text COLLATE "C", status text COLLATE "C" NOT NULL, domain text COLLATE "C",
  scheduled_ms bigint NOT NULL, start_ms bigint, update_ms bigint NOT NULL, end_ms bigint,
  summary json NOT NULL, change bigint NOT NULL,
  hit bigint GENERATED ALWAYS AS IDENTITY UNIQUE);
CREATE INDEX tasks_change ON tasks (change, hit);
CREATE INDEX tasks_workflow ON tasks (workflow_id);
CREATE INDEX tasks_type ON tasks (task_type, status, scheduled_ms, hit);
CREATE INDEX tasks_status ON tasks (status, scheduled_ms, hit);
CREATE INDEX tasks_scheduled ON tasks (scheduled_ms, hit);
CREATE INDEX tasks_definition ON tasks (task_def_name, status, scheduled_ms, hit);
CREATE TABLE attributes (
  workflow bigint NOT NULL, name text COLLATE "C" NOT NULL, place integer NOT NULL,
  text text COLLATE "C", number numeric, PRIMARY KEY (workflow, name, place));
CREATE INDEX attributes_text ON attributes (name, text, workflow) WHERE text IS NOT NULL;
CREATE INDEX attributes_number ON attributes (name, number, workflow) WHERE number IS NOT NULL;
CREATE TABLE attribute_kinds (
  workflow_type text, name text, kind text, PRIMARY KEY (workflow_type, name, kind));
CREATE TABLE stopped (
  workflow_id text COLLATE "C" PRIMARY KEY, position bigint NOT NULL,
  problem text COLLATE "C" NOT NULL);
CREATE TABLE removed (kind text NOT NULL, hit bigint NOT NULL);
CREATE TABLE progress (key text PRIMARY KEY, value text NOT NULL);
CREATE TABLE counts (kind text PRIMARY KEY, rows bigint NOT NULL);
INSERT INTO counts VALUES ('workflows', 0), ('tasks', 0);
CREATE TABLE words_cursor (kind text PRIMARY KEY, change bigint NOT NULL, hit bigint NOT NULL);
INSERT INTO words_cursor VALUES ('workflows', 0, 0), ('tasks', 0, 0);
CREATE TABLE workflow_words (
  hit bigint PRIMARY KEY, words text NOT NULL, lexemes tsvector NOT NULL);
CREATE TABLE task_words (
  hit bigint PRIMARY KEY, words text NOT NULL, lexemes tsvector NOT NULL);
CREATE INDEX workflow_words_lexemes ON workflow_words USING gin (lexemes);
CREATE INDEX task_words_lexemes ON task_words USING gin (lexemes);
"""
"""`removed`: rows that the index of words has to forget. `counts`: so many rows are there, since
PostgreSQL counts them one by one."""

_NUMBERS = frozenset(
    {"revision", "version", "priority", "scheduled_ms", "start_ms", "update_ms", "end_ms", "change"}
)
_CUT = frozenset({"workflow_type", "task_type", "task_def_name", "correlation_id"})
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
_REPLACED = "\ufffd"
_Value = TypeVar("_Value", bound=str | float | None)
_encode = msgspec.json.Encoder().encode


def schema_of(number: int) -> str:
    """Where a read model lies."""
    return f"{REGISTRY}_{number}"


def _upsert(table: str, columns: Sequence[str]) -> str:
    """Rows as one JSON document, which costs this process the least by far. What it returns: how
    many of them are new.
    """
    names = ", ".join(columns)
    given = ", ".join(f"{name} {'bigint' if name in _NUMBERS else 'text'}" for name in columns)
    taken = ", ".join(
        f"left({name}, {POSTGRES_TEXT_CHARS_MAX})"
        if name in _CUT
        else "CAST(summary AS json)"
        if name == "summary"
        else name
        for name in columns
    )
    changed = ", ".join(f"{name} = excluded.{name}" for name in columns[1:])
    return (
        f"WITH put AS (INSERT INTO {table} ({names}) SELECT {taken}"  # noqa: S608 - constants of this module
        f" FROM ROWS FROM (json_to_recordset(CAST(%s AS json)) AS ({given}))"
        f" WITH ORDINALITY AS given ({names}, place) ORDER BY place"
        f" ON CONFLICT ({columns[0]}) DO UPDATE SET {changed}"
        f" WHERE excluded.revision >= {table}.revision RETURNING xmax = 0 AS fresh)"
        " SELECT count(*) FROM put WHERE fresh"
    )


_COLUMNS = {
    "workflows": (*WORKFLOW_COLUMNS, "change"),
    "tasks": (*TASK_COLUMNS, "change"),
}
UPSERTS = {table: _upsert(table, columns) for table, columns in _COLUMNS.items()}


def document(table: str, rows: Sequence[Row], change: int) -> str:
    """Rows, all of different keys, as an upsert takes them."""
    columns = _COLUMNS[table]
    return recordset([dict(zip(columns, (*row, change), strict=True)) for row in rows])


def portions(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Rows for one statement each: a document has a limit, and stands in memory several times."""
    begun = chars = 0
    for at, row in enumerate(rows):
        chars += sum(len(it) for it in row if isinstance(it, str))
        if chars >= CHARS_AT_ONCE or at - begun + 1 == ROWS_AT_ONCE:
            yield rows[begun : at + 1]
            begun, chars = at + 1, 0
    if begun < len(rows):
        yield rows[begun:]


def recordset(rows: Sequence[dict[str, Any]]) -> str:
    """Rows as JSON. PostgreSQL holds no character NUL: it becomes U+FFFD, as in the parameters of a
    search.
    """
    encoded = _encode(rows)
    if b"\\u0000" in encoded:
        encoded = _encode([{name: _clean(name, row[name]) for name in row} for row in rows])
    return encoded.decode()


def _clean(name: str, value: Any) -> Any:
    if name == "summary":
        return _NUL.sub(rf"\1{_REPLACED}", value)
    return without_nul(value)


def without_nul(value: _Value) -> _Value | str:
    return value.replace("\0", _REPLACED) if isinstance(value, str) else value


def newest(rows: Sequence[Row]) -> list[Row]:
    """Of rows with one key the last one that is no older than the others, where the first stood."""
    kept: dict[str | int | None, Row] = {}
    for row in rows:
        other = kept.get(row[0])
        if other is None or row[1] >= other[1]:  # type: ignore[operator]  # the revision is a number
            kept[row[0]] = row
    return list(kept.values())
