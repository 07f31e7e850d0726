"""States: the workflows that the projection follows, the live ones kept in memory."""

import asyncio
from collections import OrderedDict

from firmus.eventlog.port import EventLog
from firmus.projection.fold import CannotFollow, fold_history
from firmus.workflow.state import WorkflowState
from firmus_contracts.envelope import Commit, Record

KEPT_MAX = 10_000
READS_AT_ONCE = 16


class RecentStates:
    """States as of the last commit applied; an ended workflow is let go after its batch, the
    least recently changed ones beyond `kept_max`.
    """

    def __init__(self, log: EventLog, *, kept_max: int = KEPT_MAX) -> None:
        self._log = log
        self._kept_max = kept_max
        self._states: OrderedDict[str, WorkflowState] = OrderedDict()
        self._ended: set[str] = set()

    async def load(self, batch: list[Record]) -> dict[str, CannotFollow]:
        """Reads what a batch goes on from and is not here; tells what cannot be read."""
        missing: dict[str, int] = {}
        for record in batch:
            known = record.workflow_id in self._states or record.workflow_id in missing
            first = isinstance(record.body, Commit) and record.body.first_version == 1
            if not known and not first:
                missing[record.workflow_id] = record.position
            elif first:
                missing.setdefault(record.workflow_id, 0)
        wanted = [(workflow_id, before) for workflow_id, before in missing.items() if before]
        if not wanted:
            return {}
        gate = asyncio.Semaphore(READS_AT_ONCE)
        results = await asyncio.gather(*(self._read(gate, *one) for one in wanted))
        return {workflow_id: fault for (workflow_id, _), fault in zip(wanted, results, strict=True)
                if fault is not None}  # fmt: skip

    async def _read(
        self, gate: asyncio.Semaphore, workflow_id: str, before: int
    ) -> CannotFollow | None:
        async with gate:
            records = await self._log.read(workflow_id)
        try:
            state = fold_history(records, before=before)
        except CannotFollow as fault:
            return fault
        if state is not None:
            self._states[workflow_id] = state
        return None

    def get(self, workflow_id: str) -> WorkflowState | None:
        return self._states.get(workflow_id)

    def put(self, state: WorkflowState) -> None:
        workflow_id = state.workflow_id
        if state.status.terminal or state.removed_ms:
            self._ended.add(workflow_id)
        self._states[workflow_id] = state
        self._states.move_to_end(workflow_id)

    def trim(self) -> None:
        """Lets states go; only between batches, which rely on theirs."""
        for workflow_id in self._ended:
            state = self._states.get(workflow_id)
            if state is not None and (state.status.terminal or state.removed_ms):
                del self._states[workflow_id]
        self._ended.clear()
        while len(self._states) > self._kept_max:
            self._states.popitem(last=False)
