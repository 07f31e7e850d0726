"""Workflow and task definitions, as Conductor's JSON has them (spec 1.3, 1.4, 1.6).

All fields are here with their defaults and survive a round trip, those included that nothing acts
on yet; which of them are refused at registration is said in `firmus.definitions.unsupported`.
"""

from typing import Any, Literal

import msgspec

from firmus_contracts.shape import Int, Long, Model, always, value

RetryLogic = Literal["FIXED", "EXPONENTIAL_BACKOFF", "LINEAR_BACKOFF"]
TaskTimeoutPolicy = Literal["RETRY", "TIME_OUT_WF", "ALERT_ONLY"]
WorkflowTimeoutPolicy = Literal["TIME_OUT_WF", "ALERT_ONLY"]
JoinMode = Literal["SYNC", "ASYNC"]
RateLimitPolicy = Literal["QUEUE", "REJECT"]
SchemaType = Literal["JSON", "AVRO", "PROTOBUF"]
IdempotencyStrategy = Literal["FAIL", "RETURN_EXISTING", "FAIL_ON_RUNNING"]


class SchemaDef(Model):
    name: str | None = None
    type: SchemaType | None = None
    version: Int = value(1)
    data: dict[str, Any] | None = None
    external_ref: str | None = None
    owner_app: str | None = None
    create_time: Long = value(0)
    update_time: Long = value(0)
    created_by: str | None = None
    updated_by: str | None = None


class CacheConfig(Model):
    key: str | None = None
    ttl_in_second: Int = value(0)


class RateLimitConfig(Model):
    rate_limit_key: str | None = None
    concurrent_exec_limit: Int = value(0)
    policy: RateLimitPolicy = value("QUEUE")


class StateChangeEvent(Model):
    type: str | None = None
    payload: dict[str, Any] | None = None


class TaskDef(Model):
    """How a task of this name is retried, timed out and limited. An empty name is no valid one."""

    name: str = ""
    description: str | None = None
    retry_count: Int = value(3)
    retry_logic: RetryLogic = value("FIXED")
    retry_delay_seconds: Int = value(60)
    backoff_scale_factor: Int = value(1)
    max_retry_delay_seconds: Int = value(0)
    backoff_jitter_ms: Int = value(0)
    timeout_seconds: Long = value(0)
    timeout_policy: TaskTimeoutPolicy = value("TIME_OUT_WF")
    response_timeout_seconds: Long = value(3600)
    poll_timeout_seconds: Int | None = None
    total_timeout_seconds: Long = value(0)
    input_keys: list[str] = always(list)
    output_keys: list[str] = always(list)
    input_template: dict[str, Any] = always(dict)
    concurrent_exec_limit: Int | None = None
    rate_limit_per_frequency: Int = value(0)
    rate_limit_frequency_in_seconds: Int = value(1)
    isolation_group_id: str | None = None
    execution_name_space: str | None = None
    owner_email: str | None = None
    runtime_metadata: list[str] = always(list)
    task_status_listener_enabled: bool = value(True)
    base_type: str | None = None
    input_schema: SchemaDef | None = None
    output_schema: SchemaDef | None = None
    enforce_schema: bool = value(False)
    owner_app: str | None = None
    create_time: Long = value(0)
    update_time: Long = value(0)
    created_by: str | None = None
    updated_by: str | None = None


class SubWorkflowParams(Model):
    """Which workflow a SUB_WORKFLOW task runs. `workflow_definition`: an object or one `${…}`."""

    name: str | None = None
    version: Int | None = None
    task_to_domain: dict[str, str] | str | None = None
    workflow_definition: dict[str, Any] | str | None = None
    idempotency_key: str | None = None
    idempotency_strategy: IdempotencyStrategy | None = None
    priority: Any = None


class CatchHandler(Model):
    """What a TRY_CATCH does about failures whose reason and status it names (beyond Conductor).

    `reason`: a regular expression found anywhere in the reason. `status`: task statuses. One that
    is left out matches all.
    """

    reason: str | None = None
    status: list[str] = msgspec.field(default_factory=list)
    tasks: "list[WorkflowTask]" = always(list)


class WorkflowTask(Model):
    """One task of a definition: a worker's, an operator's or a system task's.

    The fields of TRY_CATCH are beyond Conductor and only written where they are used.
    """

    name: str | None = None
    task_reference_name: str | None = None
    description: str | None = None
    input_parameters: dict[str, Any] = always(dict)
    type: str = value("SIMPLE")
    dynamic_task_name_param: str | None = None
    case_value_param: str | None = None
    case_expression: str | None = None
    script_expression: str | None = None
    decision_cases: "dict[str, list[WorkflowTask]]" = always(dict)
    default_case: "list[WorkflowTask]" = always(list)
    evaluator_type: str | None = None
    expression: str | None = None
    fork_tasks: "list[list[WorkflowTask]]" = always(list)
    dynamic_fork_tasks_param: str | None = None
    dynamic_fork_tasks_input_param_name: str | None = None
    dynamic_fork_join_tasks_param: str | None = None
    join_on: list[str] = always(list)
    join_mode: JoinMode | None = None
    join_status: str | None = None
    default_exclusive_join_task: list[str] = always(list)
    loop_condition: str | None = None
    loop_over: "list[WorkflowTask]" = always(list)
    items: str | None = None
    try_tasks: "list[WorkflowTask]" = msgspec.field(default_factory=list)
    catch_handlers: list[CatchHandler] = msgspec.field(default_factory=list)
    finally_tasks: "list[WorkflowTask]" = msgspec.field(default_factory=list)
    sub_workflow_param: SubWorkflowParams | None = None
    sink: str | None = None
    start_delay: Int = value(0)
    optional: bool = value(False)
    permissive: bool = value(False)
    retry_count: Int | None = None
    async_complete: bool = value(False)
    task_definition: TaskDef | None = None
    rate_limited: bool | None = None
    on_state_change: dict[str, list[StateChangeEvent]] = always(dict)
    cache_config: CacheConfig | None = None
    metadata: dict[str, Any] = always(dict)


class WorkflowDef(Model):
    """A workflow definition; `name` and `version` together are its key."""

    name: str = ""
    description: str | None = None
    version: Int = value(1)
    tasks: list[WorkflowTask] = always(list)
    input_parameters: list[str] = always(list)
    output_parameters: dict[str, Any] = always(dict)
    input_template: dict[str, Any] = always(dict)
    failure_workflow: str | None = None
    failure_workflow_version: Int | None = None
    schema_version: Int = value(2)
    restartable: bool = value(True)
    workflow_status_listener_enabled: bool = value(False)
    workflow_status_listener_sink: str | None = None
    owner_email: str | None = None
    timeout_policy: WorkflowTimeoutPolicy = value("ALERT_ONLY")
    timeout_seconds: Long = value(0)
    variables: dict[str, Any] = always(dict)
    rate_limit_config: RateLimitConfig | None = None
    input_schema: SchemaDef | None = None
    output_schema: SchemaDef | None = None
    enforce_schema: bool = value(True)
    metadata: dict[str, Any] = always(dict)
    cache_config: CacheConfig | None = None
    masked_fields: list[str] = always(list)
    owner_app: str | None = None
    create_time: Long = value(0)
    update_time: Long = value(0)
    created_by: str | None = None
    updated_by: str | None = None


WORKFLOW_DEF_DECODER = msgspec.json.Decoder(WorkflowDef)


class WorkflowDefSummary(Model):
    name: str
    version: Int = value(1)
    create_time: Long = value(0)
    update_time: Long = value(0)


def classifier_of(definition: WorkflowDef) -> str:
    """What kind of workflow this is, for search (spec 1.3)."""
    given = definition.metadata.get("classifier")
    if isinstance(given, str) and given.strip():
        return given
    if "agent_sdk" in definition.metadata or "agentDef" in definition.metadata:
        return "agent"
    return "workflow"
