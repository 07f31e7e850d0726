"""All schedules at one position of their stream: the fold of every aggregate's events."""

from firmus.schedules.aggregate import ALL, EMPTY, Aggregate, Event, evolve, identity_of, name_of
from firmus_contracts.requests import WorkflowSchedule


class Catalogue:
    """`changed` collects the names of schedules that events were about, for whoever empties it."""

    def __init__(self) -> None:
        self.position = 0
        self.changed: set[str] = set()
        self._aggregates: dict[str, Aggregate] = {}

    def apply(self, position: int, event: Event) -> None:
        """Positions only grow."""
        identity = event.originator_id
        self._aggregates[identity] = evolve(self.aggregate(identity), event)
        self.position = position
        name = name_of(identity)
        if name is not None:
            self.changed.add(name)

    def aggregate(self, identity: str) -> Aggregate:
        return self._aggregates.get(identity, EMPTY)

    def of(self, name: str) -> Aggregate:
        return self.aggregate(identity_of(name))

    @property
    def all_paused(self) -> bool:
        return self.aggregate(ALL).all_paused

    def schedules(self, workflow_name: str | None = None) -> list[WorkflowSchedule]:
        """All of them, or those that start this workflow; by name."""
        found = [each.schedule for each in self._aggregates.values() if each.schedule is not None]
        if workflow_name is not None:
            found = [schedule for schedule in found if workflow_of(schedule) == workflow_name]
        return sorted(found, key=lambda schedule: schedule.name)

    def search(
        self, *, workflow_name: str | None, schedule_name: str | None, paused: bool | None
    ) -> list[WorkflowSchedule]:
        """A part of the name is enough, in any case (spec 8.8)."""
        part = (schedule_name or "").lower()
        return [
            schedule
            for schedule in self.schedules(workflow_name)
            if part in schedule.name.lower() and paused in (None, schedule.paused)
        ]


def workflow_of(schedule: WorkflowSchedule) -> str | None:
    request = schedule.start_workflow_request
    return None if request is None else request.name
