"""Tokens of an OIDC provider, against one on loopback."""

import asyncio
import json
import time
from base64 import urlsafe_b64encode

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from firmus.clock import FixedClock
from firmus.ports import Unavailable
from firmus.security.claims import Expected
from firmus.security.grants import Grant
from firmus.security.guard import Guard
from firmus.security.oidc import COOLDOWN_S, MAX_AGE_S, Issuer
from firmus.security.store import memory_keys
from firmus_contracts.errors import Refusal
from tests.security.provider import EC, ED, OTHER_RSA, RSA, Provider, published


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(time.time_ns() // 1_000_000)


@pytest.fixture
async def provider():
    async with Provider().running() as provider:
        yield provider


@pytest.fixture
async def issuer(provider, clock):
    issuer = Issuer(Expected(issuer=provider.issuer, audience="firmus"), clock)
    yield issuer
    await issuer.close()


async def refused(issuer: Issuer, token: str) -> tuple[str, str]:
    with pytest.raises(Refusal) as told:
        await issuer.principal(token)
    return told.value.code, told.value.message


async def test_a_token_of_the_provider_names_somebody_and_their_grants(provider, issuer):
    token = provider.token(roles=["firmus:execute:orders_*", "boss"])
    principal, until_ms = await issuer.principal(token)
    assert (principal.id, principal.name) == ("oidc:u-1", "u-1")
    assert principal.grants == (Grant("execute", "orders_*"),)
    assert until_ms > time.time() * 1000
    await issuer.principal(provider.token(sub="u-2"))
    assert provider.asked == 1


@pytest.mark.parametrize(
    ("key", "algorithm"), [(RSA, "RS256"), (EC, "ES256"), (ED, "EdDSA")], ids=str
)
async def test_public_keys_of_each_kind_count(provider, issuer, key, algorithm):
    provider.keys = [published(key, "k", algorithm)]
    assert await issuer.principal(provider.token(key, algorithm, kid="k"))


async def test_a_key_that_names_no_algorithm_counts_for_those_of_its_kind(provider, issuer):
    provider.keys = [
        {k: v for k, v in published(RSA, "one", "RS256").items() if k not in ("alg", "use")}
    ]
    for algorithm in ("RS256", "RS512", "PS256"):
        assert await issuer.principal(provider.token(RSA, algorithm))
    assert (await refused(issuer, provider.token(EC, "ES256")))[0] == "INVALID_TOKEN"


async def test_no_signature_and_one_with_a_public_key_as_the_secret_do_not_count(provider, issuer):
    public = RSA.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    part = urlsafe_b64encode(public).rstrip(b"=").decode()
    header, claims, signature = provider.token().split(".")
    unsigned = jwt.encode({"iss": provider.issuer}, None, "none", headers={"kid": "one"})
    shared = jwt.encode({"iss": provider.issuer}, part, "HS256", headers={"kid": "one"})
    tampered = f"{header}.{claims[:-2]}AA.{signature}"
    for token in (unsigned, shared, tampered, f"{header}.{claims}.", "a.b.c"):
        assert (await refused(issuer, token))[0] == "INVALID_TOKEN"
    assert (await refused(issuer, provider.token(OTHER_RSA)))[1].endswith("its signature is wrong")
    assert (await refused(issuer, provider.token(RSA, "RS512")))[1].endswith("not for RS512")


@pytest.mark.parametrize(
    "header", [{"alg": ["RS256"]}, {"alg": {}}, {"alg": None}, {}, {"alg": "RS256", "kid": []}, []]
)
async def test_a_head_that_is_none_is_refused_like_any_other_token(issuer, header):
    head = urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    assert (await refused(issuer, f"{head}.e30.AAAA"))[0] == "INVALID_TOKEN"


async def test_symmetric_and_encryption_keys_of_the_provider_do_not_count(provider, issuer):
    provider.keys = [
        {"kty": "oct", "kid": "one", "k": "c2VjcmV0"},
        published(RSA, "two", "RS256", use="enc"),
    ]
    assert (await refused(issuer, provider.token()))[0] == "INVALID_TOKEN"
    assert (await refused(issuer, provider.token(kid="two")))[0] == "INVALID_TOKEN"


async def test_a_new_key_is_fetched_when_a_token_names_it_and_not_at_every_token(
    provider, issuer, clock
):
    await issuer.principal(provider.token())
    for _ in range(3):
        assert (await refused(issuer, provider.token(OTHER_RSA, kid="two")))[0] == "INVALID_TOKEN"
    assert provider.asked == 1
    provider.keys = [published(OTHER_RSA, "two", "RS256")]
    clock.advance(COOLDOWN_S * 1000)
    before = issuer.position
    assert await issuer.principal(provider.token(OTHER_RSA, kid="two"))
    assert issuer.position > before
    assert (await refused(issuer, provider.token()))[0] == "INVALID_TOKEN"


async def test_many_tokens_at_once_fetch_the_keys_once(provider, issuer):
    await asyncio.gather(*(issuer.principal(provider.token(sub=str(n))) for n in range(20)))
    assert provider.asked == 1


async def test_keys_go_on_while_the_provider_is_away_and_unknown_ones_are_unavailable(
    provider, issuer, clock
):
    provider.down = True
    with pytest.raises(Unavailable, match="are not known"):
        await issuer.principal(provider.token())
    provider.down = False
    clock.advance(COOLDOWN_S * 1000)
    assert await issuer.principal(provider.token())
    provider.down = True
    clock.advance(MAX_AGE_S * 1000 + 1)
    later_s = clock.now_ms() // 1000
    assert await issuer.principal(provider.token(now_s=later_s))
    clock.advance(COOLDOWN_S * 1000)
    with pytest.raises(Unavailable):
        await issuer.principal(provider.token(OTHER_RSA, kid="two", now_s=later_s))
    assert await issuer.principal(provider.token(now_s=later_s))


async def test_old_keys_are_fetched_anew_beside_the_requests(provider, issuer, clock):
    await issuer.principal(provider.token())
    provider.keys = [published(OTHER_RSA, "two", "RS256")]
    clock.advance(MAX_AGE_S * 1000 + 1)
    later_s = clock.now_ms() // 1000
    assert await issuer.principal(provider.token(now_s=later_s))
    while issuer.position < 2:
        await asyncio.sleep(0.005)
    assert (await refused(issuer, provider.token(now_s=later_s)))[0] == "INVALID_TOKEN"


async def test_a_token_that_names_no_key_is_of_the_only_one(provider, issuer, clock):
    assert await issuer.principal(provider.token(kid=None))
    provider.keys.append(published(OTHER_RSA, "two", "RS256"))
    clock.advance(COOLDOWN_S * 1000)
    assert (await refused(issuer, provider.token(kid="three")))[0] == "INVALID_TOKEN"
    assert (await refused(issuer, provider.token(kid=None)))[0] == "INVALID_TOKEN"


async def test_a_provider_that_says_it_is_another_is_not_believed(provider, issuer):
    provider.claimed = "https://id.example/realm"
    with pytest.raises(Unavailable, match="another issuer"):
        await issuer.principal(provider.token())


async def test_the_guard_remembers_a_token_until_it_or_its_key_ends(provider, issuer, clock):
    guard = Guard(memory_keys(clock), clock, issuer=issuer)
    token = provider.token(roles=["firmus:read"])
    assert (await guard.authenticate(f"Bearer {token}")).grants == (Grant("read"),)
    assert (await guard.authenticate(token)).name == "u-1"
    assert guard.known(token) is not None
    provider.keys = [published(OTHER_RSA, "two", "RS256")]
    clock.advance(COOLDOWN_S * 1000)
    await guard.authenticate(provider.token(OTHER_RSA, kid="two", exp=int(time.time()) + 999))
    assert guard.known(token) is None
    with pytest.raises(Refusal) as told:
        await guard.authenticate(token)
    assert told.value.code == "INVALID_TOKEN"


async def test_an_expired_token_is_told_apart(provider, issuer, clock):
    token = provider.token()
    await issuer.principal(token)
    clock.advance(361_000)
    assert (await refused(issuer, token))[0] == "EXPIRED_TOKEN"
