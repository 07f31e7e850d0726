"""Time, trouble, and the stores and sinks beside the log."""

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec


class Unavailable(Exception):
    """A service did not answer in time; whether it acted is not known. Trying again is safe when
    the command id stays the same.
    """


class Clock(Protocol):
    def now_ms(self) -> int:
        """Wall-clock time, epoch milliseconds."""
        ...


class PayloadsPort(Protocol):
    """What clients uploaded for others to use: values by path (spec 1.10)."""

    async def put(self, path: str, data: bytes) -> None:
        """Stores bytes under a path; what was there before is replaced. Raises Unavailable."""
        ...

    async def get(self, path: str) -> bytes:
        """Raises KeyError when nothing was uploaded there, Unavailable."""
        ...


class Cached(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The output of the task or workflow `task_id`, kept for others that ask the same."""

    task_id: str
    output: dict[str, Any]


class CachePort(Protocol):
    """The cache of outputs. It may lose anything at any time; neither method ever raises
    because of it, and storing twice is harmless.
    """

    async def get(self, key: str) -> Cached | None: ...
    async def put(self, key: str, entry: Cached, ttl_s: int) -> None: ...


class SinksPort(Protocol):
    """Where messages of `onStateChange` leave the system."""

    async def send(self, sink: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Returns when the message is out. Raises Unavailable, after which the same call under the
        same `Nats-Msg-Id` is safe; ValueError for what is no sink.
        """
        ...
