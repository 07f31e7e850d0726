"""Starting workflows and waiting for them, over NATS."""

import asyncio
import contextlib
import secrets
from collections.abc import Collection, Mapping
from types import TracebackType
from typing import Any, Self

import msgspec
from nats.aio.msg import Msg

from firmus.broker.access import Servers
from firmus.broker.keys import JetStreamKeyStore
from firmus.broker.starting import Starts
from firmus.clock import SystemClock
from firmus.ports import Clock
from firmus.waiting import Found, Waited, Waits
from firmus.worker.link import Link, open_link
from firmus.workflow.state import TaskState, WorkflowState, present
from firmus_contracts import ids, subjects
from firmus_contracts.bodies import checked_start_request
from firmus_contracts.commands import Accepted, Command, Rejected, UpdateTask
from firmus_contracts.definitions import IdempotencyStrategy
from firmus_contracts.envelope import Record
from firmus_contracts.errors import Refusal
from firmus_contracts.requests import StartWorkflowRequest
from firmus_contracts.starts import start_command
from firmus_contracts.statuses import ResultStatus, TaskStatus, WorkflowStatus

LOOK_AGAIN_S = 5.0
EXECUTE_WITHIN_S = 10.0
_ENDS = frozenset({"completed", "failed", "timed_out", "terminated", "removed"})


class TaskRow(msgspec.Struct, frozen=True, kw_only=True):
    """One task of a workflow; times in epoch milliseconds, 0 while they have not come."""

    task_id: str
    ref: str
    task_type: str
    status: TaskStatus
    input: dict[str, Any]
    output: dict[str, Any]
    reason: str | None
    retry_count: int
    start_ms: int
    end_ms: int


class Workflow(msgspec.Struct, frozen=True, kw_only=True):
    """A workflow as it is in the log; times in epoch milliseconds, 0 while they have not come."""

    workflow_id: str
    name: str
    version: int
    status: WorkflowStatus
    input: dict[str, Any]
    output: dict[str, Any]
    reason: str | None
    correlation_id: str | None
    start_ms: int
    end_ms: int
    tasks: tuple[TaskRow, ...]

    def task(self, ref: str) -> TaskRow:
        """The newest attempt under a reference name. Raises KeyError."""
        for row in reversed(self.tasks):
            if row.ref == ref:
                return row
        raise KeyError(ref)


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """How waiting for a workflow ended.

    `blocking` is the task that it waits at, or the named one that has ended, and `holder` the
    workflow that holds it: the same, or a sub-workflow; both None when nothing blocks.
    `timed_out`: the time was up before it had ended or blocked.
    """

    workflow: Workflow
    blocking: TaskRow | None
    holder: Workflow | None
    timed_out: bool


class Client:
    """Use as `async with Client(url) as client`. All calls may run at once."""

    def __init__(self, url: Servers, *, clock: Clock | None = None) -> None:
        self._url = url
        self._clock = clock or SystemClock()
        self._open: tuple[Link, Starts, Waits] | None = None

    async def __aenter__(self) -> Self:
        link = await open_link(self._url, name="firmus client")
        starts = Starts(link.decider, JetStreamKeyStore(link.wire))
        self._open = (link, starts, Waits(link.decider, link.watches))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        link, self._open = self._link, None
        await link.close()

    async def start(
        self,
        name: str,
        input: Mapping[str, Any] | msgspec.Struct | None = None,  # noqa: A002 - Conductor's word
        *,
        version: int | None = None,
        correlation_id: str | None = None,
        priority: int = 0,
        task_to_domain: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        idempotency_strategy: IdempotencyStrategy = "RETURN_EXISTING",
        trace: str | None = None,
    ) -> str:
        """Starts a workflow; its id, once the start is in the log.

        With an idempotency key that was used before it is that workflow's id, and nothing starts,
        unless the strategy refuses that (CONFLICT) or lets a new run follow an ended one; a key
        whose workflow was never started (a crash in between) starts it now.
        Raises Refusal (no such definition, invalid input) or Unavailable.
        """
        request = checked_start_request(
            StartWorkflowRequest(
                name=name,
                version=version,
                input=_plain(input),
                correlation_id=correlation_id,
                priority=priority,
                task_to_domain=dict(task_to_domain or {}),
                idempotency_key=idempotency_key,
            )
        )
        workflow_id = ids.mint_workflow_id(self._clock.now_ms(), secrets.randbits(ids.RANDOM_BITS))
        answer = await self._starts.start(
            start_command(
                request,
                command_id=f"start:{workflow_id}",
                workflow_id=workflow_id,
                trace=trace,
            ),
            idempotency_strategy,
        )
        if isinstance(answer, Rejected):
            raise Refusal(answer.code, answer.message)
        return answer.workflow_id

    async def publish_start_event(
        self,
        name: str,
        input: Mapping[str, Any] | msgspec.Struct | None = None,  # noqa: A002 - as above
        *,
        version: int | None = None,
        correlation_id: str | None = None,
        priority: int = 0,
        task_to_domain: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        message_id: str | None = None,
    ) -> int:
        """Asks for a start and does not wait for it; the sequence of the stored event.

        With a `message_id` the same event published twice within two minutes counts once; with
        an idempotency key, for ever.
        """
        request = StartWorkflowRequest(
            name=name,
            version=version,
            input=_plain(input),
            correlation_id=correlation_id,
            priority=priority,
            task_to_domain=dict(task_to_domain or {}),
            idempotency_key=idempotency_key,
        )
        headers = None if message_id is None else {"Nats-Msg-Id": message_id}
        return await self._link.wire.publish(
            subjects.start_subject(name), msgspec.json.encode(request), headers=headers
        )

    async def get(self, workflow_id: str) -> Workflow:
        """A workflow as it is now. Raises Refusal NOT_FOUND, Unavailable."""
        state = present(await self._link.decider.read(workflow_id))
        if state is None:
            raise _not_found(workflow_id)
        return workflow_of_state(state)

    async def history(self, workflow_id: str) -> list[Record]:
        """All commits of a workflow, from the log: what happened, when and why."""
        return await self._link.decider.history(workflow_id)

    async def wait(self, workflow_id: str) -> Workflow:
        """A workflow after its end. Put a time limit around it with asyncio.timeout.

        Listens to its public events; reads it first, for an end before that, and now and then,
        for one whose event a lost connection kept from us. Raises as `get`.
        """
        ended = asyncio.Event()

        async def heard(message: Msg) -> None:
            if message.subject.split(".")[1] in _ENDS:
                ended.set()

        subject = f"workflow.*.*.{workflow_id}"
        subscription = await self._link.connection.subscribe(subject, cb=heard)
        try:
            while True:
                ended.clear()
                workflow = await self.get(workflow_id)
                if workflow.status.terminal:
                    return workflow
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_AGAIN_S):
                        await ended.wait()
        finally:
            await subscription.unsubscribe()

    async def execute(
        self,
        name: str,
        input: Mapping[str, Any] | msgspec.Struct | None = None,  # noqa: A002 - as above
        *,
        until: Collection[str] = (),
        within_s: float = EXECUTE_WITHIN_S,
        version: int | None = None,
        correlation_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Run:
        """Starts a workflow and waits as `until_blocked` does. Raises as `start`."""
        workflow_id = await self.start(
            name,
            input,
            version=version,
            correlation_id=correlation_id,
            idempotency_key=idempotency_key,
        )
        return await self.until_blocked(workflow_id, until=until, within_s=within_s)

    async def until_blocked(
        self,
        workflow_id: str,
        *,
        until: Collection[str] = (),
        within_s: float = EXECUTE_WITHIN_S,
    ) -> Run:
        """Waits until the workflow has ended, a WAIT without a deadline blocks it, or a task of
        `until` has ended, here or in a running sub-workflow; no longer than `within_s`.

        Raises Refusal NOT_FOUND, Unavailable.
        """
        waited = await self._waits.until_blocked(workflow_id, refs=until, timeout_s=within_s)
        if waited is None:
            raise _not_found(workflow_id)
        return _run(waited)

    async def signal(
        self,
        workflow_id: str,
        output: Mapping[str, Any] | msgspec.Struct | None = None,
        *,
        status: ResultStatus = ResultStatus.COMPLETED,
    ) -> bool:
        """Sets the first open WAIT of the workflow, else of its running sub-workflows, to a status;
        `output` is laid over its own. Whether there was one. Raises Refusal, Unavailable.
        """
        await self.get(workflow_id)
        command_id, given = f"signal:{secrets.token_hex(12)}", _plain(output)

        def report(found: Found) -> UpdateTask:
            return UpdateTask(
                command_id=command_id,
                workflow_id=found.state.workflow_id,
                task_id=found.state.task_id(found.row.ordinal),
                status=status,
                output={**found.row.output, **given},
            )

        return await self._waits.signal(workflow_id, report, self._submit)

    async def _submit(self, command: Command) -> Accepted:
        answer = await self._link.decider.submit(command)
        if isinstance(answer, Rejected):
            raise Refusal(answer.code, answer.message)
        return answer

    @property
    def _link(self) -> Link:
        return self._opened()[0]

    @property
    def _starts(self) -> Starts:
        return self._opened()[1]

    @property
    def _waits(self) -> Waits:
        return self._opened()[2]

    def _opened(self) -> tuple[Link, Starts, Waits]:
        if self._open is None:
            raise RuntimeError("use the client in an async with block")
        return self._open


def _not_found(workflow_id: str) -> Refusal:
    return Refusal("NOT_FOUND", f"there is no workflow {workflow_id}")


def _run(waited: Waited) -> Run:
    target, blocking = workflow_of_state(waited.target), waited.blocking
    if blocking is None:
        return Run(workflow=target, blocking=None, holder=None, timed_out=waited.timed_out)
    return Run(
        workflow=target,
        blocking=_row(blocking.state, blocking.row),
        holder=workflow_of_state(blocking.state),
        timed_out=waited.timed_out,
    )


def workflow_of_state(state: WorkflowState) -> Workflow:
    return Workflow(
        workflow_id=state.workflow_id,
        name=state.name,
        version=state.definition_version,
        status=state.status,
        input=state.input,
        output=state.output,
        reason=state.reason,
        correlation_id=state.correlation_id,
        start_ms=state.created_ms,
        end_ms=state.ended_ms,
        tasks=_rows(state),
    )


def _rows(state: WorkflowState) -> tuple[TaskRow, ...]:
    return tuple(_row(state, row) for row in state.rows())


def _row(state: WorkflowState, row: TaskState) -> TaskRow:
    return TaskRow(
        task_id=state.task_id(row.ordinal),
        ref=row.ref,
        task_type=row.made.task_type,
        status=row.status,
        input=row.input,
        output=row.output,
        reason=row.reason,
        retry_count=row.made.retry_count,
        start_ms=row.start_ms,
        end_ms=row.end_ms,
    )


def _plain(value: Mapping[str, Any] | msgspec.Struct | None) -> dict[str, Any]:
    if value is None:
        return {}
    plain = msgspec.to_builtins(value)
    if not isinstance(plain, dict):
        raise TypeError(f"a workflow's input is an object, not {type(value).__name__}")
    return plain
