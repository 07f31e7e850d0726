"""Tasks over REST: polling, reporting, reading, logs (spec 8.5, 4.5, 9.2).

Handing out is the scheduler's and the decider's work; here a poll waits with its client.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from firmus.edge.asking import NULL, Said, state_of, submit
from firmus.edge.permits import require_task
from firmus.edge.polling import Queue
from firmus.edge.stored import Stored
from firmus.edge.tasks import lines_of, reported_ids, row_of, update_command
from firmus.edge.views import Views
from firmus.gateway import answers
from firmus.gateway.asking import CommandIds, envelope
from firmus.gateway.polling import Polls
from firmus.gateway.ports import GatewayPorts
from firmus.gateway.reading import (
    Request,
    Response,
    actor_of,
    integer,
    json_body,
    json_object,
    raw_body,
    result_status,
    text,
    trace_of,
)
from firmus.ports import Unavailable
from firmus.security.grants import EVERYBODY, EXECUTE, allows
from firmus.workflow.open_rows import open_row
from firmus.workflow.state import present
from firmus_contracts import ids
from firmus_contracts.bodies import decode_task_result
from firmus_contracts.commands import Accepted, LogTask, UpdateOutcome, UpdateTask
from firmus_contracts.errors import Refusal, no_task
from firmus_contracts.requests import TaskResult
from firmus_contracts.statuses import ResultStatus, TaskStatus

_POLL_TIMEOUT_MS = 100
_POLL_TIMEOUT_MS_MAX = 5000
_COUNT_MAX = 1000
_OUTCOME = msgspec.json.Decoder(UpdateOutcome)


class Tasks:
    """Handlers of `/api/tasks`, the queues apart."""

    def __init__(self, ports: GatewayPorts, command_ids: CommandIds, polls: Polls) -> None:
        self._views = Views(ports.definitions, ports.clock)
        self._decider = ports.decider
        self._stored = Stored(ports.decider, ports.payloads)
        self._command_ids = command_ids
        self._polls = polls

    async def poll(self, req: Request, resp: Response, task_type: str) -> None:
        tasks = await self._polls.wait(
            req,
            Queue(task_type, text(req, "domain") or None),
            worker_id=text(req, "workerid") or "",
            count=1,
            timeout_s=_POLL_TIMEOUT_MS / 1000,
        )
        _one_or_none(resp, tasks)

    async def poll_batch(self, req: Request, resp: Response, task_type: str) -> None:
        timeout_ms = integer(req, "timeout", _POLL_TIMEOUT_MS)
        if timeout_ms > _POLL_TIMEOUT_MS_MAX:
            raise Refusal("INVALID", "Long Poll Timeout value cannot be more than 5 seconds")
        tasks = await self._polls.wait(
            req,
            Queue(task_type, text(req, "domain") or None),
            worker_id=text(req, "workerid") or "",
            count=min(integer(req, "count", 1), _COUNT_MAX),
            timeout_s=max(timeout_ms, 0) / 1000,
        )
        answers.rows(resp, tasks)

    async def update(self, req: Request, resp: Response) -> None:
        result = await self._result(req)
        await submit(self._decider, self._command(req, result))
        self._polls.forget(result.task_id)
        answers.plain(resp, result.task_id)

    async def update_and_poll(self, req: Request, resp: Response) -> None:
        """Reports a task; when that ended it, the answer is the next task of its queue, or 204."""
        result = await self._result(req)
        command = self._command(req, result)
        ends = command.status is not ResultStatus.IN_PROGRESS and not command.extend_lease
        queue = self._polls.queue_of(result.task_id) if ends else None
        worker_id = result.worker_id or ""
        if queue is None:
            outcome = await self._outcome(command)
            terminal = outcome.terminal and not command.extend_lease
            queue = Queue(outcome.task_type, outcome.domain)
            tasks = await self._next(req, queue, worker_id) if terminal else []
        else:
            tasks = await self._update_while_polling(req, command, queue, worker_id)
        _one_or_none(resp, self._polls.deliverable(req, tasks))

    async def update_by_ref(
        self, req: Request, resp: Response, key: str, ref: str, status: str
    ) -> None:
        """Reports the pending task of a reference; no body when there is none, or no workflow."""
        command = await self._command_by_ref(req, key, ref, status)
        if command is None:
            answers.empty(resp)
            return
        await submit(self._decider, command)
        answers.plain(resp, command.task_id)

    async def update_by_ref_sync(
        self, req: Request, resp: Response, key: str, ref: str, status: str
    ) -> None:
        """The same, answered with the workflow as the report left it."""
        command = await self._command_by_ref(req, key, ref, status)
        if command is None:
            raise Refusal("NOT_FOUND", f"Found no running task {ref} of workflow {key} to update")
        await submit(self._decider, command)
        state = await state_of(self._decider, key)
        answers.json(resp, await self._views.workflow(state, include_tasks=True))

    async def get(self, _req: Request, resp: Response, key: str) -> None:
        state, row = await row_of(self._decider, key)
        answers.json(resp, await self._views.task(state, row))

    async def acknowledge(self, _req: Request, resp: Response, key: str) -> None:
        """Whether a worker has the task: polling acknowledges it already (spec 9.3)."""
        _, row = await row_of(self._decider, key)
        answers.json(resp, row.status is TaskStatus.IN_PROGRESS)

    async def logs(self, _req: Request, resp: Response, key: str) -> None:
        """All lines of a task, oldest first; 204 when there are none."""
        lines = await lines_of(self._decider, key)
        if lines:
            answers.json(resp, lines)
        else:
            answers.empty(resp, 204)

    async def log(self, req: Request, resp: Response, key: str) -> None:
        """Adds a line; the body is the text itself, whatever its content type."""
        line = (await raw_body(req)).decode("utf-8", "replace")
        if not ids.is_task_id(key):
            raise Refusal("NOT_FOUND", no_task(key))
        command_id = self._command_ids.of(req, "log", key)
        command = LogTask(
            **envelope(req, command_id, ids.workflow_of(key)), task_id=key, lines=(line,)
        )
        await submit(self._decider, command)
        answers.empty(resp)

    async def _next(self, req: Request, queue: Queue, worker_id: str) -> list[msgspec.Raw]:
        """What the queue has now; one that cannot be asked has nothing (spec 9.2)."""
        if not allows(req.principal, EXECUTE, queue.task_type):
            return []  # it may report the tasks of a workflow, and polls for none of its own
        try:
            return await self._polls.take(queue, worker_id=worker_id, count=1, timeout_s=0)
        except Unavailable:
            return []

    async def _update_while_polling(
        self, req: Request, command: UpdateTask, queue: Queue, worker_id: str
    ) -> list[msgspec.Raw]:
        """Both at the same time, for a task that is known to be of this queue.

        A poll that found nothing is repeated after the update: its commit may have made the next
        task, or freed a place under a limit.
        """
        update = asyncio.create_task(self._outcome(command))
        tasks: list[msgspec.Raw] = []
        try:
            tasks = await self._next(req, queue, worker_id)
            outcome = await update
        except BaseException:
            self._polls.shelve(queue, tasks)
            raise
        self._polls.forget(command.task_id)
        if not tasks and outcome.terminal:
            tasks = await self._next(req, queue, worker_id)
        return tasks

    async def _outcome(self, command: UpdateTask) -> UpdateOutcome:
        accepted: Accepted = await submit(self._decider, command)
        if accepted.result and accepted.result != NULL:
            return _OUTCOME.decode(accepted.result)
        # The answer was lost and only the command's trace was found: the row itself knows.
        state = await state_of(self._decider, command.workflow_id)
        row = state.tasks.get(ids.ordinal_of(command.task_id))
        if row is None:  # taken away since, by a restart or rerun
            raise Refusal("NOT_FOUND", no_task(command.task_id))
        return UpdateOutcome(
            task_id=command.task_id,
            task_type=row.made.task_type,
            domain=row.made.domain,
            terminal=row.status.terminal,
        )

    async def _result(self, req: Request) -> TaskResult:
        """A worker's report, with the output that it names by a path instead (spec 1.10)."""
        result = decode_task_result(await json_body(req))
        if req.principal is not EVERYBODY:
            _, task_id = reported_ids(result)
            handed_out = self._polls.queue_of(task_id)
            task_type = None if handed_out is None else handed_out.task_type
            await require_task(req.principal, EXECUTE, self._decider, task_id, task_type)
        if not result.external_output_payload_storage_path:
            return result
        output = await self._stored.output_of(result, by=req.principal)
        return msgspec.structs.replace(result, output_data=output)

    def _command(self, req: Request, result: TaskResult) -> UpdateTask:
        _, task_id = reported_ids(result)
        command_id = self._command_ids.of(req, "update", task_id)
        return update_command(result, Said(command_id, trace_of(req), actor_of(req)))

    async def _command_by_ref(
        self, req: Request, key: str, ref: str, status: str
    ) -> UpdateTask | None:
        reported = result_status(status)
        output: dict[str, Any] = await json_object(req)
        state = present(await self._decider.read(key)) if ids.is_workflow_id(key) else None
        row = None if state is None else open_row(state, ref)
        if state is None or row is None:
            return None
        task_id = state.task_id(row.ordinal)
        return UpdateTask(
            **envelope(req, self._command_ids.of(req, "update", task_id, status), key),
            task_id=task_id,
            status=reported,
            output=_merged(row.output, output),
            worker_id=text(req, "workerid"),
        )


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    return {**old, **new}


def _one_or_none(resp: Response, tasks: list[msgspec.Raw]) -> None:
    if tasks:
        answers.row(resp, tasks[0])
    else:
        answers.empty(resp, 204)
