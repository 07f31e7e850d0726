"""What the claims of an OIDC token say: whether it counts here, and who sends it."""

from typing import Any, TypeGuard

import msgspec

from firmus.security.grants import Grant, Principal, parse_grant
from firmus_contracts.errors import Refusal

LEEWAY_S = 60
"""How far the issuer's clock and ours may be apart."""

GRANT_PREFIX = "firmus:"
"""Before each grant in the claim of roles: what means something to others means nothing here."""

_GRANTS_MAX = 100
_NAME_CHARS_MAX = 256


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """Whose tokens count, and where in them to look. A claim's name may be a path with dots."""

    issuer: str
    audience: str
    roles_claim: str = "roles"
    name_claim: str = "sub"


def check(claims: dict[str, Any], expected: Expected, *, now_ms: int) -> int:
    """When the token ends, epoch milliseconds. Raises Refusal INVALID_TOKEN, EXPIRED_TOKEN."""
    now_s = now_ms / 1000
    if claims.get("iss") != expected.issuer:
        raise _invalid("it is another issuer's")
    audience = claims.get("aud")
    if expected.audience not in (audience if isinstance(audience, list) else [audience]):
        raise _invalid(f"it is not meant for {expected.audience}")
    if not _names(claims.get("sub")):
        raise _invalid("it has no subject that can be told")
    for name in ("nbf", "iat"):
        if name in claims and _time(claims, name) > now_s + LEEWAY_S:
            raise _invalid(f"it is from the future ({name})")
    ends_s = _time(claims, "exp") + LEEWAY_S
    if now_s >= ends_s:
        raise Refusal("EXPIRED_TOKEN", "The token has expired")
    return int(ends_s * 1000)


def principal_of(claims: dict[str, Any], expected: Expected) -> Principal:
    """Who sends it, and what they may do: nothing, when the claims grant nothing."""
    subject = claims["sub"]
    name = _claim(claims, expected.name_claim)
    said = name if _names(name) else subject
    return Principal(id=f"oidc:{subject}", name=said, grants=_grants(claims, expected.roles_claim))


def _names(found: object) -> TypeGuard[str]:
    """Whether something can stand in a history as somebody's name."""
    return isinstance(found, str) and 0 < len(found) <= _NAME_CHARS_MAX and found.isprintable()


def _grants(claims: dict[str, Any], where: str) -> tuple[Grant, ...]:
    """The values `firmus:<role>` and `firmus:<role>:<names>`, in a list or between blanks."""
    found = _claim(claims, where)
    given = found.split() if isinstance(found, str) else found
    grants = []
    for one in given if isinstance(given, list) else []:
        if isinstance(one, str) and one.startswith(GRANT_PREFIX):
            try:
                grants.append(parse_grant(one.removeprefix(GRANT_PREFIX)))
            except Refusal:
                continue  # a role that is not understood gives nothing
    return tuple(grants[:_GRANTS_MAX])


def _claim(claims: dict[str, Any], where: str) -> Any:
    """A claim by its name, which may hold dots itself, or by a path."""
    if where in claims:
        return claims[where]
    found: Any = claims
    for name in where.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _time(claims: dict[str, Any], name: str) -> float:
    found = claims.get(name)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise _invalid(f"{name} is no time")
    return float(found)


def _invalid(why: str) -> Refusal:
    return Refusal("INVALID_TOKEN", f"The token is not accepted: {why}")
