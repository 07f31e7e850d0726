"""What clients upload: blobs, found by a path through a small message that names their hash."""

from hashlib import sha256

from firmus.broker.streams import PAYLOADS_BUCKET
from firmus.broker.wire import JetStreamWire, StreamRefused, Unanswered
from firmus.eventlog.port import BlobStore
from firmus.ports import Unavailable


class JetStreamUploads:
    """Implements `ports.PayloadsPort` in the PAYLOADS bucket, beside the blobs themselves."""

    def __init__(self, wire: JetStreamWire, blobs: BlobStore) -> None:
        self._wire = wire
        self._blobs = blobs

    async def put(self, path: str, data: bytes) -> None:
        try:
            digest = await self._blobs.put(data)
            await self._wire.publish(_subject(path), digest.encode())
        except (Unanswered, StreamRefused) as problem:
            raise Unavailable(str(problem)) from problem

    async def get(self, path: str) -> bytes:
        try:
            found = await self._wire.last(f"KV_{PAYLOADS_BUCKET}", _subject(path))
            if found is None:
                raise KeyError(path)
            return await self._blobs.get(found.data.decode())
        except Unanswered as problem:
            raise Unavailable(str(problem)) from problem


class MemoryUploads:
    """The same in memory, for tests."""

    def __init__(self) -> None:
        self._uploads: dict[str, bytes] = {}

    async def put(self, path: str, data: bytes) -> None:
        self._uploads[path] = data

    async def get(self, path: str) -> bytes:
        return self._uploads[path]


def _subject(path: str) -> str:
    return f"$KV.{PAYLOADS_BUCKET}.path.{sha256(path.encode()).hexdigest()}"
