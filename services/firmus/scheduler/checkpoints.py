"""Writing checkpoints, one shard after another so that no pause is long, and reading them back."""

import asyncio
import contextlib
import gc
import logging
from collections.abc import Iterator, Mapping, Sequence

from firmus.scheduler import checkpoint
from firmus.scheduler.checkpoint import CheckpointStore, Good
from firmus.scheduler.fold import Fold

EVERY_S = 30.0
EVERY_EVENTS = 100_000
PAUSE_S = 0.05
"""Between two shards, so that timers and polls get their turn."""

_log = logging.getLogger(__name__)


class Checkpoints:
    """The checkpoints of one scheduler."""

    def __init__(
        self, store: CheckpointStore, fold: Fold, shards: Sequence[int], count: int
    ) -> None:
        self._store = store
        self._fold = fold
        self._shards = shards
        self._count = count
        self._good: dict[int, Good] = {}
        self._many = asyncio.Event()
        self._written_at = 0
        self.written = 0

    async def load(self, end: int) -> None:
        """Restores what there is, if it fits a log that ends at `end`; the store may raise."""
        index = checkpoint.decode_index(await self._store.get(checkpoint.INDEX))
        for number in self._shards:
            stored = await self._store.get(checkpoint.shard_name(number))
            with _without_collector():
                fits = stored is not None and self._restore(number, stored, index.get(number), end)
            if stored is not None and not fits:
                _log.warning("checkpoint of shard %d does not fit; reading the log", number)
            await asyncio.sleep(0)

    def _restore(self, number: int, stored: bytes, good: Good | None, end: int) -> bool:
        image = checkpoint.decode_shard(stored)
        known_to = max(image.position if image else 0, good.until if good else 0)
        if image is None or known_to > end:
            return False
        checkpoint.restore(self._fold, number, image, good)
        self._good[number] = Good(image.position, self._fold.shards[number].position)
        return True

    def progressed(self) -> None:
        """More was folded; enough of it brings the next checkpoint forward."""
        if self._fold.events - self._written_at >= EVERY_EVENTS:
            self._many.set()

    async def run(self) -> None:
        """Writes for ever, every 30 s or 100,000 events, if anything happened."""
        while True:
            try:
                async with asyncio.timeout(EVERY_S):
                    await self._many.wait()
            except TimeoutError:
                pass
            self._many.clear()
            try:
                await self.write()
            except Exception:  # noqa: BLE001 - one failure must not end all other work
                _log.exception("no checkpoint could be written; the last one stays")

    async def write(self, *, pause_s: float = PAUSE_S) -> None:
        """Writes the shards that changed, then up to where all of them are good.

        Raises what the store raises; then the shards not written count as changed.
        """
        fold = self._fold
        events = fold.events
        if self._good and events == self._written_at:
            return
        for number in self._shards:
            shard = fold.shards[number]
            changes = shard.changes
            if changes or number not in self._good:
                position = shard.position
                image = checkpoint.encode_shard(fold, number, self._count)
                await self._store.put(checkpoint.shard_name(number), image)
                shard.changes -= changes
                self._good[number] = Good(position, position)
                await asyncio.sleep(pause_s)
        for number, good in self._good.items():
            if fold.shards[number].changes == 0:
                self._good[number] = Good(good.position, max(good.until, fold.read_to))
        known = {**await self._index_of_others(), **self._good}
        await self._store.put(checkpoint.INDEX, checkpoint.encode_index(known))
        fold.queues.prune()
        self._written_at = events
        self.written += 1

    async def _index_of_others(self) -> Mapping[int, Good]:
        """What other schedulers said of their shards; if they say more meanwhile, it is lost, and
        their next start reads a little more of the log.
        """
        if len(self._shards) == self._count:
            return {}
        return checkpoint.decode_index(await self._store.get(checkpoint.INDEX))


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """A million new objects, none of them garbage: looking for it would cost twice the rest."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
