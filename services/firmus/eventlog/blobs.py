"""Large values by their hash: in memory, in JetStream, and put back into commits that name them."""

import asyncio
from collections.abc import Sequence
from hashlib import sha256

import msgspec

from firmus.broker.streams import PAYLOADS_BUCKET
from firmus.broker.wire import JetStreamWire, WrongLastSequence
from firmus.eventlog import codec
from firmus.eventlog.port import BlobStore
from firmus_contracts.envelope import Commit, Record

CHUNK_BYTES = 512 * 1024
CHUNKS_MAX = 1024


class MemoryBlobs:
    """Blobs of one process, for tests and the in-memory log."""

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}

    async def put(self, data: bytes) -> str:
        digest = sha256(data).hexdigest()
        self._blobs[digest] = data
        return digest

    async def get(self, sha256: str) -> bytes:
        return _checked(sha256, self._blobs[sha256])

    def damage(self, sha256: str, data: bytes | None) -> None:
        """What a disk may do: the stored bytes are others now, or gone (None)."""
        if data is None:
            self._blobs.pop(sha256, None)
        else:
            self._blobs[sha256] = data


class JetStreamBlobs:
    """Blobs as keys `<sha256>.<chunk number>` of the PAYLOADS bucket."""

    def __init__(self, wire: JetStreamWire) -> None:
        self._wire = wire
        self._stream = f"KV_{PAYLOADS_BUCKET}"

    async def put(self, data: bytes) -> str:
        """Raises ValueError above CHUNK_BYTES * CHUNKS_MAX, Unanswered when the broker is away."""
        digest = sha256(data).hexdigest()
        if len(data) > CHUNK_BYTES * CHUNKS_MAX:
            raise ValueError(f"a value of {len(data)} bytes is too large to be stored")
        starts = range(0, max(len(data), 1), CHUNK_BYTES)
        await asyncio.gather(
            *(
                self._put_chunk(blob_subject(digest, number), data[start : start + CHUNK_BYTES])
                for number, start in enumerate(starts)
            )
        )
        return digest

    async def _put_chunk(self, subject: str, data: bytes) -> None:
        try:
            await self._wire.publish(subject, data, expected=0)
        except WrongLastSequence:
            return  # the same content is there already

    async def get(self, sha256: str) -> bytes:
        """Raises KeyError, ValueError, or Unanswered when the broker is away."""
        chunks = await self._wire.last_of_each(self._stream, [blob_subject(sha256, "*")])
        if not chunks:
            raise KeyError(sha256)
        chunks.sort(key=lambda chunk: int(chunk.subject.rpartition(".")[2]))
        return _checked(sha256, b"".join(chunk.data for chunk in chunks))


def blob_subject(digest: str, chunk: int | str) -> str:
    return f"$KV.{PAYLOADS_BUCKET}.{digest}.{chunk}"


def _checked(digest: str, data: bytes) -> bytes:
    if sha256(data).hexdigest() != digest:
        raise ValueError(f"the value stored under {digest} is damaged")
    return data


async def restore(records: list[Record], blobs: BlobStore) -> list[Record]:
    """The records with the large values of their commits put back.

    A commit whose value is missing or damaged becomes Unreadable. Other faults of the store are
    raised, since trying again may help.
    """
    whole = records
    for index, entry in enumerate(records):
        body = entry.body
        if isinstance(body, Commit) and body.blobs:
            if whole is records:
                whole = list(records)
            whole[index] = await _restored(entry, body, blobs)
    return whole


async def _restored(entry: Record, commit: Commit, blobs: BlobStore) -> Record:
    try:
        values = await asyncio.gather(*(blobs.get(ref.sha256) for ref in commit.blobs))
        body = codec.put_back(commit, values)
    except KeyError as missing:
        problem = f"the value {missing.args[0]} is missing"
    except (ValueError, TypeError, IndexError, AttributeError, msgspec.MsgspecError) as fault:
        problem = str(fault)
    else:
        return msgspec.structs.replace(entry, body=body)
    stored = msgspec.json.encode(commit)
    return msgspec.structs.replace(entry, body=codec.unreadable(entry.workflow_id, stored, problem))


async def store(values: Sequence[bytes], blobs: BlobStore) -> None:
    """Stores the values that `codec.encode` took out; they must be there before the commit is."""
    if values:
        await asyncio.gather(*(blobs.put(value) for value in values))
