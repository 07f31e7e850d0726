"""What a request over REST says of its command: its id, its trace, and who asks."""

from typing import Any

from firmus.edge import asking
from firmus.gateway.reading import Request, actor_of, trace_of
from firmus_contracts.errors import Refusal

_IDEMPOTENCY_HEADER = "Idempotency-Key"
_KEY_CHARS_MAX = 256


class CommandIds(asking.CommandIds):
    """The ids of commands that requests make."""

    def of(self, req: Request, *scope: str) -> str:
        """By the client's own key within `scope`, else a fresh one."""
        return self.within(header_key(req), *scope)


def header_key(req: Request) -> str | None:
    """The client's own idempotency key, if it sent one."""
    key = req.get_header(_IDEMPOTENCY_HEADER)
    if key is not None and len(key) > _KEY_CHARS_MAX:
        raise Refusal(
            "INVALID", f"{_IDEMPOTENCY_HEADER} is longer than {_KEY_CHARS_MAX} characters"
        )
    return key or None


def envelope(req: Request, command_id: str, workflow_id: str) -> dict[str, Any]:
    """The fields that all commands share."""
    return {
        "command_id": command_id,
        "workflow_id": workflow_id,
        "trace": trace_of(req),
        "actor": actor_of(req),
    }
