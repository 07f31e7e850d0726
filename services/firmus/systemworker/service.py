"""The system worker: polls the queues of system task types, has the tasks carried out, reports.

A task under way keeps its lease; one that is begun is finished and reported before the worker
stops, so that a stop loses nothing.
"""

import asyncio
import contextlib
import itertools
import secrets
from collections.abc import Mapping

import msgspec
import structlog

from firmus.ports import DeciderPort, QueuesPort, Unavailable
from firmus.systemworker.work import Executor, Outcome, Work, failed
from firmus.workflow.isolation import ISOLATED, queue_name, type_of_queue
from firmus_contracts.commands import Accepted, Rejected, UpdateTask
from firmus_contracts.errors import ERRORS
from firmus_contracts.statuses import ResultStatus

POLL_S = 1.0
"""How long a stop may take at most to end an idle poll: a poll is never cancelled, for it might
have begun a task.
"""
AGAIN_AFTER_S = 0.2
AGAIN_AFTER_MAX_S = 5.0
GRACE_S = 10.0
TRIES_WHEN_STOPPING = 5

_log = structlog.get_logger(__name__)
_decode = msgspec.json.Decoder(Work).decode


class SystemWorker:
    """`executors` by task type; at most `concurrency` tasks of a type are under way, and as many of
    each isolation group. With a `namespace` it takes only tasks of that one (spec 4.11).
    """

    def __init__(
        self,
        *,
        queues: QueuesPort,
        decider: DeciderPort,
        executors: Mapping[str, Executor],
        worker_id: str,
        concurrency: int = 64,
        poll_s: float = POLL_S,
        namespace: str | None = None,
    ) -> None:
        self._queues = queues
        self._decider = decider
        self._executors = executors
        self._worker_id = worker_id
        self._concurrency = concurrency
        self._poll_s = poll_s
        self._namespace = namespace
        self._served: set[str] = set()
        self._run = secrets.token_hex(4)
        self._serial = itertools.count(1)
        self._stopping = asyncio.Event()
        self._loops: list[asyncio.Task[None]] = []
        self._under_way: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        for task_type in self._executors:
            own = task_type in ISOLATED
            queue = queue_name(task_type, self._namespace, None) if own else task_type
            self._serve(queue, task_type)

    def serve(self, queue: str) -> None:
        """There is work in this queue: that of an isolation group of ours is served from now on."""
        task_type = type_of_queue(queue, self._namespace)
        if task_type is None or task_type not in self._executors or queue in self._served:
            return
        if not self._stopping.is_set():
            self._serve(queue, task_type, only=task_type)

    def _serve(self, queue: str, task_type: str, *, only: str | None = None) -> None:
        self._served.add(queue)
        work = self._work_on(queue, self._executors[task_type], only)
        self._loops.append(asyncio.create_task(work))

    async def stop(self) -> None:
        """Takes no more tasks; those begun are finished within GRACE_S, or fail as interrupted."""
        self._stopping.set()
        await asyncio.gather(*self._loops)
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=GRACE_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)
        for executor in self._executors.values():
            await executor.close()

    async def _work_on(self, queue: str, executor: Executor, only: str | None) -> None:
        """Until the stop, or until the queue gives tasks of another type than `only`: those of a
        worker's task that has a name like an isolation group's queue go back and are left alone.
        """
        mine: set[asyncio.Task[None]] = set()
        pause_s = AGAIN_AFTER_S
        while not self._stopping.is_set():
            if len(mine) >= self._concurrency:
                await asyncio.wait(mine, return_when=asyncio.FIRST_COMPLETED)
                continue
            try:
                tasks = await self._queues.poll(
                    queue,
                    domain=None,
                    worker_id=self._worker_id,
                    count=self._concurrency - len(mine),
                    timeout_s=self._poll_s,
                )
            except Unavailable:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), pause_s)
                pause_s = min(pause_s * 2, AGAIN_AFTER_MAX_S)
                continue
            pause_s = AGAIN_AFTER_S
            given = [_decode(raw) for raw in tasks]
            foreign = [work for work in given if only not in {None, work.task_type}]
            for work in given:
                back = work in foreign
                todo = self._put_back(work) if back else self._carry_out(work, executor)
                task = asyncio.create_task(todo)
                for under_way in (mine, self._under_way):
                    under_way.add(task)
                    task.add_done_callback(under_way.discard)
            if foreign:
                _log.warning("systemworker.not_ours", queue=queue, task_type=foreign[0].task_type)
                return

    async def _put_back(self, work: Work) -> None:
        kept = Outcome(status=ResultStatus.IN_PROGRESS, output=work.output_data)
        await self._report(work, kept)

    async def _carry_out(self, work: Work, executor: Executor) -> None:
        lease = asyncio.create_task(self._keep_lease(work))
        try:
            outcome = await executor.execute(work)
        except asyncio.CancelledError:
            outcome = failed("The system worker was stopped before the task was done")
        except Exception as problem:  # noqa: BLE001 - one task must not end all other work
            _log.exception("systemworker.failed", task_id=work.task_id, task_type=work.task_type)
            outcome = failed(f"{work.task_type} failed unexpectedly: {type(problem).__name__}")
        finally:
            lease.cancel()
        await self._report(work, outcome)

    async def _keep_lease(self, work: Work) -> None:
        """Long calls are still alive, and say so in time."""
        if work.response_timeout_seconds <= 0:
            return
        while True:
            await asyncio.sleep(work.response_timeout_seconds / 3)
            command = UpdateTask(
                command_id=self._command_id(work),
                workflow_id=work.workflow_instance_id,
                actor=self._worker_id,
                task_id=work.task_id,
                extend_lease=True,
            )
            with contextlib.suppress(Unavailable):
                await self._decider.submit(command)

    async def _report(self, work: Work, outcome: Outcome) -> None:
        """Until it is answered: the same command again does no harm."""
        command = UpdateTask(
            command_id=self._command_id(work),
            workflow_id=work.workflow_instance_id,
            actor=self._worker_id,
            task_id=work.task_id,
            status=outcome.status,
            output=outcome.output,
            reason=outcome.reason,
            worker_id=self._worker_id,
            callback_after_s=outcome.callback_after_s,
        )
        pause_s = AGAIN_AFTER_S
        tries_left = TRIES_WHEN_STOPPING
        while tries_left:
            tries_left -= self._stopping.is_set()
            answer = await self._submitted(command)
            if isinstance(answer, Accepted):
                return
            if answer is not None and not _may_pass(answer):
                await self._refused(work, outcome, answer)
                return
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, AGAIN_AFTER_MAX_S)
        _log.warning("systemworker.untold", task_id=work.task_id)

    async def _refused(self, work: Work, outcome: Outcome, answer: Rejected) -> None:
        """An output that cannot be stored fails its task, once and for all."""
        _log.warning("systemworker.refused", task_id=work.task_id, problem=answer.message)
        if outcome.output:
            await self._report(
                work,
                Outcome(
                    status=ResultStatus.FAILED_WITH_TERMINAL_ERROR,
                    reason=f"The output was refused: {answer.message}",
                ),
            )

    async def _submitted(self, command: UpdateTask) -> Accepted | Rejected | None:
        """The answer; None when nobody knows yet."""
        try:
            return await self._decider.submit(command)
        except Unavailable:
            return None

    def _command_id(self, work: Work) -> str:
        return f"{work.task_id}/{self._run}/{next(self._serial)}"


def _may_pass(answer: Rejected) -> bool:
    problem = ERRORS.get(answer.code)
    return problem is not None and problem.retryable
