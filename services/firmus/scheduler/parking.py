"""Where due tasks wait whose gate is closed: beside their queues, so that they are in nobody's way.

When a gate opens, each queue gets as many back as the gate has room for; of those the first to be
polled for get in, so a queue that nobody polls keeps nobody waiting.
"""

from collections.abc import Iterator
from heapq import heapify, heappop, heappush

from firmus.scheduler.gates import FREE, Gate, Gates
from firmus.scheduler.rows import Row

Key = tuple[str | None, str]
"""(domain, task type); a task without a domain is only seen by polls without one (spec 4.10)."""

Entry = tuple[int, int, int, Row]
"""(-priority, due, order, row); it counts no more when the row has another order."""

SLACK = 256


class Parking:
    """The parked tasks of some queues, in the order in which they would be handed out."""

    def __init__(self, gates: Gates) -> None:
        self._gates = gates.by_name
        self._stirred: set[str] = set()
        gates.listeners.append(self._stirred)
        self._parked: dict[str, dict[Key, list[Entry]]] = {}
        self._opening: list[tuple[int, str]] = []
        self._opens_ms: dict[str, int] = {}

    def park(self, gate: Gate, key: Key, entry: Entry, waiting: int, now_ms: int) -> None:
        """Puts a task aside until its gate opens: by somebody's end, or at a time. `waiting` tasks
        in all wait in its queue.
        """
        line = self._parked.setdefault(gate.name, {}).setdefault(key, [])
        heappush(line, entry)
        if len(line) > 2 * waiting + SLACK:
            line[:] = [one for one in line if one[3].order == one[2]]
            heapify(line)
        self._open_later(gate, now_ms)

    def opens_ms(self) -> int | None:
        """When to ask for released ones again at the latest."""
        return self._opening[0][0] if self._opening else None

    def released(self, now_ms: int) -> Iterator[tuple[Key, Entry]]:
        """The tasks that go back to their queues now."""
        while self._opening and self._opening[0][0] <= now_ms:
            _, name = heappop(self._opening)
            self._opens_ms.pop(name, None)
            self._stirred.add(name)
        while self._stirred:
            yield from self._unpark(self._stirred.pop(), now_ms)

    def _unpark(self, name: str, now_ms: int) -> Iterator[tuple[Key, Entry]]:
        lines = self._parked.get(name)
        if lines is None:
            return
        gate = self._gates.get(name)
        free = FREE if gate is None else gate.free(now_ms)
        for key, line in list(lines.items()):
            left = free
            while line and left > 0:
                entry = heappop(line)
                if entry[3].order == entry[2]:
                    left -= 1
                    yield key, entry
            if not line:
                del lines[key]
        if not lines:
            del self._parked[name]
        elif gate is not None and free <= 0:
            self._open_later(gate, now_ms)

    def _open_later(self, gate: Gate, now_ms: int) -> None:
        opens_ms = gate.opens_ms(now_ms)
        if opens_ms and not 0 < self._opens_ms.get(gate.name, 0) <= opens_ms:
            self._opens_ms[gate.name] = opens_ms
            heappush(self._opening, (opens_ms, gate.name))
