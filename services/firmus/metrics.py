"""Which numbers of which service are shown on /metrics; read when asked, never pushed."""

from functools import partial
from typing import TYPE_CHECKING

from firmus.decider.service import Decider
from firmus.handlers.service import EventHandling
from firmus.projection.service import ProjectionService
from firmus.scheduler.owner import OwnedScheduler
from firmus.schedules.service import ScheduleService
from firmus.telemetry import Metrics

if TYPE_CHECKING:
    from firmus.intake.service import Intake  # FastStream, which only that service needs

_INTAKE = ("started", "postponed", "dead_letters")
_DECIDER = ("commands", "commits", "events", "conflicts", "rejections", "splits")
_GAUGES = (
    "tasks_waiting",
    "tasks_in_flight",
    "timers_pending",
    "effects_owed",
    "workflows_held",
    "timer_lateness_ms_max",
)
_COUNTERS = (
    "commits_folded",
    "tasks_begun",
    "begins_refused",
    "timers_fired",
    "timer_lateness_ms_sum",
)


def decider_metrics(metrics: Metrics, decider: Decider) -> None:
    for name in _DECIDER:
        metrics.counter(f"decider_{name}", partial(_decider, decider, name))
    metrics.gauge("decider_waiters", lambda: float(len(decider.watches)))
    metrics.counter("decider_decide_seconds", lambda: decider.decide_ns / 1e9)


def scheduler_metrics(metrics: Metrics, owner: OwnedScheduler) -> None:
    for name in _GAUGES:
        metrics.gauge(f"scheduler_{name}", partial(_scheduler, owner, name))
    for name in _COUNTERS:
        metrics.counter(f"scheduler_{name}", partial(_scheduler, owner, name))


def intake_metrics(metrics: Metrics, intake: "Intake") -> None:
    for name in _INTAKE:
        metrics.counter(f"intake_{name}", partial(_intake, intake, name))


def event_handling_metrics(metrics: Metrics, service: EventHandling) -> None:
    metrics.counter("event_actions_done", lambda: float(service.handled))
    metrics.counter("event_actions_failed", lambda: float(service.failed))
    metrics.counter("event_conditions_false", lambda: float(service.skipped))


def projection_metrics(metrics: Metrics, service: ProjectionService) -> None:
    metrics.gauge("projection_active", lambda: float(service.active.is_set()), "0 on a standby.")
    metrics.gauge("projection_position", lambda: float(service.position))


def schedules_metrics(metrics: Metrics, service: ScheduleService) -> None:
    metrics.gauge("schedules_waiting", lambda: float(service.waiting))
    metrics.gauge("schedules_lateness_ms_max", lambda: float(service.lateness_ms_max))
    metrics.counter("schedules_executed", lambda: float(service.executed))
    metrics.counter("schedules_failed", lambda: float(service.failed))


def _intake(intake: "Intake", name: str) -> float:
    return float(getattr(intake, name))


class Lags:
    """How far the log reaches, and how far its readers have come; refreshed by the wiring."""

    def __init__(self, metrics: Metrics) -> None:
        self.log_end = 0
        self.reached: dict[str, int] = {}
        self.search_problem = ""
        self.differences = 0
        metrics.gauge("log_position", lambda: float(self.log_end))
        metrics.gauge(
            "readmodel_differences",
            lambda: float(self.differences),
            "Rows that the last rebuild found to differ, and nothing explains.",
        )
        metrics.gauge("consumer_lag", self._behind, "Log positions a reader has not reached yet.")

    def problems(self) -> list[str]:
        """What is wrong with these readers, as far as they tell."""
        return [f"search: {self.search_problem}"] if self.search_problem else []

    def _behind(self) -> dict[str, float]:
        return {name: float(max(0, self.log_end - at)) for name, at in self.reached.items()}


def _decider(decider: Decider, name: str) -> float:
    return float(getattr(decider.counters, name))


def _scheduler(owner: OwnedScheduler, name: str) -> float:
    return float(owner.current.counters()[name]) if owner.current else 0.0
