"""Slots of workflows that share a limit: who holds one, and who is next (rateLimitConfig).

A gate is a definition's name with the value of its key. Its record is small whatever waits: the
holders, and of each shard the one that has waited longest. The waiting lines themselves are in the
schedulers' folds. All of it can be worked out again from the log.
"""

from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum

import msgspec

from firmus_contracts import ids

GRACE_MS = 60_000
"""A holder whose workflow is not in the log yet may still be about to be committed so long."""

Place = tuple[int, str]
"""Where a workflow stands in line: the place of its start in the log, and its id."""


class Entry(StrEnum):
    HOLDS = "HOLDS"
    WAITS = "WAITS"
    REFUSED = "REFUSED"


class Slots(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`holders`: since when, epoch milliseconds. `heads`: of each shard the first in line."""

    gate: str
    limit: int
    holders: dict[str, int] = {}
    heads: dict[int, Place] = {}

    @property
    def idle(self) -> bool:
        return not (self.holders or self.heads)


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What a scheduler knows of one gate in its `shards`, out of `shard_count`. `running`: the
    workflows that do not wait; `lines`: those that do, by shard, with the places of their starts,
    first come first; `ended`: those that have ended lately.
    """

    shard_count: int
    shards: Collection[int]
    running: Collection[str]
    lines: Mapping[int, Mapping[str, int]]
    ended: Collection[str] = ()

    def owns(self, workflow_id: str) -> bool:
        return ids.shard_of(workflow_id, self.shard_count) in self.shards

    def has_open(self, workflow_id: str) -> bool:
        line = self.lines.get(ids.shard_of(workflow_id, self.shard_count), ())
        return workflow_id in self.running or workflow_id in line


def gate_of(name: str, key: str) -> str:
    """The gate of a definition's workflows that share a key, of whatever version."""
    return f"{name}/{key}"


def names_of(gate: str) -> Iterator[str]:
    """The definitions that a gate may belong to: names and keys may have any character."""
    parts = gate.split("/")
    for end in range(1, len(parts)):
        yield "/".join(parts[:end])


def entered(slots: Slots, workflow_id: str, limit: int, now_ms: int) -> tuple[Slots, bool]:
    """A new workflow asks for a slot: it gets one when one is free and nobody waits for it. The
    limit that it brings along counts from now on.
    """
    if limit != slots.limit:
        slots = msgspec.structs.replace(slots, limit=limit)
    if workflow_id in slots.holders:
        return slots, True
    if slots.heads or len(slots.holders) >= limit:
        return slots, False
    holders = {**slots.holders, workflow_id: now_ms}
    return msgspec.structs.replace(slots, holders=holders), True


def without(slots: Slots, workflow_id: str) -> Slots:
    """A start that had a slot came to nothing."""
    holders = {one: since for one, since in slots.holders.items() if one != workflow_id}
    return msgspec.structs.replace(slots, holders=holders)


def settled(slots: Slots, view: View, now_ms: int) -> Slots:
    """The record brought to what a scheduler knows of its shards; then free slots go to those who
    are first in line.
    """
    holders = {
        one: since
        for one, since in slots.holders.items()
        if not view.owns(one) or view.has_open(one) or _may_come(one, since, view, now_ms)
    }
    for one in view.running:
        holders.setdefault(one, now_ms)
    heads = {shard: head for shard, head in slots.heads.items() if shard not in view.shards}
    lines = {shard: _places(line, holders) for shard, line in view.lines.items()}
    for shard, line in lines.items():
        _advance(heads, shard, line)
    while heads and len(holders) < slots.limit:
        shard, (_, first) = min(heads.items(), key=lambda head: head[1])
        del heads[shard]
        holders[first] = now_ms
        if shard in lines:
            _advance(heads, shard, lines[shard])
    return msgspec.structs.replace(slots, holders=holders, heads=heads)


def to_come_ms(slots: Slots, view: View, now_ms: int) -> int | None:
    """When to look again at holders whose workflows are not in the log yet; None without any."""
    unknown = [
        since + GRACE_MS
        for one, since in slots.holders.items()
        if view.owns(one) and not view.has_open(one) and one not in view.ended
    ]
    return max(min(unknown), now_ms) if unknown else None


def _may_come(workflow_id: str, since_ms: int, view: View, now_ms: int) -> bool:
    return workflow_id not in view.ended and now_ms - since_ms < GRACE_MS


def _places(line: Mapping[str, int], holders: Mapping[str, int]) -> Iterator[Place]:
    return ((order, one) for one, order in line.items() if one not in holders)


def _advance(heads: dict[int, Place], shard: int, line: Iterator[Place]) -> None:
    head = next(line, None)
    if head is not None:
        heads[shard] = head
