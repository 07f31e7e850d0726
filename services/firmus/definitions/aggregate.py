"""What happens to definitions: one aggregate for each name of a workflow, a task, a schema.

Events follow the eventsourcing library's protocol (`originator_id`, `originator_version`) and are
stored through its EventStore; deciding and evolving are functions.
"""

from typing import ClassVar

import msgspec
from eventsourcing.utils import register_topic
from msgspec.structs import replace

from firmus_contracts.definitions import SchemaDef, TaskDef, WorkflowDef
from firmus_contracts.errors import Refusal
from firmus_contracts.requests import Tag

_WORKFLOW = "workflow-"
_TASK = "task-"
_SCHEMA = "schema-"


class _Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """`actor`: who asked for it, as far as it was said."""

    originator_id: str
    originator_version: int
    time_ms: int
    actor: str = ""


class WorkflowDefinitionPut(_Event, frozen=True):
    """A version of a workflow was registered or overwritten; times are stamped already."""

    TOPIC: ClassVar[str] = "firmus.definitions:WorkflowDefinitionPut"
    definition: WorkflowDef


class WorkflowDefinitionDeleted(_Event, frozen=True):
    TOPIC: ClassVar[str] = "firmus.definitions:WorkflowDefinitionDeleted"
    name: str
    version: int


class TaskDefinitionPut(_Event, frozen=True):
    """A task definition was registered or replaced; times are stamped already."""

    TOPIC: ClassVar[str] = "firmus.definitions:TaskDefinitionPut"
    definition: TaskDef


class TaskDefinitionDeleted(_Event, frozen=True):
    TOPIC: ClassVar[str] = "firmus.definitions:TaskDefinitionDeleted"
    name: str


class SchemaPut(_Event, frozen=True):
    """A version of a schema was registered or replaced; times are stamped already."""

    TOPIC: ClassVar[str] = "firmus.definitions:SchemaPut"
    definition: SchemaDef


class SchemasDeleted(_Event, frozen=True):
    """Versions of a schema were deleted."""

    TOPIC: ClassVar[str] = "firmus.definitions:SchemasDeleted"
    name: str
    versions: tuple[int, ...]


class DefinitionTagged(_Event, frozen=True):
    """All tags that a workflow (each version of it) or a task definition has from now on."""

    TOPIC: ClassVar[str] = "firmus.definitions:DefinitionTagged"
    tags: tuple[Tag, ...]


Event = (
    WorkflowDefinitionPut
    | WorkflowDefinitionDeleted
    | TaskDefinitionPut
    | TaskDefinitionDeleted
    | SchemaPut
    | SchemasDeleted
    | DefinitionTagged
)

for _topic_of in (
    WorkflowDefinitionPut,
    WorkflowDefinitionDeleted,
    TaskDefinitionPut,
    TaskDefinitionDeleted,
    SchemaPut,
    SchemasDeleted,
    DefinitionTagged,
):
    register_topic(_topic_of.TOPIC, _topic_of)


class Aggregate(msgspec.Struct, frozen=True):
    """Everything registered under one name. `revision` counts its events; 0: never heard of. Tags
    go with the last definition of the name.
    """

    revision: int = 0
    workflows: dict[int, WorkflowDef] = {}
    task: TaskDef | None = None
    schemas: dict[int, SchemaDef] = {}
    tags: tuple[Tag, ...] = ()


EMPTY = Aggregate()


def workflow_id(name: str) -> str:
    """The aggregate of a workflow's versions."""
    return _WORKFLOW + name


def task_id(name: str) -> str:
    """The aggregate of a task definition."""
    return _TASK + name


def schema_id(name: str) -> str:
    """The aggregate of a schema's versions."""
    return _SCHEMA + name


def evolve(aggregate: Aggregate, event: Event) -> Aggregate:
    revision = event.originator_version
    match event:
        case WorkflowDefinitionPut(definition=definition):
            versions = aggregate.workflows | {definition.version: definition}
            return replace(aggregate, revision=revision, workflows=versions)
        case WorkflowDefinitionDeleted(version=version):
            versions = {n: d for n, d in aggregate.workflows.items() if n != version}
            tags = aggregate.tags if versions else ()
            return replace(aggregate, revision=revision, workflows=versions, tags=tags)
        case TaskDefinitionPut(definition=task):
            return replace(aggregate, revision=revision, task=task)
        case TaskDefinitionDeleted():
            return replace(aggregate, revision=revision, task=None, tags=())
        case SchemaPut(definition=schema):
            kept = aggregate.schemas | {schema.version: schema}
            return replace(aggregate, revision=revision, schemas=kept)
        case SchemasDeleted(versions=gone):
            kept = {n: s for n, s in aggregate.schemas.items() if n not in gone}
            return replace(aggregate, revision=revision, schemas=kept)
        case DefinitionTagged(tags=tags):
            return replace(aggregate, revision=revision, tags=tags)


def put_workflow(
    aggregate: Aggregate, definition: WorkflowDef, *, overwrite: bool, now_ms: int
) -> WorkflowDefinitionPut:
    """Registers a version; overwriting keeps its createTime and sets updateTime (spec 1.3, 8.3).

    Raises Refusal CONFLICT when the version is there and may not be overwritten.
    """
    earlier = aggregate.workflows.get(definition.version)
    if earlier is not None and not overwrite:
        raise Refusal(
            "CONFLICT", f"Workflow with {definition.name}.{definition.version} already exists!"
        )
    created, updated = (now_ms, 0) if earlier is None else (earlier.create_time, now_ms)
    return WorkflowDefinitionPut(
        originator_id=workflow_id(definition.name),
        originator_version=aggregate.revision + 1,
        time_ms=now_ms,
        definition=replace(definition, create_time=created, update_time=updated),
    )


def delete_workflow(
    aggregate: Aggregate, name: str, version: int, *, now_ms: int
) -> WorkflowDefinitionDeleted | None:
    """None when there is no such version."""
    if version not in aggregate.workflows:
        return None
    return WorkflowDefinitionDeleted(
        originator_id=workflow_id(name),
        originator_version=aggregate.revision + 1,
        time_ms=now_ms,
        name=name,
        version=version,
    )


def put_task(
    aggregate: Aggregate, definition: TaskDef, *, must_exist: bool, now_ms: int
) -> TaskDefinitionPut:
    """Registering anew stamps createTime and clears updateTime; a change (`must_exist`) keeps
    createTime and stamps updateTime (spec 8.3). Raises Refusal NOT_FOUND.
    """
    created, updated = now_ms, 0
    if must_exist:
        if aggregate.task is None:
            raise Refusal("NOT_FOUND", f"No such task by name {definition.name}")
        created, updated = aggregate.task.create_time, now_ms
    return TaskDefinitionPut(
        originator_id=task_id(definition.name),
        originator_version=aggregate.revision + 1,
        time_ms=now_ms,
        definition=replace(definition, create_time=created, update_time=updated),
    )


def delete_task(aggregate: Aggregate, name: str, *, now_ms: int) -> TaskDefinitionDeleted | None:
    """None when there is no such definition."""
    if aggregate.task is None:
        return None
    return TaskDefinitionDeleted(
        originator_id=task_id(name),
        originator_version=aggregate.revision + 1,
        time_ms=now_ms,
        name=name,
    )


def put_schema(
    aggregate: Aggregate, name: str, schema: SchemaDef, *, new_version: bool, now_ms: int
) -> SchemaPut:
    """Registers a version, or replaces it: that keeps createTime and sets updateTime.
    `new_version`: the one after the highest, whatever the schema says.
    """
    version = max(aggregate.schemas, default=0) + 1 if new_version else schema.version
    earlier = aggregate.schemas.get(version)
    created, updated = (now_ms, 0) if earlier is None else (earlier.create_time, now_ms)
    return SchemaPut(
        originator_id=schema_id(name),
        originator_version=aggregate.revision + 1,
        time_ms=now_ms,
        definition=replace(schema, version=version, create_time=created, update_time=updated),
    )


def delete_schemas(
    aggregate: Aggregate, name: str, version: int | None, *, now_ms: int
) -> SchemasDeleted | None:
    """One version, or all when none is given; None when there is nothing to delete."""
    gone = tuple(sorted(n for n in aggregate.schemas if version in (None, n)))
    if not gone:
        return None
    return SchemasDeleted(
        originator_id=schema_id(name),
        originator_version=aggregate.revision + 1,
        time_ms=now_ms,
        name=name,
        versions=gone,
    )
