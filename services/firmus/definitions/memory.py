"""Definitions in memory, by the same rules: for tests and for embedding."""

from firmus.clock import SystemClock
from firmus.definitions.store import Definitions
from firmus.eventlog.blobs import MemoryBlobs
from firmus.eventlog.port import BlobStore
from firmus.eventlog.recorder_memory import MemoryJournal
from firmus.ports import Clock


class MemoryDefinitions(Definitions):
    """`ports.DefinitionsPort`, forgotten with the object."""

    def __init__(self, clock: Clock | None = None, blobs: BlobStore | None = None) -> None:
        super().__init__(MemoryJournal(), blobs or MemoryBlobs(), clock or SystemClock())
