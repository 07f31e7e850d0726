"""Tokens of keys: signed by the secret that they came from, for a time."""

import pytest

from firmus.security import tokens
from firmus.security.aggregate import Key, Secret, hash_of
from firmus.security.grants import Grant

NOW_MS = 1_700_000_000_000
OLD = Secret(1, hash_of("old"), "s1", until_ms=NOW_MS + 60_000)
NEW = Secret(2, hash_of("new"), "s2")
KEY = Key(revision=2, id="abc", name="ann", grants=(Grant("read"),), secrets=(NEW, OLD))
EXPIRES_S = NOW_MS // 1000 + 3600


def trouble(text: str, key: Key = KEY, *, now_ms: int = NOW_MS) -> str | None:
    token = tokens.read(text)
    assert token is not None
    return tokens.trouble(token, key, now_ms=now_ms)


def test_a_token_names_its_key_and_counts_until_it_expires() -> None:
    text = tokens.issue(KEY, NEW, expires_s=EXPIRES_S)
    found = tokens.read(text)
    assert found is not None
    assert (found.key_id, found.number, found.expires_s) == ("abc", 2, EXPIRES_S)
    assert trouble(text) is None
    assert trouble(text, now_ms=EXPIRES_S * 1000 - 1) is None
    assert trouble(text, now_ms=EXPIRES_S * 1000) == "EXPIRED_TOKEN"


def test_the_token_of_a_rotated_secret_ends_with_it() -> None:
    text = tokens.issue(KEY, OLD, expires_s=EXPIRES_S)
    assert trouble(text) is None
    assert trouble(text, now_ms=NOW_MS + 60_000) == "EXPIRED_TOKEN"


def test_the_token_of_a_secret_that_is_gone_is_invalid() -> None:
    text = tokens.issue(KEY, OLD, expires_s=EXPIRES_S)
    assert trouble(text, Key(revision=3, id="abc", secrets=(NEW,))) == "INVALID_TOKEN"
    assert trouble(text, Key()) == "INVALID_TOKEN"


@pytest.mark.parametrize("part", [1, 2, 3, 4])
def test_no_part_of_a_token_can_be_changed(part: int) -> None:
    other = Key(revision=1, id="xyz", secrets=(Secret(1, "", "s3"),))
    parts = tokens.issue(KEY, NEW, expires_s=EXPIRES_S).split(".")
    parts[part] = tokens.issue(other, other.secrets[0], expires_s=EXPIRES_S + 1).split(".")[part]
    assert trouble(".".join(parts)) == "INVALID_TOKEN"


@pytest.mark.parametrize(
    "text",
    [
        *("", "ft1", "ft1.a.b.c", "ft1.a.1.2.3.4", "ft1.a.x.2.s", "ft1.a.1.-2.s", "eyJ.eyJ.x"),
        *("ft2.a.1.2.s", "ft1.a.1.2." + "s" * 600, "ft1.ä.1.2.s", "ft1.a.².3.s"),
    ],
)
def test_what_is_no_token_is_not_read(text: str) -> None:
    assert tokens.read(text) is None


def test_a_secret_is_known_by_its_hash_while_it_counts() -> None:
    assert tokens.secret_of(KEY, "new", now_ms=NOW_MS) == NEW
    assert tokens.secret_of(KEY, "old", now_ms=NOW_MS) == OLD
    assert tokens.secret_of(KEY, "old", now_ms=NOW_MS + 60_000) is None
    assert tokens.secret_of(KEY, "", now_ms=NOW_MS) is None
    assert tokens.secret_of(Key(), "", now_ms=NOW_MS) is None
    assert tokens.secret_of(Key(), "new", now_ms=NOW_MS) is None


def test_what_signs_is_not_shown() -> None:
    assert "s2" not in repr(KEY)
    assert hash_of("new") not in repr(KEY)
