"""When a schedule is due and what of it is made up for (spec 8.8).

Each cron expression of a schedule is a timer of its own. What was missed while nobody looked
becomes one run, at the first missed instant; with `runCatchupScheduleInstances` every instant is
run, one after the other. Start and end time are part of the window.
"""

from collections.abc import Iterator
from datetime import tzinfo
from heapq import merge
from itertools import groupby

import msgspec

from firmus.schedules.aggregate import Aggregate
from firmus.schedules.cron import Cron, CronError, parse
from firmus.schedules.occurrences import next_after
from firmus.schedules.runs import Cursor, Run, RunsClaimed, run_of
from firmus.schedules.zones import ZoneError, zone_of
from firmus_contracts.requests import CronSchedule, WorkflowSchedule

CATCH_UP_AT_ONCE = 100
"""Instants made up for in one step; the next step follows when these have started."""


class Timer(msgspec.Struct, frozen=True):
    """One expression in one zone, as written and as read."""

    text: str
    zone_id: str
    cron: Cron
    zone: tzinfo


class Timetable(msgspec.Struct, frozen=True, kw_only=True):
    """What a schedule asks for, read once per revision; milliseconds, both ends included."""

    name: str
    timers: tuple[Timer, ...]
    since_ms: int
    end_ms: int | None
    catch_up: bool
    request: msgspec.Raw


def timetable(found: Aggregate) -> Timetable | None:
    """None for a schedule that does not run: deleted, paused, or without a readable expression."""
    schedule = found.schedule
    if schedule is None or schedule.paused or schedule.start_workflow_request is None:
        return None
    timers = tuple(timer for entry in entries(schedule) if (timer := read_timer(entry)))
    if not timers:
        return None
    opens_ms = (schedule.schedule_start_time or 0) - 1
    return Timetable(
        name=schedule.name,
        timers=timers,
        since_ms=max(found.since_ms, opens_ms),
        end_ms=schedule.schedule_end_time,
        catch_up=schedule.run_catchup_schedule_instances,
        request=msgspec.Raw(msgspec.json.encode(schedule.start_workflow_request)),
    )


def entries(schedule: WorkflowSchedule) -> list[CronSchedule]:
    """The expressions that count: the list where there is one. Equal ones are one timer."""
    if schedule.cron_schedules:
        return list(dict.fromkeys(schedule.cron_schedules))
    return [CronSchedule(cron_expression=schedule.cron_expression, zone_id=schedule.zone_id)]


def read_timer(entry: CronSchedule) -> Timer | None:
    """None for an expression or a zone that cannot be read: it never runs (spec 8.8)."""
    try:
        return _timer(entry)
    except (CronError, ZoneError):
        return None


def trouble(entry: CronSchedule) -> str | None:
    """Why an entry never runs."""
    try:
        _timer(entry)
    except (CronError, ZoneError) as problem:
        return f"Invalid cron expression: {problem}" if entry.cron_expression else str(problem)
    return None


def next_due(table: Timetable, cursor: Cursor) -> int | None:
    """The first instant that is left; None when there is none any more."""
    found = (_next(table, timer, _base(table, cursor)) for timer in table.timers)
    return min((at_ms for at_ms in found if at_ms is not None), default=None)


def claim(table: Timetable, cursor: Cursor, *, now_ms: int) -> RunsClaimed | None:
    """The runs that are due by now; None when there are none."""
    base_ms = _base(table, cursor)
    due = _each_missed(table, base_ms, now_ms) if table.catch_up else None
    runs = due if due is not None else _first_missed(table, base_ms, now_ms)
    if not runs:
        return None
    cut = table.catch_up and len(runs) >= CATCH_UP_AT_ONCE
    return RunsClaimed(
        originator_id=table.name,
        originator_version=cursor.version + 1,
        time_ms=now_ms,
        through_ms=runs[-1].scheduled_ms if cut else now_ms,
        runs=runs,
        request=table.request,
    )


def _timer(entry: CronSchedule) -> Timer:
    text = entry.cron_expression or ""
    return Timer(text, entry.zone_id, parse(text), zone_of(entry.zone_id))


def _base(table: Timetable, cursor: Cursor) -> int:
    return max(table.since_ms, cursor.through_ms)


def _next(table: Timetable, timer: Timer, after_ms: int) -> int | None:
    at_ms = next_after(timer.cron, timer.zone, after_ms)
    if at_ms is None or (table.end_ms is not None and at_ms > table.end_ms):
        return None
    return at_ms


def _first_missed(table: Timetable, base_ms: int, now_ms: int) -> tuple[Run, ...]:
    """At most one run of each timer."""
    found = ((timer, _next(table, timer, base_ms)) for timer in table.timers)
    return tuple(
        _run(table, timer, at_ms) for timer, at_ms in found if at_ms is not None and at_ms <= now_ms
    )


def _each_missed(table: Timetable, base_ms: int, now_ms: int) -> tuple[Run, ...]:
    """All in the order of time; a step never ends between two runs of one instant."""
    instants = merge(*(_instants(table, timer, base_ms, now_ms) for timer in table.timers))
    runs: list[Run] = []
    for at_ms, same in groupby(instants, key=lambda found: found[0]):
        if len(runs) >= CATCH_UP_AT_ONCE:
            break
        runs += [_run(table, table.timers[place], at_ms) for _, place in same]
    return tuple(runs)


def _instants(
    table: Timetable, timer: Timer, base_ms: int, now_ms: int
) -> Iterator[tuple[int, int]]:
    """A timer's instants until now, each with the timer's place."""
    place = table.timers.index(timer)
    at_ms = _next(table, timer, base_ms)
    while at_ms is not None and at_ms <= now_ms:
        yield at_ms, place
        at_ms = _next(table, timer, at_ms)


def _run(table: Timetable, timer: Timer, at_ms: int) -> Run:
    return run_of(table.name, timer.text, timer.zone_id, at_ms)
