"""Tokens of an OpenID Connect provider: its keys are fetched, kept, and fetched again when a token
names one that is not known.

Only signatures with public keys count, and a key counts only for the algorithms that are its own.
While the issuer is away the keys known go on.
"""

import asyncio
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import jwt
import msgspec
import structlog

from firmus.ports import Clock, Unavailable
from firmus.security.claims import Expected, check, principal_of
from firmus.security.grants import Principal
from firmus_contracts.errors import Refusal

MAX_AGE_S = 600
"""After it a key is used once more while the keys are fetched anew, and a token checked again."""
COOLDOWN_S = 10
"""Between two fetches, whatever tokens come."""
_WITHIN_S = 5.0
_BYTES_MAX = 1 << 20

_FITS: dict[str, dict[str, str]] = {
    **{name: {"kty": "RSA"} for name in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")},
    "ES256": {"kty": "EC", "crv": "P-256"},
    "ES384": {"kty": "EC", "crv": "P-384"},
    "ES512": {"kty": "EC", "crv": "P-521"},
    "EdDSA": {"kty": "OKP"},
}
"""The algorithms that count, and what a key of each has to say of itself."""

_log = structlog.get_logger(__name__)


class Issuer:
    """`guard.IssuerPort` of the provider that `expected` names."""

    def __init__(self, expected: Expected, clock: Clock) -> None:
        self.position = 0
        self._expected = expected
        self._clock = clock
        self._keys: dict[str, dict[str, Any]] = {}
        self._fetched_ms = 0
        self._tried_ms = 0
        self._failed = ""
        self._fetching: asyncio.Task[None] | None = None
        self._signatures = jwt.PyJWS(algorithms=list(_FITS))

    async def principal(self, token: str) -> tuple[Principal, int]:
        """See `guard.IssuerPort`."""
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise _invalid("it cannot be read") from None
        algorithm, kid = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in _FITS:
            raise _invalid(f"its algorithm is {algorithm}")
        claims = self._proven(token, algorithm, await self._key(kid))
        now_ms = self._clock.now_ms()
        ends_ms = check(claims, self._expected, now_ms=now_ms)
        return principal_of(claims, self._expected), min(ends_ms, now_ms + MAX_AGE_S * 1000)

    async def close(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait((self._fetching,))

    def _proven(self, token: str, algorithm: str, key: dict[str, Any]) -> dict[str, Any]:
        """The claims of a token that was signed with this key."""
        wanted = {**_FITS[algorithm], "use": "sig", "alg": algorithm}
        if any(key.get(name, value) != value for name, value in wanted.items()):
            raise _invalid(f"its key is not for {algorithm}")
        try:
            signing = jwt.PyJWK(key, algorithm=algorithm)
            payload = self._signatures.decode(token, signing, algorithms=[algorithm])
            claims = msgspec.json.decode(payload)
        except (jwt.PyJWTError, msgspec.DecodeError, TypeError, ValueError):
            raise _invalid("its signature is wrong") from None
        if not isinstance(claims, dict):
            raise _invalid("it has no claims")
        return claims

    async def _key(self, kid: object) -> dict[str, Any]:
        """The key of an id; the only one there is for a token that names none."""
        found = self._known(kid)
        age_ms = self._clock.now_ms() - self._fetched_ms
        if found is not None:
            if age_ms > MAX_AGE_S * 1000 and self._may_fetch():
                self._fetch()
            return found
        if self._fetching is not None or self._may_fetch():
            await asyncio.shield(self._fetch())
            found = self._known(kid)
        if found is not None:
            return found
        if self._failed:
            raise Unavailable(f"the keys of {self._expected.issuer} are not known: {self._failed}")
        raise _invalid("nobody knows its key")

    def _known(self, kid: object) -> dict[str, Any] | None:
        if kid is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(kid) if isinstance(kid, str) else None

    def _may_fetch(self) -> bool:
        return self._clock.now_ms() - self._tried_ms >= COOLDOWN_S * 1000

    def _fetch(self) -> "asyncio.Task[None]":
        """The fetch that runs, or a new one."""
        if self._fetching is None:
            self._tried_ms = self._clock.now_ms()
            self._fetching = asyncio.create_task(self._fetch_now())
        return self._fetching

    async def _fetch_now(self) -> None:
        try:
            keys = await _published(self._expected.issuer)
        except (aiohttp.ClientError, TimeoutError, msgspec.MsgspecError, ValueError) as fault:
            self._failed = str(fault) or type(fault).__name__
            _log.warning("issuer_unavailable", issuer=self._expected.issuer, problem=self._failed)
        else:
            self._failed = ""
            self._fetched_ms = self._clock.now_ms()
            if keys != self._keys:
                self._keys = keys
                self.position += 1
        finally:
            self._fetching = None


async def _published(issuer: str) -> dict[str, dict[str, Any]]:
    """The keys of an issuer by id. Raises ValueError and what aiohttp and msgspec do."""
    timeout = aiohttp.ClientTimeout(total=_WITHIN_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        where = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        told = await _json(session, where)
        if told.get("issuer") != issuer:
            raise ValueError(f"{where} is about another issuer: {told.get('issuer')}")
        place = str(told.get("jwks_uri"))
        if urlsplit(place).scheme != "https" and urlsplit(issuer).scheme == "https":
            raise ValueError(f"{where} names keys at {place}, which is not https")
        given = (await _json(session, place)).get("keys")
    keys = given if isinstance(given, list) else []
    return {
        str(key.get("kid", place)): key
        for place, key in enumerate(keys)
        if isinstance(key, dict) and key.get("kty") != "oct"
    }


async def _json(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    async with session.get(url, allow_redirects=False, raise_for_status=True) as answer:
        if answer.status != 200:
            raise ValueError(f"{url} answers {answer.status}")
        text = bytearray()
        async for chunk in answer.content.iter_any():
            text += chunk
            if len(text) > _BYTES_MAX:
                raise ValueError(f"{url} answers more than {_BYTES_MAX} bytes")
        return msgspec.json.decode(text, type=dict[str, Any])


def _invalid(why: str) -> Refusal:
    return Refusal("INVALID_TOKEN", f"The token is not accepted: {why}")
