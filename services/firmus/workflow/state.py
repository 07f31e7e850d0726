"""The state of one workflow: what folding its events gives, frozen.

Persistent maps (`immutables.Map`) hold the task rows, so a new state shares all but the changed
rows with the old one and the cost of an event does not grow with the workflow.
"""

from typing import Any

import msgspec
from immutables import Map

from firmus_contracts import ids
from firmus_contracts.events import CacheSlot, FailureWorkflow, StateEventRaised, TaskScheduled
from firmus_contracts.statuses import TaskStatus, WorkflowStatus

RECENT_COMMANDS_MAX = 256


class TaskState(msgspec.Struct, frozen=True, kw_only=True):
    """One task row. `made` is the event that made it: all that never changes afterwards.

    `requeued`: a worker has it, and it waits for another one too. `iteration` is the pass of the
    loop that the row is in; of a DO_WHILE row the pass it is at.
    `passes`: what the passes of an open DO_WHILE have put out, by number. They stand beside
    `own_output` so that a pass costs the same however many went before it; at the end of the loop
    they become part of it.
    `adopted`: an idempotency key led to its child, which is not its own.
    `child_since`: the version of its child from which on the child's word counts; `child_asked`:
    the version at which the child was asked to run again, until it says that it does (spec 5.6).
    """

    made: TaskScheduled
    status: TaskStatus
    input: dict[str, Any]
    own_output: dict[str, Any]
    scheduled_ms: int
    first_scheduled_ms: int
    updated_ms: int
    start_ms: int = 0
    end_ms: int = 0
    first_start_ms: int = 0
    poll_count: int = 0
    worker_id: str | None = None
    reason: str | None = None
    callback_after_s: int = 0
    callback_after_ms: int = 0
    retried: bool = False
    requeued: bool = False
    settled: bool = False
    child_id: str | None = None
    adopted: bool = False
    iteration: int = 0
    child_since: int = 0
    child_asked: int = 0
    passes: Map[int, dict[str, Any]] = Map()

    @property
    def output(self) -> dict[str, Any]:
        """The whole output; of an open loop it is put together here."""
        if not self.passes:
            return self.own_output
        collected = {str(number): self.passes[number] for number in sorted(self.passes)}
        return {**collected, **self.own_output}

    def output_field(self, key: str) -> Any:
        """`output.get(key)` without putting the output together."""
        found = self.passes.get(int(key)) if self.passes and key.isdecimal() else None
        return self.own_output.get(key) if found is None else found

    @property
    def ordinal(self) -> int:
        return self.made.ordinal

    @property
    def ref(self) -> str:
        return self.made.ref

    @property
    def due_ms(self) -> int:
        """When a queued row may be handed out, epoch milliseconds."""
        return self.updated_ms + self.callback_after_ms


def base_ref(made: TaskScheduled) -> str:
    """The reference by which expressions name a row: inside a loop without its `__i` (spec 2.2)."""
    return made.node or made.ref


class Recent(msgspec.Struct, frozen=True):
    """The ids of the last commands that were answered, with the version after each: at least
    RECENT_COMMANDS_MAX, at most twice as many. Once `newer` is full it takes the place of `older`,
    so that neither noting nor finding a command costs more in a long workflow.
    """

    newer: Map[str, int] = Map()
    older: Map[str, int] = Map()

    def version(self, command_id: str) -> int | None:
        """The version after a command; None when it is not known (any more)."""
        found = self.newer.get(command_id)
        return self.older.get(command_id) if found is None else found

    def noting(self, command_id: str, version: int) -> "Recent":
        if len(self.newer) < RECENT_COMMANDS_MAX:
            return Recent(self.newer.set(command_id, version), self.older)
        return Recent(Map({command_id: version}), self.newer)


class Message(msgspec.Struct, frozen=True):
    """A message that waits for a PULL_WORKFLOW_MESSAGES task."""

    message_id: str
    payload: dict[str, Any]
    received_ms: int


class WorkflowState(msgspec.Struct, frozen=True, kw_only=True):
    """A workflow after its events 1..`version`.

    `tasks`: rows by ordinal, in the order of their making. `latest`: the ordinal of the newest row
    of each reference. `pending`: ordinals that the decider has still to act on (not settled, not
    superseded). `awaited`: for each reference, the JOIN rows that wait for it; `missing`: for each
    open JOIN row, how many of its references have not ended yet. `looped`: the ordinal of the
    newest row of each reference inside a loop, without its `__i`; inside loops within loops also
    without the last of several (`ref__1` for `ref__1__2`). `inside`: for each loop or block row and
    each pass, the pending rows directly in it; a pass without such is over. `recent`: the last
    commands that were answered here. `started_by`: the id of the command that started it.
    `followers`: tasks of other workflows that hear of its end too. `depth`:
    how many parents stand above it. `clock_ms`: where the workflow's timeout counts from.
    `parent_version`: the version of its parent from which on the parent's word counts;
    `again_version`: that at which it began to run for the last time, 0 for its start. `messages`:
    those not taken yet, oldest first. `unsent`: messages of `onStateChange` that wait to be sent,
    by version. `updated_by`: who last steered it, where that was told. `removed_ms`: when it was
    removed, 0 while it is there. `cache`: where its output is kept once it completes.
    `gate`, `limit_key`: whom it shares its limit with; `held`: it waits for a slot.
    """

    workflow_id: str
    version: int
    status: WorkflowStatus
    name: str
    definition_version: int
    definition_hash: str
    input: dict[str, Any]
    output: dict[str, Any]
    variables: dict[str, Any]
    created_ms: int
    updated_ms: int
    ended_ms: int = 0
    resumed_ms: int = 0
    clock_ms: int = 0
    correlation_id: str | None = None
    priority: int = 0
    task_to_domain: dict[str, str] = {}
    parent_workflow_id: str | None = None
    parent_task_id: str | None = None
    parent_version: int = 0
    again_version: int = 0
    followers: tuple[str, ...] = ()
    depth: int = 0
    gate: str | None = None
    limit_key: str | None = None
    held: bool = False
    event: str | None = None
    created_by: str | None = None
    owner_app: str | None = None
    idempotency_key: str | None = None
    external_input_path: str | None = None
    timeout_s: int = 0
    timeout_policy: str = "ALERT_ONLY"
    reason: str | None = None
    failed_ordinal: int | None = None
    failed_refs: tuple[str, ...] = ()
    failed_names: tuple[str, ...] = ()
    failure_workflow: FailureWorkflow | None = None
    next_ordinal: int = 1
    next_seq: int = 1
    split: bool = False
    tasks: Map[int, TaskState] = Map()
    latest: Map[str, int] = Map()
    pending: Map[int, bool] = Map()
    awaited: Map[str, tuple[int, ...]] = Map()
    missing: Map[int, int] = Map()
    looped: Map[str, int] = Map()
    inside: Map[int, Map[int, Map[int, bool]]] = Map()
    recent: Recent = Recent()
    started_by: str | None = None
    unsent: Map[int, StateEventRaised] = Map()
    cache: CacheSlot | None = None
    secrets: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()
    trace: str | None = None
    updated_by: str | None = None
    removed_ms: int = 0
    archived: bool = False

    def task(self, ref: str) -> TaskState | None:
        """The newest row of a reference."""
        ordinal = self.latest.get(ref)
        return None if ordinal is None else self.tasks[ordinal]

    def rows(self) -> list[TaskState]:
        """All rows as REST lists them: by seq, skipped ones (seq 0) first."""
        return sorted(self.tasks.values(), key=lambda t: (t.made.seq, t.made.ordinal))

    def task_id(self, ordinal: int) -> str:
        return ids.task_id(self.workflow_id, ordinal)


def present(state: WorkflowState | None) -> WorkflowState | None:
    """The workflow as its users see it: none once it was removed, although the log has it."""
    return None if state is None or state.removed_ms else state
