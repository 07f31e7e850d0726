"""Fields: what a search may name, and where the read model keeps it (spec 1.9, 7.3).

Every property of a summary is a field. The usual filters are columns; the rest is taken out of
the stored summary when somebody asks for it: how, the store's `Dialect` says. `stopped` is ours:
why the projection cannot follow a workflow any further, so `stopped IS NOT NULL` finds those.
"""

from typing import Literal

import msgspec

from firmus.projection.dialect import SQLITE, Dialect

ATTRIBUTES = "attributes."
NAMED_MAX = 50
"""So many attributes a message names."""


class Field(msgspec.Struct, frozen=True):
    """`sql` is the expression that yields it. A `list` field matches if one of its items does.
    `never_empty`: the column holds NULL for an empty text. `always`: there is always a value. Of a
    text only the first `chars_max` characters are kept and compared; 0: all. `attribute`: whose
    values it sorts by.
    """

    sql: str
    kind: Literal["text", "number", "time", "list"] = "text"
    never_empty: bool = False
    always: bool = False
    chars_max: int = 0
    attribute: str = ""


class AttributeField(msgspec.Struct, frozen=True):
    """A search attribute, and what definitions call it: several kinds when they differ."""

    name: str
    kinds: frozenset[str]

    def holds(self, kind: str) -> bool:
        return kind in self.kinds

    @property
    def columns(self) -> list[str]:
        """Where its values are: texts and booleans, numbers and times."""
        texts = ["text"] if self.kinds & {"text", "boolean"} else []
        return [*texts, "number"] if self.kinds & {"number", "time"} else texts


class Searchable(msgspec.Struct, frozen=True):
    """One table of the read model, in a store's dialect, and the search attributes of its rows. By
    `newest`, the last first, its rows are ordered when no order is asked for.
    """

    table: str
    fields: dict[str, Field]
    newest: str
    dialect: Dialect
    attributes: dict[str, AttributeField] = {}

    def field(self, name: str) -> Field | AttributeField | None:
        """`attributes.NAME` is an attribute whatever else has that name."""
        if name.startswith(ATTRIBUTES):
            return self.attributes.get(name.removeprefix(ATTRIBUTES))
        return self.fields.get(name) or self.attributes.get(name)

    def known(self) -> str:
        """The fields that may be named, for messages."""
        names = "known are " + ", ".join(sorted(self.fields))
        if not self.attributes:
            return names
        named = sorted(self.attributes)
        more = f" and {len(named) - NAMED_MAX} more" if len(named) > NAMED_MAX else ""
        return f"{names}; and the attributes {', '.join(named[:NAMED_MAX])}{more}"


def with_attributes(what: Searchable, kinds: dict[str, frozenset[str]]) -> Searchable:
    """The same with attributes, given by their names and what definitions call them."""
    fields = {name: AttributeField(name, kinds[name]) for name in kinds}
    return msgspec.structs.replace(what, attributes=fields)


def _workflows(dialect: Dialect) -> Searchable:
    cut = dialect.text_chars_max
    return Searchable(
        "workflows",
        {
            "workflowId": Field("workflow_id", always=True),
            "workflowType": Field("workflow_type", always=True, chars_max=cut),
            "version": Field("version", "number", always=True),
            "status": Field("status", always=True),
            "correlationId": Field("correlation_id", chars_max=cut),
            "parentWorkflowId": Field("parent_workflow_id", never_empty=True),
            "classifier": Field("classifier", always=True),
            "priority": Field("priority", "number", always=True),
            "startTime": Field("start_ms", "time", always=True),
            "updateTime": Field("update_ms", "time", always=True),
            "endTime": Field("end_ms", "time"),
            "executionTime": Field("coalesce(end_ms - start_ms, 0)", "number"),
            "stopped": Field(
                "(SELECT problem FROM stopped WHERE stopped.workflow_id = workflows.workflow_id)"
            ),
            "failedTaskNames": Field(dialect.items.format("failedTaskNames"), "list"),
            **{
                name: Field(dialect.text.format(name))
                for name in (
                    "input",
                    "output",
                    "reasonForIncompletion",
                    "event",
                    "failedReferenceTaskNames",
                    "externalInputPayloadStoragePath",
                    "externalOutputPayloadStoragePath",
                    "createdBy",
                    "taskToDomain",
                    "idempotencyKey",
                )
            },
        },
        "start_ms",
        dialect,
    )


def _tasks(dialect: Dialect) -> Searchable:
    cut = dialect.text_chars_max
    return Searchable(
        "tasks",
        {
            "taskId": Field("task_id", always=True),
            "taskType": Field("task_type", always=True, chars_max=cut),
            "taskDefName": Field("task_def_name", chars_max=cut),
            "status": Field("status", always=True),
            "workflowId": Field("workflow_id", always=True),
            "workflowType": Field("workflow_type", always=True, chars_max=cut),
            "correlationId": Field("correlation_id", chars_max=cut),
            "domain": Field("domain"),
            "scheduledTime": Field("scheduled_ms", "time", always=True),
            "startTime": Field("start_ms", "time"),
            "updateTime": Field("update_ms", "time", always=True),
            "endTime": Field("end_ms", "time"),
            "executionTime": Field("coalesce(end_ms - start_ms, 0)", "number"),
            "queueWaitTime": Field("coalesce(start_ms - scheduled_ms, 0)", "number"),
            "workflowPriority": Field(dialect.number.format("workflowPriority"), "number"),
            **{
                name: Field(dialect.text.format(name))
                for name in (
                    "input",
                    "output",
                    "reasonForIncompletion",
                    "externalInputPayloadStoragePath",
                    "externalOutputPayloadStoragePath",
                )
            },
        },
        "scheduled_ms",
        dialect,
    )


def searchable(dialect: Dialect) -> dict[str, Searchable]:
    """What can be searched in a store, by its name in a request."""
    return {"workflows": _workflows(dialect), "tasks": _tasks(dialect)}


SEARCHABLE = searchable(SQLITE)
WORKFLOWS, TASKS = SEARCHABLE["workflows"], SEARCHABLE["tasks"]
