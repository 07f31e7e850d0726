"""Rows for the system worker: they wait in the ordinary queue of their type (spec 3.5).

They never get a domain (spec 4.10). A call that nobody reports on any more must not hold its
workflow for ever, so a row whose definition has no response timeout gets a lease instead, which
the worker renews while it works. An asyncComplete row outlasts both (`updates.py`).
"""

from typing import Any

from firmus.decider.plan import Plan
from firmus_contracts.definitions import WorkflowTask
from firmus_contracts.statuses import TaskStatus

LEASE_S = 60


def add(planned: Plan, task: WorkflowTask, given: dict[str, Any], **fields: Any) -> None:
    """Plans one row of the task's type with the input `given`."""
    planned.add(
        task,
        task_type=task.type,
        status=TaskStatus.SCHEDULED,
        queued=True,
        lease_s=LEASE_S,
        input=given,
        delay_ms=task.start_delay * 1000,
        callback_after_s=task.start_delay,
        **fields,
    )
