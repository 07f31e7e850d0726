"""Which tasks may have a cache: those that a worker carries out, with a key and a time to live."""

from collections.abc import Iterable

from firmus.definitions.task_checks import error
from firmus_contracts.definitions import WorkflowDef, WorkflowTask
from firmus_contracts.errors import ValidationError

NEVER_CACHED = frozenset(
    {
        "DECISION",
        "DO_WHILE",
        "EVENT",
        "EXCLUSIVE_JOIN",
        "FORK_JOIN",
        "FORK_JOIN_DYNAMIC",
        "HUMAN",
        "INLINE",
        "JOIN",
        "JSON_JQ_TRANSFORM",
        "LAMBDA",
        "NOOP",
        "PULL_WORKFLOW_MESSAGES",
        "SET_VARIABLE",
        "START_WORKFLOW",
        "SUB_WORKFLOW",
        "SWITCH",
        "TERMINATE",
        "WAIT",
    }
)
"""What the decider does itself, or what is done for its effect."""


def cache_errors(owner: WorkflowTask | WorkflowDef, path: str) -> Iterable[ValidationError]:
    """A cache that is half described; one without a time to live is switched off. `path` is that of
    the task, empty for a workflow.
    """
    config = owner.cache_config
    at = f"{path}.cacheConfig" if path else "cacheConfig"
    if config is None:
        return
    if config.ttl_in_second < 0:
        where = f"{at}.ttlInSecond"
        yield error(where, f"{where} must not be negative", config.ttl_in_second)
    if config.ttl_in_second > 0 and not (config.key or "").strip():
        where = f"{at}.key"
        yield error(where, f"{where} must not be empty", config.key)


def cache_unsupported(task: WorkflowTask, prefix: str) -> Iterable[ValidationError]:
    config = task.cache_config
    if config is not None and config.ttl_in_second > 0 and task.type in NEVER_CACHED:
        path = f"{prefix}cacheConfig"
        yield error(
            path, f"{path}: not supported by firmus: a task of type {task.type} has no cache"
        )
