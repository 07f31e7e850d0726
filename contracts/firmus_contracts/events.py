"""Everything that can have happened to a workflow: the frozen, tagged union that the log holds.

A tag never changes its meaning and never disappears; a new field has a default. The time of an
event, its version and its cause stand once in the commit that carries it (`envelope.py`). Task
rows are named by their ordinal, the last part of their id (`ids.py`).
"""

from typing import Any

import msgspec

from firmus_contracts.comeback_events import (
    CallbackReset,
    ChildRevived,
    ParentRevived,
    TasksWithdrawn,
    WorkflowRerun,
    WorkflowRestarted,
    WorkflowRetried,
    WorkflowRevived,
)
from firmus_contracts.definitions import TaskDef
from firmus_contracts.event_parts import (
    CacheSlot,
    Event,
    FailureWorkflow,
    Standing,
    TaskLimits,
    Timeouts,
)
from firmus_contracts.statuses import TaskStatus
from firmus_contracts.steering_events import (
    TaskSkipped,
    VariablesSet,
    WorkflowFollowed,
    WorkflowJumped,
    WorkflowPaused,
    WorkflowReleased,
    WorkflowRemoved,
    WorkflowResumed,
    WorkflowUpgraded,
)

__all__ = [  # and all that is defined here
    "CacheSlot",
    "CallbackReset",
    "ChildRevived",
    "Event",
    "FailureWorkflow",
    "ParentRevived",
    "Standing",
    "TaskLimits",
    "TaskSkipped",
    "TasksWithdrawn",
    "Timeouts",
    "VariablesSet",
    "WorkflowFollowed",
    "WorkflowJumped",
    "WorkflowPaused",
    "WorkflowReleased",
    "WorkflowRemoved",
    "WorkflowRerun",
    "WorkflowRestarted",
    "WorkflowResumed",
    "WorkflowRetried",
    "WorkflowRevived",
    "WorkflowUpgraded",
]


class WorkflowStarted(Event, frozen=True, tag="workflow.started"):
    """The first event of every workflow; `definition_hash` names the resolved snapshot it runs.
    `depth`: how many parents stand above it. `cache`: where its output is kept once it completes.
    `gate` names those who share its limit of `slots` running at once (rateLimitConfig); `held`:
    none was free, and a `workflow.released` lets it go. `secrets`: names its starter handed on.
    """

    name: str
    definition_version: int
    definition_hash: str
    input: dict[str, Any] = {}
    variables: dict[str, Any] = {}
    correlation_id: str | None = None
    priority: int = 0
    task_to_domain: dict[str, str] = {}
    parent_workflow_id: str | None = None
    parent_task_id: str | None = None
    event: str | None = None
    created_by: str | None = None
    owner_app: str | None = None
    idempotency_key: str | None = None
    external_input_path: str | None = None
    timeout_s: int = 0
    timeout_policy: str = "ALERT_ONLY"
    depth: int = 0
    cache: CacheSlot | None = None
    secrets: tuple[str, ...] = ()
    gate: str | None = None
    limit_key: str | None = None
    slots: int = 0
    held: bool = False


class WorkflowCompleted(Event, frozen=True, tag="workflow.completed"):
    """`cached_from`: the id of the workflow whose output this is, taken from the cache."""

    output: dict[str, Any] = {}
    reason: str | None = None
    failed_refs: tuple[str, ...] = ()
    failed_names: tuple[str, ...] = ()
    cached_from: str | None = None


class WorkflowFailed(Event, frozen=True, tag="workflow.failed"):
    output: dict[str, Any] = {}
    reason: str | None = None
    failed_ordinal: int | None = None
    failed_refs: tuple[str, ...] = ()
    failed_names: tuple[str, ...] = ()
    failure_workflow: FailureWorkflow | None = None


class WorkflowTimedOut(Event, frozen=True, tag="workflow.timed_out"):
    output: dict[str, Any] = {}
    reason: str | None = None
    failed_ordinal: int | None = None
    failed_refs: tuple[str, ...] = ()
    failed_names: tuple[str, ...] = ()
    failure_workflow: FailureWorkflow | None = None


class WorkflowTerminated(Event, frozen=True, tag="workflow.terminated"):
    output: dict[str, Any] = {}
    reason: str | None = None
    failed_ordinal: int | None = None
    failed_refs: tuple[str, ...] = ()
    failed_names: tuple[str, ...] = ()
    failure_workflow: FailureWorkflow | None = None
    actor: str = ""


class MessageReceived(Event, frozen=True, tag="workflow.message_received"):
    """Somebody sent the running workflow a message; it waits for a PULL_WORKFLOW_MESSAGES task.
    `expired`: so many of the oldest messages had waited too long and are gone.
    """

    message_id: str
    payload: dict[str, Any] = {}
    expired: int = 0


class MessagesTaken(Event, frozen=True, tag="workflow.messages_taken"):
    """A PULL_WORKFLOW_MESSAGES row took the oldest `count` messages; `expired` went before them."""

    ordinal: int
    count: int = 0
    expired: int = 0


class TasksSettled(Event, frozen=True, tag="workflow.tasks_settled"):
    """The decider acted on the end of these rows (successors scheduled, retry decided)."""

    ordinals: tuple[int, ...]


class DecisionSplit(Event, frozen=True, tag="workflow.decision_split"):
    """The decision grew too large for one commit and goes on under a Continue command."""


class TaskScheduled(Event, frozen=True, tag="task.scheduled"):
    """A task row was made, in the status given (operators are born IN_PROGRESS or COMPLETED).

    `node` is the reference of the task in the definition; `workflow_task` (JSON as it was given)
    stands instead where the task is not in the definition (dynamic forks), and `forked_by` is then
    the ordinal of the fork row, whose `task_defs` hold the task definitions of all its branches by
    name, once. `queued`: the row waits in a task queue for a worker. `retried` is the ordinal of
    the attempt that this row supersedes. `delay_ms` postpones the first hand-out; `deadline_ms` is
    when a WAIT ends (epoch milliseconds); `child_id` is the id of the workflow that a SUB_WORKFLOW
    row starts. `within` is the ordinal of the innermost loop or block (DO_WHILE, FOR_EACH,
    TRY_CATCH) whose body the row is part of. `limits` are those of its definition as the workflow
    has it; what is registered under that name counts before them. `queue`: where it waits, if not
    in that of its type (spec 4.11). `secrets`: names handed on to the workflow that it starts.
    """

    ordinal: int
    seq: int
    ref: str
    task_type: str
    status: TaskStatus = TaskStatus.SCHEDULED
    task_def_name: str | None = None
    node: str | None = None
    workflow_task: msgspec.Raw = msgspec.Raw(b"")
    forked_by: int | None = None
    task_defs: dict[str, TaskDef] = {}
    input: dict[str, Any] = {}
    output: dict[str, Any] = {}
    queued: bool = False
    retry_count: int = 0
    retried: int | None = None
    first_scheduled_ms: int | None = None
    iteration: int = 0
    within: int | None = None
    parent_ref: str | None = None
    domain: str | None = None
    priority: int = 0
    delay_ms: int = 0
    start_delay_s: int = 0
    callback_after_s: int = 0
    deadline_ms: int | None = None
    child_id: str | None = None
    timeouts: Timeouts | None = None
    reason: str | None = None
    cache: CacheSlot | None = None
    secrets: tuple[str, ...] = ()
    limits: TaskLimits | None = None
    queue: str | None = None


class TaskReopened(Event, frozen=True, tag="task.reopened"):
    """A row that had ended is open again under its id, made anew as `row` says, whose input and
    output stand here. `iteration`: the pass that a loop is at. A row that stands for a child which
    runs again takes the child's word from `child_version` on; `asks_child`: the child is to be
    revived first and heard only after that. `path`: then the tasks from the child down that lead
    to the one that is run again, with `task_input`, where it was given.
    """

    ordinal: int
    row: "TaskScheduled"
    input: dict[str, Any] = {}
    output: dict[str, Any] = {}
    iteration: int | None = None
    child_version: int = 0
    asks_child: bool = False
    path: tuple[str, ...] = ()
    task_input: dict[str, Any] | None = None


class TaskBegun(Event, frozen=True, tag="task.in_progress"):
    """A worker has the task, or a child workflow was started for it: `child_id` where a key led to
    another than was planned, `adopted` where that was there before and is not ours to stop.
    """

    ordinal: int
    worker_id: str | None = None
    output: dict[str, Any] | None = None
    child_id: str | None = None
    adopted: bool = False


class TaskUpdated(Event, frozen=True, tag="task.updated"):
    """A worker reported progress; its task is due for hand-out again after `callback_after_s`. Or a
    TRY_CATCH has come to another of its lists, which `output` tells.
    """

    ordinal: int
    output: dict[str, Any] | None = None
    reason: str | None = None
    worker_id: str | None = None
    callback_after_s: int = 0
    requeued: bool = True


class LoopAdvanced(Event, frozen=True, tag="task.loop_advanced"):
    """A loop has begun this pass, a FOR_EACH all up to it: `output` is laid over its own, `dropped`
    keys and `removed` rows (of passes long done, `keepLastN`) are no longer shown; the log keeps
    them.
    """

    ordinal: int
    iteration: int
    output: dict[str, Any] = {}
    dropped: tuple[str, ...] = ()
    removed: tuple[int, ...] = ()


class TaskLeaseExtended(Event, frozen=True, tag="task.lease_extended"):
    ordinal: int


class TaskRequeued(Event, frozen=True, tag="task.requeued"):
    """A task in a worker's hands is offered once more (spec 9.4); nothing else of it changes."""

    ordinal: int


class TaskLogged(Event, frozen=True, tag="task.logged"):
    """Lines that a worker wrote; (text, epoch milliseconds) each."""

    ordinal: int
    lines: tuple[tuple[str, int], ...]


class TaskCompleted(Event, frozen=True, tag="task.completed"):
    """`cached_from`: the id of the task whose output this is, taken from the cache."""

    ordinal: int
    output: dict[str, Any] | None = None
    reason: str | None = None
    worker_id: str | None = None
    cached_from: str | None = None


class TaskCompletedWithErrors(Event, frozen=True, tag="task.completed_with_errors"):
    """A failed optional task (its row is marked), or a JOIN over one."""

    ordinal: int
    output: dict[str, Any] | None = None
    reason: str | None = None


class TaskFailed(Event, frozen=True, tag="task.failed"):
    """`terminal_error`: the status is FAILED_WITH_TERMINAL_ERROR, which is never retried."""

    ordinal: int
    output: dict[str, Any] | None = None
    reason: str | None = None
    worker_id: str | None = None
    terminal_error: bool = False


class TaskTimedOut(Event, frozen=True, tag="task.timed_out"):
    ordinal: int
    reason: str | None = None
    output: dict[str, Any] | None = None


class TaskCanceled(Event, frozen=True, tag="task.canceled"):
    ordinal: int
    reason: str | None = None
    output: dict[str, Any] | None = None
    worker_id: str | None = None


class StateEventRaised(Event, frozen=True, tag="task.state_event"):
    """A transition asked for this message (`onStateChange`, EVENT), owed to `sink` until sent."""

    ordinal: int
    transition: str
    sink: str
    payload: dict[str, Any] = {}


class StateEventSent(Event, frozen=True, tag="task.state_event_sent"):
    """The message of the event of this version is out."""

    ordinal: int
    version: int


WorkflowEvent = (
    WorkflowStarted
    | WorkflowReleased
    | WorkflowPaused
    | WorkflowResumed
    | WorkflowRestarted
    | WorkflowRetried
    | WorkflowRerun
    | WorkflowRevived
    | ParentRevived
    | TasksWithdrawn
    | WorkflowCompleted
    | WorkflowFailed
    | WorkflowTimedOut
    | WorkflowTerminated
    | WorkflowRemoved
    | WorkflowFollowed
    | WorkflowJumped
    | WorkflowUpgraded
    | VariablesSet
    | MessageReceived
    | MessagesTaken
    | TasksSettled
    | DecisionSplit
    | TaskScheduled
    | TaskReopened
    | ChildRevived
    | CallbackReset
    | TaskBegun
    | TaskUpdated
    | LoopAdvanced
    | TaskLeaseExtended
    | TaskRequeued
    | TaskLogged
    | TaskCompleted
    | TaskCompletedWithErrors
    | TaskFailed
    | TaskTimedOut
    | TaskCanceled
    | TaskSkipped
    | StateEventRaised
    | StateEventSent
)
"""One event of the log."""


def tag_of(event: Event) -> str:
    """The stable name of an event's type, as it stands in the log."""
    return str(event.__struct_config__.tag)
