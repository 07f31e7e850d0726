"""Tokens of an OIDC provider over REST, and a provider that is away."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from firmus.clock import SystemClock
from firmus.gateway import service
from firmus.security.claims import Expected
from firmus.security.guard import Guard
from firmus.security.oidc import Issuer
from firmus.security.store import memory_keys
from tests.gateway.client import Api
from tests.gateway.ports import World
from tests.security.provider import Provider


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with Provider().running() as provider:
        yield provider


@pytest.fixture
async def api(provider: Provider, world: World) -> AsyncIterator[Api]:
    clock = SystemClock()
    expected = Expected(issuer=provider.issuer, audience="firmus", name_claim="email")
    issuer = Issuer(expected, clock)
    guard = Guard(memory_keys(clock), clock, issuer=issuer)
    listener = await service.start(world.ports(guard=guard), host="127.0.0.1", port=0)
    async with aiohttp.ClientSession() as session:
        yield Api(session, listener.port)
    await listener.close()
    await issuer.close()


def bearer(provider: Provider, *roles: str) -> dict[str, str]:
    token = provider.token(email="ann@example.com", roles=list(roles))
    return {"Authorization": f"Bearer {token}"}


async def test_a_bearer_token_lets_in_whoever_it_names(provider: Provider, api: Api) -> None:
    admin = bearer(provider, "firmus:admin:orders_*")
    tasks = [{"name": "ship", "taskReferenceName": "a"}]
    made = await api.put(
        "/metadata/workflow", [{"name": "orders_eu", "tasks": tasks}], headers={**admin}
    )
    assert made.body["bulkErrorResults"] == {}
    runs = bearer(provider, "firmus:execute:orders_*")
    started = await api.post("/workflow", {"name": "orders_eu"}, headers={**runs})
    found = await api.get(f"/workflow/{started.body}", headers={**runs})
    assert found.body["createdBy"] == "ann@example.com"
    assert (await api.get(f"/workflow/{started.body}", headers=bearer(provider))).status == 403


async def test_without_the_provider_nobody_new_is_recognised(provider: Provider, api: Api) -> None:
    provider.down = True
    answer = await api.get("/version", headers=bearer(provider, "firmus:read"))
    assert (answer.status, answer.body["code"], answer.body["retryable"]) == (
        503,
        "UNAVAILABLE",
        True,
    )
