"""The task queues: which tasks wait, are due, are being handed out, or are in a worker's hands.

Order within a queue: priority (high first), due time, place in the log (spec 9.1). Entries of
tasks that left are not searched for; they are passed over when they come up, and swept out when
they outnumber the waiting ones. A task whose gate is closed is parked (`parking.py`).
"""

from collections.abc import Iterable
from heapq import heapify, heappop, heappush

import msgspec

from firmus.scheduler.gates import Gate, Gates
from firmus.scheduler.parking import Entry, Key, Parking
from firmus.scheduler.rows import Row

SLACK = 256

Taken = tuple[Row, int]
"""A task being handed out, and the order at which it was taken."""


class Lane(msgspec.Struct, gc=False, eq=False):
    """One queue. `ready` holds (-priority, due, order, row) of tasks that are due.

    `waiting` counts due and delayed tasks, `handing` those taken but not begun yet.
    """

    ready: list[Entry] = []
    waiting: int = 0
    handing: int = 0
    in_flight: int = 0

    @property
    def idle(self) -> bool:
        return not (self.waiting or self.handing or self.in_flight)


class Queues:
    """`woken` names the queues that got a due task since somebody emptied the set; `handing` are
    the tasks taken and not begun yet, by order.
    """

    def __init__(self, gates: Gates) -> None:
        self.lanes: dict[Key, Lane] = {}
        self.woken: set[Key] = set()
        self._gates = gates
        self._gated = gates.by_name
        self._parking = Parking(gates)
        self._now_ms = 0
        self._delayed: list[tuple[int, int, Row]] = []
        self.handing: dict[int, Row] = {}
        self._waiting = 0

    def enqueue(self, row: Row, *, order: int, due_ms: int, delayed: bool) -> None:
        """Puts a task where it waits; `order` is unique in the log. Not `delayed`: due at once."""
        self.leave(row)
        row.order = order
        row.due_ms = due_ms
        lane = self.lane(row)
        lane.waiting += 1
        self._waiting += 1
        if delayed:
            self._delay(row, due_ms)
        else:
            self._ready(row, lane, due_ms)

    def restore(self, rows: Iterable[Row]) -> None:
        """Takes over tasks as they stood in a checkpoint."""
        for row in rows:
            lane = self.lane(row)
            if row.order:
                lane.waiting += 1
                self._waiting += 1
                self._delayed.append((row.due_ms, row.order, row))
            else:
                lane.in_flight += 1
                gate = self._gates.of(row)
                if gate is not None:
                    gate.put_in(row, begun=True)
        heapify(self._delayed)

    def begun(self, row: Row) -> None:
        """A worker has it."""
        self.leave(row)
        self.lane(row).in_flight += 1
        if self._gated:
            gate = self._gates.of(row)
            if gate is not None:
                gate.put_in(row, begun=True)

    def ended(self, row: Row) -> None:
        """It is over, wherever it was."""
        if row.order:
            self.leave(row)
        else:
            self.lane(row).in_flight -= 1
            if self._gated:
                self._left(row, handing=0)

    def put_back(self, row: Row, order: int, now_ms: int, delay_ms: int = 0) -> None:
        """It waits again, wherever it was."""
        self.ended(row)
        self.enqueue(row, order=order, due_ms=now_ms + delay_ms, delayed=delay_ms > 0)

    def leave(self, row: Row) -> None:
        """Takes a task out of where it waits, if it does."""
        if not row.order:
            return
        lane = self.lane(row)
        if self.handing.pop(row.order, None) is not None:
            lane.handing -= 1
            if self._gated:
                self._left(row, handing=1)
        else:
            lane.waiting -= 1
            self._waiting -= 1
            if len(lane.ready) > 2 * lane.waiting + SLACK:
                lane.ready = [entry for entry in lane.ready if entry[3].order == entry[2]]
                heapify(lane.ready)
        row.order = 0

    def waits(self, row: Row) -> bool:
        """Whether the task is in its queue; one being handed out is not any more."""
        return row.order != 0 and row.order not in self.handing

    def take(self, key: Key, count: int, now_ms: int) -> list[Taken]:
        """Up to `count` due tasks in their order, from now on being handed out."""
        self.promote(now_ms)
        lane = self.lanes.get(key)
        if lane is None:
            return []
        taken: list[Taken] = []
        ready = lane.ready
        while ready and len(taken) < count:
            entry = heappop(ready)
            _, _, order, row = entry
            if row.order != order:
                continue
            gate = self._gates.of(row) if self._gated else None
            if gate is not None:
                if gate.free(now_ms) <= 0:
                    self._park(gate, key, entry)
                    continue
                gate.put_in(row, begun=False)
                gate.handing += 1
            self.handing[order] = row
            taken.append((row, order))
        lane.waiting -= len(taken)
        lane.handing += len(taken)
        self._waiting -= len(taken)
        return taken

    def give_back(self, taken: Taken, due_ms: int | None = None) -> None:
        """Ends the handing out of a task: it waits again, where it stood or until `due_ms`.

        Nothing happens when the log has moved it meanwhile.
        """
        row, order = taken
        if row.order != order or self.handing.pop(order, None) is None:
            return
        lane = self.lane(row)
        lane.handing -= 1
        if self._gated:
            self._left(row, handing=1)
        lane.waiting += 1
        self._waiting += 1
        if due_ms is None:
            self._ready(row, lane, row.due_ms)
        else:
            self._delay(row, due_ms)

    @property
    def limited(self) -> bool:
        """Whether any task definition has a limit."""
        return bool(self._gated)

    def promote(self, now_ms: int) -> None:
        """Makes tasks ready whose time has come, and those whose gate has opened."""
        self._now_ms = now_ms
        for key, entry in self._parking.released(now_ms):
            heappush(self.lanes[key].ready, entry)
            self.woken.add(key)
        delayed = self._delayed
        while delayed and delayed[0][0] <= now_ms:
            due_ms, order, row = heappop(delayed)
            if row.order == order:
                self._ready(row, self.lane(row), due_ms)

    def next_due_ms(self) -> int | None:
        opens_ms = self._parking.opens_ms()
        if not self._delayed:
            return opens_ms
        due_ms = self._delayed[0][0]
        return due_ms if opens_ms is None else min(due_ms, opens_ms)

    def ready_keys(self) -> list[Key]:
        """The queues in which a due task waits."""
        return [key for key in self.lanes if self.has_ready(key)]

    def has_ready(self, key: Key) -> bool:
        """Whether a due task waits there that may be handed out; clears what cannot be off the
        top.
        """
        lane = self.lanes.get(key)
        if lane is None:
            return False
        ready = lane.ready
        while ready:
            row = ready[0][3]
            if row.order != ready[0][2]:
                heappop(ready)
                continue
            gate = self._gates.of(row) if self._gated else None
            if gate is None or gate.free(self._now_ms) > 0:
                return True
            self._park(gate, key, heappop(ready))
        return False

    def by_age(self, keys: Iterable[Key]) -> list[Key]:
        """Queues that may share a gate: the one whose next task comes first, first."""
        if not self._gated:
            return list(keys)
        return sorted(keys, key=self._head)

    def prune(self) -> None:
        """Forgets queues that hold nothing."""
        self.lanes = {key: lane for key, lane in self.lanes.items() if not lane.idle}

    def lane(self, row: Row) -> Lane:
        key = (row.domain, row.task_type)
        lane = self.lanes.get(key)
        if lane is None:
            lane = self.lanes[key] = Lane()
        return lane

    def _ready(self, row: Row, lane: Lane, due_ms: int) -> None:
        heappush(lane.ready, (-row.priority, due_ms, row.order, row))
        self.woken.add((row.domain, row.task_type))

    def _head(self, key: Key) -> tuple[int, int, int]:
        lane = self.lanes.get(key)
        return lane.ready[0][:3] if lane is not None and lane.ready else (1, 0, 0)

    def _left(self, row: Row, *, handing: int) -> None:
        """A task gave its place behind the gate up."""
        gate = self._gates.of(row)
        if gate is not None:
            gate.take_out(row)
            gate.handing -= handing
            self._gates.stir(gate.name)

    def _park(self, gate: Gate, key: Key, entry: Entry) -> None:
        self._parking.park(gate, key, entry, self.lanes[key].waiting, self._now_ms)

    def _delay(self, row: Row, due_ms: int) -> None:
        heappush(self._delayed, (due_ms, row.order, row))
        if len(self._delayed) > 2 * self._waiting + SLACK:
            self._delayed = [entry for entry in self._delayed if entry[2].order == entry[1]]
            heapify(self._delayed)
