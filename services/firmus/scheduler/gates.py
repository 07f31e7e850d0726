"""Limits on task definitions: who may be handed out now, and when the next one may (spec 4.9).

A gate stands before all tasks of one definition, whatever their queue, domain or workflow. What it
counts follows from the log and from what is being handed out at this moment, so nothing that dies
can keep a slot. There is a gate only where there is a limit: other tasks never meet one.
"""

from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Mapping

import msgspec

from firmus.scheduler.rows import Row, gate_name
from firmus_contracts.events import TaskLimits

FREE = 1 << 60
"""As many as one likes."""

NO_LIMITS = TaskLimits()


class Gate(msgspec.Struct, gc=False, eq=False):
    """`hands` are the ids of the tasks in workers' hands and on the way there, `handing` counts the
    latter. `times` says when tasks were handed out within the last window, ascending, epoch
    milliseconds.

    Where several schedulers share the limit (`grants.py`): `elsewhere` counts holders
    of the record that are not in hands here,
    `opens_at_ms` is when a window ends that they have filled, `barred` that not all have told yet,
    `unasked` are those in `hands` of which the record has not been asked yet: they are not told of,
    or they would stand in it without leave. `left` are tasks of ours that have left their hands, to
    be told; None where nobody shares.
    """

    name: str
    limits: TaskLimits
    hands: set[str] = set()
    handing: int = 0
    times: list[int] = []
    elsewhere: int = 0
    opens_at_ms: int = 0
    barred: bool = False
    unasked: set[str] = set()
    left: set[str] | None = None

    def free(self, now_ms: int) -> int:
        """How many more may be handed out now."""
        limits = self.limits
        if self.barred or now_ms < self.opens_at_ms:
            return 0
        free = FREE
        if limits.concurrent > 0:
            free = limits.concurrent - len(self.hands) - self.elsewhere
        if limits.hand_outs > 0:
            self._forget(now_ms)
            free = min(free, limits.hand_outs - len(self.times) - self.handing)
        return free

    def opens_ms(self, now_ms: int) -> int:
        """When a window ends that keeps it closed; 0 when no time opens it."""
        limits = self.limits
        if limits.hand_outs <= 0:
            return 0
        self._forget(now_ms)
        excess = len(self.times) + self.handing - limits.hand_outs
        opens_ms = 0
        if excess >= 0 and self.times:
            opens_ms = self.times[min(excess, len(self.times) - 1)] + limits.window_s * 1000
        return max(opens_ms, self.opens_at_ms if self.opens_at_ms > now_ms else 0)

    def put_in(self, row: Row, *, begun: bool) -> None:
        """A task is in a worker's hands, or on the way there."""
        task_id = row.task_id
        self.hands.add(task_id)
        if self.left is not None:
            self.left.discard(task_id)
            if begun:
                self.unasked.discard(task_id)
            else:
                self.unasked.add(task_id)

    def take_out(self, row: Row) -> None:
        task_id = row.task_id
        self.hands.discard(task_id)
        if self.left is not None:
            self.left.add(task_id)
            self.unasked.discard(task_id)

    def handed_out(self, at_ms: int) -> None:
        if self.limits.hand_outs > 0:
            insort(self.times, at_ms)

    def _forget(self, now_ms: int) -> None:
        times = self.times
        begins_ms = now_ms - self.limits.window_s * 1000
        if times and times[0] <= begins_ms:
            del times[: bisect_right(times, begins_ms)]


Count = tuple[set[str], int, list[int]]
"""Tasks in workers' hands or on the way there, how many are on the way, when the others began."""


def counted(name: str, rows: Iterable[Row], *handing: Mapping[int, Row]) -> Count:
    """What a gate of this name would know by now, had it been there all the time; `handing` are
    the tasks on the way into workers' hands, by order.
    """
    hands: set[str] = set()
    under_way = 0
    times: list[int] = []
    for row in rows:
        if gate_name(row) != name or not (row.queued or row.child_id):
            continue
        if not row.order:
            hands.add(row.task_id)
            times.append(row.start_ms)
        elif any(row.order in orders for orders in handing):
            hands.add(row.task_id)
            under_way += 1
    return hands, under_way, times


class Gates:
    """The gates by name of the task definition.

    A registered definition's limits count; where none is registered, those that a workflow brought
    along. `count` tells what a new gate has missed. `listeners` hear of gates that may have opened.
    """

    def __init__(self, count: Callable[[str], Count]) -> None:
        self.by_name: dict[str, Gate] = {}
        self.listeners: list[set[str]] = []
        self.shared = False  # with other schedulers
        self.count = count
        self._registered: Mapping[str, TaskLimits | None] = {}
        self._brought: dict[str, TaskLimits] = {}
        self._before: dict[str, list[int]] = {}

    def of(self, row: Row) -> Gate | None:
        """The gate that a task has to pass."""
        return self.by_name.get(gate_name(row))

    def register(self, registered: Mapping[str, TaskLimits | None]) -> None:
        """These are all registered task definitions, with the limits of those that have any."""
        before, self._registered = self._registered, registered
        for name in {*before, *registered}:
            if before.get(name) != registered.get(name) or (name in before) != (name in registered):
                self._settle(name)

    def bring(self, name: str, limits: TaskLimits) -> None:
        """A task came with these limits; the newest such count."""
        if self._brought.get(name) != limits:
            self._brought[name] = limits
            self._settle(name)

    def remember(self, times: Mapping[str, Iterable[int]]) -> None:
        """Hand-outs of before, from a checkpoint."""
        for name, some in times.items():
            gate = self.by_name.get(name)
            if gate is None:
                self._before.setdefault(name, []).extend(some)
            elif gate.limits.hand_outs > 0:
                gate.times = sorted([*gate.times, *some])

    def lately(self, times: dict[str, list[int]]) -> dict[str, list[int]]:
        """Of these hand-outs by gate, those that can still matter; forgets the others."""
        for name in list(times):
            gate = self.by_name.get(name)
            if gate is None or not gate.limits.hand_outs:
                del times[name]
            elif gate.limits.window_s:
                since_ms = times[name][-1] - gate.limits.window_s * 1000
                times[name] = [at for at in times[name] if at > since_ms]
        return times

    def stir(self, name: str) -> None:
        """Has the queues look whether a gate is open."""
        for stirred in self.listeners:
            stirred.add(name)

    def _settle(self, name: str) -> None:
        limits = self._brought.get(name)
        if name in self._registered:
            limits = self._registered[name]
        gate = self.by_name.get(name)
        if limits is None or limits == NO_LIMITS:
            self.by_name.pop(name, None)
        elif gate is not None:
            gate.limits = limits
        else:
            hands, handing, times = self.count(name)
            gate = self.by_name[name] = Gate(name, limits, hands, handing)
            if self.shared:
                gate.barred, gate.left = True, set()
            for at_ms in self._before.pop(name, times):
                gate.handed_out(at_ms)
        self.stir(name)
