"""The shapes of answers that handlers write without a type of their own."""

from typing import Any, Literal

import msgspec

from firmus_contracts.definitions import WorkflowDefSummary
from firmus_contracts.errors import ValidationError
from firmus_contracts.executions import (
    Task,
    TaskSummary,
    Workflow,
    WorkflowSummary,
)
from firmus_contracts.requests import StartWorkflowRequest, WorkflowSchedule
from firmus_contracts.shape import Long, Model, always

Names = list[str]
Nothing = dict[str, str]
Sizes = dict[str, Long]
SummariesByName = dict[str, list[WorkflowDefSummary]]
WorkflowsByCorrelation = dict[str, list[Workflow]]


class SearchResultWorkflowSummary(Model):
    """A page of executions as search lists them."""

    total_hits: Long
    results: list[WorkflowSummary]


class SearchResultTaskSummary(Model):
    """A page of tasks as search lists them."""

    total_hits: Long
    results: list[TaskSummary]


class SearchResultWorkflow(Model):
    """A page of executions, whole but for their tasks."""

    total_hits: Long
    results: list[Workflow]


class SearchResultTask(Model):
    """A page of tasks, whole."""

    total_hits: Long
    results: list[Task]


class SearchResultWorkflowSchedule(Model):
    """A page of schedules."""

    total_hits: Long
    results: list[WorkflowSchedule]


class WorkflowScheduleExecutionModel(Model):
    """One run of a schedule; times in epoch milliseconds."""

    execution_id: str
    schedule_name: str
    scheduled_time: Long
    execution_time: Long
    workflow_name: str
    start_workflow_request: StartWorkflowRequest
    state: Literal["POLLED", "FAILED", "EXECUTED"]
    zone_id: str
    workflow_id: str | None = None
    reason: str | None = None


class SearchResultWorkflowScheduleExecutionModel(Model):
    """A page of runs of schedules."""

    total_hits: Long
    results: list[WorkflowScheduleExecutionModel]


class BulkResponseString(Model):
    """Which of several went through, and why the others did not, by id or name."""

    bulk_error_results: dict[str, str]
    bulk_successful_results: list[str]


class BulkResponseWorkflow(Model):
    """The executions that were found, and why the others were not, by id."""

    bulk_error_results: dict[str, str]
    bulk_successful_results: list[Workflow]


class ValidationWarnings(Model):
    """What is probably wrong with a definition that may be registered."""

    warnings: list[ValidationError]


class QueueShard(Model):
    """Tasks that wait, and tasks that are on their way to a worker."""

    size: Long
    uacked: Long


class Health(Model):
    healthy: bool
    details: dict[str, Any] = always(dict)


class HealthCheckStatus(Model):
    """`health_results` holds what is wrong; nothing when all is well."""

    health_results: list[Health]
    suppressed_health_results: list[Health]
    healthy: bool


class ServerConfig(Model):
    version: str


class SchedulesStatus(Model):
    status: Literal["done"]


class PendingRuns(Model):
    """Runs of schedules that have not ended: how many, and some of their ids."""

    sample_ids: list[str]
    size: Long = msgspec.field(name="recordIds.size")
