"""Rebuild: a second read model, made from the whole log beside the live one, then swapped in.

It runs inside the active projection, which alone opens the files, and never publishes. The swap is
exact: the live follower waits its turn while the new model reaches the commit it stands at, so
what it takes afterwards goes into the new one.
"""

from contextlib import AsyncExitStack, aclosing

import msgspec

from firmus.eventlog.port import EventLog
from firmus.projection.cursors import EventsCursor
from firmus.projection.follower import CHUNK, Follower
from firmus.projection.live import LiveModel
from firmus.projection.port import ReadModel
from firmus.projection.rows import Classifiers, RowBuffer

WRITE_COMMITS = 2000
NEAR_POSITIONS = 2000
"""So close to the live follower, that one waits for the rest."""
FAR_POSITIONS = 20_000
"""So far behind it, there is time to feed the full-text index; what is left of that follows the
swap, so that nobody waits for it.
"""


class RebuildProgress(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`position` of `target` log positions are done. `state`: running, done or failed."""

    state: str
    model: int
    commits: int = 0
    position: int = 0
    target: int = 0
    problem: str = ""


class Rebuild:
    """One rebuild beside `live_follower`; `progress` may be read at any time."""

    def __init__(
        self, log: EventLog, live: LiveModel, classifiers: Classifiers, live_follower: Follower
    ) -> None:
        self._log = log
        self._live = live
        self._live_follower = live_follower
        self._classifiers = classifiers
        self._rows = RowBuffer(classifiers)
        self._own = Follower(log, rows=self._rows, quiet=True)
        self._number = live.models.unused()
        self.progress = RebuildProgress(state="running", model=self._number)

    async def run(self, events: EventsCursor) -> None:
        """Builds and swaps. `events` is the checkpoint that the new model starts with."""
        self._advance(target=await self._log.end())
        model = await self._live.open(self._number)
        try:
            async with AsyncExitStack() as turn:
                await self._build(model, events, turn)
                await self._live.swap(self._number, model)
                if self._live_follower.rows is None:
                    self._live_follower.rows = RowBuffer(self._classifiers)
        except BaseException as problem:
            await self._live.discard(self._number, model)
            self._advance(state="failed", problem=repr(problem))
            raise
        self._advance(state="done")

    async def _build(self, model: ReadModel, events: EventsCursor, turn: AsyncExitStack) -> None:
        """Returns with the model at the live follower's commit or past it, and holding its turn."""
        if not self.progress.target:
            await turn.enter_async_context(self._live_follower.turn)
            if not self._live_follower.applied.position:
                return
            await turn.aclose()
        holding = False
        async with aclosing(self._log.follow(after=0)) as batches:  # type: ignore[type-var]  # a generator
            async for batch in batches:
                for at in range(0, len(batch), CHUNK):
                    await self._own.take(batch[at : at + CHUNK])
                    if self._rows.commits >= WRITE_COMMITS:
                        await self._write(model, events)
                await self._write(model, events)
                self._advance(commits=self.progress.commits + len(batch))
                missing = self._live_follower.applied.position - self._own.applied.position
                if missing > FAR_POSITIONS:
                    await self._live.index_words(model)
                if missing <= NEAR_POSITIONS and not holding:
                    await turn.enter_async_context(self._live_follower.turn)
                    holding = True
                if holding and self._live_follower.applied.position <= self.progress.position:
                    return

    async def _write(self, model: ReadModel, events: EventsCursor) -> None:
        cursor = self._own.applied
        await self._live.write_to(model, await self._rows.take(cursor, events))
        self._advance(position=cursor.position)

    def _advance(self, **changes: str | int) -> None:
        self.progress = msgspec.structs.replace(self.progress, **changes)
