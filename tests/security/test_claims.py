"""Claims of OIDC tokens: which count, until when, and what they grant."""

import pytest

from firmus.security.claims import LEEWAY_S, Expected, check, principal_of
from firmus.security.grants import Grant
from firmus_contracts.errors import Refusal

NOW_S = 1_700_000_000
EXPECTED = Expected(issuer="https://id.example/realm", audience="firmus")
GOOD = {
    "iss": "https://id.example/realm",
    "aud": "firmus",
    "sub": "u-1",
    "iat": NOW_S - 10,
    "exp": NOW_S + 300,
}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"aud": ["other", "firmus"]},
        {"exp": NOW_S - LEEWAY_S + 1},
        {"nbf": NOW_S + LEEWAY_S, "iat": NOW_S + LEEWAY_S},
        {"exp": NOW_S + 0.5},
    ],
)
def test_a_token_counts_until_it_ends_and_clocks_may_differ(more) -> None:
    claims = {**GOOD, **more}
    ends_ms = check(claims, EXPECTED, now_ms=NOW_S * 1000)
    assert ends_ms == int((claims["exp"] + LEEWAY_S) * 1000)


@pytest.mark.parametrize(
    ("more", "code", "why"),
    [
        ({"iss": "https://id.example/realm/"}, "INVALID_TOKEN", "issuer"),
        ({"iss": None}, "INVALID_TOKEN", "issuer"),
        ({"aud": "other"}, "INVALID_TOKEN", "not meant for firmus"),
        ({"aud": ["other"]}, "INVALID_TOKEN", "not meant for firmus"),
        ({"aud": None}, "INVALID_TOKEN", "not meant for firmus"),
        ({"aud": "xfirmusx"}, "INVALID_TOKEN", "not meant for firmus"),
        ({"sub": ""}, "INVALID_TOKEN", "subject"),
        ({"sub": 7}, "INVALID_TOKEN", "subject"),
        ({"sub": "u" * 257}, "INVALID_TOKEN", "subject"),
        ({"sub": "u\n2026-11-22 boss"}, "INVALID_TOKEN", "subject"),
        ({"exp": None}, "INVALID_TOKEN", "exp"),
        ({"exp": True}, "INVALID_TOKEN", "exp"),
        ({"exp": "soon"}, "INVALID_TOKEN", "exp"),
        ({"nbf": NOW_S + LEEWAY_S + 1}, "INVALID_TOKEN", "future"),
        ({"iat": NOW_S + LEEWAY_S + 1}, "INVALID_TOKEN", "future"),
        ({"iat": "x"}, "INVALID_TOKEN", "iat"),
        ({"exp": NOW_S - LEEWAY_S}, "EXPIRED_TOKEN", "expired"),
    ],
)
def test_what_does_not_count_is_refused_with_a_reason(more, code, why) -> None:
    with pytest.raises(Refusal, match=why) as refused:
        check({**GOOD, **more}, EXPECTED, now_ms=NOW_S * 1000)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("where", "claims", "grants"),
    [
        ("roles", {}, ()),
        ("roles", {"roles": ["firmus:read"]}, (Grant("read"),)),
        ("roles", {"roles": ["firmus:execute:orders_*", "firmus:read:*"]},
         (Grant("execute", "orders_*"), Grant("read"))),
        ("roles", {"roles": ["admin", "read", "x:admin", "firmus:", "firmus:boss", 7, None]}, ()),
        ("scope", {"scope": "openid firmus:admin:a"}, (Grant("admin", "a"),)),
        ("realm_access.roles", {"realm_access": {"roles": ["firmus:read"]}}, (Grant("read"),)),
        ("https://x.example/roles", {"https://x.example/roles": ["firmus:read"]}, (Grant("read"),)),
        ("roles.deep", {"roles": ["firmus:admin"]}, ()),
        ("roles", {"roles": {"firmus:admin": True}}, ()),
    ],
)  # fmt: skip
def test_grants_are_roles_that_say_they_are_ours(where, claims, grants) -> None:
    expected = Expected(issuer="i", audience="a", roles_claim=where)
    assert principal_of({**GOOD, **claims}, expected).grants == grants


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"email": "ann@example.com"}, "ann@example.com"),
        ({}, "u-1"),
        ({"email": ""}, "u-1"),
        ({"email": 7}, "u-1"),
        ({"email": "x" * 257}, "u-1"),
        ({"email": "boss\r\nann"}, "u-1"),
    ],
)
def test_somebody_is_called_by_a_claim_or_else_by_the_subject(claims, name) -> None:
    expected = Expected(issuer="i", audience="a", name_claim="email")
    principal = principal_of({**GOOD, **claims}, expected)
    assert (principal.id, principal.name) == ("oidc:u-1", name)
