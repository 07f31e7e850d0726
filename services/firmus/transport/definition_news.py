"""Hearing that definitions changed, for those who keep something worked out of them.

Every registration is a message of the DEFINITIONS stream's subjects, which anybody may hear. News
that come while the last are still being read count as one.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from nats.aio.subscription import Subscription

from firmus.broker.connection import Connection
from firmus.ports import Unavailable
from firmus.transport.queue_wire import Background, when_back
from firmus_contracts import subjects

AGAIN_AFTER_S = 1.0

_log = logging.getLogger(__name__)


class DefinitionNews:
    """Calls `read` after changes, and once more after a lost connection, until it succeeds."""

    def __init__(self, connection: Connection, read: Callable[[], Awaitable[None]]) -> None:
        self._connection = connection
        self._read = read
        self._lane: Subscription | None = None
        self._background = Background()
        self._reading = False
        self._again = False
        self._forget_loss: Callable[[], None] | None = None

    async def start(self) -> None:
        self._lane = await self._connection.open_lane(subjects.DEFINITIONS_SUBJECTS, self._on_news)
        self._forget_loss = self._connection.on_loss(self._on_loss)

    async def stop(self) -> None:
        if self._forget_loss is not None:
            self._forget_loss()
        if self._lane is not None:
            await self._connection.close_lane(self._lane)
            self._lane = None
        await self._background.cancel()

    def _on_news(self, subject: bytes, reply: bytes, data: bytes, header: object) -> None:
        del subject, reply, data, header
        self._changed()

    def _on_loss(self) -> None:
        self._background.start(when_back(self._connection, self._changed))

    def _changed(self) -> None:
        self._again = True
        if not self._reading:
            self._reading = True
            self._background.start(self._read_all())

    async def _read_all(self) -> None:
        try:
            while self._again:
                self._again = False
                try:
                    await self._read()
                except Unavailable as fault:
                    _log.warning("changed definitions cannot be read yet: %s", fault)
                    self._again = True
                    await asyncio.sleep(AGAIN_AFTER_S)
        finally:
            self._reading = False
