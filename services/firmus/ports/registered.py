"""Event handlers and schedules as registered."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from firmus_contracts.event_handlers import EventHandler
from firmus_contracts.requests import Tag, WorkflowSchedule


class EventHandlersPort(Protocol):
    """Event handlers as registered. Reads see every change answered before they began. `actor` is
    who asks for a change. All raise Unavailable.
    """

    async def add(self, handler: EventHandler, *, actor: str = "") -> None:
        """Raises Refusal CONFLICT when there is one of that name, INVALID for what cannot be."""
        ...

    async def update(self, handler: EventHandler, *, actor: str = "") -> None:
        """Raises Refusal NOT_FOUND, INVALID."""
        ...

    async def delete(self, name: str, *, actor: str = "") -> None:
        """Raises Refusal NOT_FOUND."""
        ...

    async def handlers(self) -> list[EventHandler]:
        """All of them, by name."""
        ...

    async def of_event(self, event: str, *, active_only: bool = True) -> list[EventHandler]: ...


class SchedulesPort(Protocol):
    """Starts repeated by the clock, and what became of them. Reads see every change answered before
    they began. `actor` is who asks for a change. All methods but `preview` and `troubles` raise
    Unavailable.
    """

    async def save(self, schedule: WorkflowSchedule, *, actor: str = "") -> WorkflowSchedule:
        """Creates or replaces, and says what it is now. Raises Refusal PAYLOAD_TOO_LARGE."""
        ...

    async def schedule(self, name: str) -> WorkflowSchedule | None: ...

    async def schedules(self, workflow_name: str | None = None) -> list[WorkflowSchedule]:
        """By name; those of one workflow only when it is given."""
        ...

    async def search(
        self, *, workflow_name: str | None, schedule_name: str | None, paused: bool | None
    ) -> list[WorkflowSchedule]:
        """By name; a part of the schedule's name is enough."""
        ...

    async def delete(self, name: str, *, actor: str = "") -> bool: ...

    async def pause(self, name: str, reason: str | None, *, actor: str = "") -> None:
        """Raises Refusal NOT_FOUND."""
        ...

    async def resume(self, name: str, *, actor: str = "") -> None:
        """Raises Refusal NOT_FOUND, also when it is not paused."""
        ...

    async def pause_all(self, *, actor: str = "") -> None: ...
    async def resume_all(self, *, actor: str = "") -> None: ...

    async def add_tags(self, name: str, tags: list[Tag], *, actor: str = "") -> None:
        """Raises Refusal NOT_FOUND."""
        ...

    async def remove_tags(self, name: str, tags: list[Tag], *, actor: str = "") -> None:
        """Raises Refusal NOT_FOUND."""
        ...

    def preview(self, cron: str, *, start_ms: int, end_ms: int | None, limit: int) -> list[int]:
        """The next times in UTC from `start_ms` on. Raises Refusal INVALID for a bad expression."""
        ...

    def troubles(self, schedule: WorkflowSchedule) -> list[str]:
        """Why expressions of it will never run."""
        ...

    async def executions(self, query: str, sort: str) -> Sequence[msgspec.Struct]:
        """The records of runs that match, in order. Raises Refusal INVALID for a bad query."""
        ...

    async def pending(self) -> list[str]:
        """The ids of executions that are claimed and have not ended."""
        ...
