"""What callers send: starts, reruns, skips, worker results, tests and schedules (spec 1.9, 8.8)."""

from typing import Any

from firmus_contracts.definitions import IdempotencyStrategy, WorkflowDef
from firmus_contracts.shape import Int, Long, Model, always, value
from firmus_contracts.statuses import ResultStatus


class StartWorkflowRequest(Model):
    """`input` is None only where the caller wrote null: refused without an external one."""

    name: str = ""
    version: Int | None = None
    correlation_id: str | None = None
    input: dict[str, Any] | None = always(dict)
    task_to_domain: dict[str, str] = always(dict)
    workflow_def: WorkflowDef | None = None
    external_input_payload_storage_path: str | None = None
    priority: Int = value(0)
    created_by: str | None = None
    idempotency_key: str | None = None
    idempotency_strategy: IdempotencyStrategy | None = None


class RerunWorkflowRequest(Model):
    re_run_from_workflow_id: str | None = None
    workflow_input: dict[str, Any] | None = None
    re_run_from_task_id: str | None = None
    task_input: dict[str, Any] | None = None
    correlation_id: str | None = None


class SkipTaskRequest(Model):
    task_input: dict[str, Any] | None = None
    task_output: dict[str, Any] | None = None


class TaskExecLog(Model):
    """A line that a worker wrote; `created_time` in epoch milliseconds."""

    log: str | None = None
    task_id: str | None = None
    created_time: Long = value(0)


class ExecutionMetadata(Model):
    """What a worker measured of one attempt; epoch milliseconds and milliseconds."""

    server_send_time: Long | None = None
    client_receive_time: Long | None = None
    execution_start_time: Long | None = None
    execution_end_time: Long | None = None
    client_send_time: Long | None = None
    poll_network_latency: Long | None = None
    update_network_latency: Long | None = None
    additional_context: dict[str, Any] | None = None


class TaskResult(Model):
    """A worker's report. Its defaults are plain, so that reading one costs no call per property."""

    workflow_instance_id: str = ""
    task_id: str = ""
    reason_for_incompletion: str | None = None
    callback_after_seconds: Long = 0
    worker_id: str | None = None
    status: ResultStatus | None = None
    output_data: dict[str, Any] | None = None
    logs: list[TaskExecLog] | None = None
    external_output_payload_storage_path: str | None = None
    sub_workflow_id: str | None = None
    extend_lease: bool = False
    execution_metadata: ExecutionMetadata | None = None


class WorkflowStateUpdate(Model):
    """Variables to set, and reports of open tasks: of one, named beside it, or of several by their
    references. Their `workflowInstanceId` and `taskId` do not count.
    """

    task_reference_name: str | None = None
    task_result: TaskResult | None = None
    task_results: dict[str, TaskResult] = always(dict)
    variables: dict[str, Any] | None = None


class UpgradeWorkflowRequest(Model):
    """`version` None or 0 is the latest; `task_output` is by reference."""

    name: str = ""
    version: Int | None = None
    task_output: dict[str, Any] = always(dict)
    workflow_input: dict[str, Any] = always(dict)


class CorrelationIdsRequest(Model):
    """Which executions of which workflows: every name with every correlation id."""

    workflow_names: list[str] = always(list)
    correlation_ids: list[str] = always(list)


class TaskMock(Model):
    """How a tested task ends; times in milliseconds. A mock without `output` is refused."""

    status: ResultStatus = value(ResultStatus.COMPLETED)
    output: dict[str, Any] | None = None
    execution_time: Long = value(0)
    queue_wait_time: Long = value(0)


class WorkflowTestRequest(Model):
    """A start whose tasks are answered by mocks, by reference in order."""

    name: str = ""
    version: Int | None = None
    correlation_id: str | None = None
    input: dict[str, Any] | None = always(dict)
    task_to_domain: dict[str, str] = always(dict)
    workflow_def: WorkflowDef | None = None
    external_input_payload_storage_path: str | None = None
    priority: Int = value(0)
    created_by: str | None = None
    idempotency_key: str | None = None
    idempotency_strategy: IdempotencyStrategy | None = None
    task_ref_to_mock_output: dict[str, list[TaskMock]] = always(dict)
    sub_workflow_test_request: "dict[str, WorkflowTestRequest]" = always(dict)


class Tag(Model):
    """A word about something, for people to find it by."""

    key: str | None = None
    value: str | None = None
    type: str | None = None


class CronSchedule(Model):
    cron_expression: str | None = None
    zone_id: str = value("UTC")


class WorkflowSchedule(Model):
    """A start repeated by the clock; `cron_schedules`, when given, override the single one."""

    name: str = ""
    cron_expression: str | None = None
    zone_id: str = value("UTC")
    cron_schedules: list[CronSchedule] | None = None
    start_workflow_request: StartWorkflowRequest | None = None
    run_catchup_schedule_instances: bool = value(False)
    paused: bool = value(False)
    paused_reason: str | None = None
    schedule_start_time: Long | None = None
    schedule_end_time: Long | None = None
    description: str | None = None
    create_time: Long | None = None
    updated_time: Long | None = None
    created_by: str | None = None
    updated_by: str | None = None
    next_run_time: Long | None = None
    tags: list[Tag] | None = None
