import pytest
from tests.eventlog.contract import SHARDS, Harness, LogContract

from firmus.eventlog.blobs import MemoryBlobs
from firmus.eventlog.memory import MemoryLog


@pytest.fixture
def harness() -> Harness:
    blobs = MemoryBlobs()
    log = MemoryLog(blobs, shards=SHARDS)

    async def store(workflow_id: str, stored: bytes) -> None:
        log.store(workflow_id, stored)

    async def damage(sha256: str) -> None:
        blobs.damage(sha256, None)

    return Harness(log, store, damage)


class TestMemoryLog(LogContract):
    """The log in memory keeps the contract."""
