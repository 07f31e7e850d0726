"""The service that starts what schedules ask for. One instance works, others stand by.

A run is claimed in its stream before it is started, and its end is recorded after that. Both expect
the version before them: of two instances that take themselves for the working one only one claims,
and whoever takes over finds the claims that have not ended. One timer waits for what is due next.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import structlog

from firmus.eventlog.recorder_journal import Journal
from firmus.ports import Clock, Unavailable
from firmus.schedules.book import Book
from firmus.schedules.runs import Event, Outcome, Run, RunsClaimed, RunsEnded, ended
from firmus.schedules.starting import Starter, failed

log = structlog.get_logger(__name__)

AT_ONCE = 200
"""Events in one write."""
STARTS_AT_ONCE = 64
LOOK_FIRST_S = 0.02
LOOK_LAST_S = 30.0
"""A change is announced while it is written, so a look may come too early: the next ones follow in
growing pauses. One whose announcement was lost is seen after the longest.
"""
RETRY_FIRST_S = 0.1
RETRY_LAST_S = 10.0


class Turns(Protocol):
    """Whose turn it is to work."""

    @property
    def held(self) -> bool: ...

    async def acquire(self) -> None: ...

    async def release(self) -> None: ...


class ScheduleService:
    """`turns` None: nobody else can be there."""

    def __init__(
        self,
        journal: Journal,
        runs: Journal,
        starter: Starter,
        clock: Clock,
        turns: Turns | None = None,
    ) -> None:
        self._journal = journal
        self._runs = runs
        self._starter = starter
        self._clock = clock
        self._turns = turns
        self._news = asyncio.Event()
        self._look_s = LOOK_FIRST_S
        self._starts = asyncio.Semaphore(STARTS_AT_ONCE)
        self._book = Book()
        self._looked = False
        self._unsure: set[str] = set()
        self._at_work: dict[str, asyncio.Task[None]] = {}
        self._results: dict[str, RunsEnded] = {}
        self.executed = 0
        self.failed = 0
        self.lateness_ms_max = 0

    @property
    def waiting(self) -> int:
        """Schedules with a next time."""
        return len(self._book)

    def wake(self) -> None:
        """Schedules may have changed, or the turn may have ended."""
        self._look_s = LOOK_FIRST_S
        self._news.set()

    async def run(self) -> None:
        """Works, or stands by, until cancelled."""
        while True:
            if self._turns is not None:
                await self._turns.acquire()
            try:
                await self._work()
            finally:
                await self._leave()
                if self._turns is not None:
                    await self._turns.release()

    async def _work(self) -> None:
        """Until it is somebody else's turn."""
        self._book, self._unsure, self._results = Book(), set(), {}
        self._looked = False
        retry_s = RETRY_FIRST_S
        while self._turns is None or self._turns.held:
            self._news.clear()
            try:
                await self._round()
            except Unavailable as fault:
                log.warning("schedules stand still", why=str(fault))
                await asyncio.sleep(retry_s)
                retry_s = min(retry_s * 2, RETRY_LAST_S)
                continue
            retry_s = RETRY_FIRST_S
            await self._nap()

    async def _nap(self) -> None:
        """Until there is news, something is due, or it is time to look for changes."""
        due_ms = self._book.next_ms()
        wait_s, self._look_s = self._look_s, min(self._look_s * 2, LOOK_LAST_S)
        if due_ms is not None:
            wait_s = min(wait_s, max(due_ms - self._clock.now_ms(), 0) / 1000)
        try:
            await asyncio.wait_for(self._news.wait(), wait_s)
        except TimeoutError:
            return

    async def _round(self) -> None:
        """Looks for changes, claims and starts what is due, records what has ended."""
        await self._journal.catch_up(self._book.catalogue)
        changed = self._book.look_again()
        if not self._looked:
            self._unsure |= changed
        await self._look(sure=self._looked)
        self._looked = True
        claims = self._book.due(self._clock.now_ms(), AT_ONCE)
        if claims and await self._record(claims):
            for claimed in claims:
                self._go(claimed)
        results = list(self._results.values())[:AT_ONCE]
        if results and await self._record(results):
            for result in results:
                self._count(self._results.pop(result.originator_id))
        if self._results:
            self._news.set()

    async def _look(self, *, sure: bool) -> None:
        """Where the doubtful schedules stand, and on with claims that have not ended."""
        names = sorted(self._unsure)
        for event in await self._runs.lasts(names, sure=sure) if names else ():
            self._book.stands(event)
        for name in names:
            claimed, result = self._book.open_claim(name), self._results.get(name)
            if result is not None and (
                claimed is None or claimed.originator_version + 1 != result.originator_version
            ):
                del self._results[name]
            elif claimed is not None and result is None and name not in self._at_work:
                self._go(claimed)
            self._book.postpone(name)
        self._unsure.difference_update(names)

    async def _record(self, events: Sequence[Event]) -> bool:
        """False when somebody else came first. Then, as when Unavailable is raised, it is not
        known how their schedules stand: the next round looks.
        """
        recorded = False
        try:
            recorded = await self._runs.record(events)
        finally:
            if not recorded:
                self._unsure.update(event.originator_id for event in events)
        if not recorded:
            self._news.set()
            return False
        for event in events:
            self._book.stands(event)
        return True

    def _go(self, claimed: RunsClaimed) -> None:
        name = claimed.originator_id
        late_ms = claimed.time_ms - min(run.scheduled_ms for run in claimed.runs)
        self.lateness_ms_max = max(self.lateness_ms_max, late_ms)
        self._at_work[name] = asyncio.create_task(self._start_all(claimed), name=f"runs of {name}")

    async def _start_all(self, claimed: RunsClaimed) -> None:
        """In the order of their times, each until it is answered."""
        name = claimed.originator_id
        outcomes = tuple([await self._start(claimed, run) for run in claimed.runs])
        self._results[name] = ended(claimed, outcomes, now_ms=self._clock.now_ms())
        del self._at_work[name]
        self._news.set()

    async def _start(self, claimed: RunsClaimed, run: Run) -> Outcome:
        pause_s = RETRY_FIRST_S
        while True:
            try:
                async with self._starts:
                    return await self._starter.start(claimed, run)
            except Unavailable as fault:
                log.warning("start postponed", schedule=claimed.originator_id, why=str(fault))
            except Exception as fault:
                log.exception("a scheduled start failed", schedule=claimed.originator_id)
                return failed(run, repr(fault))
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, RETRY_LAST_S)

    def _count(self, result: RunsEnded) -> None:
        for outcome in result.outcomes:
            if outcome.state == "EXECUTED":
                self.executed += 1
            else:
                self.failed += 1
                log.warning(
                    "scheduled start failed", schedule=result.originator_id, why=outcome.reason
                )

    async def _leave(self) -> None:
        """Starts under way are given up: who works next makes them again, under the same ids."""
        tasks = list(self._at_work.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._at_work.clear()
