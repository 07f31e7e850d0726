"""Connections to the database, and its faults as the port says them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

import psycopg
from psycopg.conninfo import conninfo_to_dict

from firmus.projection.port import StoreFault

CONNECT_TIMEOUT_S = 5
SILENCE_MS = 10_000
"""So long a server may leave what was sent to it unanswered by its machine."""
VERSION_MIN = 130_000

_USUAL = {"jit": "off", "random_page_cost": "1.1"}
"""For short searches over rows that are mostly in memory; a URL may say otherwise."""

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]


@contextmanager
def faults(what: str) -> Iterator[None]:
    """Whatever the database refuses or breaks off is a StoreFault. Not chained: the message says
    it all, without what it was that `connect` could not read.
    """
    try:
        yield
    except psycopg.Error as error:
        told = " ".join(str(error).split()) or type(error).__name__
        raise StoreFault(f"{what}: {told}") from None


def connect(url: str, *, schema: str, **options: str) -> Connection:
    """A connection whose tables are those of a schema, each statement a transaction of its own.
    Raises psycopg.Error, StoreFault.

    Nothing is prepared: a plan made for one search is bad for the next one.
    """
    given = _read(url)
    options |= {"search_path": schema, "lock_timeout": str(SILENCE_MS)}
    given["options"] = f"{_said(_USUAL)} {given.get('options') or ''} {_said(options)}"
    given.setdefault("connect_timeout", CONNECT_TIMEOUT_S)
    given.setdefault("application_name", "firmus projection")
    given.setdefault("tcp_user_timeout", SILENCE_MS)
    given.setdefault("keepalives_idle", SILENCE_MS // 1000)
    connection = psycopg.connect(
        **given,
        autocommit=True,
        prepare_threshold=None,
        client_encoding="utf8",
    )
    if connection.info.server_version < VERSION_MIN:
        connection.close()
        raise StoreFault(f"PostgreSQL {connection.info.server_version} is too old: 13 is the least")
    if connection.info.parameter_status("server_encoding") != "UTF8":
        connection.close()
        raise StoreFault("the database has another encoding than UTF8")
    return connection


def _said(settings: Mapping[str, str]) -> str:
    return " ".join(f"-c {name}={value}" for name, value in settings.items())


def _read(url: str) -> dict[str, Any]:
    """What libpq and Python say of a URL that cannot be read may show a piece of its password."""
    try:
        given = conninfo_to_dict(url)
        ports = [int(port) for port in str(given.get("port") or 0).split(",")]
    except (psycopg.Error, ValueError):
        ports = []
    if not ports or "@" in str(given.get("host")):
        raise StoreFault("the URL of the read model cannot be read; escape what is special in it")
    return given
