"""One call over gRPC: what it says beside its message, and who makes it."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from google.protobuf.message import Message

from firmus.edge.asking import CommandIds, Said
from firmus.edge.headers import actor_of, key_of, trace_of
from firmus.security.grants import EVERYBODY, READ, Principal, allows

Send: TypeAlias = Callable[[Message], Awaitable[None]]
"""Puts one message of a stream on the wire; waits while the client does not take any."""


class Call:
    """`metadata` is what came with the call; its names are in lower case. `by`: who makes it.
    `told`: what goes with the answer.
    """

    def __init__(self, metadata: Any, command_ids: CommandIds) -> None:
        self.by: Principal = EVERYBODY
        self._metadata = metadata or ()
        self._command_ids = command_ids
        self.told: list[tuple[str, str]] = []

    def header(self, name: str) -> str | None:
        """The text under a name, in any case; the first one when it is repeated."""
        wanted = name.lower()
        for key, value in self._metadata:
            if key == wanted:
                return value if isinstance(value, str) else None
        return None

    def tell(self, name: str, value: str) -> None:
        """Something that goes with the answer, as metadata behind it."""
        self.told.append((name, value))

    @property
    def actor(self) -> str:
        """Who makes the call, as the history calls them. Raises Refusal INVALID."""
        return actor_of(self.header, self.by)

    def may_read(self, name: str) -> bool:
        """Whether a definition of this name, and what belongs to it, may be shown in a list."""
        return allows(self.by, READ, name)

    def said(self, *scope: str) -> Said:
        """For the command of this call, which does `scope`: what is done to whom."""
        return self._said(self._command_ids.within(key_of(self.header), *scope))

    def fresh(self) -> Said:
        """For a command whose repetition is told by other means."""
        return self._said(self._command_ids.fresh())

    def _said(self, command_id: str) -> Said:
        return Said(command_id, trace_of(self.header), self.actor, self.by)
