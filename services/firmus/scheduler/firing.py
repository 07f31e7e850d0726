"""Telling the decider of deadlines that have passed, some at a time."""

import asyncio
import logging
from collections.abc import Callable

from firmus.ports import DeciderPort, Unavailable
from firmus.scheduler.timeline import Due
from firmus_contracts.commands import FireTimer

FIRING_MAX = 256

_log = logging.getLogger(__name__)


class Firing:
    """`changed` is called when there is room again."""

    def __init__(self, decider: DeciderPort, *, changed: Callable[[], None]) -> None:
        self._decider = decider
        self._changed = changed
        self._firing: set[asyncio.Task[None]] = set()
        self._fired = 0
        self._late_ms_sum = 0
        self._late_ms_max = 0

    @property
    def room(self) -> int:
        """How many more may be under way."""
        return FIRING_MAX - len(self._firing)

    def counters(self) -> dict[str, int]:
        return {
            "timers_fired": self._fired,
            "timer_lateness_ms_sum": self._late_ms_sum,
            "timer_lateness_ms_max": self._late_ms_max,
        }

    def fire_soon(self, due: Due, now_ms: int) -> None:
        late_ms = now_ms - due.at_ms
        if due.attempt == 0:
            self._fired += 1
            self._late_ms_sum += late_ms
            self._late_ms_max = max(self._late_ms_max, late_ms)
        task = asyncio.get_running_loop().create_task(self._fire(due))
        self._firing.add(task)
        task.add_done_callback(self._fired_off)

    async def close(self) -> None:
        for task in self._firing:
            task.cancel()
        await asyncio.gather(*self._firing, return_exceptions=True)

    async def _fire(self, due: Due) -> None:
        """Says that a deadline passed. The answer is not needed: the timeline asks again until
        the log shows that the deadline is gone.
        """
        command = FireTimer(
            command_id=f"{due.task_id or due.workflow_id}/timer/{due.at_ms}.{due.attempt}",
            workflow_id=due.workflow_id,
            actor="scheduler",
            task_id=due.task_id,
        )
        try:
            await self._decider.submit(command)
        except Unavailable:
            _log.debug("timer %s not answered; it comes again", command.command_id)
        except Exception:  # noqa: BLE001 - one failure must not end all other work
            _log.exception("timer %s failed; it comes again", command.command_id)

    def _fired_off(self, task: "asyncio.Task[None]") -> None:
        full = not self.room
        self._firing.discard(task)
        if full:
            self._changed()
