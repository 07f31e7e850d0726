"""Who made a definition and who changed it last, where it is known who asks."""

from typing import TypeVar

from msgspec.structs import replace

from firmus.definitions.aggregate import (
    Aggregate,
    Event,
    SchemaPut,
    TaskDefinitionPut,
    WorkflowDefinitionPut,
)
from firmus_contracts.definitions import SchemaDef, TaskDef, WorkflowDef

_Definition = TypeVar("_Definition", WorkflowDef, TaskDef, SchemaDef)


def signed(found: Aggregate, event: Event | None, actor: str) -> Event | None:
    """The event with who asked for it. A definition put by somebody known says so, whatever it
    said itself; one put by nobody known stays as it was given.
    """
    if event is None or not actor:
        return event
    match event:
        case WorkflowDefinitionPut(definition=workflow):
            earlier = found.workflows.get(workflow.version)
            return replace(event, actor=actor, definition=_by(actor, workflow, earlier))
        case TaskDefinitionPut(definition=task):
            return replace(event, actor=actor, definition=_by(actor, task, found.task))
        case SchemaPut(definition=schema):
            before = found.schemas.get(schema.version)
            return replace(event, actor=actor, definition=_by(actor, schema, before))
        case _:
            return replace(event, actor=actor)


def _by(actor: str, definition: _Definition, earlier: _Definition | None) -> _Definition:
    """Like the times, which are stamped already: without an update time it is made anew."""
    if not definition.update_time or earlier is None:
        return replace(definition, created_by=actor, updated_by=None)
    return replace(definition, created_by=earlier.created_by, updated_by=actor)
