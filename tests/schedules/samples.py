"""Schedules for tests. T0 is a Tuesday, 2030-01-01T00:00:00Z."""

from typing import Any

from firmus_contracts.requests import CronSchedule, StartWorkflowRequest, WorkflowSchedule

T0 = 1_893_456_000_000
SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


def schedule(
    name: str = "nightly", cron: str | None = "0 * * * * *", **more: Any
) -> WorkflowSchedule:
    request = StartWorkflowRequest(name=more.pop("workflow", "flow"), **more.pop("start", {}))
    return WorkflowSchedule(
        name=name, cron_expression=cron, **({"start_workflow_request": request} | more)
    )


def each(*entries: tuple[str, str]) -> list[CronSchedule]:
    return [CronSchedule(cron_expression=cron, zone_id=zone) for cron, zone in entries]
