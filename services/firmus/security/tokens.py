"""Tokens: what a key and its secret are exchanged for, checked without asking anybody.

    ft1.<key id>.<number of the secret>.<expiry, epoch seconds>.<HMAC-SHA256 of all before it>

The signing key is that of the secret, so gateways share what they know of keys and nothing else,
and grants are those that the key has when the token is used. A ticket is a token for one thing
(`scope`), which is signed with it and does not stand in it: nobody else's token is one.
"""

import hmac
from base64 import urlsafe_b64encode
from typing import Literal, TypeAlias

import msgspec

from firmus.security.aggregate import Key, Secret, hash_of

PREFIX = "ft1."
_PARTS = 5
_CHARS_MAX = 512
_NOBODY = hash_of("")

Trouble: TypeAlias = Literal["INVALID_TOKEN", "EXPIRED_TOKEN"]


class Token(msgspec.Struct, frozen=True):
    """A token that is written as one; nothing of it is proven yet."""

    key_id: str
    number: int
    expires_s: int
    signed: str
    signature: str


def issue(key: Key, secret: Secret, *, expires_s: int, scope: str = "") -> str:
    signed = f"{PREFIX}{key.id}.{secret.number}.{expires_s}"
    return f"{signed}.{_signature(secret, signed, scope)}"


def read(text: str) -> Token | None:
    """None for what is no token of ours."""
    if not text.startswith(PREFIX) or len(text) > _CHARS_MAX or not text.isascii():
        return None
    parts = text.split(".")
    if len(parts) != _PARTS:
        return None
    _, key_id, number, expires_s, signature = parts
    if not (number.isdecimal() and expires_s.isdecimal()):
        return None
    return Token(key_id, int(number), int(expires_s), text.rpartition(".")[0], signature)


def trouble(token: Token, key: Key, *, now_ms: int, scope: str = "") -> Trouble | None:
    """What is wrong with a token of this key; None when it proves who sends it."""
    for secret in key.secrets:
        if secret.number == token.number:
            if not hmac.compare_digest(_signature(secret, token.signed, scope), token.signature):
                return "INVALID_TOKEN"
            if now_ms >= token.expires_s * 1000 or _over(secret, now_ms):
                return "EXPIRED_TOKEN"
            return None
    return "INVALID_TOKEN"


def secret_of(key: Key, text: str, *, now_ms: int) -> Secret | None:
    """The secret that a text is, if it counts now. Takes as long for a key that nobody has."""
    hashed = hash_of(text)
    found = None
    for secret in key.secrets or (Secret(0, _NOBODY, ""),):
        equal = hmac.compare_digest(secret.hashed, hashed)
        if equal and secret.number and not _over(secret, now_ms):
            found = secret
    return found


def _over(secret: Secret, now_ms: int) -> bool:
    return secret.until_ms > 0 and now_ms >= secret.until_ms


def _signature(secret: Secret, signed: str, scope: str) -> str:
    """What is signed has no blank in it, so a scope behind one makes another text of it."""
    text = f"{signed} {scope}" if scope else signed
    mac = hmac.digest(secret.signing.encode(), text.encode(), "sha256")
    return urlsafe_b64encode(mac).rstrip(b"=").decode()
