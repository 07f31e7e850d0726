"""Requests that wait: each ends with its client, and all of them with the gateway."""

import asyncio
import inspect
from collections.abc import Awaitable
from typing import TypeVar

from firmus.gateway.reading import Request

_T = TypeVar("_T")


class Presence:
    """The waiting requests of one gateway."""

    def __init__(self) -> None:
        self.closing = False
        self._waiting: set[asyncio.Task[object]] = set()

    def close(self) -> None:
        """Ends all waiting requests with nothing, and those to come."""
        self.closing = True
        for task in self._waiting:
            task.cancel()

    async def unless_gone(self, req: Request, work: Awaitable[_T]) -> _T | None:
        """`work`'s result; None when it was cancelled: its client left, or the gateway closed."""
        waiting = asyncio.current_task()
        assert waiting is not None
        if self.closing:
            if inspect.iscoroutine(work):
                work.close()
            return None
        left = False

        def leave() -> None:
            nonlocal left
            left = True
            waiting.cancel()

        stay = req.on_gone(leave)
        self._waiting.add(waiting)
        try:
            return await work
        except asyncio.CancelledError:
            if not (left or self.closing):
                raise
            waiting.uncancel()
            return None
        finally:
            self._waiting.discard(waiting)
            stay()
