"""The cache of outputs (`cacheConfig`): where a task or a workflow looks, and what its completion
leaves.

Conductor stores `cacheConfig` and does nothing with it (spec 1.4, "[gap]").
"""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from firmus.decider.context import ToCache
from firmus.ports import Cached
from firmus.workflow.blueprint import Blueprint
from firmus.workflow.document import Document
from firmus.workflow.expressions import MISSING, Scope, compile_template, resolve
from firmus.workflow.state import WorkflowState
from firmus_contracts import events as ev
from firmus_contracts import subjects
from firmus_contracts.definitions import WorkflowTask
from firmus_contracts.statuses import WorkflowStatus

OF_WORKFLOW = "(workflow)"
"""Stands for the name of a task in the keys of whole workflows."""

_template = lru_cache(maxsize=1024)(compile_template)
_encode = msgspec.json.Encoder(order="sorted").encode


class OwnScope:
    """What expressions about one task see: the workflow's document, and behind it values of the
    task's own, for which nothing of that name stands in the document.
    """

    __slots__ = ("_document", "_own", "environment", "task_id")

    def __init__(self, document: Scope, own: Mapping[str, Any]) -> None:
        self._document = document
        self._own = own
        self.environment = document.environment
        self.task_id = document.task_id

    def root(self, name: str) -> Any:
        found = self._document.root(name)
        return self._own.get(name, MISSING) if found is MISSING else found

    def field(self, name: str, key: str) -> Any:
        if name not in self._own or self._document.root(name) is not MISSING:
            return self._document.field(name, key)
        value = self._own[name]
        return value.get(key, MISSING) if isinstance(value, dict) else MISSING

    def full(self) -> dict[str, Any]:
        return {**self._own, **self._document.full()}


def slot(
    blueprint: Blueprint, task: WorkflowTask, given: dict[str, Any], document: Scope
) -> ev.CacheSlot | None:
    """Where the output for this input is kept; None when the key is empty or there is no time.

    The key sees the workflow's document, the task's input under `input`, and its properties by
    their own names (`${uri}-${method}`).
    """
    config = task.cache_config
    if config is None or config.ttl_in_second <= 0 or not config.key:
        return None
    scope = OwnScope(document, {"input": given, **given})
    key = resolve(_template(config.key), scope)
    if key is None or key == "":
        return None
    digest = hashlib.sha256(_encode(key)).hexdigest()
    name = subjects.cache_key(blueprint.definition.name, task.name or "", digest)
    return ev.CacheSlot(key=name, ttl_s=config.ttl_in_second)


def workflow_slot(blueprint: Blueprint, document: Scope) -> ev.CacheSlot | None:
    """The same of a whole workflow, whose key sees its document as it starts. Entries belong to
    the resolved definition: one that changed begins anew.
    """
    config = blueprint.definition.cache_config
    if config is None or config.ttl_in_second <= 0 or not config.key:
        return None
    key = resolve(_template(config.key), document)
    if key is None or key == "":
        return None
    digest = hashlib.sha256(_encode([blueprint.sha256, key])).hexdigest()
    name = subjects.cache_key(blueprint.definition.name, OF_WORKFLOW, digest)
    return ev.CacheSlot(key=name, ttl_s=config.ttl_in_second)


def workflow_to_cache(
    state: WorkflowState, blueprint: Blueprint, environment: Mapping[str, str]
) -> tuple[ToCache, ...]:
    """What a workflow that completed by its tasks leaves in the cache: nothing when it ran again
    meanwhile, or under another definition or input than the ones that it was looked for with.
    """
    if state.cache is None or state.status is not WorkflowStatus.COMPLETED or state.again_version:
        return ()
    as_started = msgspec.structs.replace(state, variables=blueprint.definition.variables)
    document = Document(as_started, environment=environment)
    if workflow_slot(blueprint, document) != state.cache:
        return ()
    entry = Cached(task_id=state.workflow_id, output=state.output)
    return (ToCache(key=state.cache.key, entry=entry, ttl_s=state.cache.ttl_s),)


def to_cache(state: WorkflowState, event: ev.TaskCompleted) -> tuple[ToCache, ...]:
    """What a completion leaves in the cache; a completion from the cache leaves nothing."""
    row = state.tasks[event.ordinal]
    if row.made.cache is None or event.cached_from is not None:
        return ()
    entry = Cached(task_id=state.task_id(row.ordinal), output=row.output)
    return (ToCache(key=row.made.cache.key, entry=entry, ttl_s=row.made.cache.ttl_s),)
