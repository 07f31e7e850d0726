"""A journal of aggregates' events in memory, by the same rules: for tests and for embedding."""

from collections.abc import Sequence
from typing import Any

from firmus.eventlog.recorder_journal import Fold


class MemoryJournal:
    """`recorder_journal.StreamJournal` as others see it, forgotten with the object."""

    def __init__(self) -> None:
        self._events: list[Any] = []
        self._lasts: dict[str, Any] = {}

    async def close(self) -> None: ...

    async def catch_up(self, fold: Fold) -> None:
        for position in range(fold.position, len(self._events)):
            fold.apply(position + 1, self._events[position])

    async def record(self, events: Sequence[Any]) -> bool:
        for event in events:
            last = self._lasts.get(event.originator_id)
            if last is not None and event.originator_version <= last.originator_version:
                return False
        self._events += events
        self._lasts |= {event.originator_id: event for event in events}
        return True

    async def lasts(self, identities: Sequence[str], *, sure: bool) -> list[Any]:
        del sure
        return [self._lasts[identity] for identity in identities if identity in self._lasts]
