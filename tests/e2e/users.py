"""A nats-server with a user for each service, and the services on it, each as its own user."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from firmus import wiring
from firmus.broker.access import Access
from firmus.broker.permissions import Kind, configuration
from firmus.embedded.health import is_healthy
from firmus.settings import ROLES, Settings
from tests.nats_server import NatsServer, free_port

USERS: dict[str, Kind] = {
    "decider": "decider",
    "scheduler": "scheduler",
    "projection": "projection",
    "gateway": "gateway",
    "intake": "intake",
    "schedules": "schedules",
    "system-worker": "system-worker",
    "orders": "worker",
    "shop": "producer",
    "audit": "subscriber",
    "admin": "operator",
}
OUTSIDE = ("outside.>",)
LEASED = ("decider", "scheduler", "projection", "schedules")
"""Work under leases, so have a name of their own."""
PATIENCE_S = 60.0


def password(user: str) -> str:
    return f"secret of {user} #1"


def guarded_server(folder: Path, more: str = "") -> NatsServer:
    passwords = {user: password(user) for user in USERS}
    return NatsServer(folder, configuration(USERS, passwords, outside=OUTSIDE) + more)


def access(server: NatsServer, user: str, ca: str | None = None) -> Access:
    return Access(url=server.url, user=user, password=password(user), ca=ca)


def settings(server: NatsServer, role: str, folder: Path, port: int, **more: Any) -> Settings:
    return Settings(
        nats_url=server.url,
        nats_access=access(server, role, more.pop("ca", None)),
        declare_streams=role == "decider",
        instance="1" if role in LEASED else None,
        shards=2,
        port=port,
        data_dir=str(folder / "data"),
        **more,
    )


class Running(msgspec.Struct, frozen=True):
    url: str
    services: dict[str, "asyncio.Task[None]"]

    def check(self) -> None:
        """Raises what ended a service."""
        for task in self.services.values():
            if task.done():
                task.result()


@contextlib.asynccontextmanager
async def services_on(server: NatsServer, folder: Path, **more: Any) -> AsyncIterator[Running]:
    """All services in this loop, each with a connection of its own."""
    port = free_port()
    services = {
        role: asyncio.create_task(
            wiring.run_service(role, settings(server, role, folder, port, **more)), name=role
        )
        for role in ROLES
    }
    running = Running(f"http://127.0.0.1:{port}", services)
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not await is_healthy(running.url):
                running.check()
                await asyncio.sleep(0.05)
        yield running
    finally:
        for task in services.values():
            task.cancel()
        await asyncio.gather(*services.values(), return_exceptions=True)
