"""The read model in use: written and searched from threads, swapped while it is used."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from firmus.ports import Comparison, StoredModel, Unavailable
from firmus.projection.comparison import Snapshot, compare
from firmus.projection.fields import Searchable, searchable
from firmus.projection.port import Found, ReadModel, ReadModels, RowBatch, StoreFault
from firmus.projection.query import Compiled

SEARCH_TIMEOUT_S = 10.0
ROWS_AT_ONCE = 96
WORDS_S = 0.5

_T = TypeVar("_T")


class LiveModel:
    """At most one open read model. Only the active projection holds one."""

    def __init__(self, models: ReadModels) -> None:
        self.models = models
        self.searchable = searchable(models.dialect)
        self.model: ReadModel | None = None
        self._writing = asyncio.Lock()
        self._words_behind = asyncio.Event()
        self._position = 0
        self._waiting: dict[asyncio.Future[None], int] = {}
        self._using: dict[ReadModel, set[asyncio.Future[Any]]] = {}
        self._reading = asyncio.Semaphore(models.readers)
        self._threads = ThreadPoolExecutor(models.readers + 2, thread_name_prefix="readmodel")

    async def open(self, number: int) -> ReadModel:
        """Opens a model, made when it does not exist. Raises UnusableModel, StoreFault."""
        return await self._run(lambda: self.models.open(number), unwanted=lambda it: it.close())

    async def current(self) -> int | None:
        """The model in use, in the store; what a rebuild left unfinished is removed."""
        await self._run(self.models.remove_unfinished)
        return await self.in_use()

    async def in_use(self) -> int | None:
        """The model in use, in the store, which is left as it is."""
        return await self._run(self.models.current)

    def use(self, model: ReadModel) -> None:
        """Makes an open model the one in use where there was none."""
        self.model = model
        self.reach(model.rows_cursor().position)

    async def write(self, batch: RowBatch) -> None:
        """Writes into the model in use when its turn comes; nothing when there is none. After a
        StoreFault there is none: opened again it tells what was written.
        """
        async with self._writing:
            if self.model is None:
                return
            try:
                await self.write_to(self.model, batch)
            except StoreFault:
                await self._close_current()
                raise
            self.reach(batch.cursor.position)
            self._words_behind.set()

    async def reached(self, position: int, *, within_s: float) -> None:
        """Returns when the model in use reflects the log up to a position, or the time is over."""
        if position <= self._position or within_s <= 0:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[future] = position
        try:
            await asyncio.wait((future,), timeout=within_s)
        finally:
            del self._waiting[future]

    def reach(self, position: int) -> None:
        """The model in use is at a position: who waits for it is told, words may follow."""
        self._position = position
        self._words_behind.set()
        for future, wanted in self._waiting.items():
            if wanted <= position and not future.done():
                future.set_result(None)

    async def write_to(self, model: ReadModel, batch: RowBatch) -> None:
        """All of a batch and its cursor, or nothing.

        Rows are put in by the loop itself, some at a time: a thread would wait for the
        interpreter's lock at every row. The commit, which may wait for the disk, is a thread's.
        """
        model.begin()
        try:
            for at in range(0, len(batch.workflows), ROWS_AT_ONCE):
                model.put(batch.workflows[at : at + ROWS_AT_ONCE], ())
                await asyncio.sleep(0)
            for at in range(0, len(batch.tasks), ROWS_AT_ONCE):
                model.put((), batch.tasks[at : at + ROWS_AT_ONCE])
                await asyncio.sleep(0)
            model.finish(batch)
            await self._run(model.commit)
        except BaseException:
            model.roll_back()
            raise

    async def search(self, what: Searchable, compiled: Compiled, *, start: int, size: int) -> Found:
        """Raises Unavailable when no model is open or the search takes too long. Searches wait for
        each other outside the threads, or rows would wait for all of them.
        """
        try:
            async with asyncio.timeout(SEARCH_TIMEOUT_S):
                await self._reading.acquire()
        except TimeoutError:
            raise Unavailable("too many searches are under way") from None
        try:
            return await self._searched(what, compiled, start=start, size=size)
        finally:
            self._reading.release()

    async def _searched(
        self, what: Searchable, compiled: Compiled, *, start: int, size: int
    ) -> Found:
        model = self.model
        if model is None:
            raise Unavailable("no read model is open here, or the first is still being built")

        def search() -> Found:
            return model.find(what, compiled, start=start, size=size, timeout_s=SEARCH_TIMEOUT_S)

        try:
            return await self._with(model, search)
        except StoreFault as fault:
            raise Unavailable(f"the search was broken off: {fault}") from fault

    async def index_words(self, building: ReadModel | None = None) -> None:
        """Brings the full-text index of a model that is being built, or else of the one in use, up
        to its rows. That one may be another after every step.
        """
        while (model := building or self.model) is not None:
            if not await self._with(model, model.index_words):
                return

    async def feed_words(self) -> None:
        """Feeds the full-text index for as long as it runs, seldom enough that a short workflow is
        taken in once.
        """
        while True:
            await self.index_words()
            await self._words_behind.wait()
            await asyncio.sleep(WORDS_S)
            self._words_behind.clear()

    async def _with(self, model: ReadModel, call: Callable[[], _T]) -> _T:
        """Uses a model in a thread; it is not closed before that has ended."""
        running = self._using.setdefault(model, set())
        future = asyncio.ensure_future(self._run(call))
        running.add(future)
        future.add_done_callback(running.discard)
        return await asyncio.shield(future)

    async def snapshots(self, building: ReadModel) -> tuple[Snapshot, Snapshot]:
        """The model in use and one that is being built, as they are now."""
        live = self.model
        if live is None:
            raise Unavailable("no read model is in use")
        return await self._with(live, lambda: (live.snapshot(), building.snapshot()))

    async def compare(
        self, live: Snapshot, new: Snapshot, *, expected: str
    ) -> AsyncGenerator[Comparison, None]:
        """Two snapshots, as far as they are compared; they are closed at the end. Raises
        DifferentPositions, StoreFault.
        """
        steps = compare(live, new, expected=expected)
        try:
            while (step := await self._run(lambda: next(steps, None))) is not None:
                yield step
        finally:
            for snapshot in (live, new):
                await self._run(snapshot.close)

    def why_different(self, building: ReadModel) -> str:
        """Why the rows of the model in use and of one that is built now need not be the same."""
        live = "" if self.model is None else self.model.made_by()
        new = building.made_by()
        return "" if live == new else f"the one in use was made by {live or 'an earlier build'}"

    async def stored(self) -> tuple[StoredModel | None, StoredModel | None]:
        """The model in use and the one that is kept."""
        return await self._run(self._stored)

    def _stored(self) -> tuple[StoredModel | None, StoredModel | None]:
        models = self.models
        current, kept = (
            None if it is None else StoredModel(model=it, size_bytes=models.size_bytes(it))
            for it in (models.current() if self.model is not None else None, models.kept())
        )
        return current, kept

    async def drop_kept(self) -> None:
        """Removes the kept model; nothing happens when there is none."""
        kept = await self._run(self.models.kept)
        if kept is not None:
            await self._run(lambda: self.models.remove(kept))

    async def room_missing(self, factor: float) -> int:
        """How many bytes are missing for a model `factor` times as large as the one in use."""

        def missing() -> int:
            number, free = self.models.current(), self.models.free_bytes()
            if number is None or free is None:
                return 0
            return max(0, int(factor * self.models.size_bytes(number)) - free)

        return await self._run(missing)

    async def swap(self, number: int, model: ReadModel) -> None:
        """Makes an open model the one in use, in the store too, and closes the one before."""
        async with self._writing:
            await self._run(lambda: self.models.promote(number))
            await self._put_in_use(model)

    async def exchange(self, model: ReadModel) -> None:
        """Makes the kept model, opened, the one in use, in the store too; the one before is kept
        instead.
        """
        async with self._writing:
            await self._run(self.models.exchange)
            await self._put_in_use(model)

    async def _put_in_use(self, model: ReadModel) -> None:
        before, self.model = self.model, model
        self.reach(model.rows_cursor().position)
        self._words_behind.set()
        if before is not None:
            await self._close(before)

    async def put_aside(self, model: ReadModel) -> None:
        """Closes a model, unless it is in use."""
        if self.model is not model:
            await self._run(model.close)

    async def discard(self, number: int, model: ReadModel | None) -> None:
        """Closes and removes a model that was being built, unless it is in use by now; None: it
        could not be opened.
        """
        if model is not None:
            if self.model is model:
                return
            await self._run(model.close)
        await self._run(lambda: self.models.remove(number))

    async def close(self) -> None:
        async with self._writing:
            await self._close_current()

    async def _close_current(self) -> None:
        model, self.model = self.model, None
        self._position = 0
        if model is not None:
            await self._close(model)

    async def _close(self, model: ReadModel) -> None:
        running = self._using.pop(model, None)
        if running:
            await asyncio.wait(running)
        await self._run(model.close)

    def dispose(self) -> None:
        """Ends the threads; nothing can be opened any more."""
        self._threads.submit(self.models.close)
        self._threads.shutdown(wait=False)

    async def _run(
        self, call: Callable[[], _T], *, unwanted: Callable[[_T], object] | None = None
    ) -> _T:
        """Runs in a thread to its end, even when the caller is cancelled meanwhile; `unwanted`
        takes what nobody waits for then.
        """
        future = asyncio.get_running_loop().run_in_executor(self._threads, call)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            if unwanted is not None and future.exception() is None:
                unwanted(future.result())
            raise
