"""An event loop with a NATS connection in a thread of its own, for code that is not async."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from eventsourcing.persistence import InterfaceError, OperationalError
from nats.aio.client import Client

from firmus.broker.access import Servers, access_to

T = TypeVar("T")


class NatsThread:
    """Connects when it is made; `close` ends the connection and the thread.

    Raises OperationalError when no server answers within `connect_timeout_s`.
    """

    def __init__(
        self, servers: Servers, *, connect_timeout_s: float = 10.0, **options: Any
    ) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="firmus-recorder", daemon=True
        )
        self._thread.start()
        self._closed = False
        try:
            self.nc: Client = self.run(_connect(servers, connect_timeout_s, options))
        except BaseException as fault:
            self._stop()
            if isinstance(fault, Exception):
                raise OperationalError(f"no connection to NATS: {fault!r}") from fault
            raise

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, done in the thread. Raises InterfaceError once it is closed."""
        if self._closed:
            work.close()
            raise InterfaceError("the recorder is closed")
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop).result()
        except concurrent.futures.CancelledError as fault:
            raise InterfaceError("the recorder was closed meanwhile") from fault

    def soon(self, event: asyncio.Event) -> None:
        """Sets an event that work in the thread waits for."""
        if not self._closed:
            self._loop.call_soon_threadsafe(event.set)

    def close(self) -> None:
        """Work that is still waiting ends with InterfaceError. Closing twice is harmless."""
        if not self._closed:
            self.run(_disconnect(self.nc))
            self._stop()

    def _stop(self) -> None:
        self._closed = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _connect(servers: Servers, timeout_s: float, options: dict[str, Any]) -> Client:
    access = access_to(servers)
    options = {"max_reconnect_attempts": -1, **access.options(), **options}
    nc = Client()
    try:
        async with asyncio.timeout(timeout_s):
            await nc.connect(access.servers, **options)
    except BaseException:
        await nc.close()
        raise
    return nc


async def _disconnect(nc: Client) -> None:
    await nc.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
