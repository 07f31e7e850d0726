"""How a process comes to its guard: from its settings, its variables and the keys in NATS."""

import pytest
from structlog.testing import capture_logs

from firmus.gatekeeping import gatekeeper
from firmus.node import opened
from firmus.security.grants import Grant
from firmus.settings import Settings
from tests.security.contract import READER
from tests.security.provider import Provider

pytestmark = pytest.mark.nats
SECRET = "a-secret-that-the-operator-has-set"


def settings(url: str, **more: bool) -> Settings:
    return Settings(nats_url=url, shards=1, **more)


async def test_without_security_there_is_no_guard(fresh_streams: str) -> None:
    async with opened(settings(fresh_streams), "gateway") as node, gatekeeper(node) as guard:
        assert guard is None


async def test_security_without_anybody_who_may_do_anything_is_told(fresh_streams: str) -> None:
    given = settings(fresh_streams, security=True)
    for expected in (["nobody_may_do_anything"], []):
        with capture_logs() as told:
            async with opened(given, "gateway") as node, gatekeeper(node) as guard:
                assert guard is not None
                await guard.keys.create("shop", READER)
        assert [line["event"] for line in told if line["log_level"] == "warning"] == expected


async def test_keys_of_the_store_and_of_the_settings_and_people_of_a_provider_count(
    fresh_streams: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Provider().running() as provider:
        for name, value in {
            "ADMIN_KEY": f"root:{SECRET}",
            "TOKEN_TTL_S": "60",
            "OIDC_ISSUER": provider.issuer,
            "OIDC_AUDIENCE": "firmus",
            "OIDC_ROLES_CLAIM": "realm_access.roles",
            "OIDC_NAME_CLAIM": "email",
        }.items():
            monkeypatch.setenv(f"FIRMUS_{name}", value)
        given = settings(fresh_streams, security=True)
        async with opened(given, "gateway") as node, gatekeeper(node) as guard:
            assert guard is not None
            root = await guard.authenticate(await guard.token("root", SECRET))
            assert root.grants == (Grant("admin"),)
            made = await guard.keys.create("shop", READER)
            shop = await guard.token(made.key_id, made.key_secret)
            assert (await guard.authenticate(shop)).name == "shop"
            roles = {"realm_access": {"roles": ["firmus:execute:orders_*"]}}
            person = await guard.authenticate(provider.token(email="ann@example.com", **roles))
            assert (person.name, person.grants) == (
                "ann@example.com",
                (Grant("execute", "orders_*"),),
            )
            assert b"firmus_not_let_in_total" in node.metrics.render()
        async with opened(given, "gateway") as node, gatekeeper(node) as again:
            assert again is not None
            assert (await again.authenticate(shop)).name == "shop"  # after a restart
            assert int(shop.split(".")[3]) - node.clock.now_ms() / 1000 <= 60
