"""The nats-server that `firmus up` runs: its configuration, its start, its stop, its orphans."""

import asyncio
import contextlib
import shutil
import socket
from pathlib import Path
from typing import Literal

import msgspec
from nats.aio.client import Client
from nats.errors import Error as NatsError

from firmus.embedded.datadir import DataDir
from firmus.embedded.nats_binary import find_binary, version_of
from firmus.embedded.processes import (
    ProcessRecord,
    end,
    end_child,
    identify,
    runs,
    wait_gone,
)

Durability = Literal["process", "power"]

HOST = "127.0.0.1"
USUAL_PORT = 4222
MAX_PAYLOAD_BYTES = 8 * 1024 * 1024
MEMORY_STORE_BYTES = 256 * 1024 * 1024
FILE_STORE_LEAST_BYTES = 1024 * 1024 * 1024
START_PATIENCE_S = 30.0
_ANSWER_S = 2.0
_NOTE = "run/nats.json"


class ServerFailedError(Exception):
    """The nats-server did not start; the message holds the end of its log."""


class ServerRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A server as written down in the data folder."""

    process: ProcessRecord
    port: int
    durability: str
    version: str

    @property
    def url(self) -> str:
        return f"nats://{HOST}:{self.port}"


class NatsServer:
    """One nats-server on loopback with its store in a data folder.

    `port` 0: the port of last time, else 4222, else any free one. It stays the same over restarts
    of this object, so that clients find the server again.
    """

    name = "nats-server"

    def __init__(
        self,
        directory: DataDir,
        *,
        port: int = 0,
        durability: Durability = "process",
        binary: str | None = None,
    ) -> None:
        self._directory = directory
        self._port = port
        self._durability = durability
        self._binary = find_binary(binary)
        self._version = version_of(self._binary)
        self._child: asyncio.subprocess.Process | None = None
        self._record: ServerRecord | None = None

    @property
    def url(self) -> str:
        return self._started.url

    @property
    def pid(self) -> int:
        return self._started.process.pid

    @property
    def adopted(self) -> bool:
        """Whether the server was already there, left behind by an earlier owner of the folder."""
        return self._record is not None and self._child is None

    async def start(self) -> None:
        """Returns when a client operation has succeeded. Raises ServerFailedError."""
        left = self._directory.read(_NOTE, ServerRecord)
        if left is not None and runs(left.process):
            if self._suits(left) and await _answers(left.url):
                self._record, self._port = left, left.port
                return
            await end(left.process)
        await self._launch(self._choose_port(left))

    async def wait(self) -> int | None:
        """Returns when the server has ended: its exit code, None when it was not our child."""
        if self._child is not None:
            return await self._child.wait()
        await wait_gone(self._started.process)
        return None

    async def stop(self) -> None:
        """Ends the server and forgets it. Harmless when there is none."""
        if self._child is not None:
            await end_child(self._child)
        elif self._record is not None:
            await end(self._record.process)
        self._child = None
        self._directory.forget(_NOTE)

    @property
    def _started(self) -> ServerRecord:
        if self._record is None:
            raise RuntimeError("the nats-server was not started")
        return self._record

    def _suits(self, left: ServerRecord) -> bool:
        wanted = (self._durability, self._version)
        return (left.durability, left.version) == wanted and self._port in {0, left.port}

    def _choose_port(self, left: ServerRecord | None) -> int:
        if self._port:
            return self._port
        last = self._directory.read("run/nats-port", int)
        candidates = [left.port if left else last, USUAL_PORT]
        return next((port for port in candidates if port and port_is_free(HOST, port)), -1)

    async def _launch(self, port: int) -> None:
        run = self._directory.run
        for stale in run.glob("*.ports"):
            stale.unlink()
        config = run / "nats.conf"
        config.write_text(configuration(self._directory.path, port, self._durability))
        log = self._directory.path / "nats.log"
        with log.open("ab") as output:
            logged_before = output.tell()
            child = await asyncio.create_subprocess_exec(
                str(self._binary),
                "-c",
                str(config),
                "--ports_file_dir",
                str(run),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            async with asyncio.timeout(START_PATIENCE_S):
                await self._note(child, run)
                while not await _answers(self.url):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.02)
        except (ServerFailedError, TimeoutError) as error:
            await end_child(child)
            said = log.read_bytes()[logged_before:].decode(errors="replace").strip()
            raise ServerFailedError(
                f"nats-server did not start ({error}):\n{said[-2000:]}"
            ) from None
        except BaseException:
            await end_child(child)
            raise

    async def _note(self, child: asyncio.subprocess.Process, run: Path) -> None:
        ports_file = run / f"nats-server_{child.pid}.ports"
        while (port := _port_in(ports_file)) is None:
            if child.returncode is not None:
                raise ServerFailedError(f"exit code {child.returncode}")
            await asyncio.sleep(0.005)
        process = identify(child.pid)
        if process is None:
            raise ServerFailedError("it ended at once")
        self._child, self._port = child, port
        self._record = ServerRecord(
            process=process, port=port, durability=self._durability, version=self._version
        )
        self._directory.write(_NOTE, self._record)
        self._directory.write("run/nats-port", port)


def configuration(path: Path, port: int, durability: Durability) -> str:
    """The text of nats.conf. Power-loss safe means that every append is synced to disk."""
    store = path / "jetstream"
    store.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(store).free
    held = sum(file.stat().st_size for file in store.rglob("*") if file.is_file())
    limit = max(int((free + held) * 0.8), FILE_STORE_LEAST_BYTES)
    sync = "always" if durability == "power" else '"2m"'
    return f"""\
# Written by firmus at every start.
server_name: firmus
listen: "{HOST}:{port}"
max_payload: {MAX_PAYLOAD_BYTES}
jetstream {{
  store_dir: {msgspec.json.encode(str(store)).decode()}
  sync_interval: {sync}
  max_file_store: {limit}
  max_memory_store: {MEMORY_STORE_BYTES}
}}
"""


def port_is_free(host: str, port: int) -> bool:
    """Whether a listener may be opened there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


class _Ports(msgspec.Struct):
    nats: list[str] = []


def _port_in(ports_file: Path) -> int | None:
    """The client port that the server wrote; None while the file is not there or not whole."""
    try:
        ports = msgspec.json.decode(ports_file.read_bytes(), type=_Ports)
    except (OSError, msgspec.MsgspecError):
        return None
    return int(ports.nats[0].rpartition(":")[2]) if ports.nats else None


async def _answers(url: str) -> bool:
    """Whether JetStream answers a client there, soon."""
    client = Client()
    try:
        async with asyncio.timeout(_ANSWER_S):
            await client.connect(url, allow_reconnect=False, error_cb=_quiet)
            await client.jetstream(timeout=_ANSWER_S).account_info()
    except (NatsError, OSError, TimeoutError):
        return False
    finally:
        with contextlib.suppress(NatsError, OSError):
            await client.close()
    return True


async def _quiet(_error: Exception) -> None:
    """Refused attempts are expected until the server is up."""
