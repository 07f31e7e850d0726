"""One request on the short way, from its head to its answer."""

import asyncio
from collections.abc import Callable, Mapping, MutableSet

import structlog
from uvicorn.protocols.http.flow_control import FlowControl

from firmus.gateway.doorman import BROKEN
from firmus.gateway.express import Call, Express
from firmus.gateway.lean import LeanRequest, LeanResponse

_log = structlog.get_logger(__name__)


class Exchange:
    """Stands where uvicorn has a cycle of request and response, and is told the same: a part of
    the body has come, all of it, the client has left. `answer` writes a whole answer.
    """

    __slots__ = (
        "_answer",
        "_call",
        "_express",
        "_flow",
        "_headers",
        "_leave",
        "_running",
        "body",
        "disconnected",
        "keep_alive",
        "more_body",
        "peer",
        "response_complete",
    )

    def __init__(
        self,
        call: Call,
        headers: Mapping[bytes, bytes],
        *,
        express: Express,
        flow: FlowControl,
        keep_alive: bool,
        answer: Callable[["Exchange", bytes], None],
        peer: tuple[str, int] | None = None,
    ) -> None:
        self.peer = peer
        self.body = bytearray()
        self.more_body = True
        self.disconnected = False
        self.response_complete = False
        self.keep_alive = keep_alive
        self._call = call
        self._headers = headers
        self._express = express
        self._flow = flow
        self._answer = answer
        self._leave: Callable[[], None] | None = None
        self._running: MutableSet[asyncio.Task[None]] | None = None

    @property
    def message_event(self) -> "Exchange":
        """What uvicorn sets when something has happened."""
        return self

    def set(self) -> None:
        if self.disconnected:
            if self._leave is not None:
                self._leave()
        elif self._running is not None and not self.more_body:
            running, self._running = self._running, None
            running.add(asyncio.get_running_loop().create_task(self._run(running)))

    def begin(self, running: MutableSet[asyncio.Task[None]]) -> None:
        """It is this request's turn on its connection; it starts when all of it is here. While it
        runs its task is among those that are `running`.
        """
        self._running = running
        self.set()

    def on_gone(self, leave: Callable[[], None]) -> Callable[[], None]:
        self._leave = leave
        return self._stay

    def _stay(self) -> None:
        self._leave = None

    async def _run(self, running: MutableSet[asyncio.Task[None]]) -> None:
        """Whatever happens, the client hears of it."""
        try:
            whole = await self._answered()
        except BaseException as error:  # noqa: BLE001 - as uvicorn: also when it was cut off
            _log.error("request_failed", path=self._call.path, exc_info=error)
            self.keep_alive, whole = False, BROKEN
        finally:
            task = asyncio.current_task()
            assert task is not None
            running.discard(task)
        if not self.disconnected:
            self.response_complete = True
            self._answer(self, whole)

    async def _answered(self) -> bytes:
        """The whole answer, when the client can take it."""
        express, call = self._express, self._call
        body, options = bytes(self.body), express.options
        request = LeanRequest(call, self._headers, body, self, options)
        response = LeanResponse()
        succeeded = True
        try:
            await call.handler(request, response, **call.bound)
        except Exception as error:  # noqa: BLE001 - as Falcon: there is an answer to each
            succeeded = False
            await express.failed(request, response, error, call.bound)
        for after in express.after:
            await after(request, response, None, succeeded)
        data = response.data
        if data is not None and len(data) >= express.packed_from_bytes and express.pack is not None:
            await express.pack(request, response, None, succeeded)
        if self._flow.write_paused:
            await self._flow.drain()
        return response.written(keep_alive=self.keep_alive)
