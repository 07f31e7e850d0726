"""The log on JetStream: one stream, one subject per workflow, one message per commit.

A position is the epoch in the high bits and the stream's sequence in the low 40, so that positions
of a later epoch are higher.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from hashlib import sha256
from typing import TypeVar

from firmus.broker.wire import JetStreamWire, StreamRefused, Unanswered, WrongLastSequence
from firmus.eventlog import codec
from firmus.eventlog.blobs import restore, store
from firmus.eventlog.follow import RETRY_S, Message, tail
from firmus.eventlog.port import (
    AppendConflict,
    Appended,
    BlobStore,
    CommitTooLarge,
    LogUnavailable,
)
from firmus_contracts import ids, subjects
from firmus_contracts.envelope import Commit, Record

SEQUENCE_BITS = 40
SEQUENCE_MASK = (1 << SEQUENCE_BITS) - 1
PATIENCE_S = 5.0

_T = TypeVar("_T")


def position_of(epoch: int, sequence: int) -> int:
    return (epoch << SEQUENCE_BITS) | sequence


class JetStreamLog:
    """An EventLog in the stream of one epoch. `replicated`: reads may not lag."""

    def __init__(
        self,
        wire: JetStreamWire,
        blobs: BlobStore,
        *,
        shards: int,
        epoch: int = 0,
        replicated: bool = False,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.blobs = blobs
        self._wire = wire
        self._shards = shards
        self._epoch = epoch
        self._base = epoch << SEQUENCE_BITS
        self._stream = subjects.log_stream(epoch)
        self._replicated = replicated
        self._patience_s = patience_s

    async def append(self, commit: Commit, *, expected: int) -> Appended:
        encoded = codec.encode(commit)
        stored = encoded.stored
        if len(stored) > codec.VALUE_MAX_BYTES:
            self._check_size(commit, stored)
        if encoded.values:
            await self._patiently(lambda: store(encoded.values, self.blobs))
        subject = self._subject(commit.workflow_id)
        after = self._expected_sequence(expected)
        try:
            sequence = await self._wire.publish(subject, stored, expected=after)
        except (Unanswered, WrongLastSequence):
            return await self._resolve(commit, stored, subject, after)
        except StreamRefused as refused:
            raise LogUnavailable(str(refused)) from refused
        return Appended(self._base | sequence, encoded.digest)

    def _check_size(self, commit: Commit, stored: bytes) -> None:
        limit = min(codec.COMMIT_MAX_BYTES, self._wire.message_max_bytes)
        if len(stored) > limit:
            raise CommitTooLarge(f"{commit.workflow_id}: {len(stored)} bytes, limit {limit}")

    def _subject(self, workflow_id: str) -> str:
        return subjects.log_subject(
            self._epoch, ids.shard_of(workflow_id, self._shards), workflow_id
        )

    def _expected_sequence(self, position: int) -> int:
        if position and position >> SEQUENCE_BITS != self._epoch:
            raise ValueError(f"position {position} is not of epoch {self._epoch}")
        return position & SEQUENCE_MASK

    async def _resolve(self, commit: Commit, stored: bytes, subject: str, after: int) -> Appended:
        """Finds out what became of a publish, and repeats it when nothing did.

        The first message above the expectation is ours, somebody else's, or missing. Repeating is
        safe: of two copies under one expectation the stream takes one.
        """
        deadline = self._wire.loop.time() + self._patience_s
        while True:
            await self._wire.connection.connected(deadline - self._wire.loop.time())
            try:
                found = await self._wire.first_after(self._stream, subject, after)
                if found is not None:
                    if codec.commit_id_of(found.data) != commit.commit_id:
                        raise AppendConflict(f"{commit.workflow_id} went on after {after}")
                    digest = sha256(found.data).hexdigest()
                    return Appended(self._base | found.sequence, digest)
                last = await self._wire.last(self._stream, subject, leader=True)
                if (last.sequence if last else 0) < after:
                    raise AppendConflict(f"{commit.workflow_id} has no commit at {after}")
                sequence = await self._wire.publish(subject, stored, expected=after)
            except (Unanswered, WrongLastSequence) as unclear:
                if self._wire.loop.time() >= deadline:
                    raise LogUnavailable(f"{commit.workflow_id}: {unclear}") from unclear
                await asyncio.sleep(RETRY_S)
            except StreamRefused as refused:
                raise LogUnavailable(str(refused)) from refused
            else:
                return Appended(self._base | sequence, sha256(stored).hexdigest())

    async def _patiently(self, call: Callable[[], Awaitable[_T]]) -> _T:
        """A call that may be repeated, repeated until answered. Raises LogUnavailable."""
        deadline = self._wire.loop.time() + self._patience_s
        while True:
            try:
                return await call()
            except Unanswered as unanswered:
                if self._wire.loop.time() >= deadline:
                    raise LogUnavailable(str(unanswered)) from unanswered
            except StreamRefused as refused:
                raise LogUnavailable(str(refused)) from refused
            await asyncio.sleep(RETRY_S)
            await self._wire.connection.connected(deadline - self._wire.loop.time())

    async def read(self, workflow_id: str, *, after: int = 0) -> list[Record]:
        return await self._patiently(lambda: self._read(workflow_id, self._start(after)))

    async def _read(self, workflow_id: str, after: int) -> list[Record]:
        subject = self._subject(workflow_id)
        upto = 0
        if self._replicated:
            last = await self._wire.last(self._stream, subject, leader=True)
            upto = last.sequence if last else 0
        found = await self._wire.history(self._stream, subject, after=after)
        if upto > after and (not found or found[-1].sequence < upto):
            raise Unanswered(f"a replica of {self._stream} lags behind")
        records = [codec.record(self._base | m.sequence, workflow_id, m.data) for m in found]
        return await restore(records, self.blobs)

    def _start(self, position: int) -> int:
        """The sequence in this epoch's stream to read after."""
        epoch = position >> SEQUENCE_BITS
        if epoch > self._epoch:
            raise ValueError(f"position {position} is beyond epoch {self._epoch}")
        return position & SEQUENCE_MASK if epoch == self._epoch else 0

    async def head(self, workflow_id: str) -> Record | None:
        return await self._patiently(lambda: self._head(workflow_id))

    async def _head(self, workflow_id: str) -> Record | None:
        subject = self._subject(workflow_id)
        last = await self._wire.last(self._stream, subject, leader=self._replicated)
        if last is None:
            return None
        record = codec.record(self._base | last.sequence, workflow_id, last.data)
        return (await restore([record], self.blobs))[0]

    async def end(self) -> int:
        state = await self._patiently(lambda: self._wire.stream_state(self._stream))
        return self._base | state.last_seq if state.last_seq else 0

    async def follow(
        self, *, after: int, shards: Sequence[int] | None = None, payloads: bool = True
    ) -> AsyncIterator[list[Record]]:
        filters = [subjects.log_subjects(self._epoch)]
        if shards is not None:
            filters = [subjects.log_shard_subjects(self._epoch, shard) for shard in shards]
        batches = tail(self._wire, self._stream, after=self._start(after), filters=filters)
        async with aclosing(batches):
            async for batch in batches:
                records = self._records(batch)
                yield await self._whole(records) if payloads else records

    def _records(self, batch: list[Message]) -> list[Record]:
        base, record = self._base, codec.record
        return [
            record(base | sequence, subject[-36:].decode(), data)
            for sequence, subject, data in batch
        ]

    async def _whole(self, records: list[Record]) -> list[Record]:
        """The records with their large values, however long the store is away."""
        while True:
            try:
                return await restore(records, self.blobs)
            except (Unanswered, StreamRefused):
                await asyncio.sleep(RETRY_S)
