"""What happens to schedules: one aggregate per name, and one for the pause of all of them.

Events follow the eventsourcing library's protocol, as definitions do; deciding and evolving are
functions. Runs are aggregates of their own (`firmus.schedules.runs`), so that these stay short.
"""

from typing import Any, ClassVar

import msgspec
from eventsourcing.utils import register_topic
from msgspec.structs import replace

from firmus_contracts.errors import Refusal
from firmus_contracts.requests import Tag, WorkflowSchedule

_SCHEDULE = "schedule-"
ALL = "all"
"""The aggregate of the pause of every schedule at once."""


class _Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    originator_id: str
    originator_version: int
    time_ms: int


class ScheduleSaved(_Event, frozen=True):
    """A schedule was created or replaced; times are stamped already."""

    TOPIC: ClassVar[str] = "firmus.schedules:ScheduleSaved"
    schedule: WorkflowSchedule


class SchedulePaused(_Event, frozen=True):
    TOPIC: ClassVar[str] = "firmus.schedules:SchedulePaused"
    reason: str | None = None


class ScheduleResumed(_Event, frozen=True):
    """What was due meanwhile is not made up for."""

    TOPIC: ClassVar[str] = "firmus.schedules:ScheduleResumed"


class ScheduleTagged(_Event, frozen=True):
    """All tags that it has from now on."""

    TOPIC: ClassVar[str] = "firmus.schedules:ScheduleTagged"
    tags: list[Tag]


class ScheduleDeleted(_Event, frozen=True):
    TOPIC: ClassVar[str] = "firmus.schedules:ScheduleDeleted"


class AllPaused(_Event, frozen=True):
    """No schedule starts anything until AllResumed; single pauses are something else."""

    TOPIC: ClassVar[str] = "firmus.schedules:AllPaused"


class AllResumed(_Event, frozen=True):
    """What was due meanwhile is treated as after a standstill of the service."""

    TOPIC: ClassVar[str] = "firmus.schedules:AllResumed"


Event = (
    ScheduleSaved
    | SchedulePaused
    | ScheduleResumed
    | ScheduleTagged
    | ScheduleDeleted
    | AllPaused
    | AllResumed
)

for _topic_of in (
    *(ScheduleSaved, SchedulePaused, ScheduleResumed, ScheduleTagged, ScheduleDeleted),
    *(AllPaused, AllResumed),
):
    register_topic(_topic_of.TOPIC, _topic_of)


class Aggregate(msgspec.Struct, frozen=True):
    """A schedule, or the pause of all. `revision` counts events; 0: never heard of.

    `since_ms`: only what is due later counts, as then it was saved or resumed.
    """

    revision: int = 0
    schedule: WorkflowSchedule | None = None
    since_ms: int = 0
    all_paused: bool = False


EMPTY = Aggregate()


def identity_of(name: str) -> str:
    """The aggregate of a schedule."""
    return _SCHEDULE + name


def name_of(identity: str) -> str | None:
    """The schedule that an aggregate is about; None for the one about all."""
    return identity.removeprefix(_SCHEDULE) if identity.startswith(_SCHEDULE) else None


def evolve(found: Aggregate, event: Event) -> Aggregate:
    revision, now_ms = event.originator_version, event.time_ms
    match event:
        case ScheduleSaved(schedule=saved):
            return replace(found, revision=revision, schedule=saved, since_ms=now_ms)
        case SchedulePaused(reason=reason):
            return _with(found, revision, paused=True, paused_reason=reason, updated_time=now_ms)
        case ScheduleResumed():
            resumed = _with(found, revision, paused=False, paused_reason=None, updated_time=now_ms)
            return replace(resumed, since_ms=now_ms)
        case ScheduleTagged(tags=tags):
            return _with(found, revision, tags=tags)
        case ScheduleDeleted():
            return Aggregate(revision=revision)
        case AllPaused():
            return replace(found, revision=revision, all_paused=True)
        case AllResumed():
            return replace(found, revision=revision, all_paused=False)


def save(found: Aggregate, given: WorkflowSchedule, *, now_ms: int) -> ScheduleSaved:
    """Creates or replaces; createTime stays, and so do the tags when none are given. Who did it and
    when it runs next are not the caller's to say (spec 8.8).
    """
    earlier = found.schedule
    stamped = replace(
        given,
        cron_schedules=given.cron_schedules or [],
        create_time=now_ms if earlier is None else earlier.create_time,
        updated_time=now_ms,
        created_by="",
        updated_by="",
        next_run_time=None,
        tags=earlier.tags if given.tags is None and earlier is not None else given.tags,
    )
    return ScheduleSaved(**_next(identity_of(given.name), found, now_ms), schedule=stamped)


def pause(found: Aggregate, name: str, reason: str | None, *, now_ms: int) -> SchedulePaused:
    """Pausing again only changes the reason. Raises Refusal NOT_FOUND."""
    if found.schedule is None:
        raise no_such(name)
    return SchedulePaused(**_next(identity_of(name), found, now_ms), reason=reason)


def resume(found: Aggregate, name: str, *, now_ms: int) -> ScheduleResumed:
    """Raises Refusal NOT_FOUND, also for one that is not paused (spec 8.8)."""
    if found.schedule is None or not found.schedule.paused:
        raise no_such(name)
    return ScheduleResumed(**_next(identity_of(name), found, now_ms))


def delete(found: Aggregate, name: str, *, now_ms: int) -> ScheduleDeleted | None:
    """None when there is no such schedule."""
    if found.schedule is None:
        return None
    return ScheduleDeleted(**_next(identity_of(name), found, now_ms))


def tag(found: Aggregate, name: str, tags: list[Tag], *, now_ms: int) -> ScheduleTagged | None:
    """Gives a schedule exactly these tags; None when it has them. Raises Refusal NOT_FOUND."""
    if found.schedule is None:
        raise no_such(name)
    if tags == (found.schedule.tags or []):
        return None
    return ScheduleTagged(**_next(identity_of(name), found, now_ms), tags=tags)


def pause_all(found: Aggregate, *, now_ms: int) -> AllPaused | None:
    return None if found.all_paused else AllPaused(**_next(ALL, found, now_ms))


def resume_all(found: Aggregate, *, now_ms: int) -> AllResumed | None:
    return AllResumed(**_next(ALL, found, now_ms)) if found.all_paused else None


def no_such(name: str) -> Refusal:
    return Refusal("NOT_FOUND", f"Schedule '{name}' not found")


def _with(found: Aggregate, revision: int, **changes: Any) -> Aggregate:
    if found.schedule is None:
        return replace(found, revision=revision)
    return replace(found, revision=revision, schedule=replace(found.schedule, **changes))


def _next(identity: str, found: Aggregate, now_ms: int) -> dict[str, Any]:
    return {
        "originator_id": identity,
        "originator_version": found.revision + 1,
        "time_ms": now_ms,
    }
