"""The scheduler of the shards that this process holds just now.

A scheduler works for a fixed set of shards; when the set changes a new one takes over from the
checkpoints that the old one wrote. Two on one shard for a moment are harmless: commits decide.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec

from firmus.ports import QueueSize, Unavailable
from firmus.scheduler.service import Scheduler

SETTLE_S = 0.2
"""Shards come and go in handfuls; the set is taken over once it has been still for so long."""


class Server(Protocol):
    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class OwnedScheduler:
    """Implements `ports.QueuesPort` over whichever scheduler runs."""

    def __init__(
        self,
        make: Callable[[tuple[int, ...]], Scheduler],
        serve: Callable[[Scheduler], Server],
    ) -> None:
        self._make = make
        self._serve = serve
        self._wanted: frozenset[int] = frozenset()
        self._current: Scheduler | None = None
        self._server: Server | None = None
        self._task: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()
        self._made = asyncio.Event()
        self._settling: asyncio.Task[None] | None = None

    @property
    def current(self) -> Scheduler | None:
        return self._current

    async def gain(self, shard: int) -> None:
        self._want(self._wanted | {shard})

    async def lose(self, shard: int) -> None:
        """Stops working for a shard soon. Leaving 16 one by one would take over 15 times."""
        self._want(self._wanted - {shard})

    async def own(self, shards: Iterable[int]) -> None:
        """Works for exactly these shards."""
        self._wanted = frozenset(shards)
        await self._take_over()

    def _want(self, shards: frozenset[int]) -> None:
        self._wanted = shards
        if self._settling is None or self._settling.done():
            self._settling = asyncio.create_task(self._settle())

    async def _settle(self) -> None:
        before: frozenset[int] | None = None
        while before != self._wanted:
            before = self._wanted
            await asyncio.sleep(SETTLE_S)
        await self._take_over()

    async def _take_over(self) -> None:
        async with self._changing:
            if self._current is not None and frozenset(self._current.shards) == self._wanted:
                return
            await self._end_current()
            if not self._wanted:
                return
            scheduler = self._make(tuple(sorted(self._wanted)))
            self._task = asyncio.create_task(scheduler.run())
            self._task.add_done_callback(self._ended)
            self._server = self._serve(scheduler)
            await self._server.start()
            self._current = scheduler
            self._made.set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A scheduler that fails is made anew; the log has everything it knew."""
        if task is self._task and not task.cancelled() and task.exception() is not None:
            self._current = None
            self._want(self._wanted)

    async def _end_current(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            await server.stop()
        scheduler, self._current = self._current, None
        task, self._task = self._task, None
        if scheduler is not None:
            await scheduler.stop()
        if task is not None:
            await asyncio.gather(task, return_exceptions=True)

    async def ready(self) -> None:
        """Returns once the scheduler has caught up with the log."""
        await self._made.wait()
        if self._current is not None:
            await self._current.ready.wait()

    async def stop(self) -> None:
        await self.own(())
        if self._settling is not None:
            self._settling.cancel()
            await asyncio.gather(self._settling, return_exceptions=True)

    async def learn_limits(self) -> None:
        """See Scheduler.learn_limits."""
        if self._current is not None:
            await self._current.learn_limits()

    # --- QueuesPort ---

    async def poll(
        self, task_type: str, *, domain: str | None, worker_id: str, count: int, timeout_s: float
    ) -> list[msgspec.Raw]:
        if self._current is None:
            raise Unavailable("the scheduler is not ready yet")
        return await self._current.poll(
            task_type, domain=domain, worker_id=worker_id, count=count, timeout_s=timeout_s
        )

    async def sizes(self) -> list[QueueSize]:
        return [] if self._current is None else await self._current.sizes()

    async def requeue(self, task_type: str, *, actor: str = "") -> int:
        if self._current is None:
            raise Unavailable("the scheduler is not ready yet")
        return await self._current.requeue(task_type, actor=actor)
