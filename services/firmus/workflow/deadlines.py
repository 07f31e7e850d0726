"""When an open task row runs out of time: the arithmetic that scheduler and decider share.

The scheduler waits for the earliest deadline and says so (FireTimer); the decider works the same
deadlines out again from its own state and acts on those that have passed (`now_ms >= at_ms`).
"""

from typing import Literal

from firmus.workflow.state import TaskState
from firmus_contracts.events import Timeouts
from firmus_contracts.statuses import TaskStatus

Kind = Literal["total", "task", "poll", "response", "wait"]

HELD_S = 2**31 - 1
"""The callback of a called task that waits for somebody outside: no response is due any more."""


def deadlines_of(row: TaskState) -> list[tuple[Kind, int]]:
    """All deadlines of a row, epoch milliseconds, in the order of their check (spec 4.3).

    A row that has ended has none.
    """
    if row.status.terminal:
        return []
    return deadline_ms(
        row.made.timeouts,
        in_progress=row.status is TaskStatus.IN_PROGRESS,
        scheduled_ms=row.scheduled_ms,
        first_scheduled_ms=row.first_scheduled_ms,
        updated_ms=row.updated_ms,
        start_ms=row.start_ms,
        start_delay_s=row.made.start_delay_s,
        callback_after_s=row.callback_after_s,
        wait_ms=row.made.deadline_ms or 0,
    )


def deadline_ms(
    timeouts: Timeouts | None,
    *,
    in_progress: bool,
    scheduled_ms: int,
    first_scheduled_ms: int,
    updated_ms: int,
    start_ms: int,
    start_delay_s: int,
    callback_after_s: int,
    wait_ms: int,
) -> list[tuple[Kind, int]]:
    """The deadlines of an open row (spec 4.3, 3.6.16): total, task, poll, response, wait.

    A row that is not `in_progress` is SCHEDULED. `start_ms` and `wait_ms` are 0 where there is
    none.
    """
    found: list[tuple[Kind, int]] = []
    if timeouts is not None:
        if timeouts.total_s > 0:
            found.append(("total", first_scheduled_ms + timeouts.total_s * 1000))
        if timeouts.task_s > 0 and start_ms > 0:
            found.append(("task", start_ms + (start_delay_s + timeouts.task_s) * 1000))
        if in_progress:
            if timeouts.response_s > 0:
                allowance_s = timeouts.response_s + callback_after_s
                found.append(("response", updated_ms + allowance_s * 1000))
        elif timeouts.poll_s > 0:
            allowance_s = start_delay_s + timeouts.poll_s + callback_after_s
            found.append(("poll", scheduled_ms + allowance_s * 1000))
    if wait_ms > 0:
        found.append(("wait", wait_ms))
    return found
