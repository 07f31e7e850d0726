"""The log as its users see it: append with an expectation, read one workflow, follow all.

Two implementations pass one contract suite: `memory.MemoryLog` and `jetstream.JetStreamLog`.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec

from firmus_contracts.envelope import Commit, Record


class Appended(msgspec.Struct, frozen=True):
    """Where a commit stands in the log, and the SHA-256 (hex) of its stored bytes."""

    position: int
    digest: str


class AppendConflict(Exception):
    """Somebody else appended to this workflow first; nothing was stored: reload, decide again."""


class LogUnavailable(Exception):
    """The log did not answer in time, and it is not known whether the commit was stored."""


class LogTruncated(Exception):
    """The log ends before the position to follow from: it was restored, cut or replaced."""


class CommitTooLarge(Exception):
    """The commit does not fit in one message, its large values already taken out."""


class EventLog(Protocol):
    async def append(self, commit: Commit, *, expected: int) -> Appended:
        """Stores a commit if `expected` is the position of the workflow's last one (0: none yet).

        An ambiguous result (timeout, no responders, wrong last sequence after a retry) is resolved
        by reading the workflow's last commit back and comparing commit ids; a commit that is
        already there is a success. Concurrent calls are pipelined. Raises AppendConflict,
        LogUnavailable or CommitTooLarge.
        """
        ...

    async def read(self, workflow_id: str, *, after: int = 0) -> list[Record]:
        """The commits of one workflow with a position above `after`, in order; large values are
        put back.
        """
        ...

    async def head(self, workflow_id: str) -> Record | None:
        """The workflow's last commit."""
        ...

    async def end(self) -> int:
        """The position of the last commit of the whole log; 0 when it is empty."""
        ...

    def follow(
        self, *, after: int, shards: Sequence[int] | None = None, payloads: bool = True
    ) -> AsyncIterator[list[Record]]:
        """Batches of commits above `after`, in log order, waiting for new ones for ever.

        A batch is what has arrived, never empty; within one shard order is log order. `payloads`
        False leaves values that live in the object store out (their fields read as empty).
        Survives reconnects without a gap or a repetition. Raises LogTruncated.
        """
        ...


class BlobStore(Protocol):
    """Content-addressed storage for values too large for the log."""

    async def put(self, data: bytes) -> str:
        """Stores bytes under their SHA-256 (hex), which it returns. Storing twice is harmless."""
        ...

    async def get(self, sha256: str) -> bytes:
        """Raises KeyError when nothing is stored under it, ValueError when it is damaged."""
        ...
