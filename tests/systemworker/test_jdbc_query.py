"""The statement that the input of a JDBC task describes, and values of a database as JSON."""

import datetime as dt
import re
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
import sqlalchemy as sa

from firmus.systemworker.jdbc_hiding import Hiding
from firmus.systemworker.jdbc_query import Query, Unusable, query_of
from firmus.systemworker.jdbc_values import json_safe


def query(statement: Any, **fields: Any) -> Query:
    return query_of({"connectionId": "shop", "statement": statement, **fields})


def sent(read: Query) -> str:
    """What SQLAlchemy makes of it, with `<1>` for the first parameter."""
    return re.sub(r" +:p(\d) ", r"<\1>", str(sa.text(read.statement)))


@pytest.mark.parametrize(
    ("statement", "parameters", "text", "values"),
    [
        ("SELECT ?, ?", [1, "x"], "SELECT<1>,<2>", [1, "x"]),
        ("SELECT ?::int", ["1"], "SELECT<1>::int", ["1"]),
        ("SELECT '?', \"?\", `?` -- ?\n, ?", [1], "SELECT '?', \"?\", `?` -- ?\n,<1>", [1]),
        ("SELECT 'it''s ?' /* :a ? */, ?", [1], "SELECT 'it''s ?' /* :a ? */,<1>", [1]),
        ("SELECT $$ ? :a $$, $b$ ? $b$, ?", [1], "SELECT $$ ? :a $$, $b$ ? $b$,<1>", [1]),
        ("SELECT d ?? 'k', 'a :b \\:c ::d'", [], "SELECT d ? 'k', 'a :b \\:c ::d'", []),
        ("SELECT :a, :a, x::text", {"a": 1}, "SELECT<1>,<1>, x::text", [1]),
        ("SELECT d ? ':a', :b", {"b": None}, "SELECT d ? ':a',<1>", [None]),
        ("SELECT 50 % 7, '%'", None, "SELECT 50 % 7, '%'", []),
    ],
)
def test_parameters_are_found_outside_of_text(
    statement: str, parameters: Any, text: str, values: list[Any]
) -> None:
    read = query(statement, parameters=parameters)
    assert sent(read) == text
    assert list(read.values.values()) == values


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("select 1", "SELECT"),
        ("-- first\n /* then */ (SELECT 1)", "SELECT"),
        ("WITH a AS (SELECT 1) SELECT 2", "SELECT"),
        ("insert into t values (1)", "UPDATE"),
        ("DROP TABLE t", "UPDATE"),
    ],
)
def test_the_first_word_says_which_type_it_is(statement: str, kind: str) -> None:
    assert query(statement).type == kind


def test_a_type_that_is_given_beats_the_first_word() -> None:
    assert query("WITH a AS (SELECT 1) DELETE FROM t", type="update").type == "UPDATE"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"statement": None}, "statement is not given"),
        ({"statement": " "}, "statement is not given"),
        ({"connectionId": None}, "both without a name"),
        ({"integrationName": "other"}, "are different"),
        ({"parameters": "x"}, "neither a list nor an object"),
        ({"parameters": [1]}, "has 0 parameters, 1 are given"),
        ({"statement": "SELECT ?"}, "has 1 parameters, 0 are given"),
        ({"statement": "SELECT :a", "parameters": []}, "the statement has :a"),
        ({"statement": "SELECT :a", "parameters": {}}, ":a, which parameters has not"),
        ({"parameters": {"a": 1}}, "does not have: a"),
        ({"type": "CALL"}, "neither SELECT nor UPDATE"),
        ({"expectedUpdateCount": 1}, "the type is SELECT"),
        ({"type": "UPDATE", "expectedUpdateCount": -1}, "not a whole number from 0"),
        ({"type": "UPDATE", "expectedUpdateCount": 1.5}, "not a whole number from 0"),
        ({"timeoutSeconds": 0}, "timeoutSeconds is not"),
        ({"timeoutSeconds": "NaN"}, "timeoutSeconds is not"),
        ({"timeoutSeconds": 4000}, "timeoutSeconds is not"),
    ],
)
def test_what_cannot_be_meant_is_refused(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unusable, match=reason):
        query_of({"connectionId": "shop", "statement": "SELECT 1", **fields})


@pytest.mark.parametrize(
    ("value", "json"),
    [
        (dt.datetime(2030, 1, 2, 3, 4, 5, 6, dt.UTC), "2030-01-02T03:04:05.000006+00:00"),
        (dt.date(2030, 1, 2), "2030-01-02"),
        (dt.time(3, 4), "03:04:00"),
        (dt.timedelta(hours=1), "PT3600S"),
        (Decimal("12345678901234567890.10"), "12345678901234567890.10"),
        (Decimal("1E+3"), "1000"),
        (1 << 63, 1 << 63),
        (1 << 64, "18446744073709551616"),
        (float("-inf"), "-Infinity"),
        (float("nan"), "NaN"),
        (b"\0\xff", "AP8="),
        (memoryview(b"\0\xff"), "AP8="),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ({1: [Decimal("0.1"), None, True]}, {"1": ["0.1", None, True]}),
    ],
)
def test_a_value_is_json_without_loss(value: Any, json: Any) -> None:
    safe = json_safe(value)
    assert safe == json
    assert msgspec.json.decode(msgspec.json.encode(safe)) == json


URL = "postgresql://ann:p%40ss@db.example/orders?sslpassword=more"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (f"bad {URL}", "bad ***"),
        ("no p@ss, p%40ss or more", "no ***, *** or ***"),
        ('denied for user "ann"', 'denied for user "***"'),
        ('relation "orders" of annie', 'relation "orders" of annie'),
    ],
)
def test_credentials_are_kept_out_of_messages(said: str, shown: str) -> None:
    assert Hiding(URL, sa.make_url(URL)).hide(said, connecting=False) == shown


def test_whom_it_connects_to_is_hidden_when_that_fails() -> None:
    said = 'server at "db.example": database "orders" is not for ann'
    shown = 'server at "***": database "***" is not for ***'
    assert Hiding(URL, sa.make_url(URL)).hide(said, connecting=True) == shown


def test_odbc_passwords_are_hidden_too() -> None:
    url = "mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BUID%3Dann%3BPWD%3Dsecret"
    assert Hiding(url, sa.make_url(url)).hide("ann/secret: x", connecting=False) == "***/***: x"
