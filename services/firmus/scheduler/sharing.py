"""Keeping the limits of task definitions together with other schedulers.

Before tasks of a limited definition are handed out they are put into its record, and once they
have left their hands they are taken out of it (`workflow/grants.py`). What the record says of
others closes and opens the gate here, so a queue that has to wait costs nothing.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol

from firmus.ports import Clock, Unavailable
from firmus.scheduler.fold import Fold
from firmus.scheduler.gates import NO_LIMITS, Gate
from firmus.scheduler.handout import LetIn
from firmus.scheduler.queues import Taken
from firmus.scheduler.steps import Steps
from firmus.workflow.grants import Grants, Hands, orphaned_until_ms, recent
from firmus_contracts.events import TaskLimits

AGAIN_AFTER_S = 1.0

_log = logging.getLogger(__name__)


class GrantRecords(Protocol):
    async def take(
        self, gate: str, wanted: Sequence[str], limits: TaskLimits, shard_count: int
    ) -> tuple[Grants, list[str]]:
        """The record, and who may be handed out. Raises Unavailable."""
        ...

    async def report(self, gate: str, hands: Hands, limits: TaskLimits) -> Grants:
        """The record once it says what this scheduler holds. Raises Unavailable."""
        ...

    async def watch(
        self, listener: Callable[[Grants | None], None]
    ) -> Callable[[], Awaitable[None]]:
        """Calls `listener` with each record that changes, None when some may have been missed."""
        ...


class Sharing:
    """Without `records` no other scheduler hands out tasks, and nothing is asked or told."""

    def __init__(
        self,
        fold: Fold,
        clock: Clock,
        records: GrantRecords | None,
        shard_count: int,
        *,
        changed: Callable[[], None],
    ) -> None:
        self._fold = fold
        self._gates = fold.gates
        self._clock = clock
        self._records = records
        self._shard_count = shard_count
        self._changed = changed
        self._stirred: set[str] = set()
        self._busy: set[str] = set()
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._steps = Steps()
        self._unwatch: Callable[[], Awaitable[None]] | None = None
        self._open = False
        if records is not None:
            self._gates.shared = True
            self._gates.listeners.append(self._stirred)

    @property
    def door(self) -> LetIn | None:
        """Whom to ask before tasks are handed out, if anybody."""
        return None if self._records is None else self.let_in

    async def watch(self) -> None:
        """Hears of the records from now on."""
        if self._records is not None:
            self._unwatch = await self._records.watch(self._on_record)

    def open(self) -> None:
        """The fold has reached the end of the log: all records are gone through once."""
        self._open = True
        self._stirred.update(self._gates.by_name)

    async def close(self) -> None:
        self._open = False
        if self._unwatch is not None:
            await self._unwatch()
            self._unwatch = None
        await self._steps.close()

    async def let_in(self, taken: Sequence[Taken]) -> list[Taken]:
        """Those of `taken` that may be handed out. Raises Unavailable when nobody knows."""
        if self._records is None or not self._gates.by_name:
            return list(taken)
        found: list[Taken] = []
        waiting: dict[str, list[Taken]] = {}
        for one in taken:
            gate = self._gates.of(one[0])
            if gate is None:
                found.append(one)
            else:
                waiting.setdefault(gate.name, []).append(one)
        for name, some in waiting.items():
            found += await self._take(name, some, self._records)
        return found

    async def _take(self, name: str, some: list[Taken], records: GrantRecords) -> list[Taken]:
        gate = self._gates.by_name.get(name)
        if gate is None:
            return some
        wanted = [row.task_id for row, _ in some]
        async with self._turns[name]:
            grants, let_in = await records.take(name, wanted, gate.limits, self._shard_count)
            gate.unasked.difference_update(let_in)
        self._note(gate, grants)
        return [one for one in some if one[0].task_id in let_in]

    def pump(self) -> None:
        """Tells what was stirred."""
        if not self._stirred or not self._open or self._records is None:
            return
        for name in [name for name in self._stirred if name not in self._busy]:
            self._stirred.discard(name)
            self._busy.add(name)
            self._steps.run(self._tell(name, self._records))

    async def _tell(self, name: str, records: GrantRecords) -> None:
        """What is told is as it was when the telling began, so nothing is taken meanwhile: the
        record would lose a task that was given back before and is in hands again.
        """
        try:
            async with self._turns[name]:
                gate = self._gates.by_name.get(name)
                limits = gate.limits if gate is not None else NO_LIMITS
                hands = self._hands(name, gate)
                grants = await records.report(name, hands, limits)
        except Unavailable as fault:
            _log.warning("hand-outs of %s cannot be told yet: %s", name, fault)
            self._stir_later(name, AGAIN_AFTER_S)
            return
        finally:
            self._busy.discard(name)
        if gate is not None:
            if gate.left is not None:
                gate.left.difference_update(hands.left)
            self._note(gate, grants)
        until_ms = orphaned_until_ms(grants, hands)
        if until_ms is not None:
            self._stir_later(name, max(until_ms - self._clock.now_ms(), 0) / 1000)
        self.pump()

    def _hands(self, name: str, gate: Gate | None) -> Hands:
        held: Iterable[str] = self._gates.count(name)[0] if gate is None else gate.hands
        left: Iterable[str] = (gate.left or ()) if gate is not None else ()
        return Hands(
            shard_count=self._shard_count,
            shards=tuple(self._fold.shards),
            held=frozenset(held).difference(gate.unasked if gate is not None else ()),
            left=frozenset(left),
        )

    def _stir_later(self, name: str, delay_s: float) -> None:
        self._steps.later(name, delay_s, self._stir)

    def _stir(self, name: str) -> None:
        self._steps.no_more(name)
        self._stirred.add(name)
        self.pump()

    def _on_record(self, grants: Grants | None) -> None:
        if not self._open:
            return
        if grants is None:
            self._stirred.update(self._gates.by_name)
            self.pump()
            return
        gate = self._gates.by_name.get(grants.gate)
        if gate is not None:
            self._note(gate, grants)
        if not set(self._fold.shards) <= set(grants.told):
            self._stir(grants.gate)

    def _note(self, gate: Gate, grants: Grants) -> None:
        """What the record says of all that is not in hands here. What was refused leaves the gate
        closed by it. A record older than the last one seen is put right by the next.
        """
        limits = gate.limits
        elsewhere = sum(one not in gate.hands for one in grants.holders)
        barred = not grants.complete(self._shard_count)
        opens_at_ms = 0
        if limits.hand_outs > 0:
            times = recent(grants.times, limits, self._clock.now_ms())
            if len(times) >= limits.hand_outs:
                opens_at_ms = times[-limits.hand_outs] + limits.window_s * 1000
        before = (gate.elsewhere, gate.barred, gate.opens_at_ms)
        gate.elsewhere, gate.barred, gate.opens_at_ms = elsewhere, barred, opens_at_ms
        if before != (elsewhere, barred, opens_at_ms):
            for stirred in self._gates.listeners:
                if stirred is not self._stirred:
                    stirred.add(gate.name)
            self._changed()
