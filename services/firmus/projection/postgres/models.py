"""Where PostgreSQL's read models lie: a schema for each, and a small one that names the one in use.

Whatever changes these is one transaction under one lock, so two that do it at once do it in turn.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from firmus.projection.port import StoreFault, UnusableModel
from firmus.projection.postgres import schema
from firmus.projection.postgres.connecting import Connection, connect, faults
from firmus.projection.postgres.schema import REGISTRY, SCHEMA_VERSION, schema_of
from firmus.projection.postgres.store import DIALECT, READERS, PostgresModel

_TURN = 0x6669726D7573
"""Of the advisory lock: the letters of firmus."""
_SIZE = (
    "SELECT coalesce(sum(pg_total_relation_size(pg_class.oid)), 0) FROM pg_class"
    " JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = %s AND relkind = 'r'"
)


class PostgresModels:
    """Implements `port.ReadModels`. `url` is one of libpq's: `postgresql://user:password@host/db`;
    the database is for one firmus.
    """

    dialect = DIALECT
    readers = READERS
    shared = True

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Connection | None = None
        self._turn = threading.Lock()
        self._highest: int | None = None

    @contextmanager
    def _registry(self) -> Iterator[Connection]:
        with self._turn, faults("read models"):
            if self._connection is None or self._connection.closed:
                self._connection = connect(self._url, schema=REGISTRY)
            with self._connection.transaction():
                yield self._connection

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        with self._registry() as registry:
            registry.execute("SELECT pg_advisory_xact_lock(%s)", [_TURN])
            if not _is_there(registry, REGISTRY):
                registry.execute(schema.REGISTRY_TABLES)
            yield registry
            self._highest = max(_numbers(registry), default=0)

    def open(self, number: int) -> PostgresModel:
        with self._changing() as registry:
            found = _one(registry, "SELECT schema_version FROM models WHERE number = %s", number)
            if found is None:
                _make(registry, number)
        if found not in (None, SCHEMA_VERSION):
            raise UnusableModel(
                f"{schema_of(number)}: schema {found}, this build has {SCHEMA_VERSION}"
            )
        return PostgresModel(self._url, number)

    def current(self) -> int | None:
        return self._named()[0]

    def kept(self) -> int | None:
        return self._named()[1]

    def _named(self) -> tuple[int | None, int | None]:
        with self._registry() as registry:
            return _named(registry) if _is_there(registry, REGISTRY) else (None, None)

    def unused(self) -> int:
        if self._highest is None:
            with self._changing():
                """Looks which there are."""
        return (self._highest or 0) + 1

    def promote(self, number: int) -> None:
        with self._changing() as registry:
            before, _ = _named(registry)
            _point_to(registry, number, before)
            for other in _numbers(registry) - {number, before}:
                _remove(registry, other)

    def exchange(self) -> int:
        with self._changing() as registry:
            current, kept = _named(registry)
            if kept is not None:
                _point_to(registry, kept, current)
        if kept is None:
            raise FileNotFoundError("no read model from before is kept")
        return kept

    def size_bytes(self, number: int) -> int:
        with self._registry() as registry:
            return _one(registry, _SIZE, schema_of(number)) or 0

    def free_bytes(self) -> int | None:
        """A database does not tell."""

    def remove(self, number: int) -> None:
        with self._changing() as registry:
            _remove(registry, number)

    def remove_unfinished(self) -> None:
        with self._changing() as registry:
            for number in _numbers(registry) - {*_named(registry)}:
                _remove(registry, number)

    def close(self) -> None:
        with self._turn:
            if self._connection is not None:
                self._connection.close()


def _one(registry: Connection, sql: str, *bound: str | int) -> int | None:
    found = registry.execute(sql, bound).fetchone()
    return None if found is None else int(found[0])


def _is_there(registry: Connection, name: str) -> bool:
    return bool(_one(registry, "SELECT count(*) FROM pg_namespace WHERE nspname = %s", name))


def _numbers(registry: Connection) -> set[int]:
    return {int(row[0]) for row in registry.execute("SELECT number FROM models")}


def _named(registry: Connection) -> tuple[int | None, int | None]:
    """The model in use and the kept one."""
    found = registry.execute("SELECT number, kept FROM in_use").fetchone()
    return (None, None) if found is None else (found[0], found[1])


def _make(registry: Connection, number: int) -> None:
    name = schema_of(number)
    if _is_there(registry, name):
        raise StoreFault(f"there is a schema {name} that is no read model")
    registry.execute(f"CREATE SCHEMA {name}; SET LOCAL search_path = {name}; {schema.TABLES}")
    registry.execute("INSERT INTO progress VALUES (%s, %s)", (schema.MADE_BY, schema.THIS_BUILD))
    registry.execute(f"SET LOCAL search_path = {REGISTRY}")
    registry.execute(
        "INSERT INTO models (number, schema_version) VALUES (%s, %s)", (number, SCHEMA_VERSION)
    )


def _point_to(registry: Connection, number: int, kept: int | None) -> None:
    registry.execute(
        "INSERT INTO in_use (number, kept) VALUES (%s, %s)"
        " ON CONFLICT (one) DO UPDATE SET number = excluded.number, kept = excluded.kept",
        (number, kept),
    )


def _remove(registry: Connection, number: int) -> None:
    registry.execute(f"DROP SCHEMA IF EXISTS {schema_of(number)} CASCADE")
    registry.execute("DELETE FROM models WHERE number = %s", [number])
