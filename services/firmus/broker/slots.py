"""The records by which several deciders and schedulers keep one limit.

What the log shows counts more than a record, so one that is lost or wrong is put right by the
schedulers (`workflow/slots.py`, `workflow/grants.py`).
"""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from firmus.broker.gate_records import GateRecords, JetStreamGateRecords, Listener, changed
from firmus.broker.wire import JetStreamWire
from firmus.ports import Clock
from firmus.workflow.grants import Grants, Hands, granted, reported
from firmus.workflow.slots import Entry, Slots, View, entered, settled, without
from firmus_contracts.events import TaskLimits


class SlotLedger:
    """`ports.SlotsPort` for deciders, and `settle` for schedulers: workflows that share a limit."""

    def __init__(self, records: GateRecords[Slots], clock: Clock) -> None:
        self._records = records
        self._clock = clock

    async def enter(self, gate: str, workflow_id: str, limit: int, *, queue: bool) -> Entry:
        """See ports.SlotsPort."""

        def ask(slots: Slots) -> Slots:
            return entered(slots, workflow_id, limit, self._clock.now_ms())[0]

        after = await self._change(gate, limit, ask)
        if workflow_id in after.holders:
            return Entry.HOLDS
        return Entry.WAITS if queue else Entry.REFUSED

    async def leave(self, gate: str, workflow_id: str) -> None:
        """See ports.SlotsPort."""
        await self._change(gate, 1, lambda slots: without(slots, workflow_id))

    async def watch(self, listener: Listener[Slots]) -> Callable[[], Awaitable[None]]:
        """See GateRecords.watch."""
        return await self._records.watch(listener)

    async def settle(self, gate: str, limit: int, view: View, *, renew: bool = False) -> Slots:
        """Brings the record to what a scheduler knows; `limit` counts where there is no record, and
        everywhere with `renew`. Raises Unavailable, after which the same call is safe.
        """

        def settle(slots: Slots) -> Slots:
            if renew:
                slots = msgspec.structs.replace(slots, limit=limit)
            return settled(slots, view, self._clock.now_ms())

        return await self._change(gate, limit, settle)

    async def _change(self, gate: str, limit: int, change: Callable[[Slots], Slots]) -> Slots:
        def on(found: Slots | None) -> Slots:
            return change(found or Slots(gate=gate, limit=limit))

        return await changed(self._records, gate, on)


class GrantLedger:
    """Tasks of limited definitions, where several schedulers hand them out."""

    def __init__(self, records: GateRecords[Grants], clock: Clock) -> None:
        self._records = records
        self._clock = clock

    async def take(
        self, gate: str, wanted: Sequence[str], limits: TaskLimits, shard_count: int
    ) -> tuple[Grants, list[str]]:
        """The record, and who of `wanted` may be handed out. Raises Unavailable, after which some
        may be in the record: the same call again is safe.
        """
        let_in: list[str] = []

        def ask(found: Grants | None) -> Grants:
            before = found or Grants(gate=gate)
            after, let_in[:] = granted(before, wanted, limits, self._clock.now_ms(), shard_count)
            return after

        return await changed(self._records, gate, ask), let_in

    async def report(self, gate: str, hands: Hands, limits: TaskLimits) -> Grants:
        """The record once it says what a scheduler holds. Raises Unavailable."""

        def tell(found: Grants | None) -> Grants:
            return reported(found or Grants(gate=gate), hands, limits, self._clock.now_ms())

        return await changed(self._records, gate, tell)

    async def watch(self, listener: Listener[Grants]) -> Callable[[], Awaitable[None]]:
        """See GateRecords.watch."""
        return await self._records.watch(listener)


def slot_ledger(wire: JetStreamWire, clock: Clock) -> SlotLedger:
    return SlotLedger(JetStreamGateRecords(wire, "workflow", Slots), clock)


def grant_ledger(wire: JetStreamWire, clock: Clock) -> GrantLedger:
    return GrantLedger(JetStreamGateRecords(wire, "task", Grants), clock)
