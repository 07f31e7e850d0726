"""JDBC tasks on a real PostgreSQL: its types, its transactions, its ways to fail."""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from firmus.systemworker.jdbc import JdbcTasks
from firmus.systemworker.work import Outcome, Work

URL = os.environ.get("POSTGRES_TEST_URL", "")
pytestmark = pytest.mark.skipif(
    not URL and "CI" not in os.environ, reason="POSTGRES_TEST_URL names no server"
)


class Shop:
    """A table of its own with three items, and tasks on it."""

    def __init__(self) -> None:
        host = URL.rpartition("@")[2]
        self.table = f"item_{uuid4().hex[:8]}"
        self.tasks = JdbcTasks(
            {
                "SHOP": URL,
                "STRANGER": f"postgresql+psycopg://firmus:hunter2@{host}",
                "NOBODY": "postgresql+psycopg://firmus:hunter2@127.0.0.1:1/postgres",
            }
        )

    async def run(self, statement: str, parameters: Any = None, **fields: Any) -> Outcome:
        """`SHELF` in the statement is the table."""
        text = statement.replace("SHELF", self.table)
        given = {"connectionId": "shop", "statement": text, "parameters": parameters, **fields}
        work = Work(task_type="JDBC", task_id="t", workflow_instance_id="w", input_data=given)
        return await self.tasks.execute(work)

    async def names(self) -> list[str]:
        found = await self.run("SELECT name FROM SHELF ORDER BY id")
        return [row["name"] for row in found.output["result"]]


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    made = Shop()
    columns = "id serial PRIMARY KEY, name text UNIQUE, more jsonb"
    for statement in (
        f"CREATE TABLE SHELF ({columns})",
        "INSERT INTO SHELF (name) VALUES ('ink'), ('pen'), ('pin')",
    ):
        outcome = await made.run(statement)
        assert outcome.status == "COMPLETED", outcome.reason
    yield made
    await made.run("DROP TABLE SHELF")
    await made.tasks.close()


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1.50::numeric", "1.50"),
        ("9223372036854775807::bigint", 9223372036854775807),
        ("18446744073709551616::numeric", "18446744073709551616"),
        ("0.1::float8", 0.1),
        ("'NaN'::float8", "NaN"),
        ("'-Infinity'::float8", "-Infinity"),
        ("true", True),
        ("NULL::int", None),
        ("'a''b'::text", "a'b"),
        ("'\\x00ff'::bytea", "AP8="),
        ("DATE '2030-01-31'", "2030-01-31"),
        ("TIMESTAMP '2030-01-31 12:00:00.5'", "2030-01-31T12:00:00.500000"),
        ("TIMESTAMPTZ '2030-01-31 12:00:00+00'", "2030-01-31T12:00:00+00:00"),
        ("TIME '12:00'", "12:00:00"),
        ("INTERVAL '1 day 2 hours'", "P1DT7200S"),
        ("""'{"a": [1, null, "x"]}'::jsonb""", {"a": [1, None, "x"]}),
        ("ARRAY[1, NULL, 3]", [1, None, 3]),
        ("ARRAY[DATE '2030-01-31']", ["2030-01-31"]),
        (
            "'00000000-0000-4000-8000-00000000002a'::uuid",
            "00000000-0000-4000-8000-00000000002a",
        ),
        ("'10.0.0.1'::inet", "10.0.0.1"),
    ],
)
async def test_values_come_as_json_without_loss(shop: Shop, expression: str, value: Any) -> None:
    outcome = await shop.run(f"SELECT {expression} AS v", {})
    assert (outcome.reason, outcome.output) == (None, {"result": [{"v": value}]})


@pytest.mark.parametrize(
    ("statement", "parameters", "value"),
    [
        ("SELECT ?::text || ?::text AS v", ["a", "'; DROP TABLE x; --"], "a'; DROP TABLE x; --"),
        ("SELECT :a::int + :b AS v", {"a": 1, "b": 2}, 3),
        ("SELECT CAST(:a AS jsonb) ? 'k' AS v", {"a": '{"k": 1}'}, True),
        ("SELECT '{\"k\": 1}'::jsonb ?? ? AS v", ["k"], True),
        ("SELECT ':a ? %s %(x)s' AS v", {}, ":a ? %s %(x)s"),
        ("SELECT 7 % ? AS v", [4], 3),
        ("SELECT name = ANY(:names) AS v FROM SHELF WHERE id = 1", {"names": ["ink", "x"]}, True),
        ("SELECT $$it's :a ?$$ AS v", {}, "it's :a ?"),
    ],
)
async def test_parameters_are_bound_and_never_read_as_sql(
    shop: Shop, statement: str, parameters: Any, value: Any
) -> None:
    outcome = await shop.run(statement, parameters)
    assert (outcome.reason, outcome.output) == (None, {"result": [{"v": value}]})


async def test_changes_are_committed_and_counted(shop: Shop) -> None:
    changed = await shop.run(
        "UPDATE SHELF SET name = name || :end WHERE id <> :id",
        {"end": "s", "id": 1},
        expectedUpdateCount=2,
    )
    upserted = await shop.run(
        "INSERT INTO SHELF (name) VALUES (?) ON CONFLICT (name) DO NOTHING", ["ink"]
    )
    assert (changed.output, upserted.output) == ({"update_count": 2}, {"update_count": 0})
    assert await shop.names() == ["ink", "pens", "pins"]


async def test_rows_returned_by_a_change_are_had_by_saying_so(shop: Shop) -> None:
    outcome = await shop.run("DELETE FROM SHELF WHERE id = 2 RETURNING name", type="SELECT")
    assert outcome.output == {"result": [{"name": "pen"}]}
    assert await shop.names() == ["ink", "pin"]


@pytest.mark.parametrize(
    ("statement", "fields", "reason"),
    [
        (
            "DELETE FROM SHELF",
            {"expectedUpdateCount": 2},
            "changed 3 rows, expectedUpdateCount is 2",
        ),
        ("DELETE FROM SHELF RETURNING id", {}, "returns rows"),
        ("DROP TABLE SHELF", {"expectedUpdateCount": 1}, "changed 0 rows"),
        ("INSERT INTO SHELF (name) VALUES ('new'), ('pen')", {}, "duplicate key value"),
        ("UPDATE SHELF SET name = 1 / 0", {}, "division by zero"),
        ("DELETE FROM SHELF; DELETE FROM absent", {}, "does not exist"),
    ],
)
async def test_what_fails_has_changed_nothing(
    shop: Shop, statement: str, fields: dict[str, Any], reason: str
) -> None:
    outcome = await shop.run(statement, **fields)
    assert (outcome.status, outcome.output) == ("FAILED", {})
    assert reason in str(outcome.reason)
    assert await shop.names() == ["ink", "pen", "pin"]


async def test_what_is_not_done_in_time_is_broken_off_and_the_connection_goes_on(
    shop: Shop,
) -> None:
    slow = "UPDATE SHELF SET name = name || 's' WHERE pg_sleep(60) IS NOT NULL"
    outcome = await shop.run(slow, timeoutSeconds=0.2)
    assert outcome.status == "FAILED"
    assert "not done within 0.2 seconds" in str(outcome.reason)
    assert await shop.names() == ["ink", "pen", "pin"]
    sleeping = "SELECT count(*) AS n FROM pg_stat_activity WHERE state = 'active' AND query LIKE ?"
    async with asyncio.timeout(10):
        while (await shop.run(sleeping, [f"UPDATE {shop.table}%"])).output["result"][0]["n"]:
            await asyncio.sleep(0.05)


async def test_a_result_is_bounded_and_not_fetched_whole(shop: Shop) -> None:
    many = "generate_series(1, 100000)"
    outcome = await shop.run(f"SELECT i FROM {many} AS a(i) CROSS JOIN {many} AS b(j)")
    assert (outcome.status, outcome.output) == ("FAILED", {})
    assert "more than 10000 rows" in str(outcome.reason)


async def test_a_connection_that_the_server_ended_is_replaced(shop: Shop) -> None:
    lost = await shop.run("SELECT pg_terminate_backend(pg_backend_pid())")
    assert lost.status == "FAILED"
    assert "connection" in str(lost.reason)
    assert await shop.names() == ["ink", "pen", "pin"]


@pytest.mark.parametrize("name", ["stranger", "nobody"])
async def test_no_connection_is_told_without_credentials(shop: Shop, name: str) -> None:
    outcome = await shop.run("SELECT 1", connectionId=name)
    assert outcome.status == "FAILED"
    assert str(outcome.reason).startswith(f"JDBC: cannot connect to {name.upper()}: ")
    for hidden in ("hunter2", "firmus", "127.0.0.1"):
        assert hidden not in str(outcome.reason)
