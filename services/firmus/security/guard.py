"""Who is asking: the one place where credentials become principals.

For every entrance of the system (`edge/entrance.py`; docs/security.md).
"""

import hmac
from base64 import b64decode
from collections.abc import Callable
from typing import Protocol

import msgspec

from firmus.ports import Clock
from firmus.security import tokens
from firmus.security.aggregate import Key, Secret, hash_of
from firmus.security.grants import ADMIN, Grant, Principal
from firmus.security.refusals import Refusals
from firmus.security.store import Keys
from firmus.security.tokens import Token
from firmus_contracts.errors import Refusal

TOKEN_TTL_S = 3600
"""The official clients fetch a new token after 45 minutes at the latest."""
TICKET_TTL_S = 300

_SEEN_MAX = 10_000
_FOR_EVER_MS = 1 << 62
_BASIC = "basic "
_BEARER = "bearer "
_CREDENTIAL_CHARS_MAX = 16_384


class IssuerPort(Protocol):
    """Who else vouches for people: an OIDC provider. `position` grows with each change of what is
    known of its keys.
    """

    @property
    def position(self) -> int: ...

    async def principal(self, token: str) -> tuple[Principal, int]:
        """Who sends a token, and until when it counts, epoch milliseconds. Raises Refusal
        INVALID_TOKEN, EXPIRED_TOKEN; Unavailable when the issuer has to be asked and does not
        answer.
        """
        ...


class _Seen(msgspec.Struct, frozen=True, gc=False):
    principal: Principal
    until_ms: int


class Guard:
    """`configured` is a key of the settings, beside those of the store."""

    def __init__(
        self,
        keys: Keys,
        clock: Clock,
        *,
        configured: Key | None = None,
        issuer: IssuerPort | None = None,
        token_ttl_s: int = TOKEN_TTL_S,
    ) -> None:
        self.keys = keys
        self.refusals = Refusals(clock)
        self._clock = clock
        self._configured = configured
        self._issuer = issuer
        self._token_ttl_s = token_ttl_s
        self._seen: dict[str, _Seen] = {}
        self._position = -1

    def known(self, credential: str) -> Principal | None:
        """Who it was that sent this credential before, while nothing has changed since."""
        seen = self._seen.get(credential)
        if seen is None or self._position != self._now():
            return None
        return seen.principal if self._clock.now_ms() < seen.until_ms else None

    async def authenticate(self, credential: str) -> Principal:
        """`credential` is the value of a header: a token, `Bearer <token>`, or `Basic` with a key's
        id and secret. Raises Refusal UNAUTHENTICATED, INVALID_TOKEN, EXPIRED_TOKEN; Unavailable.
        """
        try:
            seen = await self._recognised(credential)
        except Refusal as refused:
            token = tokens.read(credential.removeprefix("Bearer "))
            self.refusals.note(refused.code, "" if token is None else token.key_id)
            raise
        self._remember(credential, seen)
        return seen.principal

    def ticket(self, by: Principal, scope: str) -> str | None:
        """By which whoever has it may do one thing as somebody, for `TICKET_TTL_S`. None for people
        of a provider: only keys sign.
        """
        key = self._known_key(by.id)
        if not key.secrets:
            return None
        expires_s = self._clock.now_ms() // 1000 + TICKET_TTL_S
        return tokens.issue(key, key.secrets[0], expires_s=expires_s, scope=scope)

    async def holder(self, ticket: str, scope: str) -> Principal:
        """Whose ticket for this it is. Raises Refusal INVALID_TOKEN, EXPIRED_TOKEN; Unavailable."""
        token = tokens.read(ticket)
        try:
            if token is None:
                raise _invalid()
            return (await self._of_key(token, scope)).principal
        except Refusal as refused:
            self.refusals.note(refused.code, "" if token is None else token.key_id)
            raise

    async def token(self, key_id: str, secret: str) -> str:
        """A token for a key. Raises Refusal INVALID_CREDENTIALS, Unavailable."""
        try:
            key, found = await self._proven(key_id, secret)
        except Refusal as refused:
            self.refusals.note(refused.code, key_id)
            raise
        expires_s = self._clock.now_ms() // 1000 + self._token_ttl_s
        return tokens.issue(key, found, expires_s=expires_s)

    async def _recognised(self, credential: str) -> _Seen:
        if len(credential) > _CREDENTIAL_CHARS_MAX:
            raise Refusal("INVALID_TOKEN", "The credential is too long")
        lowered = credential[: len(_BEARER)].lower()
        if lowered.startswith(_BASIC):
            return await self._basic(credential[len(_BASIC) :].strip())
        text = credential[len(_BEARER) :] if lowered == _BEARER else credential
        return await self._token(text.strip())

    async def _basic(self, encoded: str) -> _Seen:
        try:
            key_id, _, secret = b64decode(encoded, validate=True).decode().partition(":")
        except ValueError:
            raise Refusal("INVALID_TOKEN", "The Basic credential cannot be read") from None
        key, found = await self._proven(key_id, secret)
        return _Seen(principal_of(key), found.until_ms or _FOR_EVER_MS)

    async def _token(self, text: str) -> _Seen:
        token = tokens.read(text)
        return await self._foreign(text) if token is None else await self._of_key(token)

    async def _of_key(self, token: Token, scope: str = "") -> _Seen:
        key = await self._key(token.key_id, lambda key: _has(key, token.number))
        trouble = tokens.trouble(token, key, now_ms=self._clock.now_ms(), scope=scope)
        if trouble == "EXPIRED_TOKEN":
            raise Refusal("EXPIRED_TOKEN", "The token has expired")
        if trouble is not None:
            raise _invalid()
        until_ms = next(s.until_ms for s in key.secrets if s.number == token.number)
        return _Seen(principal_of(key), min(token.expires_s * 1000, until_ms or _FOR_EVER_MS))

    async def _foreign(self, text: str) -> _Seen:
        if not text:
            raise unauthenticated()
        if self._issuer is None or text.count(".") != 2:
            raise _invalid()
        return _Seen(*await self._issuer.principal(text))

    async def _proven(self, key_id: str, secret: str) -> tuple[Key, Secret]:
        now_ms = self._clock.now_ms
        key = await self._key(
            key_id, lambda key: tokens.secret_of(key, secret, now_ms=now_ms()) is not None
        )
        found = tokens.secret_of(key, secret, now_ms=now_ms())
        if found is None:
            raise Refusal("INVALID_CREDENTIALS", "The key or its secret is not known")
        return key, found

    async def _key(self, key_id: str, suffices: Callable[[Key], bool]) -> Key:
        """A key as it was last seen, or as it is now when that does not suffice."""
        found = self._known_key(key_id)
        if found is not self._configured and not suffices(found):
            await self.keys.fresh()
            found = self.keys.known(key_id)
        return found

    def _known_key(self, key_id: str) -> Key:
        configured = self._configured
        if configured is not None and configured.id == key_id:
            return configured
        return self.keys.known(key_id)

    def _remember(self, credential: str, seen: _Seen) -> None:
        position = self._now()
        if self._position != position or len(self._seen) >= _SEEN_MAX:
            self._seen.clear()
            self._position = position
        self._seen[credential] = seen

    def _now(self) -> int:
        """Another number after every change of what is known of keys: both parts only grow."""
        return self.keys.position + (0 if self._issuer is None else self._issuer.position)


def principal_of(key: Key) -> Principal:
    return Principal(id=key.id, name=key.name, grants=key.grants)


def configured_key(text: str) -> Key:
    """The key of a setting `id:secret`, which may do everything. It is in no store: every gateway
    that has the setting knows it, and signs and checks its tokens alike.
    """
    key_id, _, secret = text.partition(":")
    signing = hmac.digest(secret.encode(), b"firmus tokens", "sha256").hex()
    return Key(
        revision=1,
        id=key_id,
        name=key_id,
        grants=(Grant(ADMIN),),
        secrets=(Secret(1, hash_of(secret), signing),),
    )


def unauthenticated() -> Refusal:
    return Refusal(
        "UNAUTHENTICATED",
        "This server asks who you are: send a token of POST /api/token as X-Authorization",
    )


def _invalid() -> Refusal:
    return Refusal("INVALID_TOKEN", "The token is not valid")


def _has(key: Key, number: int) -> bool:
    return any(secret.number == number for secret in key.secrets)
