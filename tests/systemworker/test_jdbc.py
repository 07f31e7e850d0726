"""JDBC tasks on SQLite files: rows, changes, transactions, limits, time, and what is told."""

import asyncio
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from firmus.systemworker import jdbc_database
from firmus.systemworker.jdbc import THREADS, JdbcTasks
from firmus.systemworker.jdbc_attempt import Attempt, GivenUp
from firmus.systemworker.work import Outcome, Work

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
TERMINAL = "FAILED_WITH_TERMINAL_ERROR"


class Shop:
    """A database file with three items in it, and tasks on it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "shop.db"
        self.tasks = JdbcTasks(
            {"SHOP_DB": f"sqlite:///{self.file}", "BAD": "no url with hunter2", "ODD": "odd://x"}
        )
        self._asked("CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT UNIQUE)")
        self._asked("INSERT INTO item (name) VALUES ('ink'), ('pen'), ('pin')")

    def names(self) -> list[str]:
        return [name for (name,) in self._asked("SELECT name FROM item ORDER BY id")]

    async def run(self, statement: str, parameters: Any = None, **fields: Any) -> Outcome:
        given = {"connectionId": "shop-db", "statement": statement, "parameters": parameters}
        work = Work(
            task_type="JDBC",
            task_id="t",
            workflow_instance_id="w",
            input_data={**given, **fields},
        )
        return await self.tasks.execute(work)

    def _asked(self, statement: str) -> list[Any]:
        with closing(sqlite3.connect(self.file)) as connection, connection:
            return connection.execute(statement).fetchall()


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    made = Shop(tmp_path)
    yield made
    await made.tasks.close()


async def test_a_select_gives_its_rows_as_objects(shop: Shop) -> None:
    outcome = await shop.run(
        "SELECT id, name, x'00ff' AS b FROM item WHERE id < ? ORDER BY id", [3]
    )
    assert (outcome.status, outcome.reason) == ("COMPLETED", None)
    rows = [{"id": 1, "name": "ink", "b": "AP8="}, {"id": 2, "name": "pen", "b": "AP8="}]
    assert outcome.output == {"result": rows}


async def test_an_update_is_committed_and_counted(shop: Shop) -> None:
    outcome = await shop.run(
        "UPDATE item SET name = name || :end WHERE id <> :id",
        {"end": "s", "id": 1},
        expectedUpdateCount=2,
    )
    assert (outcome.status, outcome.output) == ("COMPLETED", {"update_count": 2})
    assert shop.names() == ["ink", "pens", "pins"]


async def test_a_table_is_made_and_changes_no_rows(shop: Shop) -> None:
    outcome = await shop.run("CREATE TABLE more (id INTEGER)")
    assert (outcome.status, outcome.output) == ("COMPLETED", {"update_count": 0})


async def test_the_task_waits_for_others_when_it_shall(shop: Shop) -> None:
    outcome = await shop.run("SELECT 1 AS n", asyncComplete=True)
    assert (outcome.status, outcome.output) == ("IN_PROGRESS", {"result": [{"n": 1}]})


@pytest.mark.parametrize("as_map", [False, True])
async def test_a_parameter_is_never_read_as_sql(shop: Shop, as_map: bool) -> None:
    evil = "'); DROP TABLE item; --"
    await shop.run(
        f"INSERT INTO item (name) VALUES ({':n' if as_map else '?'})",
        {"n": evil} if as_map else [evil],
    )
    assert shop.names() == ["ink", "pen", "pin", evil]


@pytest.mark.parametrize(
    ("statement", "fields", "reason"),
    [
        (
            "DELETE FROM item",
            {"expectedUpdateCount": 2},
            "changed 3 rows, expectedUpdateCount is 2",
        ),
        ("DELETE FROM item RETURNING id", {}, "returns rows"),
        ("DELETE FROM item", {"type": "SELECT"}, "returns no rows"),
        ("WITH a AS (SELECT 1) DELETE FROM item", {"type": "SELECT"}, "returns no rows"),
        ("DROP TABLE item", {"expectedUpdateCount": 1}, "changed 0 rows"),
        ("INSERT INTO item (name) SELECT 'new' UNION ALL SELECT 'pen'", {}, "UNIQUE constraint"),
        ("DELETE FROM item RETURNING id, 1 AS id", {"type": "SELECT"}, "one column is called id"),
    ],
)
async def test_what_fails_has_changed_nothing(
    shop: Shop, statement: str, fields: dict[str, Any], reason: str
) -> None:
    outcome = await shop.run(statement, **fields)
    assert (outcome.status, outcome.output) == ("FAILED", {})
    assert reason in str(outcome.reason)
    assert shop.names() == ["ink", "pen", "pin"]


async def test_rows_returned_by_a_change_are_had_by_saying_so(shop: Shop) -> None:
    outcome = await shop.run("DELETE FROM item WHERE id = 2 RETURNING name", type="SELECT")
    assert outcome.output == {"result": [{"name": "pen"}]}
    assert shop.names() == ["ink", "pin"]


async def test_an_error_is_told_in_the_databases_words_alone(shop: Shop) -> None:
    outcome = await shop.run("SELECT * FROM absent WHERE id = ?", ["hunter2"])
    assert (outcome.status, outcome.reason) == ("FAILED", "JDBC: no such table: absent")


async def test_a_value_that_the_driver_refuses_fails_the_task(shop: Shop) -> None:
    outcome = await shop.run("SELECT ? AS n", [1 << 70])
    assert outcome.status == "FAILED"
    assert str(outcome.reason).startswith("JDBC: OverflowError: ")


async def test_an_unknown_connection_fails_for_good_and_names_the_known_ones(shop: Shop) -> None:
    outcome = await shop.run("SELECT 1", connectionId="shops")
    told = "JDBC: no connection is called shops; known connections: BAD, ODD, SHOP_DB"
    assert (outcome.status, outcome.reason) == (TERMINAL, told)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bad", "JDBC: the URL of connection BAD is none of SQLAlchemy"),
        ("odd", "JDBC: connection ODD cannot be used: Can't load plugin: sqlalchemy.dialects:odd"),
    ],
)
async def test_a_url_that_cannot_be_used_is_not_shown(shop: Shop, name: str, reason: str) -> None:
    outcome = await shop.run("SELECT 1", connectionId=name)
    assert (outcome.status, outcome.reason) == ("FAILED", reason)


async def test_no_connection_fails_for_now_without_its_url(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    tasks = JdbcTasks({"A": f"sqlite:///{folder}/a.db"})
    work = Work(
        task_type="JDBC",
        task_id="t",
        workflow_instance_id="w",
        input_data={"integrationName": "a", "statement": "SELECT 1 AS n"},
    )
    before = await tasks.execute(work)
    folder.mkdir()
    after = await tasks.execute(work)
    await tasks.close()
    assert (before.status, before.reason) == (
        "FAILED",
        "JDBC: cannot connect to A: unable to open database file",
    )
    assert after.output == {"result": [{"n": 1}]}


@pytest.mark.parametrize(
    ("columns", "count", "reason"),
    [
        ("i", jdbc_database.ROWS_MAX, None),
        ("i", jdbc_database.ROWS_MAX + 1, "more than 10000 rows"),
        ("i", None, "more than 10000 rows"),
        ("hex(zeroblob(1000000)) AS x", 2, None),
        ("hex(zeroblob(1000000)) AS x", 3, "larger than 4194304 bytes"),
    ],
)
async def test_a_result_is_bounded(
    shop: Shop, columns: str, count: int | None, reason: str | None
) -> None:
    limit = "" if count is None else f" LIMIT {count}"
    outcome = await shop.run(f"{ENDLESS}SELECT {columns} FROM n{limit}")
    if reason is None:
        assert len(outcome.output["result"]) == count
    else:
        assert (outcome.status, outcome.output) == ("FAILED", {})
        assert reason in str(outcome.reason)


async def test_what_is_not_done_in_time_is_broken_off_and_rolled_back(shop: Shop) -> None:
    statement = f"INSERT INTO item (name) {ENDLESS}SELECT 'x' || i FROM n"
    outcomes = await asyncio.gather(
        *(shop.run(statement, timeoutSeconds=0.05) for _ in range(THREADS + 1))
    )
    reason = "JDBC: not done within 0.05 seconds; nothing was changed"
    assert {(o.status, o.reason) for o in outcomes} == {("FAILED", reason)}
    assert (await shop.run("DELETE FROM item")).output == {"update_count": 3}


async def test_a_task_that_is_cancelled_changes_nothing(shop: Shop) -> None:
    running = asyncio.create_task(
        shop.run(f"INSERT INTO item (name) {ENDLESS}SELECT 'x' || i FROM n")
    )
    while not any(thread.name.startswith("jdbc-SHOP_DB") for thread in threading.enumerate()):
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await shop.run("DELETE FROM item")).output == {"update_count": 3}


def test_a_commit_and_a_giving_up_exclude_each_other() -> None:
    kept, given_up = Attempt(), Attempt()
    kept.commit()
    assert not kept.give_up()
    assert given_up.give_up()
    with pytest.raises(GivenUp):
        given_up.commit()
    with pytest.raises(GivenUp):
        given_up.begin(None)


async def test_without_sqlalchemy_the_task_says_what_to_install(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    monkeypatch.delitem(sys.modules, "firmus.systemworker.jdbc_database")
    outcome = await shop.run("SELECT 1")
    reason = "JDBC: SQLAlchemy is not installed; install firmus[jdbc]"
    assert (outcome.status, outcome.reason) == ("FAILED", reason)
