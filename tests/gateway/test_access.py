"""Who may use which path: each row of the table of access, over HTTP, with and without the role."""

import re
from collections.abc import AsyncIterator

import pytest

from firmus.gateway.rules import RULES, Rule
from tests.gateway.guarded import Gate, gated

BELOW = {"read": "read:nothing_of_this", "execute": "read", "admin": "execute"}
"""The most that somebody may have who has not the role."""
FILLED = {"ref": "a_0", "status": "COMPLETED", "version": "1", "task": "t", "correlation": "c"}
REFUSED = sorted(key for key, rule in RULES.items() if rule.of in ("name", "workflow", "task"))
OF_SERVER = sorted(key for key, rule in RULES.items() if rule.of == "server")
CLOSED = sorted(key for key, rule in RULES.items() if rule.of != "open")


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    async with gated() as gate:
        await gate.register()
        yield gate


async def filled(gate: Gate, path: str, rule: Rule) -> str:
    """A path with a fresh execution of orders_eu, its task, or the names that it is about."""
    started = await gate.call("POST", "/workflow", {"name": "orders_eu"}, by="admin")
    found = await gate.call("GET", f"/workflow/{started.body}", by="admin")
    keys = {"workflow": started.body, "task": found.body["tasks"][0]["taskId"]}
    names = {"key": "orders_eu", "name": "orders_eu", "task_type": "orders_eu", **FILLED}
    names["key"] = keys.get(rule.of, "orders_eu")
    return "/" + re.sub(r"\{(\w+)\}", lambda found: names.get(found[1], "x"), path)


async def test_nobody_is_let_in_without_a_credential(gate: Gate) -> None:
    let_in = []
    for row in CLOSED:
        method, _, path = row.partition(" ")
        answer = await gate.api.call(method, await filled(gate, path, RULES[row]))
        if answer.body["code"] not in {"UNAUTHENTICATED", "NOT_IMPLEMENTED"}:
            let_in.append((row, answer.body))
    assert let_in == []


async def test_less_than_the_role_is_refused(gate: Gate) -> None:
    let_in = []
    for row in [*REFUSED, *OF_SERVER]:
        method, _, path = row.partition(" ")
        address = await filled(gate, path, RULES[row])
        for grant in (BELOW[RULES[row].role], f"{RULES[row].role}:payroll"):
            answer = await gate.call(method, address, {}, by=grant)
            if answer.body["code"] not in {"FORBIDDEN", "NOT_IMPLEMENTED"}:
                let_in.append((row, grant, answer.body))
    assert let_in == []


async def test_the_role_on_the_name_is_enough(gate: Gate) -> None:
    shut_out = []
    for row in REFUSED:
        method, _, path = row.partition(" ")
        address = await filled(gate, path, RULES[row])
        answer = await gate.call(
            method, address, {}, by=f"{RULES[row].role}:orders_*", waitForSeconds=1, timeoutMillis=1
        )
        if answer.status in (401, 403):
            shut_out.append((row, answer.body))
        if row.startswith("DELETE /api/metadata"):
            await gate.register()
    assert shut_out == []


async def test_what_has_no_name_asks_for_all_names(gate: Gate) -> None:
    wrong = []
    for row in OF_SERVER:
        method, _, path = row.partition(" ")
        address, role = await filled(gate, path, RULES[row]), RULES[row].role
        some = await gate.call(method, address, {}, by=f"{role}:orders_*")
        every = await gate.call(method, address, {}, by=role)
        if some.status != 403 or every.status in (401, 403):
            wrong.append((row, some.status, every.status))
    assert wrong == []


@pytest.mark.parametrize("path", ["//health", "/health", "//docs", "//api-docs"])
async def test_some_paths_are_open(gate: Gate, path: str) -> None:
    assert (await gate.api.get(path)).status == 200


async def test_a_refusal_is_what_official_clients_understand(gate: Gate) -> None:
    missing = await gate.api.get("/workflow/search")
    assert missing.headers["www-authenticate"] == "Bearer"
    assert missing.body == {
        "status": 401,
        "message": missing.body["message"],
        "error": "INVALID_TOKEN",
        "code": "UNAUTHENTICATED",
        "instance": "here",
        "retryable": False,
    }
    refused = await gate.call("GET", "/metadata/workflow/payroll", by="execute:orders_*")
    assert (refused.status, refused.body["error"]) == (403, "FORBIDDEN")
    assert refused.body["message"] == "execute:orders_* needs the role read on 'payroll'"
