"""A whole firmus as processes: `firmus up`, or one process for each service on a real broker."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from firmus.console.outcome import CommandError
from firmus.console.rest import RestClient
from firmus.embedded.datadir import Address, read_address
from firmus.settings import ROLES
from tests.e2e.processes import Child, firmus, left_by, until
from tests.nats_server import NatsServer, free_port

START_ORDER = ROLES[::-1]
HOST = "127.0.0.1"


class System(msgspec.Struct, frozen=True, kw_only=True):
    """Where a running firmus is found. `data` holds the read model in `readmodel`."""

    url: str
    nats_url: str
    data: Path

    @property
    def api(self) -> str:
        return f"{self.url}/api"


class Services:
    """One process for each service; each keeps its name, port and folder over restarts."""

    def __init__(
        self,
        folder: Path,
        nats_url: str,
        *,
        roles: Sequence[str] = START_ORDER,
        flags: Sequence[str] = (),
    ) -> None:
        port = free_port()
        self.system = System(
            url=f"http://{HOST}:{port}", nats_url=nats_url, data=folder / "firmus-data"
        )
        given = ("--nats-url", nats_url, "--port", str(port), "--data-dir", str(self.system.data))
        self.children = {
            role: Child(
                role,
                firmus("serve", role, *given, "--instance", "e2e", *flags),
                folder / f"{role}.log",
            )
            for role in roles
        }

    def start(self) -> None:
        for child in self.children.values():
            child.start()

    def stop(self) -> None:
        with contextlib.ExitStack() as stack:
            for child in self.children.values():
                stack.callback(child.stop)

    def said(self) -> str:
        return "\n".join(f"--- {c.name}\n{c.said()[-3000:]}" for c in self.children.values())


def is_healthy(url: str) -> bool:
    try:
        return bool(RestClient(url).health().get("healthy"))
    except CommandError:
        return False


@contextlib.contextmanager
def running_up(folder: Path, *flags: str, **settings: str) -> Iterator[System]:
    """`firmus up` with its own nats-server on free ports; nothing of it is left afterwards.
    `settings` are variables.
    """
    data = folder / "data"
    ports = ("--port", str(free_port()), "--nats-port", str(free_port()))
    child = Child(
        "up",
        firmus("up", "--data-dir", str(data), *ports, *flags),
        folder / "up.log",
        {"FIRMUS_JDBC_SHOP": f"sqlite:///{folder / 'shop.db'}", **settings},
    )
    child.start()
    try:
        until("up.json", lambda: read_address(data) is not None or not child.runs)
        address = read_address(data)
        assert isinstance(address, Address), child.said()
        yield System(url=address.rest, nats_url=address.nats, data=data)
    finally:
        child.stop()
    assert left_by(data) == []


@contextlib.contextmanager
def running_services(folder: Path, nats_url: str, *flags: str) -> Iterator[Services]:
    """Every service as a process of its own."""
    services = Services(folder, nats_url, flags=flags)
    services.start()
    try:
        until("a healthy gateway", lambda: is_healthy(services.system.url))
        yield services
    except BaseException:
        print(services.said())
        raise
    finally:
        services.stop()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One `firmus up` for all tests that disturb nobody; they use names of their own."""
    with running_up(tmp_path_factory.mktemp("firmus"), "--log-level", "warning") as system:
        yield system


@contextlib.contextmanager
def running_alone(folder: Path) -> Iterator[Services]:
    """Every service as a process of its own, on a nats-server of their own."""
    server = NatsServer(folder)
    server.start()
    try:
        with running_services(folder, server.url) as running:
            yield running
    finally:
        server.stop()


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """For one test."""
    with running_alone(tmp_path) as running:
        yield running
