"""One connection to the broker: nats-py's client, with two short cuts for hot loops.

A lane hands messages over synchronously and unparsed (about 2 us a message instead of 7), `send`
queues a ready protocol line for the next write (1 us instead of 10). Both reach into nats-py;
`tests/broker/test_connection.py` plays them against a real server, so a new version that breaks
them shows at once.
"""

import asyncio
import logging
import re
from collections.abc import Callable
from typing import Any

from nats.aio.client import Client
from nats.aio.subscription import Subscription

from firmus.broker.access import AccessError, Servers, access_to

OLDEST_SERVER = (2, 14)
RECONNECT_WAIT_S = 0.1
CONNECT_TIMEOUT_S = 2
PING_INTERVAL_S = 10
FLUSH_TIMEOUT_S = 10
PENDING_MAX_BYTES = 64 * 1024 * 1024
SLOW_BYTES = 64 * 1024

_log = logging.getLogger(__name__)

Lane = Callable[[bytes, bytes, bytes, bytes | None], None]
"""Takes a message: subject, reply subject, payload, header block (with its first line) or None."""


class BrokerUnavailable(Exception):
    """No server answered at the address given."""


class BrokerUnsuitable(Exception):
    """The broker answers, but firmus cannot work with it as it is; the message says why."""


class Connection(Client):
    """A nats-py client that knows lanes, and tells who asks when the connection is lost."""

    def __init__(self) -> None:
        super().__init__()
        self._lanes: dict[int, Lane] = {}
        self._writes_soon = False
        self._loss_listeners: list[Callable[[], None]] = []
        self.trouble = ""
        """What went wrong last, in the words of whoever said it."""

    async def open_lane(self, subject: str, lane: Lane, *, queue: str = "") -> Subscription:
        """Subscribes `lane` to a subject; survives reconnects. `close_lane` ends it. Of the lanes
        of one `queue` each message reaches one.
        """
        subscription: Subscription = await self.subscribe(subject, queue=queue, cb=_never_called)
        self._lanes[subscription._id] = lane  # noqa: SLF001 - nats-py shows it nowhere else
        return subscription

    async def close_lane(self, subscription: Subscription) -> None:
        self._lanes.pop(subscription._id, None)  # noqa: SLF001 - as above
        if not self.is_closed and not self.is_draining:
            await subscription.unsubscribe()

    def on_loss(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Calls `listener` at every loss of the connection; returns what stops that."""
        self._loss_listeners.append(listener)
        return lambda: self._loss_listeners.remove(listener)

    def send(self, line: bytes) -> None:
        """Queues a whole protocol line (with its payload); all of a loop tick are written at once.

        Nothing is checked: the caller vouches for subject, sizes and for being connected.
        """
        self._pending.append(line)
        self._pending_data_size += len(line)
        if not self._writes_soon:
            self._writes_soon = True
            asyncio.get_running_loop().call_soon(self._write_pending)

    async def flush(self, timeout: int = FLUSH_TIMEOUT_S) -> None:  # noqa: ASYNC109 - as nats-py has it
        """Returns once the server has seen all that was sent. The ping by which nats-py finds out
        would overtake what still waits to be written.
        """
        self._write_pending(also_slowly=True)
        await super().flush(timeout)

    def _write_pending(self, *, also_slowly: bool = False) -> None:
        """Writes at once where nats-py wakes a task for it; that task has what is slow to go."""
        self._writes_soon = False
        writer = getattr(self._transport, "_io_writer", None)
        queue = self._flush_queue
        if not self._pending or queue is None or writer is None or not self.is_connected:
            return
        if not also_slowly and writer.transport.get_write_buffer_size() > SLOW_BYTES:
            if queue.empty():
                queue.put_nowait(asyncio.get_running_loop().create_future())
            return
        pending, self._pending, self._pending_data_size = self._pending, [], 0
        writer.transport.writelines(pending)

    async def connected(self, within_s: float) -> bool:
        """Waits for the connection to be there; False when the time has passed or it is closed."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_s
        while not self.is_connected:
            if self.is_closed or loop.time() >= deadline:
                return False
            await asyncio.sleep(0.01)
        return True

    async def _process_msg(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: Any
    ) -> None:
        lane = self._lanes.get(sid)
        if lane is None:
            await super()._process_msg(sid, subject, reply, data, headers)
            return
        try:
            lane(subject, reply, data, headers)
        except Exception:  # noqa: BLE001 - it would end the read loop of the whole connection
            _log.exception("a message on %r could not be handled", subject)

    async def _failed(self, error: Exception) -> None:
        said = str(error) or repr(error)
        # A server that has said why it does not let us in closes the connection after that.
        if not (self.trouble and isinstance(error, OSError)):
            self.trouble = said
        denied = "permissions violation" in said.lower()
        _log.log(logging.WARNING if denied else logging.DEBUG, "broker connection: %r", error)

    async def _lost(self) -> None:
        for listener in list(self._loss_listeners):
            listener()


async def _never_called(_: Any) -> None:
    raise AssertionError("a lane's messages do not pass through nats-py's queue")


async def connect(servers: Servers, *, name: str, within_s: float = 10.0) -> Connection:
    """A connection that reconnects for ever. A URL may hold credentials and several addresses.

    Raises BrokerUnavailable when nothing answers within `within_s`, or no server lets us in;
    BrokerUnsuitable when the server is too old, or our certificates cannot be used.
    """
    access = access_to(servers)
    try:
        options = access.options()
    except AccessError as problem:
        raise BrokerUnsuitable(str(problem)) from None
    connection = Connection()
    try:
        async with asyncio.timeout(within_s):
            await connection.connect(
                servers=access.servers,
                name=name,
                **options,
                allow_reconnect=True,
                max_reconnect_attempts=-1,
                reconnect_time_wait=RECONNECT_WAIT_S,  # type: ignore[arg-type] # fractions work
                connect_timeout=CONNECT_TIMEOUT_S,
                ping_interval=PING_INTERVAL_S,
                max_outstanding_pings=2,
                pending_size=PENDING_MAX_BYTES,
                error_cb=connection._failed,  # noqa: SLF001 - as below
                disconnected_cb=connection._lost,  # noqa: SLF001 - the class stands above
            )
    except TimeoutError:
        await connection.close()
        why = connection.trouble
        said = f"no NATS server answers at {access.shown()}"
        raise BrokerUnavailable(f"{said}: {why}" if why else said) from None
    try:
        require_version(connection.connected_server_version._server_version)  # noqa: SLF001 - whole text
    except BrokerUnsuitable:
        await connection.close()
        raise
    return connection


def require_version(version: str) -> None:
    """Raises BrokerUnsuitable for a server older than OLDEST_SERVER."""
    match = re.match(r"v?(\d+)\.(\d+)", version)
    found = (int(match[1]), int(match[2])) if match else (0, 0)
    if found < OLDEST_SERVER:
        wanted = ".".join(map(str, OLDEST_SERVER))
        raise BrokerUnsuitable(f"nats-server {version} is too old: firmus needs {wanted} or newer")
