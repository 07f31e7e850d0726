"""Which numbers of which service are shown on /metrics; read when asked, never pushed."""

from collections.abc import Callable, Mapping
from functools import partial

from firmus.decider.service import Decider
from firmus.intake.service import Intake
from firmus.scheduler.owner import OwnedScheduler
from firmus.telemetry import Metrics

_INTAKE = ("started", "postponed", "dead_letters")
_DECIDER = ("commands", "commits", "events", "conflicts", "rejections", "splits")
_GAUGES = (
    "tasks_waiting",
    "tasks_in_flight",
    "timers_pending",
    "effects_owed",
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
    metrics.counter("decider_decide_seconds", lambda: decider.decide_ns / 1e9)


def scheduler_metrics(metrics: Metrics, owner: OwnedScheduler) -> None:
    for name in _GAUGES:
        metrics.gauge(f"scheduler_{name}", partial(_scheduler, owner, name))
    for name in _COUNTERS:
        metrics.counter(f"scheduler_{name}", partial(_scheduler, owner, name))


def intake_metrics(metrics: Metrics, intake: Intake) -> None:
    for name in _INTAKE:
        metrics.counter(f"intake_{name}", partial(_intake, intake, name))


def _intake(intake: Intake, name: str) -> float:
    return float(getattr(intake, name))


def log_metrics(
    metrics: Metrics, log_end: Callable[[], int], followers: Mapping[str, Callable[[], int]]
) -> None:
    """How far the log reaches and how far behind each of its readers is, in positions."""
    metrics.gauge("log_position", lambda: float(log_end()))
    metrics.gauge(
        "consumer_lag",
        lambda: {name: float(max(0, log_end() - at())) for name, at in followers.items()},
        "Log positions that a reader has not reached yet.",
    )


def _decider(decider: Decider, name: str) -> float:
    return float(getattr(decider.counters, name))


def _scheduler(owner: OwnedScheduler, name: str) -> float:
    return float(owner.current.counters()[name]) if owner.current else 0.0
