"""Bodies of what is about who may do what: tokens and API keys."""

import msgspec

from firmus_contracts.leniency import Body


class TokenRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the official clients send to `/api/token`."""

    key_id: str
    key_secret: str


class Token(msgspec.Struct, frozen=True):
    token: str


class KeyGrant(msgspec.Struct, frozen=True, rename="camel"):
    """`role`: read, execute or admin. In `names` a `*` is any characters."""

    role: str
    names: str = "*"


class KeyRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A key to be created. `name` is what the history calls it."""

    name: str
    grants: list[KeyGrant]


class NewKey(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A key and its secret, which is told this once."""

    key_id: str
    key_secret: str


class KeyView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A key as it is shown. Times in epoch milliseconds; `revokedTime` of a revoked one only."""

    key_id: str
    name: str
    grants: list[KeyGrant]
    created_time: int
    created_by: str = ""
    revoked_time: int = 0
    revoked_by: str = ""


_TOKEN_REQUEST = Body(TokenRequest)
_KEY_REQUEST = Body(KeyRequest)
_GRANTS = Body(list[KeyGrant])


def decode_token_request(body: bytes) -> TokenRequest:
    """Raises Refusal INVALID."""
    return _TOKEN_REQUEST.read(body)


def decode_key_request(body: bytes) -> KeyRequest:
    """Raises Refusal INVALID."""
    return _KEY_REQUEST.read(body)


def decode_key_grants(body: bytes) -> list[KeyGrant]:
    """Raises Refusal INVALID."""
    return _GRANTS.read(body)
