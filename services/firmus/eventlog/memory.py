"""The log in memory: for tests and trials, with the same stored form as the real one."""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Sequence

from firmus.eventlog import codec
from firmus.eventlog.blobs import MemoryBlobs, restore, store
from firmus.eventlog.port import AppendConflict, Appended, BlobStore, CommitTooLarge, LogTruncated
from firmus_contracts import ids
from firmus_contracts.envelope import Commit, Record

BATCH_MAX = 1000


class MemoryLog:
    """An EventLog of one process; gone with it. Positions are 1, 2, 3, …"""

    def __init__(self, blobs: BlobStore | None = None, *, shards: int = 16) -> None:
        self.blobs: BlobStore = MemoryBlobs() if blobs is None else blobs
        self._shards = shards
        self._entries: list[tuple[str, bytes]] = []
        self._positions: dict[str, list[int]] = {}
        self._grown = asyncio.Event()

    async def append(self, commit: Commit, *, expected: int) -> Appended:
        encoded = codec.encode(commit)
        if len(encoded.stored) > codec.COMMIT_MAX_BYTES:
            raise CommitTooLarge(f"{commit.workflow_id}: {len(encoded.stored)} bytes")
        await store(encoded.values, self.blobs)
        positions = self._positions.get(commit.workflow_id, [])
        if (positions[-1] if positions else 0) != expected:
            later = bisect_right(positions, expected)
            if later < len(positions) and self._holds(positions[later], commit.commit_id):
                return Appended(positions[later], encoded.digest)
            raise AppendConflict(f"{commit.workflow_id} is not at {expected}")
        return Appended(self.store(commit.workflow_id, encoded.stored), encoded.digest)

    def store(self, workflow_id: str, stored: bytes) -> int:
        """Puts bytes at the end of a workflow, as a foreign or later writer may have done."""
        self._entries.append((workflow_id, stored))
        position = len(self._entries)
        self._positions.setdefault(workflow_id, []).append(position)
        self._grown.set()
        self._grown = asyncio.Event()
        return position

    def _holds(self, position: int, commit_id: str) -> bool:
        return codec.commit_id_of(self._entries[position - 1][1]) == commit_id

    def _record(self, position: int) -> Record:
        return codec.record(position, *self._entries[position - 1])

    async def read(self, workflow_id: str, *, after: int = 0) -> list[Record]:
        positions = self._positions.get(workflow_id, [])
        found = [self._record(at) for at in positions[bisect_right(positions, after) :]]
        return await restore(found, self.blobs)

    async def head(self, workflow_id: str) -> Record | None:
        positions = self._positions.get(workflow_id)
        if not positions:
            return None
        return (await restore([self._record(positions[-1])], self.blobs))[0]

    async def end(self) -> int:
        return len(self._entries)

    async def follow(
        self, *, after: int, shards: Sequence[int] | None = None, payloads: bool = True
    ) -> AsyncIterator[list[Record]]:
        wanted = None if shards is None else frozenset(shards)
        last = after
        if last > len(self._entries):
            raise LogTruncated(f"the log ends at {len(self._entries)}, before {after}")
        while True:
            grown = self._grown
            upto = min(len(self._entries), last + BATCH_MAX)
            batch = [
                self._record(at)
                for at in range(last + 1, upto + 1)
                if wanted is None or self._shard(at) in wanted
            ]
            if batch:
                yield await restore(batch, self.blobs) if payloads else batch
            elif upto <= last:
                await grown.wait()
            last = max(last, upto)

    def _shard(self, position: int) -> int:
        return ids.shard_of(self._entries[position - 1][0], self._shards)
