"""The projection service: follows the log, publishes EVENTS at once, writes rows in groups.

One instance is active, under a lease; the others wait. One whose read models are its own keeps them
up to date meanwhile, so that it goes on at once when it takes over; one that shares them looks
which is in use. So each can answer searches when no active one does.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from firmus.eventlog.port import EventLog
from firmus.ports import ReadModelStatus
from firmus.projection.life import LIFE_TROUBLE, RETRY_MAX_S, RETRY_S, Life, Means
from firmus.projection.live import LiveModel
from firmus.projection.port import ReadModels, StoreFault, UnusableModel
from firmus.projection.publication import DEFAULT_SOURCE
from firmus.projection.publisher import EventsPublisher
from firmus.projection.rows import Classifiers, KnownDefinitions
from firmus.projection.search import LocalSearch
from firmus.projection.upkeep import Upkeep
from firmus_contracts.errors import Refusal

STANDBY_AFTER_S = 1.0
"""So long the lease may take before it counts as somebody else's."""
LOOK_S = 2.0
"""A standby looks so often which of the shared models is in use."""

_log = logging.getLogger(__name__)


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
        self._live = LiveModel(models)
        self._warm = not models.shared
        self._lease = lease
        self._publisher = publisher
        self._instance = instance
        self._upkeep = Upkeep(self._live)
        self._means = Means(
            log=log,
            live=self._live,
            classifiers=Classifiers(definitions),
            upkeep=self._upkeep,
            source=source,
        )
        self._life = Life(self._means, None)
        self.active = asyncio.Event()
        self.standby = asyncio.Event()
        self.standby.set()
        self.local_search = LocalSearch(
            self._live, log, self._means.classifiers.choices, serving=lambda: self.serving
        )
        self.standby_search = LocalSearch(
            self._live, log, self._means.classifiers.choices, serving=lambda: True
        )

    async def run(self) -> None:
        """Runs until it is cancelled."""
        try:
            while True:
                try:
                    await self._stand_by()
                    await self._lives(self._publisher, self._lease.lost, self._begin_active)
                finally:
                    self.active.clear()
                    self.standby.set()
                    await self._live.close()
                    await self._lease.release()
        finally:
            self._live.dispose()

    async def _stand_by(self) -> None:
        """Returns when the lease is held; until then the rows follow the log, if they are ours, or
        are read as others write them.
        """
        acquiring = asyncio.ensure_future(self._lease.acquire())
        following: asyncio.Future[None] | None = None
        try:
            await asyncio.wait({acquiring}, timeout=STANDBY_AFTER_S)
            if not acquiring.done():
                _log.info("another projection is active: this one stands by")
                never = asyncio.Event()
                following = asyncio.ensure_future(
                    self._lives(None, never, lambda: None) if self._warm else self._read_along()
                )
                await asyncio.wait({acquiring, following}, return_when=asyncio.FIRST_COMPLETED)
                if following.done():
                    following.result()
            await acquiring
        finally:
            for job in (following, acquiring):
                if job is not None:
                    job.cancel()
                    await asyncio.gather(job, return_exceptions=True)
            if not self._warm:
                await self._live.close()

    async def _read_along(self) -> None:
        """Keeps the shared model in use open, to be searched, until it is cancelled."""
        number: int | None = None
        while True:
            try:
                found = await self._live.in_use()
                if found != number:
                    await self._live.close()
                    if found is not None:
                        self._live.use(await self._live.open(found))
                    number = found
            except (StoreFault, UnusableModel) as fault:
                _log.debug("no search can be answered here: %s", fault)
            await asyncio.sleep(LOOK_S)

    def _begin_active(self) -> None:
        self.standby.clear()
        self.active.set()

    async def _lives(
        self, publisher: EventsPublisher | None, lost: asyncio.Event, began: Callable[[], None]
    ) -> None:
        """One life after another, until `lost` is set."""
        loop = asyncio.get_running_loop()
        pause_s = RETRY_S
        while not lost.is_set():
            began_s = loop.time()
            self._life = Life(self._means, publisher)
            try:
                await self._life.run(lost=lost, began=began)
            except LIFE_TROUBLE as trouble:
                _log.warning("the projection starts again after: %r", trouble)
            pause_s = (
                RETRY_S if loop.time() - began_s > RETRY_MAX_S else min(2 * pause_s, RETRY_MAX_S)
            )
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await lost.wait()

    def upkeep(self) -> Upkeep:
        """Work on the read models of the active projection. Raises Refusal on a standby."""
        if not self.serving:
            raise Refusal("ILLEGAL_STATE", "This projection stands by; ask the active one")
        return self._upkeep

    @property
    def serving(self) -> bool:
        """Whether this is the active one, and its lease has not run out unseen."""
        return self.active.is_set() and self._lease.held

    @property
    def position(self) -> int:
        """The last commit taken."""
        return 0 if self._life.follower is None else self._life.follower.applied.position

    async def status(self) -> ReadModelStatus:
        if not self.serving:
            return ReadModelStatus(active=False, instance=self._instance, position=self.position)
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
            position=self.position,
            published=self._publisher.acked.position if self._publisher else 0,
            current=current,
            kept=kept,
            rebuild=self._upkeep.progress,
            stopped=model.stopped() if model else [],
            problem=problem,
        )
