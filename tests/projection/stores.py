"""The stores that a test of read models runs on: SQLite, and PostgreSQL where there is one."""

import atexit
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from firmus.projection.folder import ReadModelFolder
from firmus.projection.port import ReadModels
from firmus.projection.postgres.models import PostgresModels

SERVER = os.environ.get("POSTGRES_TEST_URL", "").replace("postgresql+psycopg:", "postgresql:")

needs_postgres = pytest.mark.skipif(
    not SERVER and "CI" not in os.environ, reason="POSTGRES_TEST_URL names no server"
)
STORES = ["sqlite", pytest.param("postgres", marks=needs_postgres)]


_unused: list[str] = []


def database() -> str:
    """Where an empty database is, which goes when the tests have ended."""
    if _unused:
        return _unused.pop()
    name = f"firmus_test_{secrets.token_hex(6)}"
    _on_server(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    atexit.register(_on_server, f"DROP DATABASE {name} WITH (FORCE)")
    return make_conninfo(SERVER, dbname=name)


def _on_server(statement: str) -> None:
    with psycopg.connect(SERVER, autocommit=True) as server:
        server.execute(statement)


@contextmanager
def opened(store: str, folder: Path) -> Iterator[ReadModels]:
    """Models of which there is none yet."""
    if store == "sqlite":
        yield ReadModelFolder(folder)
        return
    url = database()
    models = PostgresModels(url)
    yield models
    models.close()
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname ~ '^firmus_rm'")
        for (name,) in found.fetchall():
            connection.execute(f"DROP SCHEMA {name} CASCADE")
    _unused.append(url)
