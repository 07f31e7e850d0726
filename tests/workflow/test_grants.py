"""Records of hand-outs that several schedulers share (spec 4.9)."""

from firmus.workflow.grants import (
    GRACE_MS,
    Grants,
    Hands,
    granted,
    orphaned_until_ms,
    reported,
)
from firmus_contracts import ids
from firmus_contracts.events import TaskLimits

SHARDS = 4
NOW = 10 * GRACE_MS
ALL = tuple(range(SHARDS))
TWO = TaskLimits(concurrent=2)


def task_of(shard: int, nth: int = 0) -> str:
    found = (ids.mint_workflow_id(NOW, number << 8) for number in range(1_000))
    return [ids.task_id(one, 1) for one in found if ids.shard_of(one, SHARDS) == shard][nth]


A, B, X = task_of(0), task_of(0, 1), task_of(1)


def hands(*held: str, shards: tuple[int, ...] = (0,), left: tuple[str, ...] = ()) -> Hands:
    return Hands(shard_count=SHARDS, shards=shards, held=held, left=left)


def test_nothing_is_granted_before_all_shards_have_told() -> None:
    grants = Grants(gate="g", told=(0, 1, 2))
    assert granted(grants, [A], TWO, NOW, SHARDS) == (grants, [])
    grants = reported(grants, hands(shards=(3,)), TWO, NOW)
    assert grants.told == ALL
    assert granted(grants, [A], TWO, NOW, SHARDS)[1] == [A]


def test_as_many_as_the_limit_allows_and_those_that_were_granted_before() -> None:
    grants = Grants(gate="g", told=ALL, holders={X: NOW})
    after, let_in = granted(grants, [A, B], TWO, NOW, SHARDS)
    assert (let_in, set(after.holders)) == ([A], {X, A})
    assert granted(after, [A, B], TWO, NOW, SHARDS) == (after, [A])


def test_so_many_within_a_window() -> None:
    rate = TaskLimits(hand_outs=2, window_s=1)
    grants = Grants(gate="g", told=ALL, times=(NOW - 1_000, NOW - 999))
    after, let_in = granted(grants, [A, B], rate, NOW, SHARDS)
    assert (let_in, after.times, after.holders) == ([A], (NOW - 999, NOW), {})


def test_what_has_left_its_hands_is_taken_out_at_once() -> None:
    grants = Grants(gate="g", told=ALL, holders={A: NOW, X: NOW})
    assert set(reported(grants, hands(left=(A,)), TWO, NOW).holders) == {X}


def test_what_is_in_hands_is_put_in_whatever_the_limit() -> None:
    grants = Grants(gate="g", told=ALL, holders={X: NOW})
    assert set(reported(grants, hands(A, B), TaskLimits(concurrent=1), NOW).holders) == {A, B, X}


def test_what_a_dead_scheduler_was_granted_is_kept_for_a_while() -> None:
    grants = Grants(gate="g", told=ALL, holders={A: NOW})
    assert orphaned_until_ms(grants, hands()) == NOW + GRACE_MS
    assert set(reported(grants, hands(), TWO, NOW + GRACE_MS - 1).holders) == {A}
    assert reported(grants, hands(), TWO, NOW + GRACE_MS).holders == {}
