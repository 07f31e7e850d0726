"""Idempotency keys of a whole system, before and after it was killed (spec 4.13)."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from firmus.embedded.datadir import Address, read_address
from firmus.worker import Client
from firmus_contracts.errors import Refusal
from tests.e2e.processes import PATIENCE_S, Child, firmus, until
from tests.e2e.system import is_healthy
from tests.nats_server import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.nats]

MANY = 20
FLOW = {
    "name": "flow",
    "version": 1,
    "schemaVersion": 2,
    "ownerEmail": "a@example.com",
    "tasks": [{"name": "h", "taskReferenceName": "h", "type": "HUMAN"}],
}


class Up:
    """One `firmus up` at fixed places, started again after each kill."""

    def __init__(self, folder: Path) -> None:
        self._data = folder / "data"
        port = free_port()
        ports = ("--port", str(port), "--nats-port", str(free_port()))
        given = ("--data-dir", str(self._data), *ports, "--log-level", "warning")
        self.child = Child("up", firmus("up", *given), folder / "up.log")
        self.api = f"http://127.0.0.1:{port}/api"

    def start(self) -> Address:
        self.child.start()
        until("a healthy gateway", lambda: is_healthy(self.api.removesuffix("/api")))
        until("its address", lambda: read_address(self._data))
        address = read_address(self._data)
        assert address is not None, self.child.said()
        return address


async def rest_start(session: aiohttp.ClientSession, api: str, key: str, strategy: str) -> str:
    """The id, or the status of a refusal."""
    body = {"name": "flow", "idempotencyKey": key, "idempotencyStrategy": strategy}
    async with session.post(f"{api}/workflow", json=body) as answer:
        return await answer.text() if answer.status == 200 else str(answer.status)


async def native_start(client: Client, key: str, strategy: Any) -> str:
    try:
        return await client.start("flow", idempotency_key=key, idempotency_strategy=strategy)
    except Refusal as refused:
        return {"CONFLICT": "409"}.get(refused.code, refused.code)


Start = Callable[[str, str], Awaitable[str]]


async def race(address: Address, api: str, key: str, strategy: str) -> list[str]:
    """What twenty are answered who start at once, half of them over REST and half over NATS."""
    async with aiohttp.ClientSession() as session, Client(address.nats) as client:
        over_rest = [rest_start(session, api, key, strategy) for _ in range(MANY // 2)]
        native = [native_start(client, key, strategy) for _ in range(MANY // 2)]
        return sorted(await asyncio.gather(*over_rest, *native), key=len)


async def running(api: str) -> list[str]:
    """The ids, once searches are answered again: a projection that was killed held a lease."""
    url = f"{api}/workflow/running/flow"
    async with asyncio.timeout(PATIENCE_S), aiohttp.ClientSession() as session:
        while True:
            async with session.get(url) as answer:
                if answer.status != 503:
                    assert answer.status == 200, await answer.text()
                    found: list[str] = await answer.json()
                    return found
            await asyncio.sleep(0.1)


async def test_of_twenty_starters_one_comes_first_and_a_killed_system_remembers_it(
    tmp_path: Path,
) -> None:
    up = Up(tmp_path)
    try:
        address = up.start()
        async with aiohttp.ClientSession() as session:
            await session.post(f"{up.api}/metadata/workflow", json=FLOW)
        refusing = {s: await race(address, up.api, s, s) for s in ("FAIL", "FAIL_ON_RUNNING")}
        shared = await race(address, up.api, "R", "RETURN_EXISTING")
        for answers in refusing.values():
            assert answers[:-1] == ["409"] * (MANY - 1)
            assert len(answers[-1]) == len(shared[0]) == 36
        assert len(set(shared)) == 1
        up.child.kill()
        address = up.start()
        for strategy in refusing:
            assert set(await race(address, up.api, strategy, strategy)) == {"409"}
        assert await race(address, up.api, "R", "RETURN_EXISTING") == shared
        ids = {answers[-1] for answers in refusing.values()} | {shared[0]}
        assert set(await running(up.api)) == ids
    finally:
        up.child.stop()
