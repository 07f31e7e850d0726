"""Idempotency keys of starts: (definition name, key) leads to the one workflow that it started.

A key is taken before the start is sent, and lasts for ever. A crash between the two is healed by
the next start with the same key: it finds the id and starts it (`starting.py`).
"""

import hashlib
from enum import StrEnum
from typing import Protocol

import msgspec

from firmus.broker.streams import KEYS_BUCKET
from firmus.broker.wire import JetStreamWire, StreamRefused, Unanswered, WrongLastSequence
from firmus.ports import Unavailable
from firmus_contracts.subjects import token

_TOKEN_MAX = 200
_TRIES = 100


class Strategy(StrEnum):
    """What a start with a key that is known already means (spec 4.13)."""

    FAIL = "FAIL"
    RETURN_EXISTING = "RETURN_EXISTING"
    FAIL_ON_RUNNING = "FAIL_ON_RUNNING"


class Verdict(StrEnum):
    """`REPEAT`: start the found id, which never came to be. `REPLACE`: the key is free again."""

    REPEAT = "REPEAT"
    REFUSE = "REFUSE"
    RETURN = "RETURN"
    REPLACE = "REPLACE"


class Entry(msgspec.Struct, frozen=True):
    """What a key leads to; `revision` is what a replacement expects."""

    workflow_id: str
    revision: int


class KeyStore(Protocol):
    async def get(self, definition: str, key: str) -> Entry | None:
        """The newest entry. Raises Unavailable."""
        ...

    async def put(self, definition: str, key: str, workflow_id: str, *, expected: int) -> bool:
        """False when the entry has another revision (0: there must be none). Raises Unavailable."""
        ...


def decide(strategy: Strategy, running: bool | None) -> Verdict:
    """What becomes of a start whose key leads to another workflow, which runs, has ended (False)
    or never came to be (None).
    """
    if running is None:
        return Verdict.REPEAT
    if strategy is Strategy.RETURN_EXISTING:
        return Verdict.RETURN
    if strategy is Strategy.FAIL_ON_RUNNING and not running:
        return Verdict.REPLACE
    return Verdict.REFUSE


class KeyLedger:
    """Who holds which key."""

    def __init__(self, store: KeyStore) -> None:
        self._store = store

    async def claim(self, name: str, key: str, workflow_id: str) -> str:
        """Stores the id unless the key has one; the id that it has now. Raises Unavailable."""
        for _ in range(_TRIES):
            if await self._store.put(name, key, workflow_id, expected=0):
                return workflow_id
            entry = await self._store.get(name, key)
            if entry is not None:
                return entry.workflow_id
        raise Unavailable(f"idempotency key {key}: its entry comes and goes")

    async def replace(self, name: str, key: str, *, held: str, workflow_id: str) -> bool:
        """Puts another id in the place of `held`; False when `held` is no longer there."""
        entry = await self._store.get(name, key)
        if entry is None or entry.workflow_id != held:
            return False
        return await self._store.put(name, key, workflow_id, expected=entry.revision)


class _Value(msgspec.Struct, rename="camel"):
    workflow_id: str


class JetStreamKeyStore:
    """Keys in the KEYS bucket, which exists already."""

    def __init__(self, wire: JetStreamWire, bucket: str = KEYS_BUCKET) -> None:
        self._wire = wire
        self._bucket = bucket

    async def get(self, definition: str, key: str) -> Entry | None:
        try:
            found = await self._wire.last(
                f"KV_{self._bucket}", self._subject(definition, key), leader=True
            )
        except (Unanswered, StreamRefused) as fault:
            raise Unavailable(f"idempotency keys cannot be read: {fault}") from fault
        if found is None or not found.data:
            return None
        value = msgspec.json.decode(found.data, type=_Value)
        return Entry(value.workflow_id, found.sequence)

    async def put(self, definition: str, key: str, workflow_id: str, *, expected: int) -> bool:
        try:
            await self._wire.publish(
                self._subject(definition, key),
                msgspec.json.encode(_Value(workflow_id)),
                expected=expected,
            )
        except WrongLastSequence:
            return False
        except (Unanswered, StreamRefused) as fault:
            raise Unavailable(f"the idempotency key may not be stored: {fault}") from fault
        return True

    def _subject(self, definition: str, key: str) -> str:
        return f"$KV.{self._bucket}.{_token(definition)}.{_token(key)}"


class MemoryKeyStore:
    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], Entry] = {}

    async def get(self, definition: str, key: str) -> Entry | None:
        return self._entries.get((definition, key))

    async def put(self, definition: str, key: str, workflow_id: str, *, expected: int) -> bool:
        found = self._entries.get((definition, key))
        revision = 0 if found is None else found.revision
        if revision != expected:
            return False
        self._entries[definition, key] = Entry(workflow_id, revision + 1)
        return True


def _token(text: str) -> str:
    """A subject token; a long text by its hash, marked so that no short one reads the same."""
    written = token(text)
    if len(written) <= _TOKEN_MAX:
        return written
    return f"%sha256-{hashlib.sha256(written.encode()).hexdigest()}"
