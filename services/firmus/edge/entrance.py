"""Who is let in, and how often: what a request passes before anything is done for it, whatever wire
it came over.

Who is known is counted by their key or person, everybody else by their address: of IPv6 the /64
that it is in, as anybody has all of one. A credential that was not seen before costs its address a
request until it has proven somebody: whoever guesses too often is told nothing, not even of a right
guess, while those who are known go on.
"""

from collections.abc import Awaitable, Callable
from functools import lru_cache, partial
from ipaddress import IPv6Address, ip_address

from firmus.edge.headers import Header
from firmus.edge.rates import Buckets
from firmus.security.grants import EVERYBODY, Principal
from firmus.security.guard import Guard
from firmus_contracts.errors import Refusal

_GUESSES = frozenset({"UNAUTHENTICATED", "INVALID_TOKEN", "INVALID_CREDENTIALS"})
"""What somebody hears who guesses."""
_HOST_BITS = 64
_ADDRESSES_KEPT = 4096


class Entrance:
    """`guard` None: everybody may come in, and nobody has a name. `buckets` None: any number of
    requests.
    """

    def __init__(self, guard: Guard | None, buckets: Buckets | None) -> None:
        self._guard = guard
        self._buckets = buckets

    async def admit(
        self,
        header: Header,
        address: str,
        *,
        counts: bool = True,
        ticket: tuple[str, str] | None = None,
    ) -> Principal:
        """Who asks, one request of theirs counted unless this one is free. `ticket`: what stands
        for a credential where there is none, and its scope. Raises Refusal UNAUTHENTICATED,
        TOO_MANY_REQUESTS, and what `Guard.authenticate` does.
        """
        by, guard = EVERYBODY, self._guard
        if guard is not None:
            credential = header("X-Authorization") or header("Authorization") or ""
            if ticket is not None and not credential:
                by = await self._proven(partial(guard.holder, *ticket), address)
            else:
                by = guard.known(credential) or await self._proven(
                    partial(guard.authenticate, credential), address
                )
        if counts and self._buckets is not None:
            self._buckets.draw(f"key {by.id}" if by.id else client_at(address))
        return by

    def count(self, address: str) -> None:
        """A request that nobody has to be known for. Raises Refusal TOO_MANY_REQUESTS."""
        if self._buckets is not None:
            self._buckets.draw(client_at(address))

    def turned_away(self, by: Principal, refused: Refusal) -> None:
        """Notes what somebody who was let in may not do."""
        if self._guard is not None:
            self._guard.refusals.note(refused.code, by.name)

    async def _proven(self, proof: Callable[[], Awaitable[Principal]], address: str) -> Principal:
        self.count(address)
        guessed = False
        try:
            return await proof()
        except Refusal as refusal:
            guessed = refusal.code in _GUESSES
            raise
        finally:
            if self._buckets is not None and not guessed:
                self._buckets.put_back(client_at(address))


@lru_cache(maxsize=_ADDRESSES_KEPT)
def client_at(address: str) -> str:
    """How somebody is counted of whom only the address is known, or what else a wire calls them."""
    try:
        found = ip_address(address)
    except ValueError:
        return f"address {address}"
    if isinstance(found, IPv6Address):
        mapped = found.ipv4_mapped
        found = mapped or IPv6Address(int(found) >> _HOST_BITS << _HOST_BITS)
    return f"address {found}"
