"""Which tasks may have a cache."""

import msgspec
import pytest

import firmus.decider.decide  # noqa: F401 - fills the table of operators
from firmus.decider.operators.registry import OPERATORS
from firmus.definitions.cache_checks import NEVER_CACHED, cache_errors, cache_unsupported
from firmus_contracts.definitions import WorkflowDef, WorkflowTask


def task(kind: str = "SIMPLE", **config) -> WorkflowTask:
    given = {"name": "t", "taskReferenceName": "t", "type": kind, "cacheConfig": config}
    return msgspec.convert(given, WorkflowTask)


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"key": "k", "ttlInSecond": 1}, None),
        ({}, None),
        ({"key": "k"}, None),
        ({"key": " ", "ttlInSecond": 1}, "tasks[0].cacheConfig.key"),
        ({"ttlInSecond": 1}, "tasks[0].cacheConfig.key"),
        ({"key": "k", "ttlInSecond": -1}, "tasks[0].cacheConfig.ttlInSecond"),
    ],
)
def test_a_cache_has_a_key_and_a_time_to_live_or_is_off(config: dict, path: str | None) -> None:
    assert [e.path for e in cache_errors(task(**config), "tasks[0]")] == ([path] if path else [])


def test_a_cache_of_a_whole_workflow_is_checked_the_same_way() -> None:
    given = {"name": "w", "tasks": [], "cacheConfig": {"ttlInSecond": 1}}
    found = cache_errors(msgspec.convert(given, WorkflowDef), "")

    assert [fault.path for fault in found] == ["cacheConfig.key"]


@pytest.mark.parametrize(("kind", "refused"), [("WAIT", True), ("SIMPLE", False), ("HTTP", False)])
def test_only_what_a_worker_carries_out_is_cached(kind: str, refused: bool) -> None:
    config = {"key": "k", "ttlInSecond": 1}
    found = [e.path for e in cache_unsupported(task(kind, **config), "tasks[0].")]

    assert found == ["tasks[0].cacheConfig"] * refused
    assert not list(cache_unsupported(task(kind, key="k"), ""))


def test_every_type_that_is_named_exists() -> None:
    assert OPERATORS.keys() >= NEVER_CACHED
