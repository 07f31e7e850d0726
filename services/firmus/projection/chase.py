"""Chase: takes the log into one read model until that stands exactly where the live follower does.

A rebuild starts one at the beginning of the log, what follows a rollback at an old model's cursor.
The live follower is made to wait only for what can be read in a moment. Should the log grow faster
than it is read here, that moment doubles each time the distance was not halved, so a chase ends
under any load.
"""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, aclosing

import msgspec

from firmus.eventlog.port import EventLog
from firmus.projection.cursors import EventsCursor, RowsCursor
from firmus.projection.follower import CHUNK, Follower
from firmus.projection.live import LiveModel
from firmus.projection.port import ReadModel
from firmus.projection.rows import Classifiers, RowBuffer
from firmus_contracts.envelope import Record

WRITE_COMMITS = 8000
"""So many are written together: the more, the fewer rows are written twice."""
NEAR_POSITIONS = 2000
"""So close to the live follower, that one waits for the rest."""
FAR_POSITIONS = 20_000
"""So far behind it, there is time to feed the full-text index; what is left of that is fed later,
so that nobody waits for it.
"""


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What work on whole read models stands on. `flush` writes what the live follower has taken;
    `events` is how far EVENTS has come.
    """

    log: EventLog
    live: LiveModel
    classifiers: Classifiers
    follower: Follower
    flush: Callable[[], Awaitable[None]]
    events: Callable[[], EventsCursor | None]


class Chase:
    """Brings `model` to where the live follower stands; `told` hears at every step how many commits
    were written.
    """

    def __init__(
        self, around: Surroundings, *, model: ReadModel, told: Callable[[int], None]
    ) -> None:
        self._log = around.log
        self._live = around.live
        self._live_follower = around.follower
        self._model = model
        self._events = around.events
        self._told = told
        self._rows = RowBuffer(around.classifiers)
        self._own = Follower(around.log, rows=self._rows, quiet=True)
        self._own.applied = model.rows_cursor()
        self._near = NEAR_POSITIONS
        self._lap_end = self._lap_missing = 0
        self._written = self._own.applied

    @property
    def applied(self) -> RowsCursor:
        return self._own.applied

    @property
    def missing(self) -> int:
        return self._live_follower.applied.position - self._own.applied.position

    async def reach(self, turn: AsyncExitStack) -> None:
        """Returns with the model at the live follower's commit; `turn` holds that one there."""
        self._lap_end = self._live_follower.applied.position
        self._lap_missing = max(self.missing, 1)
        holding = await self._hold_if_near(turn)
        if holding and self.missing <= 0:
            return
        async with aclosing(self._log.follow(after=self.applied.position)) as batches:  # type: ignore[type-var]  # a generator
            async for batch in batches:
                at = 0
                while at < len(batch):
                    taken = await self._take(batch[at : at + CHUNK])
                    at += taken
                    if not taken and holding:
                        break
                    if not taken:
                        await turn.enter_async_context(self._live_follower.turn)
                        holding = True
                holding = holding or await self._hold_if_near(turn)
                if holding and self.missing <= 0:
                    await self._write()
                    return

    async def _take(self, records: list[Record]) -> int:
        """How many of these were taken: only what the live follower has taken too."""
        end = self._live_follower.applied.position
        chunk = [record for record in records if record.position <= end]
        if chunk:
            await self._own.take(chunk)
            if self._rows.commits >= WRITE_COMMITS:
                await self._write()
                if self.missing > FAR_POSITIONS:
                    await self._live.index_words(self._model)
        return len(chunk)

    async def _hold_if_near(self, turn: AsyncExitStack) -> bool:
        if self.applied.position >= self._lap_end:
            if 2 * self.missing > self._lap_missing:
                self._near *= 2
            self._lap_end = self._live_follower.applied.position
            self._lap_missing = max(self.missing, 1)
        if self.missing > self._near:
            return False
        await self._write()
        await turn.enter_async_context(self._live_follower.turn)
        return True

    async def _write(self) -> None:
        commits, cursor = self._rows.commits, self.applied
        if cursor == self._written:
            return
        self._written = cursor
        await self._live.write_to(self._model, await self._rows.take(cursor, self._events()))
        self._told(commits)
