"""What clients of Conductor's family ask for and this server does not have: 501, and why.

Whole families of paths stand here by what they begin with; `docs/rest.md` tells the same to users.
Everything else that is not in the table of routes is a 404.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from firmus.gateway.reading import Request, Response
from firmus_contracts.errors import Refusal

_NO_AI: Final = "it runs no agents and calls no language models"
_NO_USERS: Final = (
    "it keeps no users; keys have roles (/api/keys), and people come from an OIDC provider"
)

_NO_EVENT_TAGS: Final = "event handlers have no tags and statistics; GET /api/event lists them"

FAMILIES: Final[dict[str, str]] = {
    "/api/files": "it stores no files; keep them in an object store and pass their addresses",
    "/api/agent": _NO_AI,
    "/api/skills": _NO_AI,
    "/api/providers": _NO_AI,
    "/api/a2a": _NO_AI,
    "/api/integrations": _NO_AI,
    "/api/prompts": _NO_AI,
    "/api/applications": _NO_USERS,
    "/api/auth": _NO_USERS,
    "/api/gateway": _NO_USERS,
    "/api/groups": _NO_USERS,
    "/api/roles": _NO_USERS,
    "/api/token/userInfo": _NO_USERS,
    "/api/users": _NO_USERS,
    "/api/metadata/tags/workflow": "`rateLimitConfig` of a workflow definition limits it",
    "/api/secrets": "secrets come from its environment and are neither shown nor changed",
    "/api/secrets-v2": "secrets come from its environment and are neither shown nor changed",
    "/api/event/queue": "event queues are named in event handlers, there is nothing to configure",
    "/api/event/handler": _NO_EVENT_TAGS,
    "/api/event/execution": "the log has what events led to, and its metrics count them",
    "/api/event/message": "the log has what events led to, and its metrics count them",
    "/api/event/{name}/tags": _NO_EVENT_TAGS,
    "/api/registry": "it keeps no registry of services; HTTP tasks name addresses",
    "/api/scheduler/test": "schedules keep no timeouts to test",
    "/context.js": "it serves no user interface",
}
"""Beginnings of paths, at the end of a segment, and why there is nothing below them."""


def refusals() -> Iterator[tuple[re.Pattern[str], Any]]:
    """(pattern of paths, handler) of each family; they count where no route matches."""
    for beginning, reason in FAMILIES.items():
        yield _pattern(beginning), _refusing(reason)


def reason_of(path: str) -> str | None:
    """Why nothing is there; None for a path of no family."""
    for beginning, reason in FAMILIES.items():
        if _pattern(beginning).match(path):
            return reason
    return None


@cache
def _pattern(beginning: str) -> re.Pattern[str]:
    """In a beginning `{name}` stands for one segment."""
    return re.compile(re.escape(beginning).replace(r"\{name\}", "[^/]+") + "(/|$)")


def _refusing(reason: str) -> Any:
    async def refuse(req: Request, _resp: Response, **_params: str) -> None:
        raise Refusal(
            "NOT_IMPLEMENTED", f"{req.method} {req.path} is not offered by this server: {reason}"
        )

    return refuse
