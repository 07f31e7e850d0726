"""Roles on names: decided by pure functions."""

import pytest

from firmus.security.grants import (
    EVERYBODY,
    Grant,
    Principal,
    allows,
    allows_everywhere,
    checked_grants,
    matches,
    parse_grant,
    require,
    require_everywhere,
    within,
)
from firmus_contracts.errors import Refusal


def somebody(*grants: str) -> Principal:
    return Principal(id="k", name="ann", grants=tuple(map(parse_grant, grants)))


@pytest.mark.parametrize(
    ("pattern", "fits", "differs"),
    [
        ("*", ["", "a", "a\nb"], []),
        ("orders", ["orders"], ["order", "orders_2", "Orders", ""]),
        ("orders_*", ["orders_", "orders_eu"], ["orders", "my_orders_eu", "ORDERS_eu"]),
        ("*_eu", ["_eu", "orders_eu"], ["orders_eu2"]),
        ("a*a", ["aa", "aba"], ["a", "ab"]),
        ("a*b*c", ["abc", "axxbyyc", "abbc"], ["acb", "ab", "ac"]),
        ("*b*b*", ["bb", "abab"], ["b", "abc"]),
        ("a.c", ["a.c"], ["abc"]),
        ("[ab]?", ["[ab]?"], ["a1", "b"]),
        ("ab*ba", ["abba", "ab-ba"], ["aba", "abab"]),
    ],
)
def test_a_star_stands_for_any_characters_and_nothing_else_does(pattern, fits, differs) -> None:
    assert [name for name in fits if not matches(pattern, name)] == []
    assert [name for name in differs if matches(pattern, name)] == []


def test_a_hostile_pattern_takes_no_time() -> None:
    assert not matches("*a" * 8 + "*b", "a" * 100_000)


@pytest.mark.parametrize(
    ("granted", "role", "allowed"),
    [
        ("read", "read", True),
        ("read", "execute", False),
        ("read", "admin", False),
        ("execute", "read", True),
        ("execute", "execute", True),
        ("execute", "admin", False),
        ("admin", "read", True),
        ("admin", "execute", True),
        ("admin", "admin", True),
    ],
)
def test_each_role_includes_those_below_it(granted, role, allowed) -> None:
    who = somebody(f"{granted}:orders_*")
    assert allows(who, role, "orders_eu") is allowed
    assert not allows(who, role, "payroll")
    assert not allows_everywhere(who, role)
    assert allows_everywhere(somebody(granted), role) is allowed


def test_grants_add_up() -> None:
    who = somebody("read:*", "execute:orders_*", "execute:mail")
    assert [allows(who, "execute", name) for name in ("orders_1", "mail", "mailing")] == [
        True,
        True,
        False,
    ]
    assert within(who, "execute") == ("orders_*", "mail")
    assert within(who, "read") is None
    assert within(somebody("read"), "admin") == ()
    assert within(Principal(id="n", name="n", grants=()), "read") == ()


def test_with_security_off_everybody_may_do_everything_without_a_name() -> None:
    assert allows_everywhere(EVERYBODY, "admin")
    assert EVERYBODY.name == ""


def test_a_refusal_names_the_role_and_the_name() -> None:
    with pytest.raises(Refusal, match=r"ann needs the role execute on 'payroll'") as refused:
        require(somebody("read"), "execute", "payroll")
    assert refused.value.code == "FORBIDDEN"
    with pytest.raises(Refusal, match=r"ann needs the role admin on all names"):
        require_everywhere(somebody("admin:orders_*"), "admin")


@pytest.mark.parametrize(
    ("text", "grant"),
    [
        ("read", Grant("read")),
        ("execute:orders_*", Grant("execute", "orders_*")),
        ("admin:a:b", Grant("admin", "a:b")),
        ("admin:", Grant("admin")),
    ],
)
def test_grants_are_written_as_role_and_names(text: str, grant: Grant) -> None:
    assert parse_grant(text) == grant


@pytest.mark.parametrize(
    "bad", ["", "write", "Admin", ":orders", "read:a\nb", "read:" + "x" * 257, "read:" + "*a" * 9]
)
def test_what_is_no_grant_is_refused(bad: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse_grant(bad)
    assert refused.value.code == "INVALID"


@pytest.mark.parametrize("grants", [(), (Grant("read", ""),), (Grant("read"),) * 101])
def test_grants_that_cannot_be_meant_are_refused(grants) -> None:
    with pytest.raises(Refusal):
        checked_grants(grants)
