"""Definitions in memory, by the same rules: for tests and for embedding."""

from firmus.clock import SystemClock
from firmus.definitions.aggregate import Event
from firmus.definitions.catalogue import Catalogue
from firmus.definitions.store import Definitions
from firmus.eventlog.blobs import MemoryBlobs
from firmus.eventlog.port import BlobStore
from firmus.ports import Clock


class MemoryDefinitions(Definitions):
    """`ports.DefinitionsPort`, forgotten with the object."""

    def __init__(self, clock: Clock | None = None, blobs: BlobStore | None = None) -> None:
        super().__init__(_MemoryJournal(), blobs or MemoryBlobs(), clock or SystemClock())


class _MemoryJournal:
    def __init__(self) -> None:
        self._events: list[Event] = []

    async def catch_up(self, catalogue: Catalogue) -> None:
        for position in range(catalogue.position, len(self._events)):
            catalogue.apply(position + 1, self._events[position])

    async def record(self, event: Event) -> bool:
        self._events.append(event)
        return True
