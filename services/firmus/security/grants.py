"""Roles on names of definitions, and the one decision: may they do this?

A grant is a role and a pattern of names: `execute` on `orders_*`. Names are those of workflows,
task types, schemas and event handlers alike. `admin` includes `execute`, which includes `read`.
"""

import re
from typing import Literal, TypeAlias

import msgspec

from firmus_contracts.errors import Refusal

Role: TypeAlias = Literal["read", "execute", "admin"]
READ: Role = "read"
EXECUTE: Role = "execute"
ADMIN: Role = "admin"
EVERYTHING = "*"

_RANK: dict[str, int] = {READ: 1, EXECUTE: 2, ADMIN: 3}
_PATTERN = re.compile(r"[^\x00-\x1f\x7f]{1,256}")
_STARS_MAX = 8
_GRANTS_MAX = 100


class Grant(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """In `names` a `*` stands for any characters; everything else is meant as it is written."""

    role: Role
    names: str = EVERYTHING


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who was recognised. `id` is that of the key, or `oidc:` and the subject; `name` is
    what the history calls them.
    """

    id: str
    name: str
    grants: tuple[Grant, ...]


EVERYBODY = Principal(id="", name="", grants=(Grant(ADMIN),))
"""Whoever asks while security is off: may do everything and has no name."""


def allows(principal: Principal, role: Role, name: str) -> bool:
    """Whether they have this role, or one that includes it, on a definition of this name."""
    wanted = _RANK[role]
    return any(
        _RANK[grant.role] >= wanted and (grant.names == EVERYTHING or matches(grant.names, name))
        for grant in principal.grants
    )


def allows_everywhere(principal: Principal, role: Role) -> bool:
    """Whether they have the role whatever the name, which things without a name ask for."""
    wanted = _RANK[role]
    return any(_RANK[each.role] >= wanted and each.names == EVERYTHING for each in principal.grants)


def within(principal: Principal, role: Role) -> tuple[str, ...] | None:
    """The patterns of the names on which they have a role; None for all names."""
    if allows_everywhere(principal, role):
        return None
    wanted = _RANK[role]
    return tuple(dict.fromkeys(g.names for g in principal.grants if _RANK[g.role] >= wanted))


def matches(pattern: str, name: str) -> bool:
    """Whether a name fits a pattern. Takes time in proportion to both, whatever they are."""
    if "*" not in pattern:
        return pattern == name
    first, *middle, last = pattern.split("*")
    at, end = len(first), len(name) - len(last)
    if end < at or not name.startswith(first) or not name.endswith(last):
        return False
    for part in middle:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def require(principal: Principal, role: Role, name: str) -> None:
    """Raises Refusal FORBIDDEN."""
    if not allows(principal, role, name):
        raise forbidden(principal, role, f"'{name}'")


def require_everywhere(principal: Principal, role: Role) -> None:
    """Raises Refusal FORBIDDEN."""
    if not allows_everywhere(principal, role):
        raise forbidden(principal, role, "all names (*)")


def require_somewhere(principal: Principal, role: Role) -> None:
    """Raises Refusal FORBIDDEN for who has the role on no name at all."""
    if within(principal, role) == ():
        raise forbidden(principal, role, "some name")


def forbidden(principal: Principal, role: Role, on: str) -> Refusal:
    return Refusal("FORBIDDEN", f"{principal.name} needs the role {role} on {on}")


def checked_grants(grants: tuple[Grant, ...]) -> tuple[Grant, ...]:
    """The grants themselves. Raises Refusal INVALID for some that cannot be meant."""
    if not grants or len(grants) > _GRANTS_MAX:
        raise Refusal("INVALID", f"grants: between 1 and {_GRANTS_MAX} of them")
    for grant in grants:
        if not _PATTERN.fullmatch(grant.names) or grant.names.count("*") > _STARS_MAX:
            raise Refusal(
                "INVALID",
                f"grants: a pattern of names has 1..256 printable characters and at most"
                f" {_STARS_MAX} stars, not {grant.names!r}",
            )
    return grants


def parse_grant(text: str) -> Grant:
    """`execute`, or `execute:orders_*`. Raises Refusal INVALID."""
    role, _, names = text.partition(":")
    if role not in _RANK:
        raise Refusal("INVALID", f"{text!r}: a role is one of {', '.join(_RANK)}")
    return checked_grants((msgspec.convert({"role": role, "names": names or "*"}, Grant),))[0]
