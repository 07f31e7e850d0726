"""Runs statements through SQLAlchemy, each in a transaction of its own.

Imported when the first JDBC task comes, for SQLAlchemy is an optional package.
"""

from contextlib import closing
from typing import Any

import msgspec
import sqlalchemy as sa

from firmus.systemworker.jdbc_attempt import Attempt, GivenUp
from firmus.systemworker.jdbc_hiding import Hiding
from firmus.systemworker.jdbc_query import STREAMED, Query
from firmus.systemworker.jdbc_values import json_safe

ROWS_MAX = 10_000
RESULT_MAX_BYTES = 4 * 1024 * 1024
REASON_MAX = 2_000
CHANGING = frozenset({"INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "WITH", "UPSERT"})


class Failure(Exception):
    """Why nothing came of a statement; the message has no credentials in it."""


class Database:
    """One named connection with its pool. Raises Failure for a URL that cannot be used."""

    def __init__(self, name: str, url: str) -> None:
        self._name = name
        try:
            parsed = sa.make_url(url)
            self._hiding = Hiding(url, parsed)
        except (sa.exc.ArgumentError, ValueError):
            raise Failure(f"JDBC: the URL of connection {name} is none of SQLAlchemy") from None
        try:
            self._engine = sa.create_engine(parsed, pool_pre_ping=True, hide_parameters=True)
        except Exception as problem:  # noqa: BLE001 - dialects and drivers raise what they like
            told = self._told(problem, connecting=True)
            raise Failure(f"JDBC: connection {name} cannot be used: {told}") from None
        if self._engine.dialect.is_async:
            raise Failure(f"JDBC: the URL of connection {name} names an asynchronous driver")
        if self._engine.dialect.name == "sqlite":
            _with_whole_transactions(self._engine)

    def carry_out(self, query: Query, attempt: Attempt) -> dict[str, Any]:
        """The task's output; what was changed is committed. Raises Failure and GivenUp, and then
        nothing was changed.
        """
        try:
            connection = self._engine.connect()
        except Exception as problem:  # noqa: BLE001 - drivers raise what they like
            told = self._told(problem, connecting=True)
            raise Failure(f"JDBC: cannot connect to {self._name}: {told}") from None
        with connection:
            try:
                attempt.begin(connection.connection.driver_connection)
                with connection.begin():
                    output = _output(connection, query)
                    attempt.commit()
            except (Failure, GivenUp):
                raise
            except Exception as problem:  # noqa: BLE001 - drivers raise what they like
                raise Failure(self._failed(problem, committing=attempt.committing)) from None
            finally:
                attempt.end()
            return output

    def close(self) -> None:
        self._engine.dispose()

    def _failed(self, problem: Exception, *, committing: bool) -> str:
        lost = isinstance(problem, sa.exc.DBAPIError) and problem.connection_invalidated
        told = self._told(problem, connecting=lost)
        what = f"the connection {self._name} was lost: {told}" if lost else told
        if committing:
            return f"JDBC: the commit failed, perhaps after it was done: {what}"
        return f"JDBC: {what}"

    def _told(self, problem: Exception, *, connecting: bool) -> str:
        """The database's own words; SQLAlchemy would add the statement."""
        match problem:
            case sa.exc.DBAPIError(orig=BaseException() as orig):
                said = str(orig) or type(orig).__name__
            case sa.exc.SQLAlchemyError(args=(str() as said, *_)):
                pass
            case _:
                said = f"{type(problem).__name__}: {problem}"
        return self._hiding.hide(said.strip(), connecting=connecting)[:REASON_MAX]


def _with_whole_transactions(engine: sa.Engine) -> None:
    """Python's sqlite3 begins transactions by its own rules, which leave out DDL and WITH."""

    def connected(driver: Any, _: Any) -> None:
        driver.isolation_level = None

    def begun(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    sa.event.listen(engine, "connect", connected)
    sa.event.listen(engine, "begin", begun)


def _output(connection: sa.Connection, query: Query) -> dict[str, Any]:
    selects = query.type == "SELECT"
    streams = selects and query.word in STREAMED
    result = connection.execute(
        sa.text(query.statement),
        query.values,
        execution_options={"stream_results": True} if streams else {},
    )
    with closing(result):
        if selects != result.returns_rows:
            what = "returns no rows: its type is UPDATE" if selects else "returns rows: give SELECT"
            raise Failure(f"JDBC: the statement {what}; nothing was changed")
        return {"result": _rows(result)} if selects else {"update_count": _count(result, query)}


def _rows(result: sa.CursorResult[Any]) -> list[dict[str, Any]]:
    names = list(result.keys())
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise Failure(f"JDBC: more than one column is called {', '.join(double)}: name them by AS")
    rows: list[dict[str, Any]] = []
    size = 0
    for row in result:
        if len(rows) == ROWS_MAX:
            raise Failure(f"JDBC: the result has more than {ROWS_MAX} rows")
        rows.append(dict(zip(names, map(json_safe, row), strict=True)))
        size += len(msgspec.json.encode(rows[-1])) + 1
        if size > RESULT_MAX_BYTES:
            raise Failure(f"JDBC: the result is larger than {RESULT_MAX_BYTES} bytes")
    return rows


def _count(result: sa.CursorResult[Any], query: Query) -> int | None:
    """The rows changed; None when the database does not tell."""
    count: int | None = result.rowcount
    if count is None or count < 0:
        count = None if query.word in CHANGING else 0
    expected = query.expected_count
    if expected is not None and count != expected:
        told = "an unknown number of" if count is None else count
        raise Failure(
            f"JDBC: the statement changed {told} rows, expectedUpdateCount is {expected}: "
            "rolled back"
        )
    return count
