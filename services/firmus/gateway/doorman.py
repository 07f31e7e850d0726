"""Connections that take too long or too much: what uvicorn does not look after.

uvicorn ends connections that are idle after an answer. Here are those that send their request, or
take their answer, so slowly that nothing comes of it, heads without an end, and too many at once.
Nothing of it costs a request anything: all connections are looked at every few seconds.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeAlias

import msgspec

HEAD_BYTES_MAX = 64 * 1024
HEAD_WITHIN_S = 20.0
BODY_WITHIN_S = 120.0
STALLED_S = 60.0
LOOK_S = 5.0

Phase: TypeAlias = "tuple[str, int, int] | None"
"""What a connection is at (`head`, `body`, `answer`), which request of it, how far; None: nothing
that could take too long.
"""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """`connections_max`, `requests_max`: at once, 0 any number; requests that wait count too."""

    connections_max: int = 0
    requests_max: int = 0
    head_within_s: float = HEAD_WITHIN_S
    body_within_s: float = BODY_WITHIN_S
    stalled_s: float = STALLED_S


class Connection(Protocol):
    def phase(self) -> Phase: ...

    def give_up(self) -> None: ...


def answer(status: int, reason: str, code: str, message: str) -> bytes:
    """A whole answer in Conductor's form, for where no request was understood; the connection ends
    with it.
    """
    body = msgspec.json.encode(
        {"status": status, "message": message, "code": code, "retryable": status == 503}
    )
    head = (
        f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body


BAD_REQUEST = answer(400, "Bad Request", "INVALID", "The request is not HTTP")
HEAD_TOO_LARGE = answer(
    431,
    "Request Header Fields Too Large",
    "INVALID",
    f"The head of the request is larger than {HEAD_BYTES_MAX} bytes",
)
TOO_SLOW = answer(408, "Request Timeout", "INVALID", "The request did not come in time")
BROKEN = answer(500, "Internal Server Error", "INTERNAL", "Internal error; the log has more")
TOO_MANY = answer(503, "Service Unavailable", "UNAVAILABLE", "The server is busy: try again")


class Doorman:
    """Looks at all connections now and then, and ends those that are at one thing for too long."""

    def __init__(
        self,
        connections: Callable[[], Iterable[Any]],
        limits: Limits,
        clock: Callable[[], float],
    ) -> None:
        self._connections = connections
        self._limits = limits
        self._clock = clock
        self._since: dict[Connection, tuple[Phase, float]] = {}

    async def run(self) -> None:
        """Runs until it is cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.look()

    def look(self) -> None:
        now_s = self._clock()
        since: dict[Connection, tuple[Phase, float]] = {}
        for connection in list(self._connections()):
            phase = connection.phase()
            if phase is None:
                continue
            known, began_s = self._since.get(connection, (None, now_s))
            if known != phase:
                began_s = now_s
            if now_s - began_s >= self._within_s(phase[0]):
                connection.give_up()
            else:
                since[connection] = phase, began_s
        self._since = since

    def _within_s(self, what: str) -> float:
        limits = self._limits
        if what == "answer":
            return limits.stalled_s
        return limits.head_within_s if what == "head" else limits.body_within_s
