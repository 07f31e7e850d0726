"""Rebuild: a second read model, made from the whole log beside the live one, compared with it, and
then swapped in.

It runs inside the active projection, which alone opens the files, and never publishes. Both the
comparison and the swap are exact: the live follower waits its turn while the new model reaches the
commit it stands at. The two are compared as they were then, while the live one goes on; what was
written meanwhile is read before the swap.
"""

import asyncio
import logging
from contextlib import AsyncExitStack, aclosing
from typing import Any

import msgspec

from firmus.ports import Comparison, RebuildProgress, Verify
from firmus.projection.chase import Chase, Surroundings
from firmus.projection.comparison import DifferentPositions
from firmus.projection.port import ReadModel

AGAIN_S = 0.1

_log = logging.getLogger(__name__)


class Progress:
    """How far one piece of work has come; `now` may be read at any time."""

    def __init__(self, begun: RebuildProgress) -> None:
        self.now = begun
        self._from = begun.position
        self._began_s = asyncio.get_running_loop().time()

    def advance(self, **changes: Any) -> None:
        now = msgspec.structs.replace(self.now, **changes)
        elapsed_s = asyncio.get_running_loop().time() - self._began_s
        rate = (now.position - self._from) / elapsed_s if elapsed_s > 0 else 0.0
        left = max(0, now.target - now.position)
        self.now = msgspec.structs.replace(
            now,
            elapsed_s=round(elapsed_s, 3),
            rate=round(rate, 1),
            left_s=round(left / rate, 1) if rate else 0.0,
        )


class Rebuild:
    """One rebuild beside the live model; `verify` says what a difference between them does."""

    def __init__(self, around: Surroundings, verify: Verify) -> None:
        self._around = around
        self._verify = verify
        self._number = around.live.models.unused()
        self.progress = Progress(RebuildProgress(state="running", model=self._number))

    async def run(self) -> None:
        """Builds, compares and swaps; `progress` tells what came of it."""
        live = self._around.live
        model: ReadModel | None = None
        try:
            self.progress.advance(target=await self._around.log.end())
            model = await live.open(self._number)
            held = await self._compared_and_swapped(model)
            if held:
                await live.discard(self._number, model)
            self.progress.advance(state="held" if held else "done", problem=held)
        except BaseException as problem:
            self.progress.advance(state="failed", problem=str(problem) or repr(problem))
            await live.discard(self._number, model)
            raise

    async def _compared_and_swapped(self, model: ReadModel) -> str:
        """The difference that keeps the model out; empty when it is in use now."""
        live = self._around.live
        chase = self._chase(model)
        if self._verify != "off" and live.model is not None:
            comparison = await self._compared(chase, model)
            if self._verify == "strict" and comparison.unexplained:
                return _told(comparison)
        self.progress.advance(phase="swapping")
        async with AsyncExitStack() as turn:
            await chase.reach(turn)
            await live.swap(self._number, model)
            self._around.follower.collect_rows(self._around.classifiers)
        return ""

    def _chase(self, model: ReadModel) -> Chase:
        around, progress = self._around, self.progress

        def told(commits: int) -> None:
            position = chase.applied.position
            target = max(progress.now.target, around.follower.applied.position)
            commits += progress.now.commits
            progress.advance(commits=commits, position=position, target=target)

        chase = Chase(around, model=model, told=told)
        return chase

    async def _compared(self, chase: Chase, model: ReadModel) -> Comparison:
        """The new model beside the live one, both as they are at one commit."""
        live = self._around.live
        expected = live.why_different(model)
        while True:
            async with AsyncExitStack() as turn:
                await chase.reach(turn)
                await self._around.flush()
                snapshots = await live.snapshots(model)
            self.progress.advance(phase="verifying")
            try:
                async with aclosing(live.compare(*snapshots, expected=expected)) as steps:
                    async for comparison in steps:
                        self.progress.advance(comparison=comparison)
            except DifferentPositions:
                # The live follower is still reading what its model has, after a restart.
                await asyncio.sleep(AGAIN_S)
                continue
            if comparison.different:
                level = logging.ERROR if comparison.unexplained else logging.INFO
                _log.log(level, "a rebuild found differences: %s", _told(comparison))
            return comparison


def _told(comparison: Comparison) -> str:
    tables = "; ".join(
        f"{table.table}: {table.different} rows ({', '.join(table.first_ids)})"
        f"{table.expected and ', as is expected: '}{table.expected}"
        for table in comparison.tables
        if table.different
    )
    expected = f", as is expected: {comparison.expected}" if comparison.expected else ""
    return f"at log position {comparison.position} the new read model differs{expected}: {tables}"
