"""Carrying out what the fold owes to other workflows: starting children, telling parents, stopping
orphans, starting failure workflows, going on with split decisions.

Every errand is a command with an id of its own and is repeated until it is answered, so stopping
anywhere and starting again does no harm.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec

from firmus.ports import Clock, DeciderPort, SinksPort, StartsPort, Unavailable
from firmus.scheduler import children
from firmus.scheduler.child_starts import ChildStarts, retryable
from firmus.scheduler.children import (
    AskChild,
    ChildEnded,
    Effect,
    FollowChild,
    GoOn,
    SendStateEvent,
    StartFailure,
    StopChild,
    TellParent,
)
from firmus.scheduler.fold import Fold
from firmus.scheduler.handout import LetIn
from firmus.scheduler.queues import Taken
from firmus.scheduler.state_events import send_state_event
from firmus_contracts import ids
from firmus_contracts.commands import (
    Answer,
    Command,
    Rejected,
)

RUNNING_MAX = 128
AGAIN_AFTER_S = 0.2
AGAIN_AFTER_MAX_S = 60.0
_OVER = frozenset({"NOT_FOUND", "CONFLICT", "ILLEGAL_STATE"})

FailureInput = Callable[[str], Awaitable[dict[str, Any]]]
"""The input of the failure workflow of the workflow with this id (spec 4.7)."""

_log = logging.getLogger(__name__)


class Errands:
    """`changed` is called when there is room for more, or an errand is due again."""

    def __init__(
        self,
        fold: Fold,
        decider: DeciderPort,
        starts: StartsPort,
        clock: Clock,
        failure_input: FailureInput,
        *,
        changed: Callable[[], None],
        sinks: SinksPort | None = None,
        let_in: LetIn | None = None,
    ) -> None:
        self._fold = fold
        self._decider = decider
        self._children = ChildStarts(fold, decider, starts)
        self._clock = clock
        self._failure_input = failure_input
        self._changed = changed
        self._sinks = sinks
        self._let_in = let_in
        self._pending: deque[Effect] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._attempts: dict[str, int] = {}
        self.done = 0

    def pump(self, now_ms: int) -> None:
        """Starts what can be started."""
        fold = self._fold
        if fold.fresh:
            self._pending.extend(fold.fresh)
            fold.fresh.clear()
        while self._pending and len(self._running) < RUNNING_MAX:
            effect = self._pending.popleft()
            if effect.command_id in fold.owed:
                self._run(self._carry_out(effect))
            else:
                self._attempts.pop(effect.command_id, None)
        fold.children.promote(now_ms)
        woken = fold.children.woken
        for key in list(woken):
            for taken in fold.children.take(key, RUNNING_MAX - len(self._running), now_ms):
                self._run(self._start_child(taken))
            if not fold.children.has_ready(key):
                woken.discard(key)

    async def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _run(self, errand: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(errand)
        self._running.add(task)
        task.add_done_callback(self._ran)

    def _ran(self, task: "asyncio.Task[None]") -> None:
        full = len(self._running) >= RUNNING_MAX
        self._running.discard(task)
        if full:
            self._changed()

    async def _carry_out(self, effect: Effect) -> None:
        try:
            answer = await self._answer(effect)
        except Unavailable:
            self._again(effect)
            return
        except Exception:  # noqa: BLE001 - one failure must not end all other work
            _log.exception("errand %s failed; it will be tried again", effect.command_id)
            self._again(effect)
            return
        if isinstance(answer, Rejected) and isinstance(effect, AskChild):
            answer = await self._stays_ended(effect, answer)
        elif (
            isinstance(answer, Rejected)
            and isinstance(effect, TellParent)
            and effect.parent_version
        ):
            answer = await self._not_wanted(effect, answer)
        if isinstance(answer, Rejected):
            level = logging.DEBUG if isinstance(effect, StopChild | GoOn) else logging.WARNING
            _log.log(level, "errand %s was refused: %s", effect.command_id, answer.message)
            # A parent that cannot take its child's end is to be seen, not to wait for ever.
            untold = isinstance(effect, ChildEnded) and answer.code not in _OVER
            if untold or retryable(answer):
                self._again(effect)
                return
        self._attempts.pop(effect.command_id, None)
        self._fold.owed.pop(effect.command_id, None)
        self.done += 1

    async def _answer(self, effect: Effect) -> Answer | None:
        command = await self._command(effect)
        answer = None if command is None else await self._decider.submit(command)
        if isinstance(effect, FollowChild) and isinstance(answer, Rejected):
            return answer if retryable(answer) else await self._tell_follower(effect)
        return answer

    async def _command(self, effect: Effect) -> Command | None:
        """What to send; None when it is no longer needed."""
        match effect:
            case SendStateEvent():
                return await send_state_event(effect, self._decider, self._sinks)
            case GoOn():
                return children.go_on(effect)
            case TellParent() | AskChild():
                return effect.command()
            case StopChild():
                parent = await self._decider.read(effect.workflow_id)
                if children.still_wanted(parent, effect):
                    return None
                return children.stop_child(effect)
            case FollowChild():
                return children.follow_child(effect)
            case ChildEnded():
                if self._told(effect):
                    return None
                child = await self._decider.read(effect.workflow_id)
                return None if child is None else children.report_child_ended(effect, child)
            case StartFailure():
                failed = await self._decider.read(effect.workflow_id)
                if failed is None:
                    return None
                given = await self._failure_input(effect.workflow_id)
                return children.start_failure(effect, failed, given)

    async def _stays_ended(self, effect: AskChild, refused: Rejected) -> Answer | None:
        """Tells a parent that its child does not run again, unless asking once more may help."""
        if retryable(refused):
            return refused
        command = children.stays_ended(effect, await self._decider.read(effect.child_id))
        return None if command is None else await self._decider.submit(command)

    async def _tell_follower(self, effect: FollowChild) -> Answer | None:
        """The workflow that a task follows refused that: it has ended, and the task hears of it."""
        child = await self._decider.read(effect.child_id)
        if child is None or not (child.status.terminal or child.removed_ms):
            raise Unavailable(f"workflow {effect.child_id} runs again")
        owner = ids.workflow_of(effect.task_id)
        end = ChildEnded(effect.child_id, child.version, owner, effect.task_id, followed=True)
        report = children.report_child_ended(end, child)
        if report is None:
            return None
        # The task may have heard of this very end before it was run again.
        report = msgspec.structs.replace(report, command_id=f"{effect.command_id}/ended")
        return await self._decider.submit(report)

    async def _not_wanted(self, effect: TellParent, refused: Rejected) -> Answer | None:
        """Ends a workflow that runs again in vain, unless asking once more may help."""
        if retryable(refused):
            return refused
        return await self._decider.submit(children.not_wanted(effect))

    def _told(self, effect: ChildEnded) -> bool:
        """Whether the parent's task is known to be over already."""
        parent_is_ours = self._fold.shard_of(effect.parent_workflow_id) is not None
        return parent_is_ours and self._fold.row(effect.parent_task_id) is None

    async def _start_child(self, taken: Taken) -> None:
        row = taken[0]
        try:
            if self._let_in is not None and not await self._let_in([taken]):
                self._fold.children.give_back(taken)
                self._changed()
                return
            done = await self._children.start(row)
        except Unavailable:
            done = False
        except Exception:  # noqa: BLE001 - one failure must not end all other work
            _log.exception("starting child %s failed; it will be tried again", row.child_id)
            done = False
        key = row.task_id
        if done or row.order != taken[1]:
            self._attempts.pop(key, None)
            self.done += 1
            return
        delay_s = self._backoff_s(key)
        self._fold.children.give_back(taken, self._clock.now_ms() + round(delay_s * 1000))
        self._changed()

    def _again(self, effect: Effect) -> None:
        key = effect.command_id

        def due() -> None:
            del self._timers[key]
            self._pending.append(effect)
            self._changed()

        delay_s = self._backoff_s(key)
        self._timers[key] = asyncio.get_running_loop().call_later(delay_s, due)

    def _backoff_s(self, key: str) -> float:
        attempt = self._attempts.get(key, 0)
        self._attempts[key] = attempt + 1
        return min(AGAIN_AFTER_S * 2.0 ** min(attempt, 16), AGAIN_AFTER_MAX_S)
