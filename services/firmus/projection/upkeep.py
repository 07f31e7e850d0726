"""Upkeep: what is done to read models as wholes, one thing at a time: rebuilds, rollbacks, and
bringing a model that is far behind up to date, all beside the live follower.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress

from firmus.broker.wire import StreamRefused, Unanswered
from firmus.eventlog.port import EventLog, LogTruncated, LogUnavailable
from firmus.ports import RebuildProgress, Unavailable, Verify
from firmus.projection.chase import Chase, Surroundings
from firmus.projection.live import LiveModel
from firmus.projection.port import ReadModel, StoreFault, UnusableModel
from firmus.projection.rebuild import Progress, Rebuild
from firmus_contracts.errors import Refusal

AGAIN_S = 5.0
ROOM = 1.2
"""A new read model is taken to need so many times the room of the live one."""

TROUBLE = (
    LogUnavailable, LogTruncated, Unanswered, StreamRefused, Unavailable, StoreFault, OSError,
)  # fmt: skip

_log = logging.getLogger(__name__)


Work = Callable[[Surroundings], Awaitable[None]]


class Upkeep:
    """`run` does the work for as long as the projection follows the log; the rest asks for it."""

    def __init__(self, live: LiveModel) -> None:
        self._live = live
        self._around: Surroundings | None = None
        self._wanted: Work | None = None
        self._asked = asyncio.Event()
        self._turn = asyncio.Lock()
        self._progress: Progress | None = None

    @property
    def progress(self) -> RebuildProgress | None:
        return None if self._progress is None else self._progress.now

    @property
    def _busy(self) -> bool:
        now = self.progress
        return self._wanted is not None or (now is not None and now.state == "running")

    async def run(self, around: Surroundings) -> None:
        """Runs until it is cancelled; what is cut off by that has failed."""
        self._around = around
        while True:
            await self._asked.wait()
            self._asked.clear()
            while (work := self._wanted) is not None:
                self._wanted = None
                await self._do(work, around)
                if around.follower.rows is None:
                    # No rows are collected before this is done.
                    await asyncio.sleep(AGAIN_S)
                    self._wanted = self._wanted or work

    async def _do(self, work: Work, around: Surroundings) -> None:
        try:
            await work(around)
        except asyncio.CancelledError:
            self._cut_off()
            raise
        except (*TROUBLE, UnusableModel) as trouble:
            _log.exception("work on the read model failed", exc_info=trouble)
            if isinstance(trouble, StoreFault) and around.follower.rows is None:
                # The model in use may be what broke: the next life opens it again.
                await self._live.close()
                raise
        else:
            _log.info("the read model: %s", self.progress)

    def _cut_off(self) -> None:
        if self._progress is not None and self._progress.now.state in ("running", "failed"):
            self._progress.advance(state="failed", problem="cut off: the projection began anew")

    def _want(self, work: Work) -> None:
        self._wanted = work
        self._asked.set()

    def complete(self) -> None:
        """Brings the model in use up to date beside the live follower, or makes the first one."""
        if self._live.model is not None:
            self._want(self._catch_up)
        else:
            self._want(self._rebuild("off"))

    def _rebuild(self, verify: Verify) -> Work:
        async def work(around: Surroundings) -> None:
            rebuild = Rebuild(around, verify)
            self._progress = rebuild.progress
            await rebuild.run()

        return work

    async def rebuild(self, verify: Verify = "report") -> RebuildProgress:
        """Starts a rebuild. Raises Refusal CONFLICT, or ILLEGAL_STATE for want of room."""
        async with self._turn:
            self._check_idle()
            await self._make_room()
            return self._begin(
                RebuildProgress(state="running", model=self._live.models.unused()),
                self._rebuild(verify),
            )

    def _check_idle(self) -> None:
        if self._busy:
            raise Refusal("CONFLICT", "A rebuild is running already")

    def _begin(self, begun: RebuildProgress, work: Work) -> RebuildProgress:
        """Whoever asks from now on hears of this one, and not of the one before."""
        self._progress = Progress(begun)
        self._want(work)
        return begun

    async def _make_room(self) -> None:
        """The kept model goes first when there is too little room for three."""
        missing = await self._live.room_missing(ROOM)
        if missing:
            await self._live.drop_kept()
            missing = await self._live.room_missing(ROOM)
        if missing:
            raise Refusal("ILLEGAL_STATE", f"The disk has {missing} bytes too few for a rebuild")

    async def roll_back(self) -> RebuildProgress:
        """Puts the kept model in use; it catches up beside. Raises Refusal CONFLICT, NOT_FOUND, or
        ILLEGAL_STATE when it cannot be used.
        """
        async with self._turn:
            self._check_idle()
            return await self._roll_back()

    async def _roll_back(self) -> RebuildProgress:
        around = self._around
        _, kept = await self._live.stored()
        if kept is None or around is None:
            raise Refusal("NOT_FOUND", "No read model from before is kept")
        try:
            model = await self._live.open(kept.model)
        except UnusableModel as fault:
            raise Refusal("ILLEGAL_STATE", f"The kept read model cannot be used: {fault}") from None
        try:
            await _check_log(around.log, model)
            async with around.follower.turn:
                with suppress(StoreFault):  # of the model that goes
                    await around.flush()
                around.follower.rows = None
                await self._live.exchange(model)
        except BaseException:
            await self._live.put_aside(model)
            raise
        at = model.rows_cursor().position
        return self._begin(
            RebuildProgress(state="running", model=kept.model, kind="catch_up", position=at),
            self._catch_up,
        )

    async def _catch_up(self, around: Surroundings) -> None:
        """Brings the model in use from its own cursor to where the live follower is, which writes
        into it from then on.
        """
        current, _ = await around.live.stored()
        model = around.live.model
        if model is None or current is None:
            return
        at = model.rows_cursor().position
        self._progress = progress = Progress(
            RebuildProgress(state="running", model=current.model, kind="catch_up", position=at)
        )
        try:
            await _catch_up(around, model, progress)
        except BaseException as problem:
            progress.advance(state="failed", problem=str(problem) or repr(problem))
            raise
        progress.advance(state="done")

    async def drop_kept(self) -> None:
        """Raises Refusal CONFLICT while a rebuild runs."""
        async with self._turn:
            self._check_idle()
            await self._live.drop_kept()


async def _catch_up(around: Surroundings, model: ReadModel, progress: Progress) -> None:
    progress.advance(target=await around.log.end())

    def told(commits: int) -> None:
        progress.advance(
            commits=progress.now.commits + commits,
            position=chase.applied.position,
            target=max(progress.now.target, around.follower.applied.position),
        )
        around.live.reach(chase.applied.position)

    chase = Chase(around, model=model, told=told)
    async with AsyncExitStack() as turn:
        await chase.reach(turn)
        around.follower.collect_rows(around.classifiers)


async def _check_log(log: EventLog, model: ReadModel) -> None:
    if not await is_of_log(log, model):
        raise Refusal("ILLEGAL_STATE", "The kept read model shows what the log does not hold")


async def is_of_log(log: EventLog, model: ReadModel) -> bool:
    """Whether the log holds the commit that a read model reflects last."""
    cursor = model.rows_cursor()
    if not cursor.position:
        return True
    records = await log.read(cursor.workflow_id, after=cursor.position - 1)
    found = [(record.position, record.digest) for record in records[:1]]
    return found == [(cursor.position, cursor.digest)]
