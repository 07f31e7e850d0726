"""API keys over REST, for those who may do everything (docs/security.md)."""

from firmus.gateway import answers
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.reading import Request, Response, actor_of, integer, json_body
from firmus.security import store
from firmus.security.aggregate import Key
from firmus.security.grants import Grant, parse_grant
from firmus.security.store import Keys
from firmus_contracts.access import (
    KeyGrant,
    KeyView,
    NewKey,
    decode_key_grants,
    decode_key_request,
)
from firmus_contracts.errors import Refusal


class KeyRequests:
    """Handlers of `/api/keys`."""

    def __init__(self, ports: GatewayPorts) -> None:
        self._guard = ports.guard

    @property
    def _keys(self) -> Keys:
        if self._guard is None:
            raise Refusal("NOT_IMPLEMENTED", "Security is off: this server asks for no keys")
        return self._guard.keys

    async def all(self, _req: Request, resp: Response) -> None:
        """Every key, oldest first, revoked ones included; never a secret."""
        answers.json(resp, list(map(_view, await self._keys.all())))

    async def create(self, req: Request, resp: Response) -> None:
        """A new key. Its secret is in this answer and nowhere else."""
        keys = self._keys
        asked = decode_key_request(await json_body(req))
        made = await keys.create(asked.name, _grants(asked.grants), actor=actor_of(req))
        _answer(resp, made)

    async def rotate(self, req: Request, resp: Response, key: str) -> None:
        """A new secret for a key; the one before counts for `overlapSeconds` more."""
        overlap_s = integer(req, "overlapSeconds", 0)
        _answer(resp, await self._keys.rotate(key, overlap_s=overlap_s, actor=actor_of(req)))

    async def grant(self, req: Request, resp: Response, key: str) -> None:
        """Gives a key exactly the grants of the body."""
        keys = self._keys
        grants = _grants(decode_key_grants(await json_body(req)))
        await keys.grant(key, grants, actor=actor_of(req))
        answers.empty(resp)

    async def revoke(self, req: Request, resp: Response, key: str) -> None:
        """Ends a key and all its tokens for good."""
        await self._keys.revoke(key, actor=actor_of(req))
        answers.empty(resp)


def _answer(resp: Response, made: store.NewKey) -> None:
    resp.set_header("Cache-Control", "no-store")
    answers.json(resp, NewKey(key_id=made.key_id, key_secret=made.key_secret))


def _grants(given: list[KeyGrant]) -> tuple[Grant, ...]:
    return tuple(parse_grant(f"{one.role}:{one.names}") for one in given)


def _view(key: Key) -> KeyView:
    return KeyView(
        key_id=key.id,
        name=key.name,
        grants=[KeyGrant(grant.role, grant.names) for grant in key.grants],
        created_time=key.created_ms,
        created_by=key.created_by,
        revoked_time=key.revoked_ms,
        revoked_by=key.revoked_by,
    )
