"""Leave to hand out tasks of a limited definition, where several schedulers share it (spec 4.9).

A scheduler that has all shards needs none of this: it counts for itself. Several keep one record
for each definition: a task is handed out once it stands there, and taken out when it has left its
worker's hands. Nothing is granted before every shard has told what is in hands there, so a limit
that is new, or a record that was lost, lets nothing slip through.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable

import msgspec

from firmus_contracts import ids
from firmus_contracts.events import TaskLimits

GRACE_MS = 15_000
"""What a scheduler was granted just before it died may still be handed out so long."""


class Grants(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`told`: the shards that have told what they hold. `holders`: task ids, and since when, where
    there is a limit at once; `times`: the latest hand-outs, where there is one in time.
    """

    gate: str
    told: tuple[int, ...] = ()
    holders: dict[str, int] = {}
    times: tuple[int, ...] = ()

    @property
    def idle(self) -> bool:
        return not self.told

    def complete(self, shard_count: int) -> bool:
        return len(self.told) == shard_count


class Hands(msgspec.Struct, frozen=True, kw_only=True):
    """What a scheduler of `shards` knows of one definition: the tasks in hands or on the way there,
    and those that have left them lately.
    """

    shard_count: int
    shards: Collection[int]
    held: Collection[str]
    left: Collection[str] = ()


def granted(
    grants: Grants, wanted: Iterable[str], limits: TaskLimits, now_ms: int, shard_count: int
) -> tuple[Grants, list[str]]:
    """Who of `wanted` may be handed out now, in turn."""
    if not grants.complete(shard_count):
        return grants, []
    holders, times = dict(grants.holders), recent(grants.times, limits, now_ms)
    let_in: list[str] = []
    for one in wanted:
        if one not in holders:
            if 0 < limits.concurrent <= len(holders):
                continue
            if 0 < limits.hand_outs <= len(times):
                continue
            if limits.concurrent > 0:
                holders[one] = now_ms
            if limits.hand_outs > 0:
                times = (*times, now_ms)
        let_in.append(one)
    if not let_in:
        return grants, []
    return msgspec.structs.replace(grants, holders=holders, times=times), let_in


def recent(times: tuple[int, ...], limits: TaskLimits, now_ms: int) -> tuple[int, ...]:
    """The hand-outs of the window that ends now."""
    return times[bisect_right(times, now_ms - limits.window_s * 1000) :]


def reported(grants: Grants, hands: Hands, limits: TaskLimits, now_ms: int) -> Grants:
    """The record after a scheduler has told what its shards hold."""
    holders: dict[str, int] = {}
    if limits.concurrent > 0:
        holders = {
            one: since
            for one, since in grants.holders.items()
            if ids.shard_of(one, hands.shard_count) not in hands.shards
            or one in hands.held
            or (one not in hands.left and now_ms - since < GRACE_MS)
        }
        for one in hands.held:
            holders.setdefault(one, now_ms)
    told = tuple(sorted({*grants.told, *hands.shards}))
    return msgspec.structs.replace(grants, told=told, holders=holders)


def orphaned_until_ms(grants: Grants, hands: Hands) -> int | None:
    """When to look again at holders of these shards that nobody knows of; None without any."""
    unknown = [
        since + GRACE_MS
        for one, since in grants.holders.items()
        if ids.shard_of(one, hands.shard_count) in hands.shards
        and one not in hands.held
        and one not in hands.left
    ]
    return min(unknown, default=None)
