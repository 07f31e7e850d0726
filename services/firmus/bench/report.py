"""What was measured, and how it is shown."""

import statistics
from collections.abc import Sequence

import msgspec

WORKER_US = {"rest": 125.0, "native": 200.0}
"""CPU of the worker for one W1 workflow in the quietest run seen on the reference machine."""


class Measured(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One measurement. `cpu_us` is per workflow and process; `scaled` is what the same run would
    have shown on a quiet reference machine.
    """

    what: str
    over: str
    n: int
    failed: int = 0
    seconds: float = 0.0
    per_s: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    cpu_us: dict[str, float] = {}
    cpu_percent: dict[str, float] = {}
    scaled: "Scaled | None" = None


class Scaled(msgspec.Struct, frozen=True, kw_only=True):
    """`slowness`: the worker's CPU for a workflow, as a multiple of WORKER_US."""

    slowness: float
    per_s: float
    cpu_us: dict[str, float]


def scaled(over: str, per_s: float, cpu_us: dict[str, float]) -> Scaled | None:
    """A noisy machine slows the worker as much as the system, so the worker, whose work is always
    the same, tells how slow these very seconds were.
    """
    worker_us = cpu_us.get("worker", 0.0)
    if not worker_us:
        return None
    slowness = worker_us / WORKER_US[over]
    return Scaled(
        slowness=round(slowness, 2),
        per_s=round(per_s * slowness, 1),
        cpu_us={name: round(value / slowness) for name, value in cpu_us.items()},
    )


def percentile(values: Sequence[float], percent: int) -> float | None:
    """In milliseconds, of seconds."""
    if not values:
        return None
    if percent == 50:
        return round(statistics.median(values) * 1000, 1)
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] * 1000, 1)


def line(row: Measured) -> str:
    """One measurement for a person."""
    parts = [f"{row.what:<9} {row.over:<6} n={row.n}"]
    if row.per_s is not None:
        parts.append(f"{row.per_s:.0f}/s")
    if row.p50_ms is not None:
        parts.append(f"p50 {row.p50_ms} ms, p99 {row.p99_ms} ms")
    if row.failed:
        parts.append(f"{row.failed} NOT COMPLETED")
    if row.cpu_us:
        parts.append(f"CPU us each: {_listed(row.cpu_us)}")
    if row.cpu_percent:
        parts.append(f"CPU % of a core: {_listed(row.cpu_percent)}")
    if row.scaled is not None:
        us = row.scaled.cpu_us
        parts.append(f"scaled by {row.scaled.slowness}: {row.scaled.per_s:.0f}/s, {_listed(us)}")
    return "; ".join(parts)


def _listed(values: dict[str, float]) -> str:
    shown = ", ".join(f"{name} {value:g}" for name, value in values.items())
    system = sum(value for name, value in values.items() if name not in {"worker", "driver"})
    return f"{shown} (system {system:g})"
