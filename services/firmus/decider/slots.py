"""The workflows that a decider holds in memory, and the commands that wait for each."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

from firmus.workflow.state import WorkflowState
from firmus_contracts import commands as cmd

Waiting = tuple[cmd.Command, asyncio.Future[cmd.Answer]]
"""A command and where its answer goes."""


class Slot:
    """One workflow: its committed state, and the commands that wait for it."""

    __slots__ = ("digest", "loaded", "position", "queue", "running", "state", "untried")

    def __init__(self) -> None:
        self.state: WorkflowState | None = None
        self.position = 0
        self.digest = ""
        self.loaded = False
        self.untried = True
        self.running = False
        self.queue: list[Waiting] = []

    def add(self, command: cmd.Command, *, first: bool = False) -> asyncio.Future[cmd.Answer]:
        """Puts a command in line, behind the others or before them; its answer to come."""
        future: asyncio.Future[cmd.Answer] = asyncio.get_running_loop().create_future()
        self.queue.insert(0 if first else len(self.queue), (command, future))
        return future


class Slots:
    """At most `cached_max` workflows; the longest unused are forgotten first."""

    def __init__(self, cached_max: int) -> None:
        self._cached_max = cached_max
        self._slots: OrderedDict[str, Slot] = OrderedDict()

    def __len__(self) -> int:
        return len(self._slots)

    def of(self, workflow_id: str) -> Slot:
        """The workflow's slot, made if need be."""
        slot = self._slots.get(workflow_id)
        if slot is None:
            slot = self._slots[workflow_id] = Slot()
            self._evict()
        else:
            self._slots.move_to_end(workflow_id)
        return slot

    def known(self, workflow_id: str) -> WorkflowState | None:
        """The committed state of a workflow that is in memory."""
        slot = self._slots.get(workflow_id)
        return slot.state if slot is not None and slot.loaded else None

    def _evict(self) -> None:
        """A busy workflow is looked at again later."""
        for _ in range(len(self._slots) - self._cached_max):
            workflow_id, slot = next(iter(self._slots.items()))
            if slot.running:
                self._slots.move_to_end(workflow_id)
                return
            del self._slots[workflow_id]


def still_open(batch: Sequence[Waiting]) -> list[Waiting]:
    """Those that nobody has answered yet: a refused command is never decided a second time."""
    return [one for one in batch if not one[1].done()]


def answer(future: asyncio.Future[cmd.Answer], given: cmd.Answer) -> None:
    if not future.done():
        future.set_result(given)


def answer_all(batch: Sequence[Waiting], given: cmd.Answer) -> None:
    for _, future in batch:
        answer(future, given)


def fail_all(batch: Sequence[Waiting], problem: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(problem)
