"""Records of slots: who holds one, who is next, and how they are put right."""

from firmus.workflow.slots import (
    GRACE_MS,
    Slots,
    View,
    entered,
    names_of,
    settled,
    to_come_ms,
    without,
)
from firmus_contracts import ids

SHARDS = 4
NOW = 10 * GRACE_MS


def of_shard(shard: int, count: int) -> list[str]:
    """Workflow ids of one shard."""
    found = (ids.mint_workflow_id(NOW, number << 8) for number in range(1_000))
    return [one for one in found if ids.shard_of(one, SHARDS) == shard][:count]


A, B, C = of_shard(0, 3)
X, Y, Z = of_shard(1, 3)


def slots(limit: int = 2, **fields: object) -> Slots:
    return Slots(gate="g", limit=limit, **fields)


def view(*shards: int, running: tuple[str, ...] = (), ended: tuple[str, ...] = (), **line: int):
    lines: dict[int, dict[str, int]] = {}
    for one, order in sorted(line.items(), key=lambda item: item[1]):
        lines.setdefault(ids.shard_of(one, SHARDS), {})[one] = order
    return View(shard_count=SHARDS, shards=shards, running=running, lines=lines, ended=ended)


def test_a_slot_is_given_while_one_is_free_and_nobody_waits() -> None:
    record, holds = entered(slots(), A, 2, NOW)
    assert (holds, record.holders) == (True, {A: NOW})
    assert entered(record, A, 2, NOW + 1) == (record, True)
    full, _ = entered(record, B, 2, NOW)
    assert entered(full, C, 2, NOW) == (full, False)
    assert entered(slots(heads={1: (5, X)}), A, 2, NOW)[1] is False
    assert without(full, A).holders == {B: NOW}


def test_a_new_limit_counts_from_the_next_start_on() -> None:
    record = slots(limit=1, holders={A: NOW})
    assert entered(record, B, 2, NOW)[0].limit == 2
    waits = slots(limit=1, holders={A: NOW}, heads={1: (3, X)})
    assert entered(waits, B, 2, NOW)[0].limit == 2


def test_a_gate_belongs_to_the_definition_in_front_of_its_key() -> None:
    assert list(names_of("bill/acme/eu")) == ["bill", "bill/acme"]


def test_the_end_of_one_gives_its_slot_to_the_first_in_line() -> None:
    record = slots(limit=1, holders={A: NOW})
    after = settled(record, view(0, 1, ended=(A,), **{X: 5, B: 7}), NOW)
    assert (after.holders, after.heads) == ({X: NOW}, {0: (7, B)})


def test_the_first_in_line_may_stand_in_the_shard_of_another_scheduler() -> None:
    record = slots(limit=1, holders={A: NOW}, heads={1: (5, X)})
    after = settled(record, view(0, ended=(A,), **{B: 7}), NOW)
    assert (after.holders, after.heads) == ({X: NOW}, {0: (7, B)})
    after = settled(after, view(1, **{X: 5, Y: 9}), NOW)
    assert (after.holders, after.heads) == ({X: NOW}, {0: (7, B), 1: (9, Y)})


def test_several_free_slots_go_to_several() -> None:
    after = settled(slots(limit=3), view(0, 1, **{A: 1, X: 2, B: 3, Y: 4}), NOW)
    assert (after.holders, after.heads) == ({A: NOW, X: NOW, B: NOW}, {1: (4, Y)})


def test_a_running_workflow_that_the_record_has_lost_is_put_back() -> None:
    after = settled(slots(limit=1), view(0, 1, running=(A, B), **{X: 3}), NOW)
    assert (after.holders, after.heads) == ({A: NOW, B: NOW}, {1: (3, X)})


def test_a_holder_that_never_started_loses_its_slot_after_a_while() -> None:
    record = slots(holders={A: NOW, X: NOW})
    seen = view(0, **{B: 9})
    assert settled(record, seen, NOW + GRACE_MS - 1).holders == {A: NOW, X: NOW}
    assert to_come_ms(record, seen, NOW + 1) == NOW + GRACE_MS
    later = NOW + GRACE_MS
    assert settled(record, seen, later).holders == {X: NOW, B: later}


def test_what_a_scheduler_does_not_own_it_leaves_alone() -> None:
    record = slots(limit=1, holders={X: 0}, heads={1: (3, Y)})
    assert settled(record, view(0), NOW) == record


def test_settling_twice_changes_nothing_more() -> None:
    seen = view(0, 1, running=(A,), **{X: 3, B: 4, Z: 5})
    once = settled(slots(limit=2), seen, NOW)
    assert settled(once, seen, NOW + 5) == once
