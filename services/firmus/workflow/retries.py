"""Whether a failed attempt is tried again, and after how long (spec 4.1, 4.2)."""

from firmus_contracts.definitions import TaskDef, WorkflowTask
from firmus_contracts.statuses import TaskStatus

NEVER_RETRIED = frozenset(
    {
        *("DECISION", "SWITCH", "FORK", "JOIN", "EXCLUSIVE_JOIN"),
        *("DO_WHILE", "FOR_EACH", "TRY_CATCH"),
    }
)
INT_MAX = 2**31 - 1


def retries_max(task: WorkflowTask | None, task_def: TaskDef | None) -> int:
    """How many retries (not attempts) a task has: the workflow task's count wins (spec 4.1.1)."""
    if task_def is None:
        return 0
    if task is not None and task.retry_count is not None:
        return task.retry_count
    return task_def.retry_count


def may_retry(status: TaskStatus, task_type: str, retry_count: int, limit: int) -> bool:
    """`retry_count` is the number of the failed attempt, counted from 0 (spec 4.1.2)."""
    return status.retriable and task_type not in NEVER_RETRIED and limit > retry_count


def delay_s(task_def: TaskDef, retry_count: int) -> int:
    """Seconds until the attempt after number `retry_count` is due, without jitter."""
    base = task_def.retry_delay_seconds
    match task_def.retry_logic:
        case "LINEAR_BACKOFF":
            delay = base * task_def.backoff_scale_factor * (retry_count + 1)
        case "EXPONENTIAL_BACKOFF":
            delay = base * 2 ** min(retry_count, 62)
        case _:
            delay = base
    delay = max(0, min(delay, INT_MAX))
    cap = task_def.max_retry_delay_seconds
    return min(delay, cap) if cap > 0 else delay


def jitter_ms(task_def: TaskDef, random_fraction: float) -> int:
    """Milliseconds added after the cap: uniform over 0..backoffJitterMs."""
    return (
        int(random_fraction * (task_def.backoff_jitter_ms + 1))
        if task_def.backoff_jitter_ms > 0
        else 0
    )
