"""Views: what the read model keeps of a workflow and of its task rows.

A row is the columns that queries filter and sort by, and the summary as REST shows it, JSON made
ready (spec 1.9, 7.4). Input and output are in it as Java-style text, so free text searches it.
"""

import msgspec

from firmus.workflow.attributes import Attribute, shown
from firmus.workflow.masking import NOTHING
from firmus.workflow.rest_view import task_summary, workflow_summary
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts.definitions import WorkflowDef

PLAIN_CLASSIFIER = "workflow"

Row = tuple[str | int | None, ...]

WORKFLOW_COLUMNS = (
    "workflow_id", "revision", "workflow_type", "version", "status", "correlation_id",
    "parent_workflow_id", "classifier", "priority", "start_ms", "update_ms", "end_ms", "summary",
)  # fmt: skip
"""`revision` is the version of the last event that changed the row; times are epoch milliseconds,
NULL while not come; `parent_workflow_id` is NULL at the top level."""

TASK_COLUMNS = (
    "task_id", "revision", "workflow_id", "workflow_type", "correlation_id", "task_type",
    "task_def_name", "status", "domain", "scheduled_ms", "start_ms", "update_ms", "end_ms",
    "summary",
)  # fmt: skip


_encode = msgspec.json.Encoder().encode


def classifier_of(definition: WorkflowDef) -> str:
    """What kind of workflow a definition says it is (spec 1.3)."""
    metadata = definition.metadata
    named = metadata.get("classifier")
    if isinstance(named, str) and named.strip():
        return named
    return "agent" if "agent_sdk" in metadata or "agentDef" in metadata else PLAIN_CLASSIFIER


def workflow_row(
    state: WorkflowState,
    classifier: str,
    names: frozenset[str] = NOTHING,
    attributes: tuple[Attribute, ...] = (),
) -> Row:
    """The row of a workflow, in the order of WORKFLOW_COLUMNS; `names` are its masked fields."""
    summary = workflow_summary(state, classifier=classifier, names=names)
    if attributes:
        summary = msgspec.structs.replace(summary, search_attributes=shown(attributes))
    return (
        state.workflow_id,
        state.version,
        state.name,
        state.definition_version,
        state.status.value,
        state.correlation_id,
        state.parent_workflow_id or None,
        classifier,
        state.priority,
        state.created_ms,
        state.updated_ms,
        state.ended_ms or None,
        _encode(summary).decode(),
    )


def task_row(
    state: WorkflowState, row: TaskState, version: int, names: frozenset[str] = NOTHING
) -> Row:
    """The row of a task, in the order of TASK_COLUMNS; the event of `version` changed it last."""
    made = row.made
    return (
        state.task_id(made.ordinal),
        version,
        state.workflow_id,
        state.name,
        state.correlation_id,
        made.task_type,
        made.task_def_name,
        row.status.value,
        made.domain,
        row.scheduled_ms,
        row.start_ms or None,
        row.updated_ms,
        row.end_ms or None,
        _encode(task_summary(state, row, names=names)).decode(),
    )
