"""The loops of a worker: poll, run, report, extend leases. Knows only the ports."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, cast

import msgspec
import structlog

from firmus.ports import Clock, DeciderPort, QueuesPort, Unavailable
from firmus.worker.results import HANDED_BACK, Result, raised, returned, unreadable_input
from firmus.worker.tasks import Polled, Task, TaskContext
from firmus.workflow.external import place_of, value_at
from firmus_contracts.commands import Rejected, UpdateTask
from firmus_contracts.ids import workflow_of

log = structlog.get_logger(__name__)

POLL_TIMEOUT_S = 1.0
POLL_MOST = 100
REPORT_PATIENCE_S = 300.0
_GATHER_S = 0.002
_PAUSE_FIRST_S = 0.05
_PAUSE_MOST_S = 5.0

_decode = msgspec.json.Decoder(Polled).decode
AnyTask = Task[..., Any]


class Slots:
    """How many tasks of one name may still start. A nearly busy worker waits a moment for more free
    ones, so that its polls fetch batches.
    """

    def __init__(self, limit: int) -> None:
        self.free = limit
        self._enough = max(1, limit // 4)
        self._any = asyncio.Event()

    async def room(self) -> int:
        """How many may start, at least one."""
        while self.free == 0:
            self._any.clear()
            await self._any.wait()
        if self.free < self._enough:
            await asyncio.sleep(_GATHER_S)
        return self.free

    def give(self) -> None:
        self.free += 1
        self._any.set()


class Lease:
    """Extends the time a worker has for a task, each third of it, until cancelled (spec 4.5)."""

    def __init__(self, timeout_s: int, extend: Callable[[], None]) -> None:
        self._every_s = timeout_s / 3
        self._extend = extend
        self._timer: asyncio.TimerHandle | None = None
        if timeout_s > 0:
            self._arm()

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._every_s, self._fire)

    def _fire(self) -> None:
        self._extend()
        self._arm()


class Runner:
    """Works on tasks until `stop`; then finishes what runs, and hands back what takes too long.

    `concurrency`: tasks of each name at once.
    """

    def __init__(
        self,
        *,
        queues: QueuesPort,
        decider: DeciderPort,
        clock: Clock,
        tasks: Sequence[AnyTask],
        worker_id: str,
        concurrency: int,
        domain: str | None = None,
        grace_s: float = 30.0,
        poll_timeout_s: float = POLL_TIMEOUT_S,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._queues = queues
        self._decider = decider
        self._clock = clock
        self._tasks = tasks
        self._worker_id = worker_id
        self._concurrency = concurrency
        self._domain = domain
        self._grace_s = grace_s
        self._poll_timeout_s = poll_timeout_s
        self._sleep = sleep
        self._stopping = asyncio.Event()
        self._numbers = itertools.count(1)
        self._running: set[asyncio.Task[None]] = set()
        self._extending: set[asyncio.Task[None]] = set()
        self._threads: ThreadPoolExecutor | None = None
        self.done = 0

    def stop(self) -> None:
        """Asks `run` to end: no further poll, running tasks are finished first."""
        self._stopping.set()

    async def run(self) -> None:
        """Returns after `stop`, when all that ran is reported."""
        threads = sum(self._limit(task) for task in self._tasks if not task.is_async)
        if threads:
            self._threads = ThreadPoolExecutor(threads, thread_name_prefix="task")
        loops = [asyncio.create_task(self._serve(task), name=task.name) for task in self._tasks]
        try:
            await self._until_stopped(loops)
            await self._leave(loops)
        finally:
            for each in (*loops, *self._running, *self._extending):
                each.cancel()
            await asyncio.gather(*loops, *self._running, *self._extending, return_exceptions=True)
            if self._threads is not None:
                self._threads.shutdown(wait=False, cancel_futures=True)

    async def _until_stopped(self, loops: list[asyncio.Task[None]]) -> None:
        """Also returns, by raising, when a loop has failed: a fault of ours that must be seen."""
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            done, _ = await asyncio.wait((stopping, *loops), return_when=asyncio.FIRST_COMPLETED)
            for ended in done:
                ended.result()
        finally:
            stopping.cancel()

    async def _leave(self, loops: list[asyncio.Task[None]]) -> None:
        """A poll under way may already have begun tasks, so it is awaited, not cancelled."""
        deadline_s = asyncio.get_running_loop().time() + self._grace_s
        full = [each for each in loops if not each.done()]
        if full:
            await asyncio.wait(full, timeout=self._grace_s)
        while self._running:
            left_s = deadline_s - asyncio.get_running_loop().time()
            _, late = await asyncio.wait(self._running, timeout=max(left_s, 0))
            if not late:
                continue
            for each in late:
                each.cancel()
            await asyncio.wait(late)

    def _limit(self, task: AnyTask) -> int:
        return task.concurrency or self._concurrency

    async def _serve(self, task: AnyTask) -> None:
        """Polls for one name and starts what comes."""
        slots = Slots(self._limit(task))
        domain = task.domain or self._domain
        pause_s = _PAUSE_FIRST_S
        while not self._stopping.is_set():
            room = await slots.room()
            if self._stopping.is_set():
                return
            try:
                found = await self._queues.poll(
                    task.name,
                    domain=domain,
                    worker_id=self._worker_id,
                    count=min(room, POLL_MOST),
                    timeout_s=self._poll_timeout_s,
                )
            except Unavailable as error:
                log.warning("poll failed", task=task.name, error=str(error), again_in_s=pause_s)
                await self._sleep(pause_s)
                pause_s = min(pause_s * 2, _PAUSE_MOST_S)
                continue
            pause_s = _PAUSE_FIRST_S
            for raw in found:
                self._begin(task, slots, raw)

    def _begin(self, task: AnyTask, slots: Slots, raw: msgspec.Raw) -> None:
        slots.free -= 1
        running = asyncio.create_task(self._perform(task, raw))
        self._running.add(running)
        running.add_done_callback(partial(self._ended, slots))

    def _ended(self, slots: Slots, running: asyncio.Task[None]) -> None:
        self._running.discard(running)
        slots.give()
        if not running.cancelled() and (error := running.exception()) is not None:
            log.error("a task was lost", error=repr(error))

    async def _whole(self, polled: Polled) -> Polled:
        """The task with its input, where that was too large to be handed out with it."""
        place = place_of(polled.external_input_payload_storage_path or "")
        if place is None:
            return polled
        state = await self._decider.read(workflow_of(polled.task_id))
        given = None if state is None else value_at(state, place)
        if given is None:
            return polled
        return msgspec.structs.replace(polled, input_data=msgspec.Raw(msgspec.json.encode(given)))

    async def _perform(self, task: AnyTask, raw: msgspec.Raw) -> None:
        polled = await self._whole(_decode(raw))
        context = TaskContext(polled, self._clock.now_ms)
        lease = Lease(polled.response_timeout_seconds, partial(self._extend, polled.task_id))
        try:
            try:
                result = await self._result(task, polled, context)
            except asyncio.CancelledError:
                result = HANDED_BACK
            await self._submit(
                UpdateTask(
                    command_id=self._command_id(),
                    workflow_id=workflow_of(polled.task_id),
                    task_id=polled.task_id,
                    status=result.status,
                    output=result.output,
                    reason=result.reason,
                    worker_id=self._worker_id,
                    callback_after_s=result.callback_after_s,
                    logs=tuple(context.lines),
                )
            )
        finally:
            lease.cancel()
        self.done += 1

    async def _result(self, task: AnyTask, polled: Polled, context: TaskContext) -> Result:
        try:
            arguments = task.arguments(polled, context)
        except msgspec.ValidationError as error:
            return unreadable_input(task.name, error)
        try:
            if task.is_async:
                value = await cast("Awaitable[Any]", task.function(**arguments))
            else:
                call = partial(task.function, **arguments)
                value = await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except Exception as error:  # noqa: BLE001 - whatever a user's function raises is its result
            log.info("task failed", task=task.name, task_id=polled.task_id, error=repr(error))
            return raised(error)
        return returned(value)

    def _extend(self, task_id: str) -> None:
        command = UpdateTask(
            command_id=self._command_id(),
            workflow_id=workflow_of(task_id),
            task_id=task_id,
            worker_id=self._worker_id,
            extend_lease=True,
        )
        extending = asyncio.create_task(self._submit(command))
        self._extending.add(extending)
        extending.add_done_callback(self._extending.discard)

    def _command_id(self) -> str:
        return f"{self._worker_id}#{next(self._numbers)}"

    async def _submit(self, command: UpdateTask) -> None:
        """Reports, again and again under the same id, until answered or out of patience."""
        pause_s, waited_s = _PAUSE_FIRST_S, 0.0
        while True:
            try:
                answer = await self._decider.submit(command)
            except Unavailable as error:
                if waited_s >= REPORT_PATIENCE_S:
                    log.error("report given up", task_id=command.task_id, error=str(error))  # noqa: TRY400 - its trace says nothing
                    return
                await self._sleep(pause_s)
                waited_s += pause_s
                pause_s = min(pause_s * 2, _PAUSE_MOST_S)
            else:
                if isinstance(answer, Rejected):
                    log.warning("report refused", task_id=command.task_id, reason=answer.message)
                return
