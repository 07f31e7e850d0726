"""Workflows that share a limit, as a fold of the log: which of them run, and which wait in line.

The slots themselves are granted by records that all deciders and schedulers share
(`workflow/slots.py`); this is what the records are brought to.
"""

from collections.abc import Collection

import msgspec

from firmus.scheduler.rows import Flow
from firmus.workflow.slots import View
from firmus_contracts import ids


class Line(msgspec.Struct, eq=False):
    """One gate. `slots` is how many may run, as the newest start said; `waiting`: by shard, in the
    order of their starts, with the place of each in the log; `ended`: those whose slots have not
    been given up in the record yet.
    """

    slots: int
    running: dict[str, None] = {}
    waiting: dict[int, dict[str, int]] = {}
    ended: set[str] = set()

    @property
    def idle(self) -> bool:
        return not (self.running or self.ended or any(self.waiting.values()))


class Lines:
    """The gates by name; `stirred` names those whose records may have to change."""

    def __init__(self, shard_count: int) -> None:
        self.by_gate: dict[str, Line] = {}
        self.stirred: set[str] = set()
        self._shard_count = shard_count

    def joined(self, flow: Flow) -> None:
        """A workflow with a gate started; it waits when it has a place (`held`)."""
        gate = flow.gate or ""
        line = self.by_gate.get(gate)
        if line is None:
            line = self.by_gate[gate] = Line(flow.slots)
        line.slots = flow.slots
        if flow.held:
            line.waiting.setdefault(self._shard(flow), {})[flow.workflow_id] = flow.held
            self.stirred.add(gate)
        else:
            line.running[flow.workflow_id] = None

    def released(self, flow: Flow) -> None:
        """It waits no more; its slot it had before."""
        if flow.held:
            line = self.by_gate[flow.gate or ""]
            line.waiting[self._shard(flow)].pop(flow.workflow_id, None)
            line.running[flow.workflow_id] = None
            flow.held = 0

    def left(self, flow: Flow) -> None:
        """It ended."""
        line = self.by_gate[flow.gate or ""]
        line.running.pop(flow.workflow_id, None)
        line.waiting.get(self._shard(flow), {}).pop(flow.workflow_id, None)
        line.ended.add(flow.workflow_id)
        self.stirred.add(flow.gate or "")

    def told(self, gate: str, ended: Collection[str]) -> None:
        """The record knows that these have ended."""
        line = self.by_gate.get(gate)
        if line is not None:
            line.ended.difference_update(ended)
            if line.idle:
                del self.by_gate[gate]

    def held(self) -> int:
        """How many workflows wait for a slot."""
        return sum(len(line) for one in self.by_gate.values() for line in one.waiting.values())

    def waits(self, gate: str, workflow_id: str) -> bool:
        line = self.by_gate.get(gate)
        shard = ids.shard_of(workflow_id, self._shard_count)
        return line is not None and workflow_id in line.waiting.get(shard, ())

    def view(self, gate: str, shards: Collection[int]) -> View:
        """What is known of a gate now. It shares the lines: use it at once, or see them move."""
        line = self.by_gate.get(gate) or Line(1)
        return View(
            shard_count=self._shard_count,
            shards=shards,
            running=line.running,
            lines=line.waiting,
            ended=line.ended,
        )

    def _shard(self, flow: Flow) -> int:
        return ids.shard_of(flow.workflow_id, self._shard_count)
