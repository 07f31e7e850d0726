"""What happens to API keys: one aggregate per key, deciding and evolving as functions.

A secret is never stored, only its SHA-256: it is 256 random bits, so nobody can guess it, and a
slow hash would only make logging in expensive. Beside each hash lies a key of its own with which
the tokens of that secret are signed: a rotated or revoked key takes its tokens with it.
"""

from hashlib import sha256
from typing import Any, ClassVar

import msgspec
from eventsourcing.utils import register_topic
from msgspec.structs import replace

from firmus.security.grants import Grant, checked_grants
from firmus_contracts.errors import Refusal

NAME_CHARS_MAX = 128
OVERLAP_MAX_S = 30 * 24 * 3600
_KEY = "key-"


class Secret(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One secret of a key. `until_ms` 0: until it is rotated or the key revoked."""

    number: int
    hashed: str
    signing: str
    until_ms: int = 0

    def __repr__(self) -> str:
        """Without what signs tokens: this may end up in a log."""
        return f"Secret(number={self.number})"


class _Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """`actor`: who asked for it."""

    originator_id: str
    originator_version: int
    time_ms: int
    actor: str = ""


class KeyCreated(_Event, frozen=True):
    TOPIC: ClassVar[str] = "firmus.security:KeyCreated"
    name: str
    grants: tuple[Grant, ...]
    secret: Secret


class KeyRotated(_Event, frozen=True):
    """A new secret; the one before counts until `overlap_until_ms`, which may be now."""

    TOPIC: ClassVar[str] = "firmus.security:KeyRotated"
    secret: Secret
    overlap_until_ms: int


class KeyGranted(_Event, frozen=True):
    """All grants that it has from now on."""

    TOPIC: ClassVar[str] = "firmus.security:KeyGranted"
    grants: tuple[Grant, ...]


class KeyRevoked(_Event, frozen=True):
    """For good."""

    TOPIC: ClassVar[str] = "firmus.security:KeyRevoked"


Event = KeyCreated | KeyRotated | KeyGranted | KeyRevoked

for _topic_of in (KeyCreated, KeyRotated, KeyGranted, KeyRevoked):
    register_topic(_topic_of.TOPIC, _topic_of)


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it stands. `revision` counts its events; 0: never heard of. Newest secret first."""

    revision: int = 0
    id: str = ""
    name: str = ""
    grants: tuple[Grant, ...] = ()
    secrets: tuple[Secret, ...] = ()
    created_ms: int = 0
    created_by: str = ""
    revoked_ms: int = 0
    revoked_by: str = ""

    @property
    def active(self) -> bool:
        return self.revision > 0 and not self.revoked_ms


UNKNOWN = Key()


class Asked(msgspec.Struct, frozen=True):
    """When something was asked for, and by whom."""

    now_ms: int
    actor: str = ""


class Fresh(msgspec.Struct, frozen=True):
    """Random texts for a new secret: the secret itself, and what signs its tokens."""

    secret: str
    signing: str


def identity_of(key_id: str) -> str:
    return _KEY + key_id


def hash_of(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def evolve(key: Key, event: Event) -> Key:
    revision = event.originator_version
    match event:
        case KeyCreated():
            return Key(
                revision=revision,
                id=event.originator_id.removeprefix(_KEY),
                name=event.name,
                grants=event.grants,
                secrets=(event.secret,),
                created_ms=event.time_ms,
                created_by=event.actor,
            )
        case KeyRotated():
            newest = replace(key.secrets[0], until_ms=event.overlap_until_ms)
            return replace(key, revision=revision, secrets=(event.secret, newest))
        case KeyGranted(grants=grants):
            return replace(key, revision=revision, grants=grants)
        case KeyRevoked():
            return replace(
                key,
                revision=revision,
                secrets=(),
                revoked_ms=event.time_ms,
                revoked_by=event.actor,
            )


def create(
    key: Key, key_id: str, *, name: str, grants: tuple[Grant, ...], fresh: Fresh, by: Asked
) -> KeyCreated:
    """Raises Refusal CONFLICT for an id that is taken, INVALID."""
    if key.revision:
        raise Refusal("CONFLICT", f"There is a key {key_id} already")
    if not 0 < len(name) <= NAME_CHARS_MAX or not name.isprintable():
        raise Refusal("INVALID", f"name: a key needs a name of 1..{NAME_CHARS_MAX} characters")
    return KeyCreated(
        **_next(key_id, key, by),
        name=name,
        grants=checked_grants(grants),
        secret=Secret(1, hash_of(fresh.secret), fresh.signing),
    )


def rotate(key: Key, key_id: str, fresh: Fresh, overlap_s: int, by: Asked) -> KeyRotated:
    """Raises Refusal NOT_FOUND, INVALID."""
    _must_be_active(key, key_id)
    if not 0 <= overlap_s <= OVERLAP_MAX_S:
        raise Refusal("INVALID", f"overlapSeconds: 0..{OVERLAP_MAX_S}, not {overlap_s}")
    number = key.secrets[0].number + 1
    return KeyRotated(
        **_next(key_id, key, by),
        secret=Secret(number, hash_of(fresh.secret), fresh.signing),
        overlap_until_ms=by.now_ms + overlap_s * 1000,
    )


def grant(key: Key, key_id: str, grants: tuple[Grant, ...], by: Asked) -> KeyGranted | None:
    """None when it has exactly these. Raises Refusal NOT_FOUND, INVALID."""
    _must_be_active(key, key_id)
    if checked_grants(grants) == key.grants:
        return None
    return KeyGranted(**_next(key_id, key, by), grants=grants)


def revoke(key: Key, key_id: str, by: Asked) -> KeyRevoked | None:
    """None when it is revoked already. Raises Refusal NOT_FOUND."""
    if not key.revision:
        raise no_such(key_id)
    return KeyRevoked(**_next(key_id, key, by)) if key.active else None


def no_such(key_id: str) -> Refusal:
    return Refusal("NOT_FOUND", f"No such key: {key_id}")


def _must_be_active(key: Key, key_id: str) -> None:
    if not key.active:
        raise no_such(key_id)


def _next(key_id: str, key: Key, by: Asked) -> dict[str, Any]:
    return {
        "originator_id": identity_of(key_id),
        "originator_version": key.revision + 1,
        "time_ms": by.now_ms,
        "actor": by.actor,
    }
