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


class _Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """`actor`: who asked for it, as far as it was said."""

    originator_id: str
    originator_version: int
    time_ms: int
    actor: str = ""


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


class Asked(msgspec.Struct, frozen=True):
    """When something was asked for, and by whom as far as it was said."""

    now_ms: int
    actor: str = ""


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
            return _with(found, event, paused=True, paused_reason=reason)
        case ScheduleResumed():
            resumed = _with(found, event, paused=False, paused_reason=None)
            return replace(resumed, since_ms=now_ms)
        case ScheduleTagged(tags=tags):
            return _with(found, event, tags=tags)
        case ScheduleDeleted():
            return Aggregate(revision=revision)
        case AllPaused():
            return replace(found, revision=revision, all_paused=True)
        case AllResumed():
            return replace(found, revision=revision, all_paused=False)


def save(found: Aggregate, given: WorkflowSchedule, by: Asked) -> ScheduleSaved:
    """Creates or replaces; who made it and when stay, and so do the tags when none are given. None
    of that is for the request's body to say, nor when it runs next (spec 8.8).
    """
    earlier, request = found.schedule, given.start_workflow_request
    if request is not None and request.input is None:
        request = replace(request, input={})
    stamped = replace(
        given,
        start_workflow_request=request,
        cron_schedules=given.cron_schedules or [],
        create_time=by.now_ms if earlier is None else earlier.create_time,
        updated_time=by.now_ms,
        created_by=by.actor if earlier is None else earlier.created_by,
        updated_by=by.actor,
        next_run_time=None,
        tags=earlier.tags if given.tags is None and earlier is not None else given.tags,
    )
    return ScheduleSaved(**_next(identity_of(given.name), found, by), schedule=stamped)


def pause(found: Aggregate, name: str, reason: str | None, by: Asked) -> SchedulePaused:
    """Pausing again only changes the reason. Raises Refusal NOT_FOUND."""
    if found.schedule is None:
        raise no_such(name)
    return SchedulePaused(**_next(identity_of(name), found, by), reason=reason)


def resume(found: Aggregate, name: str, by: Asked) -> ScheduleResumed:
    """Raises Refusal NOT_FOUND, also for one that is not paused (spec 8.8)."""
    if found.schedule is None or not found.schedule.paused:
        raise no_such(name)
    return ScheduleResumed(**_next(identity_of(name), found, by))


def delete(found: Aggregate, name: str, by: Asked) -> ScheduleDeleted | None:
    """None when there is no such schedule."""
    if found.schedule is None:
        return None
    return ScheduleDeleted(**_next(identity_of(name), found, by))


def tag(found: Aggregate, name: str, tags: list[Tag], by: Asked) -> ScheduleTagged | None:
    """Gives a schedule exactly these tags; None when it has them. Raises Refusal NOT_FOUND."""
    if found.schedule is None:
        raise no_such(name)
    if tags == (found.schedule.tags or []):
        return None
    return ScheduleTagged(**_next(identity_of(name), found, by), tags=tags)


def pause_all(found: Aggregate, by: Asked) -> AllPaused | None:
    return None if found.all_paused else AllPaused(**_next(ALL, found, by))


def resume_all(found: Aggregate, by: Asked) -> AllResumed | None:
    return AllResumed(**_next(ALL, found, by)) if found.all_paused else None


def no_such(name: str) -> Refusal:
    return Refusal("NOT_FOUND", f"Schedule '{name}' not found")


def _with(found: Aggregate, event: Event, **changes: Any) -> Aggregate:
    revision, schedule = event.originator_version, found.schedule
    if schedule is None:
        return replace(found, revision=revision)
    touched = {"updated_time": event.time_ms, "updated_by": event.actor}
    return replace(found, revision=revision, schedule=replace(schedule, **touched, **changes))


def _next(identity: str, found: Aggregate, by: Asked) -> dict[str, Any]:
    return {
        "originator_id": identity,
        "originator_version": found.revision + 1,
        "time_ms": by.now_ms,
        "actor": by.actor,
    }
