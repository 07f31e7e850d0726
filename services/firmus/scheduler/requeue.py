"""Putting tasks of a type back into their queues (spec 9.4), for an operator whose workers are gone
with the tasks that they had.

A task that waits is where it belongs and only counted. One in a worker's hands is offered again
beside that worker, which may still report it: the first report counts.
"""

import asyncio
import itertools
from collections.abc import Iterator

from firmus.ports import DeciderPort
from firmus.scheduler.fold import Fold
from firmus.scheduler.rows import Row
from firmus_contracts.commands import Accepted, RequeueTask

ACTOR = "scheduler"
AT_ONCE_MAX = 64
LOOK_MAX = 5_000
SYSTEM_TYPES = frozenset({"HTTP", "HTTP_POLL", "EVENT", "KAFKA_PUBLISH", "JDBC"})
"""Queued types whose workers are our own; they look after their leases themselves."""


class Requeues:
    """`instance` makes the ids of its commands its own."""

    def __init__(self, fold: Fold, decider: DeciderPort, *, instance: str) -> None:
        self._fold = fold
        self._decider = decider
        self._instance = instance
        self._serial = itertools.count(1)

    async def requeue(self, task_type: str, *, actor: str = "") -> int:
        """For `actor`, or else on our own account. How many open tasks of the type wait now,
        delayed ones included. Raises Unavailable.
        """
        if task_type in SYSTEM_TYPES:
            return 0
        waiting = 0
        begun: list[Row] = []
        for looked, row in enumerate(self._rows(), start=1):
            if row.queued and row.task_type == task_type:
                if self._fold.queues.waits(row):
                    waiting += 1
                else:
                    begun.append(row)
            if looked % LOOK_MAX == 0:
                await asyncio.sleep(0)
        for first in range(0, len(begun), AT_ONCE_MAX):
            batch = begun[first : first + AT_ONCE_MAX]
            done = (self._put_back(row, actor or ACTOR) for row in batch)
            waiting += sum(await asyncio.gather(*done))
        return waiting

    def _rows(self) -> Iterator[Row]:
        """All open rows; those that come meanwhile may be missed."""
        for shard in self._fold.shards.values():
            for flow in list(shard.flows.values()):
                yield from list(flow.rows.values())

    async def _put_back(self, row: Row, actor: str) -> bool:
        command = RequeueTask(
            command_id=f"{row.task_id}/requeue/{self._instance}.{next(self._serial)}",
            workflow_id=row.workflow_id,
            actor=actor,
            task_id=row.task_id,
        )
        return isinstance(await self._decider.submit(command), Accepted)
