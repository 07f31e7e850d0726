"""A life of the projection: from the cursors of rows and EVENTS on, until something ends it.

Whatever happens, the next life starts again from both cursors, which is exact (`publisher`,
`store`). A standby lives without EVENTS.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import aclosing, suppress
from typing import Any

import msgspec

from firmus.eventlog.port import EventLog
from firmus.projection.chase import Surroundings
from firmus.projection.cursors import EventsCursor, RowsCursor
from firmus.projection.flushing import Flushing
from firmus.projection.follower import CHUNK, Follower
from firmus.projection.live import LiveModel
from firmus.projection.port import ReadModel, StoreFault, UnusableModel
from firmus.projection.publisher import EventsPublisher, PublishBroken, Resumed
from firmus.projection.rows import Classifiers, RowBuffer
from firmus.projection.upkeep import TROUBLE, Upkeep, is_of_log

CATCH_UP_MAX = 20_000
"""Positions that rows may be behind EVENTS at a start; beyond, they catch up beside."""
SETTLE_S = 2.0
RETRY_S = 0.1
RETRY_MAX_S = 5.0

LIFE_TROUBLE = (PublishBroken, *TROUBLE)
"""What ends a life and not the projection."""

_log = logging.getLogger(__name__)


class Means(msgspec.Struct, frozen=True, kw_only=True):
    """What all lives of a projection share."""

    log: EventLog
    live: LiveModel
    classifiers: Classifiers
    upkeep: Upkeep
    source: str


class Life:
    """`publisher` None follows without EVENTS. `follower` is there once it has begun."""

    def __init__(self, means: Means, publisher: EventsPublisher | None) -> None:
        self._log = means.log
        self._live = means.live
        self._classifiers = means.classifiers
        self._upkeep = means.upkeep
        self._source = means.source
        self._publisher = publisher
        self.follower: Follower | None = None

    async def run(self, *, lost: asyncio.Event, began: Callable[[], None]) -> None:
        """Returns when `lost` is set; raises any trouble. `began` is called when it stands where
        the cursors are.
        """
        try:
            model = await self._model_of_this_log()
        except StoreFault as fault:
            if self._publisher is None:
                raise
            await self._without_rows(self._publisher, fault, lost=lost, began=began)
            return
        checkpoint = EventsCursor() if model is None else model.events_checkpoint()
        resumed = await self._publisher.resume(self._log, checkpoint) if self._publisher else None
        published = resumed.cursor.position if resumed else 0
        if model is None and published <= CATCH_UP_MAX:
            model = await self._first_model()
        rows_cursor = RowsCursor() if model is None else model.rows_cursor()
        follower = self._new_follower(resumed)
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
        self.follower = follower
        began()
        flushing = Flushing(self._live, follower, self._checkpoint)
        jobs = [self._follow(follower, flushing, after), flushing.run(), self._live.feed_words()]
        jobs.append(self._upkeep.run(self._around(follower, flushing)))
        if self._publisher is not None:
            jobs.append(self._publisher.watch())
        try:
            await _until_first_ends(lost.wait(), *jobs)
        except asyncio.CancelledError:
            await self._settle(flushing)
            raise

    def _new_follower(self, resumed: Resumed | None) -> Follower:
        return Follower(
            self._log,
            rows=None,
            resumed=resumed,
            source=self._source,
            classifiers=self._classifiers,
        )

    async def _without_rows(
        self,
        publisher: EventsPublisher,
        fault: StoreFault,
        *,
        lost: asyncio.Event,
        began: Callable[[], None],
    ) -> None:
        """EVENTS go on while the store of the rows is away. Returns once that can be reached."""
        _log.error("searches are answered 503, EVENTS go on: %s", fault)
        resumed = await publisher.resume(self._log, EventsCursor())
        follower = self._new_follower(resumed)
        after = max(resumed.cursor.position - 1, 0)
        follower.applied = RowsCursor(after)
        self.follower = follower
        began()
        await _until_first_ends(
            lost.wait(),
            self._follow(follower, Flushing(self._live, follower, self._checkpoint), after),
            publisher.watch(),
            _store_is_back(self._live),
        )

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
        with suppress(TimeoutError, *LIFE_TROUBLE):
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
