"""Operators in short form, for tables of rules."""

from typing import Any

from tests.flow import op


def switch(ref: str, key: str, **fields: Any) -> dict[str, Any]:
    by_value = {"evaluatorType": "value-param", "expression": "k"}
    return op(ref, "SWITCH", {"k": key}, **by_value, **fields)


def decision(ref: str, key: str, **fields: Any) -> dict[str, Any]:
    return op(ref, "DECISION", {"k": key}, caseValueParam="k", **fields)


def fork(*branches: list[dict[str, Any]], join_on: list[str]) -> list[dict[str, Any]]:
    return [op("f", "FORK_JOIN", forkTasks=list(branches)), op("j", "JOIN", joinOn=join_on)]


def terminate(status: str, **inputs: Any) -> dict[str, Any]:
    return op("end", "TERMINATE", {"terminationStatus": status, **inputs})
