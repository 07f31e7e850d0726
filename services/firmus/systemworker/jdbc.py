"""Runs the statements of JDBC tasks on named connections, in threads.

Needs the optional package SQLAlchemy and the database's driver; without them each task fails and
says so. A definition names a connection; its URL is known to the system worker alone.
"""

import asyncio
import contextlib
import re
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import TYPE_CHECKING

from firmus.systemworker.jdbc_attempt import Attempt, GivenUp
from firmus.systemworker.jdbc_query import Query, Unusable, query_of
from firmus.systemworker.work import Outcome, Work, done, failed
from firmus_contracts.statuses import ResultStatus

if TYPE_CHECKING:
    from firmus.systemworker.jdbc_database import Database

THREADS = 8
"""Of each connection, so that a slow database holds up no other; its pool has room for as many."""

BREAK_OFF_S = 5.0
ASKED_AGAIN_S = 0.2


class JdbcTasks:
    """The Executor of JDBC. `urls`: SQLAlchemy URLs by the names of the connections."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._named = {_plain(name): _Named(name, url) for name, url in urls.items()}

    async def execute(self, work: Work) -> Outcome:
        try:
            query = query_of(work.input_data)
            named = self._of(query.connection)
        except Unusable as problem:
            return Outcome(
                status=ResultStatus.FAILED_WITH_TERMINAL_ERROR, output={}, reason=str(problem)
            )
        attempt = Attempt()
        running = asyncio.get_running_loop().run_in_executor(
            named.threads, named.carry_out, work, query, attempt
        )
        try:
            await asyncio.wait({running}, timeout=query.timeout_s)
        except asyncio.CancelledError:
            if attempt.give_up():
                await _broken_off(running, attempt)
                raise
        if running.done() or not attempt.give_up():
            return await running
        await _broken_off(running, attempt)
        return failed(f"JDBC: not done within {query.timeout_s:g} seconds; nothing was changed")

    async def close(self) -> None:
        await asyncio.gather(*(asyncio.to_thread(named.close) for named in self._named.values()))

    def _of(self, name: str) -> "_Named":
        named = self._named.get(_plain(name))
        if named is None:
            known = ", ".join(sorted(named.name for named in self._named.values())) or "none"
            raise Unusable(f"JDBC: no connection is called {name}; known connections: {known}")
        return named


class _Named:
    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix=f"jdbc-{name}")
        self._url = url
        self._opening = threading.Lock()
        self._database: Database | None = None

    def carry_out(self, work: Work, query: Query, attempt: Attempt) -> Outcome:
        """In a thread."""
        try:
            library = import_module("firmus.systemworker.jdbc_database")
        except ImportError:
            return failed("JDBC: SQLAlchemy is not installed; install firmus[jdbc]")
        try:
            with self._opening:
                if self._database is None:
                    self._database = library.Database(self.name, self._url)
                database = self._database
            return done(work, database.carry_out(query, attempt))
        except library.Failure as problem:
            return failed(str(problem))
        except GivenUp:
            return failed("JDBC: given up")

    def close(self) -> None:
        self.threads.shutdown(wait=False, cancel_futures=True)
        with self._opening:
            if self._database is not None:
                self._database.close()


def _plain(name: str) -> str:
    """Variables of the environment have capitals and no hyphens; `orders-db` is ORDERS_DB."""
    return re.sub(r"\W", "_", name.strip()).upper()


async def _broken_off(running: asyncio.Future[Outcome], attempt: Attempt) -> None:
    """Asks again, for a statement that had not yet begun does not hear it the first time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(BREAK_OFF_S):
            while not running.done():
                await asyncio.to_thread(attempt.interrupt)
                await asyncio.wait({running}, timeout=ASKED_AGAIN_S)
    running.cancel()
