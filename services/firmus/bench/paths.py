"""The two ways to drive a system: Conductor's REST API, and NATS with the client library.

Both tell when a workflow ended as their users would learn it: over REST by asking for its status,
over NATS by its public event.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from typing import Any, Protocol

import msgspec

from firmus.bench.http import Http, credential_lines
from firmus.broker.connection import connect
from firmus.console.outcome import CommandError
from firmus.worker import Client
from firmus_contracts.subjects import token

PROBES_AT_ONCE = 20
STARTS_AT_ONCE = 32
_ENDS = {b"completed": "COMPLETED", b"failed": "FAILED", b"terminated": "TERMINATED"}
_ENDS[b"timed_out"] = "TIMED_OUT"


class Path(Protocol):
    """`probe_s`: how long to wait before asking again, where an end has to be asked for."""

    name: str
    probe_s: float

    async def start(self, name: str, input_: dict[str, Any]) -> str:
        """The id of a workflow, once its start was accepted. Raises CommandError."""
        ...

    async def ended(self, workflow_id: str) -> str:
        """Its status after its end."""
        ...


class _Status(msgspec.Struct):
    status: str


_decode_status = msgspec.json.Decoder(_Status).decode


class RestPath:
    """Use `rest_path`. The workflows that are waited for are asked for in turn, oldest first."""

    name = "rest"

    def __init__(self, http: Http) -> None:
        self.probe_s = 0.05
        self._http = http
        self._open: dict[str, asyncio.Future[str]] = {}
        self._some = asyncio.Event()

    async def start(self, name: str, input_: dict[str, Any]) -> str:
        answer = await self._http.call("POST", f"/api/workflow/{name}", msgspec.json.encode(input_))
        if answer.status != 200:
            raise CommandError(f"start of {name}: {answer.status} {answer.body[:200]!r}")
        return answer.body.decode()

    async def ended(self, workflow_id: str) -> str:
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._open[workflow_id] = future
        self._some.set()
        return await future

    async def watch(self) -> None:
        """Asks, for ever, for what is waited for."""
        while True:
            await self._some.wait()
            ids = list(self._open)[:PROBES_AT_ONCE]
            found = await asyncio.gather(*map(self._status, ids))
            ended = [pair for pair in zip(ids, found, strict=True) if pair[1] not in _OPEN]
            for workflow_id, status in ended:
                self._open.pop(workflow_id).set_result(status)
            if not self._open:
                self._some.clear()
            elif not ended:
                await asyncio.sleep(self.probe_s)

    async def _status(self, workflow_id: str) -> str:
        answer = await self._http.call("GET", f"/api/workflow/{workflow_id}?includeTasks=false")
        return _decode_status(answer.body).status if answer.status == 200 else "RUNNING"


_OPEN = frozenset({"RUNNING", "PAUSED"})


@contextlib.asynccontextmanager
async def rest_path(url: str) -> AsyncIterator[RestPath]:
    http = Http(url, headers=credential_lines(os.environ))
    path = RestPath(http)
    watching = asyncio.create_task(path.watch())
    try:
        yield path
    finally:
        watching.cancel()
        http.close()


class NativePath:
    """Use `native_path`."""

    name = "native"
    probe_s = 0.0

    def __init__(self, client: Client) -> None:
        self._client = client
        self._starting = asyncio.Semaphore(STARTS_AT_ONCE)
        self._ended: dict[str, str] = {}
        self._waiting: dict[str, asyncio.Future[str]] = {}

    async def start(self, name: str, input_: dict[str, Any]) -> str:
        async with self._starting:
            return await self._client.start(name, input_)

    async def ended(self, workflow_id: str) -> str:
        status = self._ended.pop(workflow_id, None)
        if status is not None:
            return status
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting[workflow_id] = future
        return await future

    def on_event(self, subject: bytes, reply: bytes, data: bytes, header: bytes | None) -> None:
        del reply, data, header
        _, transition, _, workflow_id = subject.split(b".")
        status = _ENDS.get(transition)
        if status is None:
            return
        waiting = self._waiting.pop(workflow_id.decode(), None)
        if waiting is None:
            self._ended[workflow_id.decode()] = status
        else:
            waiting.set_result(status)


@contextlib.asynccontextmanager
async def native_path(url: str, names: list[str]) -> AsyncIterator[NativePath]:
    """Listens to the ends of workflows of these names."""
    connection = await connect(url, name="firmus bench")
    try:
        async with Client(url) as client:
            path = NativePath(client)
            for name in names:
                for end in _ENDS:
                    subject = f"workflow.{end.decode()}.{token(name)}.*"
                    await connection.open_lane(subject, path.on_event)
            await connection.flush()
            yield path
    finally:
        await connection.close()
