"""The store of API keys: writes are aggregates' events, reads a fold of their stream.

A gateway looks keys up in the fold as it last saw it, and is told when the stream grows: a key
revoked anywhere ends within a moment, and after a lost message within seconds (`keep_fresh`).
"""

import asyncio
import contextlib
import secrets
from collections.abc import Callable

import msgspec

from firmus.broker.access import Servers
from firmus.broker.wire import JetStreamWire
from firmus.eventlog.recorder_journal import Journal, SharedCheck, StreamJournal, Writer
from firmus.eventlog.recorder_memory import MemoryJournal
from firmus.ports import Clock, Unavailable
from firmus.security import aggregate as aggregates
from firmus.security.aggregate import UNKNOWN, Asked, Event, Fresh, Key, evolve, identity_of
from firmus.security.grants import Grant
from firmus_contracts.subjects import KEYS_STREAM, KEYS_SUBJECTS

LOOK_AGAIN_S = 5.0
_ID_BYTES = 8
_SECRET_BYTES = 32


class NewKey(msgspec.Struct, frozen=True, rename="camel"):
    """A key's id and its secret, which is told this once."""

    key_id: str
    key_secret: str


class Catalogue:
    """All keys at one position of their stream."""

    def __init__(self) -> None:
        self.position = 0
        self._keys: dict[str, Key] = {}

    def apply(self, position: int, event: Event) -> None:
        identity = event.originator_id
        self._keys[identity] = evolve(self._keys.get(identity, UNKNOWN), event)
        self.position = position

    def of(self, key_id: str) -> Key:
        return self._keys.get(identity_of(key_id), UNKNOWN)

    def all(self) -> list[Key]:
        return sorted(self._keys.values(), key=lambda key: (key.created_ms, key.id))


class Keys:
    """API keys over a journal. What changes them raises Unavailable beside what it says."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._clock = clock
        self._catalogue = Catalogue()
        self.fresh = SharedCheck(lambda: journal.catch_up(self._catalogue))
        self._writer = Writer(journal, self.fresh)
        self._grown = asyncio.Event()
        self.close = journal.close

    @property
    def position(self) -> int:
        """Grows with each change that is known here."""
        return self._catalogue.position

    def known(self, key_id: str) -> Key:
        """A key as it was last seen; UNKNOWN when it was not."""
        return self._catalogue.of(key_id)

    async def all(self) -> list[Key]:
        """Oldest first, revoked ones included. Raises Unavailable."""
        await self.fresh()
        return self._catalogue.all()

    async def create(self, name: str, grants: tuple[Grant, ...], *, actor: str = "") -> NewKey:
        """Raises Refusal INVALID."""
        key_id, fresh = secrets.token_hex(_ID_BYTES), _fresh()
        await self._write(
            key_id,
            actor,
            lambda key, by: aggregates.create(
                key, key_id, name=name, grants=grants, fresh=fresh, by=by
            ),
        )
        return NewKey(key_id, fresh.secret)

    async def rotate(self, key_id: str, *, overlap_s: int = 0, actor: str = "") -> NewKey:
        """A new secret; the one before counts for `overlap_s` more. Raises Refusal NOT_FOUND,
        INVALID.
        """
        fresh = _fresh()
        await self._write(
            key_id, actor, lambda key, by: aggregates.rotate(key, key_id, fresh, overlap_s, by)
        )
        return NewKey(key_id, fresh.secret)

    async def grant(self, key_id: str, grants: tuple[Grant, ...], *, actor: str = "") -> None:
        """Gives a key exactly these grants. Raises Refusal NOT_FOUND, INVALID."""
        await self._write(key_id, actor, lambda key, by: aggregates.grant(key, key_id, grants, by))

    async def revoke(self, key_id: str, *, actor: str = "") -> None:
        """Harmless when it is revoked already. Raises Refusal NOT_FOUND."""
        await self._write(key_id, actor, lambda key, by: aggregates.revoke(key, key_id, by))

    def wake(self) -> None:
        """The stream may have grown."""
        self._grown.set()

    async def keep_fresh(self) -> None:
        """Learns of changes until it is cancelled; while the broker is away the last ones count."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._grown.wait(), LOOK_AGAIN_S)
            self._grown.clear()
            with contextlib.suppress(Unavailable):
                await self.fresh()

    async def _write(
        self, key_id: str, actor: str, decide: Callable[[Key, Asked], Event | None]
    ) -> None:
        def decided() -> Event | None:
            return decide(self._catalogue.of(key_id), Asked(self._clock.now_ms(), actor))

        await self._writer.write(identity_of(key_id), decided)
        await self.fresh()


def jetstream_keys(*, wire: JetStreamWire, servers: Servers, clock: Clock) -> Keys:
    """In the stream ACCESS, which exists already."""
    return Keys(
        StreamJournal(wire, servers, stream=KEYS_STREAM, subjects=KEYS_SUBJECTS, what="key"), clock
    )


def memory_keys(clock: Clock) -> Keys:
    """In memory, by the same rules: for tests and for embedding."""
    return Keys(MemoryJournal(), clock)


def _fresh() -> Fresh:
    return Fresh(secrets.token_urlsafe(_SECRET_BYTES), secrets.token_urlsafe(_SECRET_BYTES))
