"""The store of schedules: writes are aggregates' events, reads a fold of their stream, as those of
definitions are. Runs are in a stream of their own, folded by whoever searches them.
"""

from collections.abc import Callable

import msgspec

from firmus.broker.access import Servers
from firmus.broker.wire import JetStreamWire
from firmus.eventlog.recorder_journal import Journal, SharedCheck, StreamJournal, Writer
from firmus.eventlog.recorder_memory import MemoryJournal
from firmus.ports import Clock
from firmus.schedules import aggregate as aggregates
from firmus.schedules.aggregate import ALL, EMPTY, Aggregate, Asked, Event, identity_of
from firmus.schedules.catalogue import Catalogue
from firmus.schedules.cron import CronError, parse
from firmus.schedules.occurrences import next_after
from firmus.schedules.plan import entries, trouble
from firmus.schedules.records import ExecutionRecord, Records
from firmus.schedules.zones import ZoneError, zone_of
from firmus_contracts.errors import Refusal, ValidationError
from firmus_contracts.requests import Tag, WorkflowSchedule
from firmus_contracts.subjects import (
    SCHEDULE_RUNS_STREAM,
    SCHEDULE_RUNS_SUBJECTS,
    SCHEDULES_STREAM,
    SCHEDULES_SUBJECTS,
)

START_MAX_BYTES = 4 * 1024 * 1024
"""A claim holds the start request, and has to fit in one message."""


class Schedules:
    """`ports.SchedulesPort` over two journals: of schedules, and of their runs."""

    def __init__(self, journal: Journal, runs: Journal, clock: Clock) -> None:
        self.journal = journal
        self.runs = runs
        self._clock = clock
        self._catalogue = Catalogue()
        self._records = Records()
        self._fresh = SharedCheck(lambda: journal.catch_up(self._catalogue))
        self._fresh_records = SharedCheck(lambda: runs.catch_up(self._records))
        self._writer = Writer(journal, self._fresh)

    async def close(self) -> None:
        await self.journal.close()
        await self.runs.close()

    async def save(self, schedule: WorkflowSchedule, *, actor: str = "") -> WorkflowSchedule:
        _check(schedule)
        found = await self._write(
            identity_of(schedule.name),
            actor,
            lambda found, by: aggregates.save(found, schedule, by),
        )
        return found.schedule or schedule

    async def schedule(self, name: str) -> WorkflowSchedule | None:
        await self._fresh()
        return self._catalogue.of(name).schedule

    async def schedules(self, workflow_name: str | None = None) -> list[WorkflowSchedule]:
        await self._fresh()
        return self._catalogue.schedules(workflow_name)

    async def search(
        self, *, workflow_name: str | None, schedule_name: str | None, paused: bool | None
    ) -> list[WorkflowSchedule]:
        await self._fresh()
        return self._catalogue.search(
            workflow_name=workflow_name, schedule_name=schedule_name, paused=paused
        )

    async def delete(self, name: str, *, actor: str = "") -> bool:
        existed = False

        def decide(found: Aggregate, by: Asked) -> Event | None:
            nonlocal existed
            existed = found.schedule is not None
            return aggregates.delete(found, name, by)

        await self._write(identity_of(name), actor, decide)
        return existed

    async def pause(self, name: str, reason: str | None, *, actor: str = "") -> None:
        await self._write(
            identity_of(name),
            actor,
            lambda found, by: aggregates.pause(found, name, reason, by),
        )

    async def resume(self, name: str, *, actor: str = "") -> None:
        await self._write(
            identity_of(name), actor, lambda found, by: aggregates.resume(found, name, by)
        )

    async def pause_all(self, *, actor: str = "") -> None:
        await self._write(ALL, actor, aggregates.pause_all)

    async def resume_all(self, *, actor: str = "") -> None:
        await self._write(ALL, actor, aggregates.resume_all)

    async def add_tags(self, name: str, tags: list[Tag], *, actor: str = "") -> None:
        await self._retag(name, actor, lambda had: [*had, *(tag for tag in tags if tag not in had)])

    async def remove_tags(self, name: str, tags: list[Tag], *, actor: str = "") -> None:
        """A tag is meant by its key and value."""
        gone = {(tag.key, tag.value) for tag in tags}
        await self._retag(name, actor, lambda had: [t for t in had if (t.key, t.value) not in gone])

    def preview(self, cron: str, *, start_ms: int, end_ms: int | None, limit: int) -> list[int]:
        try:
            read = parse(cron)
        except CronError as problem:
            told = ValidationError(path="cronExpression", message=str(problem), invalid_value=cron)
            raise Refusal("INVALID", "Invalid cron expression", (told,)) from None
        found: list[int] = []
        at_ms: int | None = start_ms - 1
        while len(found) < limit and at_ms is not None:
            at_ms = next_after(read, zone_of("UTC"), at_ms)
            if at_ms is None or (end_ms is not None and at_ms > end_ms):
                break
            found.append(at_ms)
        return found

    def troubles(self, schedule: WorkflowSchedule) -> list[str]:
        return [problem for entry in entries(schedule) if (problem := trouble(entry))]

    async def executions(self, query: str, sort: str) -> list[ExecutionRecord]:
        await self._fresh_records()
        return self._records.search(query, sort)

    async def pending(self) -> list[str]:
        await self._fresh_records()
        return self._records.pending()

    async def _retag(self, name: str, actor: str, change: Callable[[list[Tag]], list[Tag]]) -> None:
        def decide(found: Aggregate, by: Asked) -> Event | None:
            had = found.schedule.tags or [] if found.schedule is not None else []
            return aggregates.tag(found, name, change(had), by)

        await self._write(identity_of(name), actor, decide)

    async def _write(
        self, identity: str, actor: str, decide: Callable[[Aggregate, Asked], Event | None]
    ) -> Aggregate:
        """What the aggregate is then."""
        found = EMPTY

        def decided() -> Event | None:
            nonlocal found
            found = self._catalogue.aggregate(identity)
            return decide(found, Asked(self._clock.now_ms(), actor))

        event: Event | None = await self._writer.write(identity, decided)
        return found if event is None else aggregates.evolve(found, event)


def jetstream_schedules(*, wire: JetStreamWire, servers: Servers, clock: Clock) -> Schedules:
    """In the streams SCHEDULES and SCHEDULE_RUNS, which exist already."""
    return Schedules(
        StreamJournal(
            wire, servers, stream=SCHEDULES_STREAM, subjects=SCHEDULES_SUBJECTS, what="schedule"
        ),
        StreamJournal(
            wire,
            servers,
            stream=SCHEDULE_RUNS_STREAM,
            subjects=SCHEDULE_RUNS_SUBJECTS,
            what="scheduled run",
        ),
        clock,
    )


def memory_schedules(clock: Clock) -> Schedules:
    """In memory, by the same rules: for tests and for embedding."""
    return Schedules(MemoryJournal(), MemoryJournal(), clock)


def _check(schedule: WorkflowSchedule) -> None:
    """What Conductor answers 500 for. An expression may be wrong, it never runs (spec 8.8)."""
    if not schedule.name:
        raise Refusal("INVALID", "name: a schedule needs a name")
    request = schedule.start_workflow_request
    if request is None or not request.name:
        raise Refusal("INVALID", "startWorkflowRequest.name: a schedule needs a workflow to start")
    if len(msgspec.json.encode(request)) > START_MAX_BYTES:
        raise Refusal(
            "PAYLOAD_TOO_LARGE", f"startWorkflowRequest is larger than {START_MAX_BYTES} bytes"
        )
    try:
        zone_of(schedule.zone_id)
    except ZoneError as problem:
        raise Refusal("INVALID", str(problem)) from None
