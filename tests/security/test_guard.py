"""Credentials become principals, or a refusal that tells a client what to do about it."""

from base64 import b64encode

import pytest

from firmus.security.grants import Grant, Principal
from firmus.security.guard import TICKET_TTL_S, Guard, configured_key
from firmus.security.store import memory_keys
from firmus_contracts.errors import Refusal
from tests.security.contract import ORDERS, READER

SECRET = "a-secret-of-the-operator-of-this-server"


@pytest.fixture
def keys(clock):
    return memory_keys(clock)


@pytest.fixture
def guard(keys, clock):
    return Guard(keys, clock, token_ttl_s=100)


def basic(key_id: str, secret: str) -> str:
    return "Basic " + b64encode(f"{key_id}:{secret}".encode()).decode()


async def code_of(guard: Guard, credential: str) -> str:
    with pytest.raises(Refusal) as refused:
        await guard.authenticate(credential)
    return refused.value.code


async def test_a_key_is_exchanged_for_a_token_in_either_header(guard, keys):
    made = await keys.create("billing", ORDERS)
    token = await guard.token(made.key_id, made.key_secret)
    expected = Principal(id=made.key_id, name="billing", grants=ORDERS)
    for credential in (token, f"Bearer {token}", f"bearer  {token}"):
        assert guard.known(credential) is None
        assert await guard.authenticate(credential) == expected
        assert guard.known(credential) == expected


async def test_a_key_itself_is_a_basic_credential(guard, keys):
    made = await keys.create("prometheus", READER)
    found = await guard.authenticate(basic(made.key_id, made.key_secret))
    assert found.name == "prometheus"
    await keys.revoke(made.key_id)
    assert guard.known(basic(made.key_id, made.key_secret)) is None
    assert await code_of(guard, basic(made.key_id, made.key_secret)) == "INVALID_CREDENTIALS"


async def test_an_expired_token_is_told_apart_also_when_it_was_known(guard, keys, clock):
    made = await keys.create("billing", READER)
    token = await guard.token(made.key_id, made.key_secret)
    await guard.authenticate(token)
    clock.advance(101_000)
    assert guard.known(token) is None
    assert await code_of(guard, token) == "EXPIRED_TOKEN"


async def test_a_wrong_secret_gets_no_token_and_no_reason_to_ask_again(guard, keys):
    """INVALID_TOKEN would send the official clients back here, for ever."""
    made = await keys.create("billing", READER)
    for key_id, secret in ((made.key_id, "x"), ("nobody", made.key_secret), ("", "")):
        with pytest.raises(Refusal) as refused:
            await guard.token(key_id, secret)
        assert refused.value.code == "INVALID_CREDENTIALS"


async def test_a_ticket_is_for_one_thing_for_a_while(guard, keys, clock):
    made = await keys.create("billing", READER)
    by = await guard.authenticate(basic(made.key_id, made.key_secret))
    ticket = guard.ticket(by, "GET a")
    token = await guard.token(made.key_id, made.key_secret)
    assert await guard.holder(ticket, "GET a") == by
    for wrong, scope in ((ticket, "PUT a"), (ticket, ""), (token, "GET a"), ("x", "GET a")):
        with pytest.raises(Refusal) as refused:
            await guard.holder(wrong, scope)
        assert refused.value.code == "INVALID_TOKEN"
    assert await code_of(guard, ticket) == "INVALID_TOKEN"
    clock.advance(TICKET_TTL_S * 1000)
    with pytest.raises(Refusal) as refused:
        await guard.holder(ticket, "GET a")
    assert refused.value.code == "EXPIRED_TOKEN"
    assert guard.refusals.counts["INVALID_TOKEN"] == 5


async def test_a_ticket_ends_with_its_key_and_people_of_a_provider_have_none(guard, keys, clock):
    made = await keys.create("billing", READER)
    by = await guard.authenticate(basic(made.key_id, made.key_secret))
    ticket = guard.ticket(by, "GET a")
    await keys.revoke(made.key_id)
    with pytest.raises(Refusal):
        await guard.holder(ticket, "GET a")
    assert guard.ticket(by, "GET a") is None
    assert guard.ticket(Principal(id="oidc:u-1", name="ann", grants=READER), "GET a") is None
    first = Guard(keys, clock, configured=configured_key(f"root:{SECRET}"))
    other = Guard(keys, clock, configured=configured_key(f"root:{SECRET}"))
    root = await first.authenticate(basic("root", SECRET))
    assert await other.holder(first.ticket(root, "GET a"), "GET a") == root


async def test_rotated_revoked_and_regranted_keys_count_as_they_are_now(guard, keys, clock):
    made = await keys.create("billing", READER)
    token = await guard.token(made.key_id, made.key_secret)
    await guard.authenticate(token)
    await keys.grant(made.key_id, ORDERS)
    assert guard.known(token) is None
    assert (await guard.authenticate(token)).grants == ORDERS
    again = await keys.rotate(made.key_id, overlap_s=10)
    assert (await guard.authenticate(token)).grants == ORDERS
    assert await guard.token(made.key_id, made.key_secret)
    clock.advance(10_000)
    assert await code_of(guard, token) == "EXPIRED_TOKEN"
    with pytest.raises(Refusal):
        await guard.token(made.key_id, made.key_secret)
    newer = await guard.token(made.key_id, again.key_secret)
    await keys.revoke(made.key_id)
    assert await code_of(guard, newer) == "INVALID_TOKEN"


@pytest.mark.parametrize(
    ("credential", "code"),
    [
        ("", "UNAUTHENTICATED"),
        ("Bearer ", "UNAUTHENTICATED"),
        ("nonsense", "INVALID_TOKEN"),
        ("Bearer nonsense", "INVALID_TOKEN"),
        ("ft1.a.1.99999999999.x", "INVALID_TOKEN"),
        ("eyJhbGciOiJub25lIn0.e30.", "INVALID_TOKEN"),
        ("Basic §§", "INVALID_TOKEN"),
        ("Basic /w==", "INVALID_TOKEN"),
        ("Basic YTpi", "INVALID_CREDENTIALS"),
        ("x" * 20_000, "INVALID_TOKEN"),
    ],
)
async def test_what_proves_nothing_is_refused(guard, credential, code):
    assert await code_of(guard, credential) == code
    assert guard.known(credential) is None


async def test_the_key_of_the_settings_may_do_everything_at_every_gateway(keys, clock):
    here, there = (
        Guard(keys, clock, configured=configured_key(f"root:{SECRET}")) for _ in range(2)
    )
    token = await here.token("root", SECRET)
    principal = await there.authenticate(token)
    assert (principal.name, principal.grants) == ("root", (Grant("admin"),))
    other = Guard(keys, clock, configured=configured_key("root:another-secret"))
    assert await code_of(other, token) == "INVALID_TOKEN"
