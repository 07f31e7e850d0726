"""Starting the workflow that a SUB_WORKFLOW or START_WORKFLOW row stands for, and telling the row
(spec 3.6.14, 3.6.15). An idempotency key may lead to another workflow than was planned, which the
row then stands for (spec 4.13).
"""

from firmus.ports import DeciderPort, Started, StartsPort
from firmus.scheduler import child_requests, orphans
from firmus.scheduler.fold import Fold
from firmus.scheduler.rows import Row
from firmus.workflow.state import present
from firmus_contracts.commands import (
    Accepted,
    Answer,
    Rejected,
)
from firmus_contracts.errors import ERRORS
from firmus_contracts.statuses import TaskStatus

_PASSING = frozenset({"INTERNAL", "UNREADABLE_LOG"})


def retryable(answer: Answer | None) -> bool:
    """Whether a refusal may pass: for lack of resources, or for a fault on our own side."""
    if answer is None or isinstance(answer, Accepted):
        return False
    problem = ERRORS.get(answer.code)
    return problem is None or problem.retryable or answer.code in _PASSING


class ChildStarts:
    def __init__(self, fold: Fold, decider: DeciderPort, starts: StartsPort) -> None:
        self._fold = fold
        self._decider = decider
        self._starts = starts

    async def start(self, row: Row) -> bool:
        """Starts a child and tells its parent; False when it has to be tried again."""
        parent = present(await self._decider.read(row.workflow_id))
        task = parent.tasks.get(row.ordinal) if parent is not None else None
        if parent is None or task is None or task.status is not TaskStatus.SCHEDULED:
            return True
        try:
            command = child_requests.start_child(parent, task)
            strategy = child_requests.strategy_of(task)
        except ValueError as problem:
            return await self._refuse(row, str(problem))
        answer = await self._starts.start(command, strategy)
        if isinstance(answer, Rejected):
            if retryable(answer):
                return False
            if not await orphans.exists(self._decider, row):
                return await self._refuse(row, answer.message)
            answer = Started(command.workflow_id)
        if answer.workflow_id == row.workflow_id and row.is_parent:
            return await self._refuse(row, "Its idempotency key leads to the workflow itself")
        child_id = command.workflow_id
        other = answer.workflow_id != child_id
        told = await self._decider.submit(
            child_requests.told_started(
                row,
                child_id,
                led_to=answer.workflow_id if other else None,
                adopted=other and answer.existing,
            )
        )
        if retryable(told):
            return False
        if not row.is_parent:
            return True
        known = self._fold.row(row.task_id)
        stale = known is None or known.child_id not in {child_id, answer.workflow_id}
        if (isinstance(told, Rejected) or stale) and not (other and answer.existing):
            stopped = await orphans.stop(self._decider, row, answer.workflow_id)
            return stopped if isinstance(stopped, bool) else not retryable(stopped)
        return True

    async def _refuse(self, row: Row, reason: str) -> bool:
        answer = await self._decider.submit(child_requests.told_refused(row, reason))
        return not retryable(answer)
