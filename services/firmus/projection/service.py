"""The projection service: follows the log, publishes EVENTS at once, writes rows in groups.

One instance is active, under a lease; the others wait. EVENTS and rows have cursors of their own;
after any trouble the service starts again from both, which is exact (`publisher`, `store`).
"""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import aclosing, suppress
from typing import Any, Protocol

from firmus.eventlog.port import EventLog
from firmus.ports import ReadModelStatus
from firmus.projection.cursors import EventsCursor, RowsCursor
from firmus.projection.flushing import Flushing
from firmus.projection.follower import CHUNK, Follower
from firmus.projection.live import LiveModel
from firmus.projection.port import ReadModel, ReadModels, StoreFault, UnusableModel
from firmus.projection.publication import DEFAULT_SOURCE
from firmus.projection.publisher import EventsPublisher, PublishBroken
from firmus.projection.rebuild import Surroundings
from firmus.projection.rows import Classifiers, KnownDefinitions, RowBuffer
from firmus.projection.search import LocalSearch
from firmus.projection.upkeep import TROUBLE, Upkeep, is_of_log
from firmus_contracts.errors import Refusal

CATCH_UP_MAX = 20_000
"""Positions that rows may be behind EVENTS at a start; beyond, a rebuild beside it catches up."""
SETTLE_S = 2.0
RETRY_S = 0.1
RETRY_MAX_S = 5.0

_log = logging.getLogger(__name__)

_TROUBLE = (PublishBroken, *TROUBLE)


class ActiveLease(Protocol):
    """What makes one instance the active one. `lost` is set when it was taken away."""

    @property
    def held(self) -> bool: ...

    @property
    def lost(self) -> asyncio.Event: ...

    async def acquire(self) -> None:
        """Returns when it is held, however long that takes."""
        ...

    async def release(self) -> None: ...


class ProjectionService:
    """`publisher` None runs without EVENTS. `active` is set while searches are answered."""

    def __init__(
        self,
        *,
        log: EventLog,
        models: ReadModels,
        definitions: KnownDefinitions,
        lease: ActiveLease,
        publisher: EventsPublisher | None,
        source: str = DEFAULT_SOURCE,
        instance: str = "",
    ) -> None:
        self._log = log
        self._live = LiveModel(models)
        self._classifiers = Classifiers(definitions)
        self._lease = lease
        self._publisher = publisher
        self._source = source
        self._instance = instance
        self._follower: Follower | None = None
        self._upkeep = Upkeep(self._live)
        self.active = asyncio.Event()
        self.standby = asyncio.Event()
        self.standby.set()
        self.local_search = LocalSearch(self._live, log, self._classifiers.choices)

    async def run(self) -> None:
        """Runs until it is cancelled."""
        try:
            while True:
                await self._lease.acquire()
                try:
                    await self._while_active()
                finally:
                    self.active.clear()
                    self.standby.set()
                    await self._live.close()
                    await self._lease.release()
        finally:
            self._live.dispose()

    async def _while_active(self) -> None:
        """One life after another, until the lease is lost."""
        loop = asyncio.get_running_loop()
        pause_s = RETRY_S
        while self._lease.held:
            began = loop.time()
            try:
                await self._one_life()
            except _TROUBLE as trouble:
                _log.warning("the projection starts again after: %r", trouble)
            pause_s = (
                RETRY_S if loop.time() - began > RETRY_MAX_S else min(2 * pause_s, RETRY_MAX_S)
            )
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._lease.lost.wait()

    async def _one_life(self) -> None:
        """From both cursors on. Returns when the lease is lost; raises any trouble."""
        try:
            model = await self._model_of_this_log()
        except StoreFault as fault:
            if self._publisher is None:
                raise
            await self._life_without_rows(self._publisher, fault)
            return
        checkpoint = EventsCursor() if model is None else model.events_checkpoint()
        resumed = await self._publisher.resume(self._log, checkpoint) if self._publisher else None
        published = resumed.cursor.position if resumed else 0
        if model is None and published <= CATCH_UP_MAX:
            model = await self._first_model()
        rows_cursor = RowsCursor() if model is None else model.rows_cursor()
        follower = Follower(
            self._log,
            rows=None,
            resumed=resumed,
            source=self._source,
            classifiers=self._classifiers,
        )
        after = max(published - 1, 0)
        if published - rows_cursor.position > CATCH_UP_MAX:
            _log.warning("the read model is far behind EVENTS: it catches up beside")
            follower.applied = RowsCursor(after)
            self._upkeep.complete()
        else:
            follower.rows = RowBuffer(self._classifiers)
            follower.applied = rows_cursor
            follower.rows_after = rows_cursor.position
            after = min(rows_cursor.position, after) if resumed else rows_cursor.position
        self._activate(follower)
        flushing = Flushing(self._live, follower, self._checkpoint)
        jobs = [self._follow(follower, flushing, after), flushing.run(), self._live.feed_words()]
        jobs.append(self._upkeep.run(self._around(follower, flushing)))
        if self._publisher is not None:
            jobs.append(self._publisher.watch())
        try:
            await _until_first_ends(self._lease.lost.wait(), *jobs)
        except asyncio.CancelledError:
            await self._settle(flushing)
            raise

    async def _life_without_rows(self, publisher: EventsPublisher, fault: StoreFault) -> None:
        """EVENTS go on while the store of the rows is away. Returns once that can be reached."""
        _log.error("searches are answered 503, EVENTS go on: %s", fault)
        resumed = await publisher.resume(self._log, EventsCursor())
        follower = Follower(
            self._log,
            rows=None,
            resumed=resumed,
            source=self._source,
            classifiers=self._classifiers,
        )
        after = max(resumed.cursor.position - 1, 0)
        follower.applied = RowsCursor(after)
        self._activate(follower)
        await _until_first_ends(
            self._lease.lost.wait(),
            self._follow(follower, Flushing(self._live, follower, self._checkpoint), after),
            publisher.watch(),
            _store_is_back(self._live),
        )

    def _activate(self, follower: Follower) -> None:
        self._follower = follower
        self.standby.clear()
        self.active.set()

    async def _model_of_this_log(self) -> ReadModel | None:
        """The read model in use, opened; None when there is none or it is not of this log."""
        model = self._live.model
        if model is None:
            number = await self._live.current()
            if number is None:
                return None
            try:
                model = await self._live.open(number)
            except UnusableModel as fault:
                _log.warning("the read model is built anew: %s", fault)
                return None
            self._live.use(model)
        if not await is_of_log(self._log, model):
            _log.error("the log does not hold what the read model shows: it is built anew")
            await self._live.close()
            return None
        return model

    async def _first_model(self) -> ReadModel:
        number = self._live.models.unused()
        model = await self._live.open(number)
        await self._live.swap(number, model)
        return model

    async def _follow(self, follower: Follower, flushing: Flushing, after: int) -> None:
        async with aclosing(self._log.follow(after=after)) as batches:  # type: ignore[type-var]  # a generator
            async for batch in batches:
                for at in range(0, len(batch), CHUNK):
                    out = await follower.take(batch[at : at + CHUNK])
                    if out and self._publisher is not None:
                        await self._publisher.send(out)
                    await flushing.note()

    async def _settle(self, flushing: Flushing) -> None:
        """A clean stop: what was taken is stored and written, if that goes quickly."""
        with suppress(TimeoutError, *_TROUBLE):
            async with asyncio.timeout(SETTLE_S):
                if self._publisher is not None:
                    await self._publisher.drained()
                await flushing.settle()

    def _checkpoint(self) -> EventsCursor | None:
        return self._publisher.acked if self._publisher else None

    def _around(self, follower: Follower, flushing: Flushing) -> Surroundings:
        async def flush() -> None:
            await flushing.flush(always=True)

        return Surroundings(
            log=self._log,
            live=self._live,
            classifiers=self._classifiers,
            follower=follower,
            flush=flush,
            events=self._checkpoint,
        )

    def upkeep(self) -> Upkeep:
        """Work on the read models of the active projection. Raises Refusal on a standby."""
        if not self.serving:
            raise Refusal("ILLEGAL_STATE", "This projection stands by; ask the active one")
        return self._upkeep

    @property
    def serving(self) -> bool:
        """Whether this is the active one, and its lease has not run out unseen."""
        return self.active.is_set() and self._lease.held

    async def status(self) -> ReadModelStatus:
        follower = self._follower
        if not self.serving or follower is None:
            return ReadModelStatus(active=False, instance=self._instance)
        current = kept = None
        problem = ""
        try:
            current, kept = await self._live.stored()
        except StoreFault as fault:
            problem = str(fault)
        model = self._live.model
        return ReadModelStatus(
            active=True,
            instance=self._instance,
            position=follower.applied.position,
            published=self._publisher.acked.position if self._publisher else 0,
            current=current,
            kept=kept,
            rebuild=self._upkeep.progress,
            stopped=model.stopped() if model else [],
            problem=problem,
        )


async def _store_is_back(live: LiveModel) -> None:
    """Returns once the store can be reached."""
    pause_s = RETRY_S
    while True:
        pause_s = min(2 * pause_s, RETRY_MAX_S)
        await asyncio.sleep(pause_s)
        with suppress(StoreFault):
            await live.current()
            _log.info("the store of the rows can be reached again")
            return


async def _until_first_ends(*jobs: Coroutine[Any, Any, Any]) -> None:
    """Runs jobs together until one ends or fails, which ends the others too."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
