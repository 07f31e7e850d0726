"""Hearing of queues that have work, by name, for who has to serve queues that nobody can list.

Schedulers say once when a queue gets work that nobody waits for; at the start and after a lost
connection all of them are asked to say it again.
"""

from collections.abc import Callable

from nats.aio.subscription import Subscription

from firmus.broker.connection import Connection
from firmus.transport.queue_wire import Background, send, when_back
from firmus_contracts import subjects


class QueueNews:
    """Calls `heard(task_type)` for queues without a domain."""

    def __init__(self, connection: Connection, heard: Callable[[str], None]) -> None:
        self._connection = connection
        self._heard = heard
        self._lane: Subscription | None = None
        self._background = Background()
        self._forget_loss: Callable[[], None] | None = None

    async def start(self) -> None:
        self._lane = await self._connection.open_lane(subjects.READY_ALL, self._on_ready)
        self._forget_loss = self._connection.on_loss(self._on_loss)
        self._ask()

    async def stop(self) -> None:
        if self._forget_loss is not None:
            self._forget_loss()
        if self._lane is not None:
            await self._connection.close_lane(self._lane)
            self._lane = None
        await self._background.cancel()

    def _ask(self) -> None:
        send(self._connection, subjects.ANNOUNCE, b"")

    def _on_loss(self) -> None:
        self._background.start(when_back(self._connection, self._ask))

    def _on_ready(self, subject: bytes, reply: bytes, data: bytes, header: object) -> None:
        del reply, data, header
        _, _, domain, task_type = subject.decode().split(".")
        if not subjects.untoken(domain):
            self._heard(subjects.untoken(task_type))
