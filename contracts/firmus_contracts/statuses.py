"""Statuses of tasks and workflows, and what each means for retry and completion (spec 1.2)."""

from enum import StrEnum


class TaskStatus(StrEnum):
    SCHEDULED = "SCHEDULED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    COMPLETED_WITH_ERRORS = "COMPLETED_WITH_ERRORS"
    SKIPPED = "SKIPPED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    FAILED_WITH_TERMINAL_ERROR = "FAILED_WITH_TERMINAL_ERROR"
    CANCELED = "CANCELED"

    @property
    def terminal(self) -> bool:
        return self not in _OPEN

    @property
    def successful(self) -> bool:
        """True for open tasks too: only a terminal status can be unsuccessful."""
        return self not in _UNSUCCESSFUL

    @property
    def retriable(self) -> bool:
        return self not in _NEVER_RETRIED


_OPEN = frozenset({TaskStatus.SCHEDULED, TaskStatus.IN_PROGRESS})
_UNSUCCESSFUL = frozenset(
    {
        TaskStatus.FAILED,
        TaskStatus.TIMED_OUT,
        TaskStatus.FAILED_WITH_TERMINAL_ERROR,
        TaskStatus.CANCELED,
    }
)
_NEVER_RETRIED = frozenset(
    {TaskStatus.SKIPPED, TaskStatus.FAILED_WITH_TERMINAL_ERROR, TaskStatus.CANCELED}
)


class WorkflowStatus(StrEnum):
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    TERMINATED = "TERMINATED"

    @property
    def terminal(self) -> bool:
        return self not in _LIVE


_LIVE = frozenset({WorkflowStatus.RUNNING, WorkflowStatus.PAUSED})


class ResultStatus(StrEnum):
    """What a worker may report of a task."""

    IN_PROGRESS = "IN_PROGRESS"
    FAILED = "FAILED"
    FAILED_WITH_TERMINAL_ERROR = "FAILED_WITH_TERMINAL_ERROR"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"
