"""All definitions at one position of their log: the fold of every aggregate's events."""

from firmus.definitions.aggregate import (
    EMPTY,
    Aggregate,
    Event,
    evolve,
    schema_id,
    task_id,
    workflow_id,
)
from firmus_contracts.definitions import SchemaDef, TaskDef, WorkflowDef


class Catalogue:
    """Look-ups by name, and for each aggregate the position of its last change."""

    def __init__(self) -> None:
        self.position = 0
        self._aggregates: dict[str, Aggregate] = {}
        self._changed: dict[str, int] = {}

    def apply(self, position: int, event: Event) -> None:
        """Positions only grow."""
        identity = event.originator_id
        self._aggregates[identity] = evolve(self.aggregate(identity), event)
        self._changed[identity] = position
        self.position = position

    def aggregate(self, identity: str) -> Aggregate:
        return self._aggregates.get(identity, EMPTY)

    def changed_at(self, identity: str) -> int:
        """The position of an aggregate's last event; 0 when it has none."""
        return self._changed.get(identity, 0)

    def workflow(self, name: str, version: int | None) -> WorkflowDef | None:
        """A version of a workflow; the highest when none is given."""
        versions = self.aggregate(workflow_id(name)).workflows
        if version is None:
            return versions[max(versions)] if versions else None
        return versions.get(version)

    def latest_version(self, name: str) -> int | None:
        return max(self.aggregate(workflow_id(name)).workflows, default=None)

    def task(self, name: str) -> TaskDef | None:
        return self.aggregate(task_id(name)).task

    def schema(self, name: str, version: int | None) -> SchemaDef | None:
        """A version of a schema; the highest when none is given."""
        versions = self.aggregate(schema_id(name)).schemas
        if version is None:
            return versions[max(versions)] if versions else None
        return versions.get(version)

    def schemas(self) -> list[SchemaDef]:
        """All versions, by name and version."""
        found = [s for a in self._aggregates.values() for s in a.schemas.values()]
        return sorted(found, key=lambda schema: (schema.name or "", schema.version))

    def tagged(self) -> list[tuple[str, Aggregate]]:
        """All that carries tags, with its identity."""
        return [(identity, it) for identity, it in self._aggregates.items() if it.tags]

    def workflows(self) -> list[WorkflowDef]:
        """All versions, by name and version."""
        found = [d for a in self._aggregates.values() for d in a.workflows.values()]
        return sorted(found, key=lambda definition: (definition.name, definition.version))

    def tasks(self) -> list[TaskDef]:
        """All task definitions, by name."""
        found = [a.task for a in self._aggregates.values() if a.task is not None]
        return sorted(found, key=lambda definition: definition.name)
