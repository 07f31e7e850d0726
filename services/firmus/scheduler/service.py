"""The scheduler as a service: follows the log, and acts on what the fold of it says is due.

It does nothing to others before it has read to the end of the log. One timer wakes it for
whatever is due next, so an idle scheduler costs nothing.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from firmus.eventlog.port import EventLog
from firmus.ports import Clock, DeciderPort, QueueSize, SinksPort, StartsPort
from firmus.scheduler.admissions import Admissions, SlotRecords
from firmus.scheduler.checkpoint import CheckpointStore, follow_from
from firmus.scheduler.checkpoints import Checkpoints
from firmus.scheduler.errands import Errands, FailureInput
from firmus.scheduler.firing import Firing
from firmus.scheduler.fold import Fold
from firmus.scheduler.handout import HandOut, ReadyListener
from firmus.scheduler.requeue import Requeues
from firmus.scheduler.sharing import GrantRecords, Sharing
from firmus.workflow.limits import Registered
from firmus_contracts.envelope import Record

SLEEP_MAX_MS = 30_000
"""A clock that was set is noticed after this time at the latest."""

_log = logging.getLogger(__name__)


class Scheduler:
    """Implements ports.QueuesPort. `ready` is set once it has caught up with the log.

    `shards` are those it works for, out of `shard_count`. `registered` reads the limits of all task
    definitions that are registered now; without it only those count that workflows bring along.
    """

    def __init__(
        self,
        *,
        log: EventLog,
        decider: DeciderPort,
        clock: Clock,
        shards: Sequence[int],
        shard_count: int,
        store: CheckpointStore,
        failure_input: FailureInput,
        starts: StartsPort,
        sinks: SinksPort | None = None,
        slots: SlotRecords | None = None,
        grants: GrantRecords | None = None,
        registered: Callable[[], Awaitable[Registered]] | None = None,
    ) -> None:
        self.instance = secrets.token_hex(6)
        self.shards = tuple(shards)
        self.shard_count = shard_count
        self.ready = asyncio.Event()
        self._log = log
        self._decider = decider
        self._clock = clock
        self._registered = registered
        self._fold = Fold(shard_count, self.shards)
        self._checkpoints = Checkpoints(store, self._fold, self.shards, shard_count)
        self._sharing = Sharing(self._fold, clock, grants, shard_count, changed=self._wake)
        self._handout = HandOut(
            self._fold.queues,
            decider,
            clock,
            instance=self.instance,
            changed=self._wake,
            let_in=self._sharing.door,
        )
        self.requeue = Requeues(self._fold, decider, instance=self.instance).requeue
        self._errands = Errands(
            self._fold,
            decider,
            starts,
            clock,
            failure_input,
            changed=self._wake,
            sinks=sinks,
            let_in=self._sharing.door,
        )
        self._admissions = Admissions(self._fold, decider, clock, slots)
        self._running: asyncio.Task[None] | None = None
        self._firing = Firing(decider, changed=self._wake)
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ms = 0
        self._woken = False
        self._stopping = False

    async def run(self) -> None:
        """Works until it is stopped or cancelled. Raises what log and store raise."""
        self._running = asyncio.ensure_future(self._work())
        try:
            await self._running
        except asyncio.CancelledError:
            if not self._stopping:
                raise
        finally:
            await self._close()

    async def stop(self) -> None:
        """Ends `run`; what was learnt since the last checkpoint is written first."""
        if self.ready.is_set():
            try:
                await self._checkpoints.write(pause_s=0)
            except Exception:  # noqa: BLE001 - one failure must not end all other work
                _log.exception("no checkpoint could be written; the last one stays")
        self._stopping = True
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        await self._close()

    async def poll(
        self, task_type: str, *, domain: str | None, worker_id: str, count: int, timeout_s: float
    ) -> list[msgspec.Raw]:
        """See QueuesPort.poll."""
        return await self._handout.poll(
            task_type, domain=domain, worker_id=worker_id, count=count, timeout_s=timeout_s
        )

    async def learn_limits(self) -> None:
        """Task definitions may have changed: what is registered now counts from now on."""
        if self._registered is None:
            return
        registered = await self._registered()
        self._fold.gates.register(registered.tasks)
        self._admissions.register(registered.workflows)
        self._wake()

    async def sizes(self) -> list[QueueSize]:
        """See QueuesPort.sizes; of this scheduler's shards."""
        return self._handout.sizes()

    def on_ready(self, listener: ReadyListener) -> None:
        """Calls `listener(task_type, domain)` when due tasks wait that no poll here wanted."""
        self._handout.on_ready(listener)

    def ready_queues(self) -> list[tuple[str, str | None]]:
        """(task type, domain) of the queues with due tasks."""
        return self._handout.ready_queues()

    def has_ready(self, task_type: str, domain: str | None) -> bool:
        """Whether a due task waits in that queue."""
        return self._handout.has_ready(task_type, domain)

    @property
    def position(self) -> int:
        """The log position up to which it has read."""
        return self._fold.read_to

    def counters(self) -> dict[str, int]:
        """Numbers for metrics. Depths are of now, the others count from the start."""
        return {
            **self._fold.counters(),
            "tasks_begun": self._handout.begun,
            "begins_refused": self._handout.refused,
            **self._firing.counters(),
            "errands_done": self._errands.done,
            "checkpoints_written": self._checkpoints.written,
        }

    def tick(self) -> None:
        """Acts on everything that is due by the clock. Its own timer calls it; calls in between
        do no harm.
        """
        if not self.ready.is_set():
            return
        now_ms = self._clock.now_ms()
        self._fold.queues.promote(now_ms)
        self._handout.dispatch(now_ms)
        for due in self._fold.timeline.due(now_ms, self._firing.room):
            self._firing.fire_soon(due, now_ms)
        self._errands.pump(now_ms)
        self._admissions.pump()
        self._sharing.pump()
        self._arm(now_ms)

    async def _work(self) -> None:
        await self.learn_limits()
        await self._admissions.watch()
        await self._sharing.watch()
        end = await self._log.end()
        await self._checkpoints.load(end)
        position = await self._catch_up(end)
        self._open()
        checkpoints = asyncio.ensure_future(self._checkpoints.run())
        try:
            mine = None if len(self.shards) == self.shard_count else self.shards
            async for batch in self._log.follow(after=position, shards=mine, payloads=False):
                self._take_in(batch)
                self.tick()
        finally:
            checkpoints.cancel()
            await asyncio.gather(checkpoints, return_exceptions=True)

    async def _catch_up(self, end: int) -> int:
        """Reads to where the log ended when this began, and returns the position reached.

        It reads foreign shards too: the last commit of the log may be in one.
        """
        position = self._fold.read_to = follow_from(self._fold)
        if position >= end:
            return position
        batches = self._log.follow(after=position, payloads=False)
        async with contextlib.aclosing(batches):  # type: ignore[type-var] # both logs generate
            async for batch in batches:
                self._take_in(batch)
                self._fold.fresh.clear()
                if batch[-1].position >= end:
                    return batch[-1].position
                await asyncio.sleep(0)
        raise AssertionError("a log is followed for ever")

    def _open(self) -> None:
        self._fold.fresh.extend(self._fold.owed.values())
        self._handout.open()
        self._admissions.open()
        self._sharing.open()
        self.ready.set()
        self.tick()

    def _take_in(self, batch: Sequence[Record]) -> None:
        fold = self._fold
        for record in batch:
            fold.apply(record)
        for problem in fold.halts:
            _log.error(problem)
        fold.halts.clear()
        self._checkpoints.progressed()

    def _wake(self) -> None:
        """Ticks once, soon."""
        if not self._woken and self.ready.is_set():
            self._woken = True
            asyncio.get_running_loop().call_soon(self._on_wake)

    def _on_wake(self) -> None:
        self._woken = False
        self.tick()

    def _arm(self, now_ms: int) -> None:
        """Sets the timer to the next due time, unless it is set to an earlier one."""
        times = [self._fold.queues.next_due_ms(), self._fold.children.next_due_ms()]
        if self._firing.room > 0:
            times.append(self._fold.timeline.next_ms())
        next_ms = min([at for at in times if at is not None], default=None)
        if next_ms is None:
            return
        next_ms = min(next_ms, now_ms + SLEEP_MAX_MS)
        if self._timer is not None:
            if self._timer_ms <= next_ms:
                return
            self._timer.cancel()
        delay_s = max(next_ms - now_ms, 0) / 1000
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._on_timer)
        self._timer_ms = next_ms

    def _on_timer(self) -> None:
        self._timer = None
        self.tick()

    async def _close(self) -> None:
        self.ready.clear()
        self._handout.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self._firing.close()
        await self._errands.close()
        await self._admissions.close()
        await self._sharing.close()
