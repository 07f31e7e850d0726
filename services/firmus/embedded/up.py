"""`firmus up`: the whole system from one command and one folder."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import structlog

from firmus.embedded.datadir import Address, DataDir, claimed
from firmus.embedded.health import is_healthy
from firmus.embedded.lifetime import stop_requests
from firmus.embedded.nats_server import NatsServer, port_is_free
from firmus.embedded.supervisor import ServiceProcess, Supervisor
from firmus.settings import ROLES, Settings, environment, is_loopback

log = structlog.get_logger(__name__)

HEALTHY_WITHIN_S = 60.0
STOP_WITHIN_S = 20.0
_OWNER = "up"
"""The instance of all services beside our own nats-server: the folder's lock makes it unique."""
Services = Callable[[Settings], Awaitable[None]]
"""Runs the services of the main process until cancelled."""


class StartFailedError(Exception):
    """The system did not come up; the message says what was missing."""


class MainServices:
    """The services that live in this process, as one restartable unit."""

    name = "services"

    def __init__(self, services: Services, settings: Settings) -> None:
        self._services = services
        self._settings = settings
        self._task: asyncio.Task[None] | None = None
        self.fault: BaseException | None = None

    async def start(self) -> None:
        self.fault = None
        self._task = asyncio.ensure_future(self._services(self._settings))

    async def wait(self) -> int | None:
        if self._task is None:
            return None
        await asyncio.wait((self._task,))
        self.fault = None if self._task.cancelled() else self._task.exception()
        if self.fault is not None:
            log.error("services stopped", exc_info=self.fault)
        return 1

    async def stop(self) -> None:
        if self._task is None:
            return
        self._task.cancel()
        _, late = await asyncio.wait((self._task,), timeout=STOP_WITHIN_S)
        if late:
            log.warning("services did not stop in time", seconds=STOP_WITHIN_S)
        elif not self._task.cancelled() and (fault := self._task.exception()) is not self.fault:
            log.error("services stopped badly", exc_info=fault)


async def run(settings: Settings, announce: Callable[[Address, DataDir], None]) -> None:
    """Runs everything until SIGINT or SIGTERM. `announce` is told once the system is healthy.

    Raises DirectoryInUseError, UnusableServerError, ServerFailedError, StartFailedError.
    """
    with stop_requests() as stop:
        async with running(settings, stop=stop) as (address, directory):
            if not stop.is_set():
                announce(address, directory)
                await stop.wait()
            log.info("stopping")


@contextlib.asynccontextmanager
async def running(
    settings: Settings,
    *,
    stop: asyncio.Event | None = None,
    services: Services | None = None,
) -> AsyncIterator[tuple[Address, DataDir]]:
    """The running system, for the time of an async with block; as `run` otherwise.

    Stops the services of this process first (as ROLES has them), then the others, then nats.
    """
    with claimed(Path(settings.data_dir)) as directory:
        settings = _with_port(settings)
        supervisor = Supervisor(_report_crash)
        try:
            if settings.nats_url is None:
                server = NatsServer(
                    directory,
                    port=settings.nats_port,
                    durability=settings.durability,
                    binary=settings.nats_server,
                )
                await supervisor.keep(server)
                settings = msgspec.structs.replace(
                    settings, nats_url=server.url, instance=settings.instance or _OWNER
                )
            main = await _start_services(supervisor, directory, settings, services)
            await _until_healthy(settings, main, stop or asyncio.Event())
            address = _address(settings, directory)
            directory.write("up.json", address)
            yield address, directory
        finally:
            directory.forget("up.json")
            for name in (MainServices.name, *ROLES, NatsServer.name):
                await supervisor.stop(name)


async def _start_services(
    supervisor: Supervisor, directory: DataDir, settings: Settings, services: Services | None
) -> MainServices | None:
    """Starts what belongs in other processes, then what belongs in this one."""
    apart = {"one": (), "two": ("projection",), "each": ROLES[::-1]}[settings.processes]
    for role in apart:
        await supervisor.keep(ServiceProcess(directory, role, environment(settings)))
    if settings.processes == "each":
        return None
    main = MainServices(services or _wired(), settings)
    await supervisor.keep(main)
    return main


def _wired() -> Services:
    from firmus.wiring import run_up  # noqa: PLC0415 - it imports every service

    return run_up


def _with_port(settings: Settings) -> Settings:
    if settings.port == 0:
        return msgspec.structs.replace(settings, port=_free_port(settings.host))
    if not port_is_free(settings.host, settings.port):
        raise StartFailedError(
            f"port {settings.port} of {settings.host} is taken: choose another with --port"
        )
    return settings


def _free_port(host: str) -> int:
    import socket  # noqa: PLC0415 - only when asked for any port

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


async def _until_healthy(
    settings: Settings, main: MainServices | None, stop: asyncio.Event
) -> None:
    url = rest_url(settings)
    deadline_s = asyncio.get_running_loop().time() + HEALTHY_WITHIN_S
    while not stop.is_set():
        if await is_healthy(url, asks_certificate=settings.tls_client_ca is not None):
            return
        if main is not None and main.fault is not None:
            raise StartFailedError(f"the services could not start: {main.fault}")
        if asyncio.get_running_loop().time() >= deadline_s:
            raise StartFailedError(f"{url}/health did not answer 200 in {HEALTHY_WITHIN_S:.0f} s")
        await asyncio.sleep(0.02)


def rest_url(settings: Settings) -> str:
    """The address under which this machine reaches the gateway."""
    scheme = "http" if settings.tls_cert is None else "https"
    return f"{scheme}://{_reached(settings, settings.port)}"


def _reached(settings: Settings, port: int) -> str:
    host = settings.host if is_loopback(settings.host) else "127.0.0.1"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _address(settings: Settings, directory: DataDir) -> Address:
    return Address(
        rest=rest_url(settings),
        nats=settings.nats_url or "",
        pid=os.getpid(),
        generation=directory.generation,
        grpc=_reached(settings, settings.grpc_port) if settings.grpc_port else None,
    )


def _report_crash(name: str, code: int | None, pause_s: float) -> None:
    log.warning("crashed, starting again", process=name, exit_code=code, in_s=pause_s)
