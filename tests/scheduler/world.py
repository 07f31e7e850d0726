"""What the scheduler's tests share: commits in short form, and a small real decider over a log."""

from collections.abc import Mapping
from typing import Any

import msgspec

from firmus.clock import FixedClock
from firmus.eventlog.memory import MemoryLog
from firmus.eventlog.port import AppendConflict
from firmus.ports import Unavailable
from firmus.workflow.deadlines import deadlines_of
from firmus.workflow.evolve import fold
from firmus.workflow.state import WorkflowState
from firmus_contracts import commands as cmd
from firmus_contracts import events as ev
from firmus_contracts import ids
from firmus_contracts.envelope import Cause, Commit, Record
from firmus_contracts.statuses import TaskStatus, WorkflowStatus

START_MS = 1_700_000_000_000
SHARDS = 4


def workflow_id(number: int) -> str:
    return ids.mint_workflow_id(START_MS, number << 4)


def started(**fields: Any) -> ev.WorkflowStarted:
    return ev.WorkflowStarted(name="flow", definition_version=1, definition_hash="h", **fields)


def scheduled(ordinal: int = 1, task_type: str = "work", **fields: Any) -> ev.TaskScheduled:
    fields.setdefault("queued", True)
    fields.setdefault("ref", f"t{ordinal}")
    return ev.TaskScheduled(ordinal=ordinal, seq=ordinal, task_type=task_type, **fields)


def child_row(ordinal: int, child: str, **fields: Any) -> ev.TaskScheduled:
    given = {"subWorkflowName": "kid", "subWorkflowVersion": None, "workflowInput": {"a": 1}}
    fields.setdefault("input", given)
    return scheduled(ordinal, "SUB_WORKFLOW", queued=False, child_id=child, **fields)


class Story:
    """Records as a log would hold them; `at` moves the time of the next commits."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.now_ms = START_MS
        self._versions: dict[str, int] = {}

    def commit(self, workflow: str, *events: ev.WorkflowEvent, cause: str = "") -> Record:
        version = self._versions.get(workflow, 0)
        self._versions[workflow] = version + len(events)
        position = len(self.records) + 1
        body = Commit(
            commit_id=f"c{position}",
            workflow_id=workflow,
            first_version=version + 1,
            time_ms=self.now_ms,
            events=events,
            causes=(Cause(command_id=cause, kind="x"),) if cause else (),
        )
        record = Record(position=position, workflow_id=workflow, digest="", body=body)
        self.records.append(record)
        return record


class MemorySinks:
    """A SinksPort: (sink, id, body) of what went out; nothing does while it is `down`."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, bytes]] = []
        self.down = False
        self.refused = 0

    async def send(self, sink: str, body: bytes, headers: Mapping[str, str]) -> None:
        if self.down:
            self.refused += 1
            raise Unavailable("down")
        self.sent.append((sink, headers["Nats-Msg-Id"], body))


class MemoryStore:
    """A CheckpointStore."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}

    async def put(self, name: str, data: bytes) -> None:
        self.values[name] = data

    async def get(self, name: str) -> bytes | None:
        return self.values.get(name)


class SmallDecider:
    """Decides as little as the scheduler needs, for real: over a log, with expectations.

    `plans` are the rows that a started workflow of a name gets. `down` refuses to answer at all;
    `refusals` are answers to the next commands of a type.
    """

    def __init__(self, log: MemoryLog, clock: FixedClock) -> None:
        self.log = log
        self.clock = clock
        self.plans: dict[str, list[ev.TaskScheduled]] = {}
        self.commands: list[cmd.Command] = []
        self.down = False
        self.refusals: dict[type, list[cmd.Rejected]] = {}

    def sent(self, kind: type) -> list[Any]:
        return [command for command in self.commands if isinstance(command, kind)]

    async def submit(self, command: cmd.Command) -> cmd.Answer:
        self.commands.append(command)
        if self.down:
            raise Unavailable("down")
        if self.refusals.get(type(command)):
            return self.refusals[type(command)].pop(0)
        while True:
            records = await self.log.read(command.workflow_id)
            state = _folded(records)
            known = state is not None and state.recent.version(command.command_id) is not None
            outcome = () if known else self._decide(state, command)
            if isinstance(outcome, cmd.Rejected):
                return outcome
            position = records[-1].position if records else 0
            try:
                await self._append(command, state, outcome, position)
            except AppendConflict:
                continue
            return self._accepted(command, (state.version if state else 0) + len(outcome))

    async def _append(
        self,
        command: cmd.Command,
        state: WorkflowState | None,
        events: tuple[ev.WorkflowEvent, ...],
        position: int,
    ) -> None:
        if not events:
            return
        version = state.version if state else 0
        commit = Commit(
            commit_id=f"{command.command_id}#{version}",
            workflow_id=command.workflow_id,
            first_version=version + 1,
            time_ms=self.clock.now_ms(),
            events=events,
            causes=(Cause(command_id=command.command_id, kind=cmd.kind_of(command)),),
        )
        await self.log.append(commit, expected=position)

    def _accepted(self, command: cmd.Command, version: int) -> cmd.Accepted:
        result = msgspec.Raw(b"null")
        if isinstance(command, cmd.BeginTask):
            task = {"taskId": command.task_id, "workerId": command.worker_id}
            result = msgspec.Raw(msgspec.json.encode(task))
        return cmd.Accepted(workflow_id=command.workflow_id, version=version, result=result)

    def _decide(
        self, state: WorkflowState | None, command: cmd.Command
    ) -> tuple[ev.WorkflowEvent, ...] | cmd.Rejected:
        if isinstance(command, cmd.StartWorkflow):
            return () if state is not None else self._start(command)
        if state is None:
            return cmd.Rejected(code="NOT_FOUND", message="no such workflow")
        if isinstance(command, cmd.ReportStateEventSent):
            raised = state.unsent.get(command.version)
            ordinal = 0 if raised is None else raised.ordinal
            sent = ev.StateEventSent(ordinal=ordinal, version=command.version)
            return () if raised is None else (sent,)
        if state.status.terminal:
            return cmd.Rejected(code="CONFLICT", message="it has ended")
        if isinstance(command, cmd.TerminateWorkflow):
            return (ev.WorkflowTerminated(reason=command.reason),)
        if isinstance(command, cmd.ReleaseWorkflow):
            return (ev.WorkflowReleased(),) if state.held else ()
        if isinstance(command, cmd.Continue):
            return (ev.VariablesSet(variables={"went": "on"}),)
        task_id = getattr(command, "task_id", None)
        row = state.tasks.get(ids.ordinal_of(task_id)) if task_id else None
        if row is None or row.status.terminal:
            return ()
        return self._act_on_row(command, row)

    def _start(self, command: cmd.StartWorkflow) -> tuple[ev.WorkflowEvent, ...]:
        first = started(
            input=command.input or {},
            parent_workflow_id=command.parent_workflow_id,
            parent_task_id=command.parent_task_id,
            correlation_id=command.correlation_id,
        )
        return (first, *self.plans.get(command.name, ()))

    def _act_on_row(
        self, command: cmd.Command, row: Any
    ) -> tuple[ev.WorkflowEvent, ...] | cmd.Rejected:
        match command:
            case cmd.RequeueTask():
                begun = row.status is TaskStatus.IN_PROGRESS
                return (ev.TaskRequeued(ordinal=row.ordinal),) if begun else ()
            case cmd.BeginTask():
                if row.status is not TaskStatus.SCHEDULED and not row.requeued:
                    return cmd.Rejected(code="CONFLICT", message="begun already")
                return (ev.TaskBegun(ordinal=row.ordinal, worker_id=command.worker_id),)
            case cmd.FireTimer():
                passed = [at for _, at in deadlines_of(row) if at <= self.clock.now_ms()]
                return (ev.TaskTimedOut(ordinal=row.ordinal),) if passed else ()
            case cmd.ReportChildStarted():
                return (ev.TaskBegun(ordinal=row.ordinal),)
            case cmd.ReportChildRefused():
                return (ev.TaskFailed(ordinal=row.ordinal, reason=command.reason),)
            case cmd.ReportChildEnded():
                if command.status is WorkflowStatus.COMPLETED:
                    return (ev.TaskCompleted(ordinal=row.ordinal, output=command.output),)
                return (ev.TaskFailed(ordinal=row.ordinal, reason=command.reason),)
            case cmd.UpdateTask():
                return (ev.TaskCompleted(ordinal=row.ordinal),)
        raise AssertionError(command)

    async def read(self, workflow_id: str) -> WorkflowState | None:
        return _folded(await self.log.read(workflow_id))

    async def history(self, workflow_id: str) -> list[Record]:
        return await self.log.read(workflow_id)

    async def happens(self, workflow: str, *events: ev.WorkflowEvent) -> None:
        """Something a decider decided for reasons of its own."""
        records = await self.log.read(workflow)
        command = cmd.Continue(command_id=f"own/{len(records)}", workflow_id=workflow)
        position = records[-1].position if records else 0
        await self._append(command, _folded(records), events, position)


def _folded(records: list[Record]) -> WorkflowState | None:
    state = None
    for record in records:
        state = fold(state, record.commit)
    return state
