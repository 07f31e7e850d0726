"""The timeline: when to look at which open task or workflow next.

Far times lie in buckets of about a second, unsorted; a bucket is sorted when its second comes. So
a timer costs one list entry, and one that never fires is never sorted. Entries are not searched
for when a deadline moves: a later one is found out when the old entry comes up, an earlier one
gets a second entry, and entries that count no more are swept out when they outnumber the others.
"""

import itertools
from collections.abc import Callable, Iterator
from heapq import heappop, heappush

import msgspec

from firmus.scheduler.rows import Timed

BUCKET_BITS = 10
REPEAT_MS = 2_000
REPEAT_MAX_MS = 300_000
SLACK = 1_024


class Due(msgspec.Struct, frozen=True):
    """A deadline that has passed. `attempt` counts how often it came up before."""

    workflow_id: str
    task_id: str | None
    at_ms: int
    attempt: int


class Timeline:
    """`deadline` says what counts now: the earliest deadline of an item, 0 for none."""

    def __init__(self, deadline: Callable[[Timed], int]) -> None:
        self._deadline = deadline
        self._far: dict[int, list[Timed]] = {}
        self._buckets: list[int] = []
        self._near: list[tuple[int, int, Timed]] = []
        self._horizon = -1
        self._entries = 0
        self._attempts: dict[str, int] = {}
        self._serial = itertools.count()
        self.live = 0

    def __len__(self) -> int:
        """Entries held, those that count no more included."""
        return self._entries

    def arm(self, item: Timed, at_ms: int) -> None:
        """Looks at the item at `at_ms` at the latest; 0 takes it off."""
        armed_ms = item.armed_ms
        if at_ms <= 0:
            self.disarm(item)
        elif armed_ms == 0 or at_ms < armed_ms:
            self.live += armed_ms == 0
            self._push(item, at_ms)
            if self._entries > 2 * self.live + SLACK:
                self._sweep()

    def disarm(self, item: Timed) -> None:
        if item.armed_ms:
            item.armed_ms = 0
            self.live -= 1
            if self._attempts:
                self._attempts.pop(item.task_id or item.workflow_id, None)

    def next_ms(self) -> int | None:
        """When to ask again at the latest, epoch milliseconds; it may turn out to be nothing."""
        if self._near:
            return self._near[0][0]
        return self._buckets[0] << BUCKET_BITS if self._buckets else None

    def due(self, now_ms: int, limit: int) -> list[Due]:
        """Up to `limit` deadlines that have passed, earliest first.

        An item whose deadline does not move comes up again later and later: 2, 4, 8 … 300 s.
        """
        found: list[Due] = []
        self._bring_near(now_ms)
        near = self._near
        while near and near[0][0] <= now_ms and len(found) < limit:
            at_ms, _, item = heappop(near)
            self._entries -= 1
            if item.armed_ms != at_ms:
                continue
            deadline_ms = self._deadline(item)
            if deadline_ms == 0:
                self.disarm(item)
            elif deadline_ms > now_ms:
                self._push(item, deadline_ms)
            else:
                found.append(self._fired(item, deadline_ms, now_ms))
        return found

    def _fired(self, item: Timed, deadline_ms: int, now_ms: int) -> Due:
        key = item.task_id or item.workflow_id
        attempt = self._attempts.get(key, 0)
        self._attempts[key] = attempt + 1
        self._push(item, now_ms + min(REPEAT_MS << min(attempt, 20), REPEAT_MAX_MS))
        return Due(item.workflow_id, item.task_id, deadline_ms, attempt)

    def _push(self, item: Timed, at_ms: int) -> None:
        item.armed_ms = at_ms
        self._entries += 1
        bucket = at_ms >> BUCKET_BITS
        if bucket <= self._horizon:
            heappush(self._near, (at_ms, next(self._serial), item))
            return
        items = self._far.get(bucket)
        if items is None:
            self._far[bucket] = [item]
            heappush(self._buckets, bucket)
        else:
            items.append(item)

    def _bring_near(self, now_ms: int) -> None:
        current = now_ms >> BUCKET_BITS
        while self._buckets and self._buckets[0] <= current:
            bucket = heappop(self._buckets)
            self._horizon = bucket
            items = self._far.pop(bucket)
            self._entries -= len(items)
            for item in _counting(items, bucket):
                self._entries += 1
                heappush(self._near, (item.armed_ms, next(self._serial), item))

    def _sweep(self) -> None:
        self._far = {
            bucket: kept
            for bucket, items in self._far.items()
            if (kept := list(_counting(items, bucket)))
        }
        self._buckets = sorted(self._far)
        self._near = sorted(
            {
                e[2].task_id or e[2].workflow_id: e for e in self._near if e[2].armed_ms == e[0]
            }.values()
        )
        self._entries = len(self._near) + sum(map(len, self._far.values()))


def _counting(items: list[Timed], bucket: int) -> Iterator[Timed]:
    """The items of a bucket that are armed there, each once."""
    unique = {id(item): item for item in items}
    return (item for item in unique.values() if item.armed_ms >> BUCKET_BITS == bucket)
