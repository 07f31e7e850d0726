"""Who waits for which workflow to move. A commit that nobody waits for costs one look-up."""

import asyncio
from collections.abc import Collection

from firmus.ports import Unavailable
from firmus.workflow.blocking import ends_a_wait
from firmus.workflow.state import WorkflowState
from firmus_contracts.envelope import Commit

WATCHES_MAX = 65_536

Told = asyncio.Future[None]
"""Done when the waiter is to look at its workflow again."""


class Watches:
    """The waiters of one decider, at most `watches_max`."""

    def __init__(self, watches_max: int = WATCHES_MAX) -> None:
        self._watches_max = watches_max
        self._count = 0
        self._waiting: dict[str, dict[Told, Collection[str]]] = {}

    def __len__(self) -> int:
        return self._count

    def add(self, workflow_id: str, refs: Collection[str]) -> Told:
        """A waiter from now on, until `remove`. Raises Unavailable when there are too many."""
        if self._count >= self._watches_max:
            raise Unavailable(f"{self._watches_max} waiters already wait at this decider")
        told = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(workflow_id, {})[told] = refs
        self._count += 1
        return told

    def remove(self, workflow_id: str, told: Told) -> None:
        waiting = self._waiting[workflow_id]
        del waiting[told]
        self._count -= 1
        if not waiting:
            del self._waiting[workflow_id]

    def committed(self, commit: Commit, state: WorkflowState) -> None:
        """Tells those for whom a commit, after which the workflow is in `state`, may matter."""
        for told, refs in self._waiting.get(commit.workflow_id, {}).items():
            if not told.done() and ends_a_wait(commit.events, state, refs):
                told.set_result(None)

    def written_by_others(self, workflow_id: str) -> None:
        """Tells all waiters of a workflow whose commits were not all made here."""
        for told in self._waiting.get(workflow_id, {}):
            if not told.done():
                told.set_result(None)
