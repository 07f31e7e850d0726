"""Fields: what a search may name, and where the read model keeps it (spec 1.9, 7.3).

Every property of a summary is a field. The usual filters are columns; the rest is taken out of
the stored summary when somebody asks for it. `stopped` is ours: why the projection cannot follow
a workflow any further, so `stopped IS NOT NULL` finds those.
"""

from typing import Literal

import msgspec


class Field(msgspec.Struct, frozen=True):
    """`sql` is the expression that yields it. A `list` field matches if one of its items does.
    `never_empty`: the column holds NULL for an empty text.
    """

    sql: str
    kind: Literal["text", "number", "time", "list"] = "text"
    never_empty: bool = False


class Searchable(msgspec.Struct, frozen=True):
    """One table of the read model. `newest` orders its rows when no order is asked for."""

    table: str
    fields: dict[str, Field]
    newest: str


def _stored(name: str) -> Field:
    return Field(f"json_extract(summary, '$.{name}')")


WORKFLOWS = Searchable(
    "workflows",
    {
        "workflowId": Field("workflow_id"),
        "workflowType": Field("workflow_type"),
        "version": Field("version", "number"),
        "status": Field("status"),
        "correlationId": Field("correlation_id"),
        "parentWorkflowId": Field("parent_workflow_id", never_empty=True),
        "classifier": Field("classifier"),
        "priority": Field("priority", "number"),
        "startTime": Field("start_ms", "time"),
        "updateTime": Field("update_ms", "time"),
        "endTime": Field("end_ms", "time"),
        "executionTime": Field("coalesce(end_ms - start_ms, 0)", "number"),
        "stopped": Field(
            "(SELECT problem FROM stopped WHERE stopped.workflow_id = workflows.workflow_id)"
        ),
        "failedTaskNames": Field("json_each(summary, '$.failedTaskNames')", "list"),
        **{
            name: _stored(name)
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
    "start_ms DESC",
)

TASKS = Searchable(
    "tasks",
    {
        "taskId": Field("task_id"),
        "taskType": Field("task_type"),
        "taskDefName": Field("task_def_name"),
        "status": Field("status"),
        "workflowId": Field("workflow_id"),
        "workflowType": Field("workflow_type"),
        "correlationId": Field("correlation_id"),
        "domain": Field("domain"),
        "scheduledTime": Field("scheduled_ms", "time"),
        "startTime": Field("start_ms", "time"),
        "updateTime": Field("update_ms", "time"),
        "endTime": Field("end_ms", "time"),
        "executionTime": Field("coalesce(end_ms - start_ms, 0)", "number"),
        "queueWaitTime": Field("coalesce(start_ms - scheduled_ms, 0)", "number"),
        "workflowPriority": Field("json_extract(summary, '$.workflowPriority')", "number"),
        **{
            name: _stored(name)
            for name in (
                "input",
                "output",
                "reasonForIncompletion",
                "externalInputPayloadStoragePath",
                "externalOutputPayloadStoragePath",
            )
        },
    },
    "scheduled_ms DESC",
)

SEARCHABLE = {"workflows": WORKFLOWS, "tasks": TASKS}
