"""A gateway that asks who is there, and keys of people who may do this and that."""

from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from firmus.gateway import service
from firmus.gateway.manners import Manners
from firmus.security.grants import parse_grant
from firmus.security.guard import Guard
from firmus.security.store import NewKey, memory_keys
from tests.gateway.client import Answer, Api
from tests.gateway.ports import World


class Gate:
    """`world` behind a guard. Requests are sent as somebody who has the grants given."""

    def __init__(self, world: World, api: Api, guard: Guard) -> None:
        self.world = world
        self.api = api
        self.guard = guard
        self._made: dict[tuple[str, ...], NewKey] = {}

    async def key(self, *grants: str) -> NewKey:
        if grants not in self._made:
            name = " ".join(grants)
            self._made[grants] = await self.guard.keys.create(name, tuple(map(parse_grant, grants)))
        return self._made[grants]

    async def by(self, *grants: str) -> dict[str, str]:
        """The header of somebody with these grants."""
        key = await self.key(*grants)
        pair = b64encode(f"{key.key_id}:{key.key_secret}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}

    async def call(
        self, method: str, path: str, body: Any = None, *, by: str | tuple[str, ...], **query: Any
    ) -> Answer:
        grants = (by,) if isinstance(by, str) else by
        return await self.api.call(method, path, body, headers=await self.by(*grants), **query)

    async def register(self, name: str = "orders_eu") -> None:
        """A workflow with one task `a_0` of the type `ship`."""
        tasks = [{"name": "ship", "taskReferenceName": "a_0"}]
        made = await self.call(
            "PUT", "/metadata/workflow", [{"name": name, "tasks": tasks}], by="admin"
        )
        assert made.body["bulkErrorResults"] == {}, made.body


@asynccontextmanager
async def gated(manners: Manners | None = None) -> AsyncIterator[Gate]:
    world = World()
    guard = Guard(memory_keys(world.clock), world.clock)
    ports = world.ports(guard=guard)
    listener = await service.start(ports, host="127.0.0.1", port=0, manners=manners)
    try:
        async with aiohttp.ClientSession() as session:
            yield Gate(world, Api(session, listener.port), guard)
    finally:
        await listener.close()
