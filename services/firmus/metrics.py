"""Which numbers of which service are shown on /metrics; read when asked, never pushed."""

from functools import partial

from firmus.decider.service import Decider
from firmus.scheduler.owner import OwnedScheduler
from firmus.telemetry import Metrics

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
    metrics.counter("decider_decide_seconds", lambda: decider.counters.decide_ns / 1e9)


def scheduler_metrics(metrics: Metrics, owner: OwnedScheduler) -> None:
    for name in _GAUGES:
        metrics.gauge(f"scheduler_{name}", partial(_scheduler, owner, name))
    for name in _COUNTERS:
        metrics.counter(f"scheduler_{name}", partial(_scheduler, owner, name))


def _decider(decider: Decider, name: str) -> float:
    return float(getattr(decider.counters, name))


def _scheduler(owner: OwnedScheduler, name: str) -> float:
    return float(owner.current.counters()[name]) if owner.current else 0.0
