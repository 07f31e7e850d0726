"""Flushing: what a follower collects of rows is written in groups, by time or by number."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from firmus.projection.cursors import EventsCursor
from firmus.projection.follower import Follower
from firmus.projection.live import LiveModel

FLUSH_S = 0.05
FLUSH_COMMITS = 500
BUFFER_MAX = 5000


class Flushing:
    """The rows of one follower on their way into the model in use. `events` is the checkpoint of
    EVENTS that goes with them.
    """

    def __init__(
        self, live: LiveModel, follower: Follower, events: Callable[[], EventsCursor | None]
    ) -> None:
        self._live = live
        self._follower = follower
        self._events = events
        self._changed = asyncio.Event()
        self._full = asyncio.Event()
        self._turn = asyncio.Lock()
        self._half_written = False

    async def run(self) -> None:
        """Writes for as long as it runs."""
        while True:
            await self._changed.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_S):
                    await self._full.wait()
            self._changed.clear()
            self._full.clear()
            await self.flush()

    async def note(self) -> None:
        """Commits were taken: wakes the writer, and waits for it when too much has collected."""
        rows = self._follower.rows
        if rows is not None and rows.commits:
            self._changed.set()
            if rows.commits >= FLUSH_COMMITS:
                self._full.set()
            if len(rows) >= BUFFER_MAX:
                await self.flush()
        await asyncio.sleep(0)

    async def flush(self, *, always: bool = False) -> None:
        """Writes what has collected; one after the other, or a later cursor could stand before
        its rows do. `always`: the cursor too when it moved over commits without rows.
        """
        async with self._turn:
            follower = self._follower
            rows = follower.rows
            if rows is None or follower.applied.position < follower.rows_after:
                return
            if not rows.commits and not always:
                return
            self._half_written = True
            await self._live.write(await rows.take(follower.applied, self._events()))
            self._half_written = False

    async def settle(self) -> None:
        """At a stop: writes what is left, unless a write was cut off, which may have been done."""
        if not self._half_written:
            await self.flush()
