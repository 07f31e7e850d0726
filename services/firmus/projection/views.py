"""Views: what the read model keeps of a workflow and of its task rows.

A row is the columns that queries filter and sort by, and the summary as REST shows it, JSON made
ready (spec 1.9, 7.4). Input and output are in it as Java-style text, so free text searches it.
"""

import msgspec

from firmus_contracts.definitions import WorkflowDef
from firmus.projection.javatext import java_text
from firmus.projection.times import gmt
from firmus.workflow.state import TaskState, WorkflowState

REASON_MAX = 500
PLAIN_CLASSIFIER = "workflow"

Row = tuple[str | int | None, ...]

WORKFLOW_COLUMNS = (
    "workflow_id", "revision", "workflow_type", "version", "status", "correlation_id",
    "parent_workflow_id", "classifier", "priority", "start_ms", "update_ms", "end_ms", "summary",
)  # fmt: skip
"""`revision` is the workflow's event version; times are epoch milliseconds, NULL while not come;
`parent_workflow_id` is NULL at the top level."""

TASK_COLUMNS = (
    "task_id", "revision", "workflow_id", "workflow_type", "correlation_id", "task_type",
    "task_def_name", "status", "domain", "scheduled_ms", "start_ms", "update_ms", "end_ms",
    "summary",
)  # fmt: skip


class _Summary(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How summaries are written: what is None is left out, what has no default is always there."""

    correlation_id: str | None = None
    reason_for_incompletion: str | None = None
    external_input_payload_storage_path: str | None = None


class WorkflowSummary(_Summary):
    workflow_type: str
    version: int
    workflow_id: str
    start_time: str
    update_time: str
    end_time: str | None = None
    status: str
    input: str
    output: str
    execution_time: int
    event: str | None = None
    failed_reference_task_names: str
    failed_task_names: tuple[str, ...]
    priority: int
    created_by: str | None = None
    task_to_domain: dict[str, str]
    idempotency_key: str | None = None
    parent_workflow_id: str
    classifier: str


class TaskSummary(_Summary):
    workflow_id: str
    workflow_type: str
    scheduled_time: str
    start_time: str
    update_time: str
    end_time: str
    status: str
    execution_time: int
    queue_wait_time: int
    task_def_name: str | None = None
    task_type: str
    input: str
    output: str
    task_id: str
    workflow_priority: int
    domain: str | None = None


_encode = msgspec.json.Encoder().encode


def classifier_of(definition: WorkflowDef) -> str:
    """What kind of workflow a definition says it is (spec 1.3)."""
    metadata = definition.metadata
    named = metadata.get("classifier")
    if isinstance(named, str) and named.strip():
        return named
    return "agent" if "agent_sdk" in metadata or "agentDef" in metadata else PLAIN_CLASSIFIER


def workflow_row(state: WorkflowState, classifier: str) -> Row:
    """The row of a workflow, in the order of WORKFLOW_COLUMNS."""
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
        _encode(workflow_summary(state, classifier)).decode(),
    )


def task_row(state: WorkflowState, row: TaskState) -> Row:
    """The row of a task, in the order of TASK_COLUMNS."""
    made = row.made
    return (
        state.task_id(made.ordinal),
        state.version,
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
        _encode(task_summary(state, row)).decode(),
    )


def workflow_summary(state: WorkflowState, classifier: str) -> WorkflowSummary:
    ended = state.ended_ms
    return WorkflowSummary(
        workflow_type=state.name,
        version=state.definition_version,
        workflow_id=state.workflow_id,
        correlation_id=state.correlation_id,
        start_time=gmt(state.created_ms),
        update_time=gmt(state.updated_ms),
        end_time=gmt(ended) if ended else None,
        status=state.status.value,
        input=java_text(state.input),
        output=java_text(state.output),
        reason_for_incompletion=state.reason,
        execution_time=ended - state.created_ms if ended else 0,
        event=state.event,
        failed_reference_task_names=",".join(state.failed_refs),
        failed_task_names=state.failed_names,
        external_input_payload_storage_path=state.external_input_path,
        priority=state.priority,
        created_by=state.created_by,
        task_to_domain=state.task_to_domain,
        idempotency_key=state.idempotency_key,
        parent_workflow_id=state.parent_workflow_id or "",
        classifier=classifier,
    )


def task_summary(state: WorkflowState, row: TaskState) -> TaskSummary:
    made = row.made
    started = row.start_ms
    return TaskSummary(
        workflow_id=state.workflow_id,
        workflow_type=state.name,
        correlation_id=state.correlation_id,
        scheduled_time=gmt(row.scheduled_ms),
        start_time=gmt(started),
        update_time=gmt(row.updated_ms),
        end_time=gmt(row.end_ms),
        status=row.status.value,
        reason_for_incompletion=None if row.reason is None else row.reason[:REASON_MAX],
        execution_time=row.end_ms - started if row.end_ms and started else 0,
        queue_wait_time=started - row.scheduled_ms if started else 0,
        task_def_name=made.task_def_name,
        task_type=made.task_type,
        input=java_text(row.input),
        output=java_text(row.output),
        task_id=state.task_id(made.ordinal),
        workflow_priority=state.priority,
        domain=made.domain,
    )
