"""A way to a server that can be shut and opened again, connections and all."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress


class Gate:
    """`port` stays the same. Shut, it refuses; what had passed it is cut."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._server: asyncio.Server | None = None
        self._passing: set[asyncio.Task[None]] = set()
        self.port = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        writers = [writer]
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._to)
            writers.append(far_writer)
            one = asyncio.ensure_future(_copy(reader, far_writer))
            other = asyncio.ensure_future(_copy(far_reader, writer))
            try:
                await asyncio.wait((one, other), return_when=asyncio.FIRST_COMPLETED)
            finally:
                for copying in (one, other):
                    copying.cancel()
                await asyncio.gather(one, other, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._passing.discard(task)
            for each in writers:
                each.transport.abort()
                with suppress(OSError):
                    await each.wait_closed()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


@asynccontextmanager
async def gate_to(host: str, port: int) -> AsyncIterator[Gate]:
    gate = Gate(host, port)
    await gate.open()
    try:
        yield gate
    finally:
        await gate.shut()


class GateApart:
    """The same for tests that block their loop: it has a loop and a thread of its own."""

    def __init__(self, gate: Gate, loop: asyncio.AbstractEventLoop) -> None:
        self.port = gate.port
        self._gate = gate
        self._loop = loop

    def open(self) -> None:
        asyncio.run_coroutine_threadsafe(self._gate.open(), self._loop).result()

    def shut(self) -> None:
        asyncio.run_coroutine_threadsafe(self._gate.shut(), self._loop).result()


@contextmanager
def gate_apart(host: str, port: int) -> Iterator[GateApart]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        gate = Gate(host, port)
        asyncio.run_coroutine_threadsafe(gate.open(), loop).result()
        try:
            yield GateApart(gate, loop)
        finally:
            asyncio.run_coroutine_threadsafe(gate.shut(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
