"""Those who are not let in are counted, and do not fill the log."""

import pytest

from firmus.security.guard import Guard
from firmus.security.refusals import TOLD_EVERY_MS, Refusals
from firmus.security.store import memory_keys
from firmus_contracts.errors import Refusal


def test_each_reason_is_counted_and_told_once_in_a_while(clock) -> None:
    refusals = Refusals(clock)
    told = [refusals.note("INVALID_CREDENTIALS", f"key {n}") for n in range(5)]
    assert told == [True, False, False, False, False]
    assert refusals.note("FORBIDDEN", "ann")
    clock.advance(TOLD_EVERY_MS)
    assert refusals.note("INVALID_CREDENTIALS", "k" * 1000)
    assert refusals.counts["INVALID_CREDENTIALS"] == 6


def test_what_befalls_every_client_is_not_told_and_the_rest_is_not_counted(clock) -> None:
    refusals = Refusals(clock)
    assert not refusals.note("EXPIRED_TOKEN", "k")
    assert not refusals.note("NOT_FOUND", "k")
    assert sum(refusals.counts.values()) == 1


async def test_a_guard_counts_what_it_refuses(clock) -> None:
    guard = Guard(memory_keys(clock), clock)
    for refused in (guard.authenticate("nonsense"), guard.token("nobody", "x")):
        with pytest.raises(Refusal):
            await refused
    counts = {code: count for code, count in guard.refusals.counts.items() if count}
    assert counts == {"INVALID_TOKEN": 1, "INVALID_CREDENTIALS": 1}
