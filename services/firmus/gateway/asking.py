"""What a request over REST says of its command: its id, its trace, and who asks."""

from typing import Any

from firmus.edge import asking
from firmus.edge.headers import key_of
from firmus.gateway.reading import Request, actor_of, trace_of


class CommandIds(asking.CommandIds):
    """The ids of commands that requests make."""

    def of(self, req: Request, *scope: str) -> str:
        """By the client's own key within `scope`, else a fresh one."""
        return self.within(key_of(req.get_header), *scope)


def envelope(req: Request, command_id: str, workflow_id: str) -> dict[str, Any]:
    """The fields that all commands share."""
    return {
        "command_id": command_id,
        "workflow_id": workflow_id,
        "trace": trace_of(req),
        "actor": actor_of(req),
    }
