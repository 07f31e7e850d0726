"""The public events: what subscribers of the EVENTS stream receive.

A body is the flat payload of the published AsyncAPI contract; its version stands in `ce-type`.
Times are epoch milliseconds, 0 while they have not come. A text that there is none of is left
out. CloudEvents attributes ride in headers (binary mode), so the body stays the contract's.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from firmus_contracts.statuses import TaskStatus, WorkflowStatus

WORKFLOW_TRANSITIONS: dict[str, str] = {
    "started": "a workflow execution is started",
    "completed": "a workflow execution completes successfully",
    "failed": "a workflow execution fails",
    "terminated": "a workflow execution is terminated",
    "timed_out": "a workflow execution times out",
    "paused": "a workflow execution is paused",
    "resumed": "a paused workflow execution is resumed, or one that ended goes on with its child",
    "restarted": "a workflow execution that ended begins anew",
    "retried": "a workflow execution that ended goes on where it failed",
    "rerun": "a workflow execution that ended is run again, from a task on or as a whole",
    "updated": "variables or definition of a workflow execution change, or it jumps to a task",
    "removed": "a workflow execution is removed: nobody can read it any more",
}
"""Transition to when it happens. The contract's six first; the others are ours."""

TASK_TRANSITIONS: dict[str, str] = {
    "scheduled": "a task is scheduled for execution",
    "in_progress": "a task execution begins",
    "completed": "a task execution completes, with or without errors, or is skipped",
    "failed": "a task execution fails",
    "timed_out": "a task execution times out",
    "canceled": "a task execution is canceled",
    "updated": "a worker reports progress of a task or extends its lease",
}
"""Transition to when it happens. The contract's six first; `updated` is ours."""

PAYLOAD_VERSION = "v1"

POSITION_HEADER = "Firmus-Position"
"""The log position of the commit an event comes from: the publisher's cursor."""
COMMIT_HEADER = "Firmus-Commit"
"""SHA-256 (hex) of that commit's stored bytes: its place in the workflow's hash chain."""
OMITTED_HEADER = "Firmus-Omitted"
"""Names the properties that were emptied because the event would not fit in one message."""
CAUSE_HEADER = "Firmus-Cause"
"""The kind of the command that led to the event."""
COMMAND_HEADER = "Firmus-Command-Id"
ACTOR_HEADER = "Firmus-Actor"

Text = str | UnsetType


class WorkflowStatusEvent(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=False
):
    """An event indicating a change in workflow execution status"""

    workflow_id: Annotated[str, Meta(description="Unique workflow instance ID")]
    workflow_name: Annotated[str, Meta(description="Name of the workflow definition")]
    workflow_version: Annotated[int, Meta(description="Version of the workflow definition")]
    correlation_id: Annotated[Text, Meta(description="Correlation ID")] = UNSET
    status: Annotated[WorkflowStatus, Meta(description="Current status of the workflow")]
    start_time: Annotated[int, Meta(description="Start time in epoch milliseconds")]
    end_time: Annotated[int, Meta(description="End time in epoch milliseconds")] = 0
    input: Annotated[dict[str, Any], Meta(description="Workflow input")]
    output: Annotated[dict[str, Any], Meta(description="Workflow output")]
    reason_for_incompletion: Annotated[
        Text, Meta(description="Reason for failure or termination")
    ] = UNSET
    priority: Annotated[int, Meta(description="Workflow priority")] = 0
    parent_workflow_id: Annotated[
        Text, Meta(description="Parent workflow ID if this is a sub-workflow")
    ] = UNSET


class TaskStatusEvent(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=False
):
    """An event indicating a change in task execution status"""

    task_id: Annotated[str, Meta(description="Unique task instance ID")]
    task_type: Annotated[str, Meta(description="The type of the task")]
    task_def_name: Annotated[Text, Meta(description="Task definition name")] = UNSET
    status: Annotated[TaskStatus, Meta(description="Current status of the task")]
    reference_task_name: Annotated[
        str, Meta(description="Reference name of the task in the workflow")
    ]
    workflow_instance_id: Annotated[
        str, Meta(description="ID of the workflow instance this task belongs to")
    ]
    workflow_type: Annotated[str, Meta(description="Type/name of the workflow")]
    correlation_id: Annotated[Text, Meta(description="Correlation ID")] = UNSET
    scheduled_time: Annotated[int, Meta(description="Scheduled time in epoch milliseconds")]
    start_time: Annotated[int, Meta(description="Start time in epoch milliseconds")] = 0
    end_time: Annotated[int, Meta(description="End time in epoch milliseconds")] = 0
    worker_id: Annotated[Text, Meta(description="ID of the worker that polled this task")] = UNSET
    reason_for_incompletion: Annotated[Text, Meta(description="Reason for failure")] = UNSET
    retry_count: Annotated[int, Meta(description="Current retry count")] = 0


class StartEvent(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A request to start the workflow whose definition the channel names"""

    name: Annotated[
        Text, Meta(description="Name of the definition; the channel's when left out")
    ] = UNSET
    version: Annotated[
        int | UnsetType, Meta(description="Version of the definition; the latest when left out")
    ] = UNSET
    correlation_id: Annotated[Text, Meta(description="Correlation ID")] = UNSET
    input: Annotated[dict[str, Any] | UnsetType, Meta(description="Workflow input")] = UNSET
    task_to_domain: Annotated[
        dict[str, str] | UnsetType, Meta(description="Task type or * to worker domain")
    ] = UNSET
    workflow_def: Annotated[
        dict[str, Any] | UnsetType, Meta(description="A definition to run, not registered before")
    ] = UNSET
    external_input_payload_storage_path: Annotated[
        Text, Meta(description="Where the input lies instead")
    ] = UNSET
    priority: Annotated[int, Meta(ge=0, le=99, description="Workflow priority")] = 0
    created_by: Annotated[Text, Meta(description="Who starts it")] = UNSET
    idempotency_key: Annotated[
        Text, Meta(description="The same key of the same definition starts one workflow only")
    ] = UNSET
    idempotency_strategy: Annotated[
        Literal["RETURN_EXISTING", "FAIL", "FAIL_ON_RUNNING"] | UnsetType,
        Meta(description="What happens when the key was used before"),
    ] = UNSET


class PublicEvent(msgspec.Struct, frozen=True, gc=False):
    """One message of the EVENTS stream, before it is sent. `body` is JSON."""

    subject: str
    headers: dict[str, str]
    body: bytes


def event_type(scope: str, transition: str) -> str:
    """The `ce-type` of a transition; `scope` is workflow or task."""
    return f"io.firmus.{scope}.{transition}.{PAYLOAD_VERSION}"
