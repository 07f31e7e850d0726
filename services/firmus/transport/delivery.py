"""Begun tasks on their way to whoever asked for them, and back when nobody is there any more.

An answer names a reply subject of its own, to which nobody ever replies but the broker: it says at
once when no one listens where the answer went to. So the tasks asked for by a process that was
killed meanwhile go to the next poll, and do not wait for their response timeout. What reached a
process that dies before it has passed it on is not noticed.
"""

import asyncio
import itertools
from collections.abc import Sequence

import msgspec
from nats.aio.subscription import Subscription

from firmus.broker.connection import Connection
from firmus.broker.wire import status_of
from firmus.returning import Returns
from firmus.transport.queue_wire import Part, encode, send

PART_MAX_BYTES = 2 * 1024 * 1024
REFUSED_WITHIN_S = 2.0
"""The broker says so within a round trip; after that an answer counts as delivered."""


class Deliveries:
    """Sends tasks; `returns` takes those that reach nobody."""

    def __init__(self, connection: Connection, returns: Returns) -> None:
        self._connection = connection
        self._returns = returns
        self._inbox = f"{connection.new_inbox()}."
        self._serial = itertools.count(1)
        self._sent: dict[bytes, list[tuple[int, msgspec.Raw]]] = {}
        self._lane: Subscription | None = None

    async def start(self) -> None:
        self._lane = await self._connection.open_lane(f"{self._inbox}*", self._on_refused)

    async def stop(self) -> None:
        """What was sent just before still comes back when nobody is there."""
        if self._lane is not None:
            if self._connection.is_connected:
                await self._connection.flush()
            await self._connection.close_lane(self._lane)
            self._lane = None
        await self._returns.finish()

    def send(self, reply: str, found: Sequence[Sequence[msgspec.Raw]]) -> None:
        """Answers with the tasks found for each poller, in parts that fit into messages."""
        part: list[tuple[int, msgspec.Raw]] = []
        size = 0
        for index, tasks in enumerate(found):
            for task in tasks:
                if part and size + len(bytes(task)) > PART_MAX_BYTES:
                    self._send_part(reply, part, more=True)
                    part, size = [], 0
                part.append((index, task))
                size += len(bytes(task))
        self._send_part(reply, part, more=False)

    def _send_part(self, reply: str, part: list[tuple[int, msgspec.Raw]], *, more: bool) -> None:
        data = encode(Part(part, more=more))
        if not part:
            send(self._connection, reply, data)
            return
        token = b"%d" % next(self._serial)
        if not send(self._connection, reply, data, self._inbox + token.decode()):
            self._give_back(part)
            return
        self._sent[token] = part
        loop = asyncio.get_running_loop()
        loop.call_later(REFUSED_WITHIN_S, self._sent.pop, token, None)

    def _on_refused(self, subject: bytes, reply: bytes, data: bytes, header: bytes | None) -> None:
        del reply, data
        part = self._sent.pop(subject[len(self._inbox) :], None)
        if part is not None and status_of(header):
            self._give_back(part)

    def _give_back(self, part: list[tuple[int, msgspec.Raw]]) -> None:
        self._returns.give_back(task for _, task in part)
