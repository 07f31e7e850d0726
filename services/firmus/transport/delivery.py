"""Begun tasks on their way to whoever asked for them, and back when they reach nobody.

An answer with tasks names a reply subject of its own. Who asked says there that it has passed them
on. Nobody there at all is said by the broker, at once; where no word comes, it is asked again a
little later whether anybody is there. So the tasks of a process that was killed go to the next
poll, and do not wait for their response timeout; those of one that is slow stay where they are.
"""

import asyncio
import contextlib
import itertools
from collections.abc import Sequence

import msgspec
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from firmus.broker.connection import Connection
from firmus.broker.wire import status_of
from firmus.returning import Returns
from firmus.transport.queue_wire import HAD, LOST, PROBE, Part, encode, send

PART_MAX_BYTES = 2 * 1024 * 1024
PROBE_EVERY_S = 1.0
PROBES_MAX = 10
"""After that a task is left to its response timeout."""
END_WITHIN_S = 2
"""The end does not wait longer for a broker or a decider that is away."""
TOLD_AFTER_S = 0.01
"""By then tasks are in the sockets of those who polled for them. Of a process that is killed before
it has told, they are offered once more, so this is short.
"""


class _Sent(msgspec.Struct, eq=False):
    reply: str
    tasks: list[tuple[int, msgspec.Raw]]
    probes: int = 0


class Deliveries:
    """Sends tasks; `returns` takes those that reach nobody."""

    def __init__(self, connection: Connection, returns: Returns) -> None:
        self._connection = connection
        self._returns = returns
        self._inbox = f"{connection.new_inbox()}."
        self._serial = itertools.count(1)
        self._fresh: dict[bytes, _Sent] = {}
        self._silent: dict[bytes, _Sent] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._lane: Subscription | None = None

    async def start(self) -> None:
        self._lane = await self._connection.open_lane(f"{self._inbox}*", self._on_word)

    async def stop(self) -> None:
        """What was sent just before still comes back when nobody is there."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._lane is not None:
            if self._connection.is_connected:
                with contextlib.suppress(NatsError, TimeoutError, OSError):
                    await self._connection.flush(END_WITHIN_S)
            await self._connection.close_lane(self._lane)
            self._lane = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_WITHIN_S):
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
        sent = _Sent(reply, part)
        if not send(self._connection, reply, data, self._inbox + token.decode()):
            self._give_back(sent)
            return
        self._fresh[token] = sent
        if self._timer is None:
            self._look_later()

    def _on_word(self, subject: bytes, reply: bytes, data: bytes, header: bytes | None) -> None:
        """That the tasks are there; or that nobody is, or that somebody is and has none."""
        del reply
        token = subject[len(self._inbox) :]
        sent = self._fresh.pop(token, None) or self._silent.pop(token, None)
        if sent is not None and (status_of(header) or data != HAD):
            self._give_back(sent)

    def _look_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(PROBE_EVERY_S, self._look)

    def _look(self) -> None:
        """Asks after what nobody has said a word of for a whole round."""
        self._timer = None
        for token, sent in list(self._silent.items()):
            sent.probes += 1
            if sent.probes > PROBES_MAX:
                del self._silent[token]
            else:
                send(self._connection, sent.reply, PROBE, self._inbox + token.decode())
        self._silent |= self._fresh
        self._fresh = {}
        if self._silent:
            self._look_later()

    def _give_back(self, sent: _Sent) -> None:
        self._returns.give_back(task for _, task in sent.tasks)


class Receipts:
    """The other end: says which answers were passed on, many at a time."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._untold: set[bytes] = set()
        self._timer: asyncio.TimerHandle | None = None

    def had(self, reply: bytes) -> None:
        """The tasks of an answer have come."""
        self._untold.add(reply)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TOLD_AFTER_S, self._tell)

    def probed(self, reply: bytes) -> None:
        """An answer is asked after: it never came, unless it is about to be told."""
        if reply not in self._untold:
            send(self._connection, reply.decode(), LOST)

    def stop(self) -> None:
        """Tells at once."""
        self._tell()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tell(self) -> None:
        self._timer = None
        untold, self._untold = self._untold, set()
        for reply in untold:
            if not send(self._connection, reply.decode(), HAD):
                self.had(reply)
