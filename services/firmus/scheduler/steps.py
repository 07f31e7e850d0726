"""Steps under way for gates, and timers for those to be taken later; both end with their owner."""

import asyncio
from collections.abc import Awaitable, Callable


class Steps:
    """`later` calls back with the key; a second call for a key replaces the first."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def run(self, work: Awaitable[None]) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def later(self, key: str, delay_s: float, call: Callable[[str], None]) -> None:
        self.no_more(key)
        self._timers[key] = asyncio.get_running_loop().call_later(delay_s, call, key)

    def no_more(self, key: str) -> None:
        """Nothing is waited for under this key."""
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()

    async def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
