"""Rebuild: a second read model, made from the whole log beside the live one, then swapped in.

It runs inside the active projection, which alone opens the files, and never publishes.
"""

import asyncio
from contextlib import aclosing

import msgspec

from firmus.eventlog.port import EventLog
from firmus.projection.follower import CHUNK, Follower
from firmus.projection.live import LiveModel
from firmus.projection.rows import Classifiers, RowBuffer
from firmus.projection.store import EventsCursor, ReadModel

WRITE_COMMITS = 2000
NEAR_POSITIONS = 2000
"""So close to the live projection, that one waits for the rest."""


class RebuildProgress(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`position` of `target` log positions are done. State: running, done, failed."""

    state: str
    model: int
    commits: int = 0
    position: int = 0
    target: int = 0
    problem: str = ""


class Rebuild:
    """One rebuild; `progress` may be read at any time."""

    def __init__(
        self,
        log: EventLog,
        live: LiveModel,
        classifiers: Classifiers,
        follower: Follower,
        *,
        stop_reading: "asyncio.Event | None" = None,
    ) -> None:
        self._log = log
        self._live = live
        self._follower = follower
        self._rows = RowBuffer(classifiers)
        self._own = Follower(log, rows=self._rows, quiet=True)
        self._number = live.folder.unused()
        self.progress = RebuildProgress(state="running", model=self._number)

    async def run(self, events: EventsCursor) -> None:
        """Builds and swaps. `events` is kept in the new model until the live projection writes."""
        self._advance(target=await self._log.end())
        model = await self._live.open(self._number)
        try:
            await self._build(model)
            await self._live.swap(self._number, model)
        except BaseException as problem:
            await self._live.discard(self._number, model)
            self._advance(state="failed", problem=repr(problem))
            raise
        self._advance(state="done")
