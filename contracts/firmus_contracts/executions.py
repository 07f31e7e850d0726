"""Executions as REST shows them: workflows, tasks, summaries, small answers (spec 1.7-1.9).

Times are epoch milliseconds, 0 where nothing happened yet; in summaries they are texts.
"""

from typing import Any

import msgspec

from firmus_contracts.requests import ExecutionMetadata, TaskExecLog
from firmus_contracts.shape import ABSENT, Int, Long, Model, always, value
from firmus_contracts.statuses import TaskStatus, WorkflowStatus


class Task(Model):
    """One task row. `workflow_task` is the JSON of its definition, as it stands.

    `retried`: a newer attempt supersedes this row; `executed`: its end was acted upon.
    """

    task_type: str
    status: TaskStatus
    input_data: dict[str, Any] = always(dict)
    reference_task_name: str | None = None
    retry_count: Int = value(0)
    seq: Int = value(0)
    correlation_id: str | None = None
    poll_count: Int = value(0)
    task_def_name: str | None = None
    scheduled_time: Long = value(0)
    start_time: Long = value(0)
    end_time: Long = value(0)
    update_time: Long = value(0)
    start_delay_in_seconds: Int = value(0)
    retried_task_id: str | None = None
    retried: bool = value(False)
    executed: bool = value(False)
    callback_from_worker: bool = value(True)
    response_timeout_seconds: Long = value(0)
    workflow_instance_id: str | None = None
    workflow_type: str | None = None
    task_id: str | None = None
    reason_for_incompletion: str | None = None
    callback_after_seconds: Long = value(0)
    worker_id: str | None = None
    output_data: dict[str, Any] = always(dict)
    workflow_task: msgspec.Raw = ABSENT
    domain: str | None = None
    rate_limit_per_frequency: Int = value(0)
    rate_limit_frequency_in_seconds: Int = value(0)
    external_input_payload_storage_path: str | None = None
    external_output_payload_storage_path: str | None = None
    workflow_priority: Int = value(0)
    execution_name_space: str | None = None
    isolation_group_id: str | None = None
    iteration: Int = value(0)
    sub_workflow_id: str | None = None
    subworkflow_changed: bool = value(False)
    first_start_time: Long = value(0)
    execution_metadata: ExecutionMetadata | None = None
    parent_task_id: str | None = None
    runtime_metadata: dict[str, str] | None = None
    logs: list[TaskExecLog] | None = None
    queue_wait_time: Long = value(0)
    loop_over_task: bool = value(False)


class Workflow(Model):
    """One execution. `workflow_definition` is the JSON of the snapshot it runs."""

    workflow_id: str
    status: WorkflowStatus = value(WorkflowStatus.RUNNING)
    workflow_name: str | None = None
    workflow_version: Int = value(0)
    create_time: Long = value(0)
    start_time: Long = value(0)
    update_time: Long = value(0)
    end_time: Long = value(0)
    owner_app: str | None = None
    created_by: str | None = None
    updated_by: str | None = None
    parent_workflow_id: str | None = None
    parent_workflow_task_id: str | None = None
    tasks: list[Task] = always(list)
    input: dict[str, Any] = always(dict)
    output: dict[str, Any] = always(dict)
    correlation_id: str | None = None
    re_run_from_workflow_id: str | None = None
    reason_for_incompletion: str | None = None
    event: str | None = None
    task_to_domain: dict[str, str] = always(dict)
    failed_reference_task_names: list[str] = always(list)
    failed_task_names: list[str] = always(list)
    workflow_definition: msgspec.Raw = ABSENT
    external_input_payload_storage_path: str | None = None
    external_output_payload_storage_path: str | None = None
    priority: Int = value(0)
    variables: dict[str, Any] = always(dict)
    last_retried_time: Long = value(0)
    history: "list[Workflow]" = always(list)
    idempotency_key: str | None = None
    rate_limit_key: str | None = None
    rate_limited: bool = value(False)


class WorkflowStatusView(Model):
    """The short answer of `/status`; output and variables only when asked for."""

    workflow_id: str
    status: WorkflowStatus
    correlation_id: str | None = None
    output: dict[str, Any] | None = None
    variables: dict[str, Any] | None = None


class WorkflowSummary(Model):
    """An execution as search lists it; `input` and `output` in Java's map notation, their sizes in
    Java's characters (UTF-16 units).
    `search_attributes`: the values by which its definition lets it be found (beyond Conductor).
    """

    workflow_type: str
    workflow_id: str
    status: WorkflowStatus
    version: Int = value(1)
    correlation_id: str | None = None
    start_time: str | None = None
    update_time: str | None = None
    end_time: str | None = None
    input: str | None = None
    output: str | None = None
    reason_for_incompletion: str | None = None
    execution_time: Long = value(0)
    event: str | None = None
    failed_reference_task_names: str = value("")
    failed_task_names: list[str] = always(list)
    external_input_payload_storage_path: str | None = None
    external_output_payload_storage_path: str | None = None
    priority: Int = value(0)
    created_by: str | None = None
    task_to_domain: dict[str, str] = always(dict)
    idempotency_key: str | None = None
    parent_workflow_id: str = value("")
    classifier: str | None = None
    input_size: Long = value(0)
    output_size: Long = value(0)
    search_attributes: dict[str, Any] | None = None


class TaskSummary(Model):
    """A task as search lists it."""

    workflow_id: str
    task_id: str
    status: TaskStatus
    workflow_type: str | None = None
    correlation_id: str | None = None
    scheduled_time: str | None = None
    start_time: str | None = None
    update_time: str | None = None
    end_time: str | None = None
    reason_for_incompletion: str | None = None
    execution_time: Long = value(0)
    queue_wait_time: Long = value(0)
    task_def_name: str | None = None
    task_type: str | None = None
    input: str | None = None
    output: str | None = None
    external_input_payload_storage_path: str | None = None
    external_output_payload_storage_path: str | None = None
    workflow_priority: Int = value(0)
    domain: str | None = None


class SearchResult(Model):
    """A page; `results` are JSON as they stand (summaries, executions or tasks)."""

    total_hits: Long = value(0)
    results: list[msgspec.Raw] = always(list)


class BulkResponse(Model):
    """Which of several went through, and why the others did not, by id."""

    bulk_error_results: dict[str, str] = always(dict)
    bulk_successful_results: list[Any] = always(list)
    message: str | None = None


class PollData(Model):
    """When a worker last asked for tasks of a type."""

    queue_name: str
    domain: str | None = None
    worker_id: str | None = None
    last_poll_time: Long = value(0)


class ExternalStorageLocation(Model):
    uri: str | None = None
    path: str | None = None


class EnvironmentVariable(Model):
    name: str
    value: str | None = None


class WorkflowRun(Model):
    """How a synchronous call ended, told by a workflow (spec 8.4.1)."""

    response_type: str | None = None
    target_workflow_id: str | None = None
    target_workflow_status: str | None = None
    request_id: str | None = None
    workflow_id: str | None = None
    correlation_id: str | None = None
    input: dict[str, Any] | None = None
    output: dict[str, Any] | None = None
    signal_timeout: bool = value(False)
    priority: Int = value(0)
    variables: dict[str, Any] | None = None
    tasks: list[Task] = always(list)
    created_by: str | None = None
    create_time: Long = value(0)
    status: WorkflowStatus | None = None
    update_time: Long = value(0)
    external_input_payload_storage_path: str | None = None
    external_output_payload_storage_path: str | None = None


class TaskRun(Model):
    """How a synchronous call ended, told by the task that blocks."""

    response_type: str | None = None
    target_workflow_id: str | None = None
    target_workflow_status: str | None = None
    request_id: str | None = None
    workflow_id: str | None = None
    correlation_id: str | None = None
    input: dict[str, Any] | None = None
    output: dict[str, Any] | None = None
    signal_timeout: bool = value(False)
    task_type: str | None = None
    task_id: str | None = None
    reference_task_name: str | None = None
    retry_count: Int = value(0)
    task_def_name: str | None = None
    retried_task_id: str | None = None
    workflow_type: str | None = None
    reason_for_incompletion: str | None = None
    priority: Int = value(0)
    variables: dict[str, Any] | None = None
    tasks: list[Task] | None = None
    created_by: str | None = None
    create_time: Long = value(0)
    update_time: Long = value(0)
    status: TaskStatus | None = None
    external_input_payload_storage_path: str | None = None
    external_output_payload_storage_path: str | None = None


SignalResponse = WorkflowRun | TaskRun
