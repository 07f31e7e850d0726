"""Letting workflows go that waited for a slot, and giving up the slots of those that ended.

For each gate there is one step at a time: bring its record to what the fold knows, then release
those who hold a slot and still wait. It is taken again whenever the fold or the record moves, so
nothing is lost by a stop at any point.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from firmus.ports import Clock, DeciderPort, Unavailable
from firmus.scheduler.fold import Fold
from firmus.scheduler.steps import Steps
from firmus.workflow.slots import Slots, View, names_of, settled, to_come_ms
from firmus_contracts.commands import ReleaseWorkflow

AGAIN_AFTER_S = 1.0
ACTOR = "scheduler"

_log = logging.getLogger(__name__)


class SlotRecords(Protocol):
    """The records of slots that deciders and schedulers share."""

    async def settle(self, gate: str, limit: int, view: View, *, renew: bool = False) -> Slots:
        """The record, brought to what `view` says, with `renew` under this limit. Raises
        Unavailable.
        """
        ...

    async def watch(
        self, listener: Callable[[Slots | None], None]
    ) -> Callable[[], Awaitable[None]]:
        """Calls `listener` with each record that changes, None when some may have been missed;
        what is returned ends that.
        """
        ...


class Admissions:
    def __init__(
        self, fold: Fold, decider: DeciderPort, clock: Clock, records: SlotRecords | None
    ) -> None:
        self._fold = fold
        self._decider = decider
        self._clock = clock
        self._records = records
        self._busy: set[str] = set()
        self._registered: Mapping[str, int] = {}
        self._releasing: dict[str, str] = {}  # gates of workflows, until the fold shows it
        self._steps = Steps()
        self._unwatch: Callable[[], Awaitable[None]] | None = None
        self._open = False

    async def watch(self) -> None:
        """Hears of the records from now on."""
        if self._records is not None:
            self._unwatch = await self._records.watch(self._on_record)

    def open(self) -> None:
        """The fold has reached the end of the log: all records are gone through once."""
        self._open = True
        self._fold.lines.stirred.update(self._fold.lines.by_gate)

    def register(self, limits: Mapping[str, int]) -> None:
        """These definitions are registered with these limits, which count for all that wait."""
        if limits != self._registered:
            self._registered = limits
            self._fold.lines.stirred.update(self._fold.lines.by_gate)

    def _limit_of(self, gate: str) -> int | None:
        limits = self._registered
        return next((limits[name] for name in names_of(gate) if name in limits), None)

    async def close(self) -> None:
        self._open = False
        if self._unwatch is not None:
            await self._unwatch()
            self._unwatch = None
        await self._steps.close()

    def pump(self) -> None:
        """Takes the step of every gate that was stirred."""
        stirred = self._fold.lines.stirred
        if not stirred or not self._open or self._records is None:
            return
        for gate in [gate for gate in stirred if gate not in self._busy]:
            stirred.discard(gate)
            self._busy.add(gate)
            self._steps.run(self._step(gate, self._records))

    def _stir(self, gate: str) -> None:
        self._steps.no_more(gate)
        self._fold.lines.stirred.add(gate)
        self.pump()

    def _stir_later(self, gate: str, delay_s: float) -> None:
        self._steps.later(gate, delay_s, self._stir)

    async def _step(self, gate: str, records: SlotRecords) -> None:
        lines = self._fold.lines
        line = lines.by_gate.get(gate)
        ended = list(line.ended) if line is not None else []
        limit = self._limit_of(gate)
        slots_known = line.slots if line is not None else 1
        try:
            slots = await records.settle(
                gate, limit or slots_known, self._view(gate), renew=limit is not None
            )
        except Unavailable as fault:
            _log.warning("slots of %s cannot be settled yet: %s", gate, fault)
            self._stir_later(gate, AGAIN_AFTER_S)
            return
        finally:
            self._busy.discard(gate)
        lines.told(gate, ended)
        self._release_holders(gate, slots)
        now_ms = self._clock.now_ms()
        again_ms = to_come_ms(slots, self._view(gate), now_ms)
        if again_ms is not None:
            self._stir_later(gate, (again_ms - now_ms) / 1000)
        self.pump()

    def _view(self, gate: str) -> View:
        return self._fold.lines.view(gate, self._fold.shards)

    def _on_record(self, slots: Slots | None) -> None:
        """A record that is not as the fold has it is settled; holders that wait are released."""
        if not self._open:
            return
        if slots is None:
            self._fold.lines.stirred.update(self._fold.lines.by_gate)
            self.pump()
            return
        view = self._view(slots.gate)
        now_ms = self._clock.now_ms()
        if settled(slots, view, now_ms) != slots or to_come_ms(slots, view, now_ms) is not None:
            self._stir(slots.gate)
        else:
            self._release_holders(slots.gate, slots)

    def _release_holders(self, gate: str, slots: Slots) -> None:
        waits = self._fold.lines.waits
        for workflow_id, its in list(self._releasing.items()):
            if its == gate and not waits(gate, workflow_id):
                del self._releasing[workflow_id]
        for workflow_id in slots.holders:
            if workflow_id not in self._releasing and waits(gate, workflow_id):
                self._releasing[workflow_id] = gate
                self._steps.run(self._release(gate, workflow_id))

    async def _release(self, gate: str, workflow_id: str) -> None:
        """Tried again until it is answered; the fold then shows it."""
        try:
            await self._decider.submit(
                ReleaseWorkflow(
                    command_id=f"{workflow_id}/release", workflow_id=workflow_id, actor=ACTOR
                )
            )
        except Unavailable:
            self._again(gate, workflow_id)
        except Exception:  # noqa: BLE001 - one failure must not end all other work
            _log.exception("workflow %s could not be released; it will be tried again", workflow_id)
            self._again(gate, workflow_id)

    def _again(self, gate: str, workflow_id: str) -> None:
        self._releasing.pop(workflow_id, None)
        self._stir_later(gate, AGAIN_AFTER_S)
