"""What the scheduler remembers of open workflows and open tasks: no payloads, only what queues,
timers and children need.

The structs are mutable, and not tracked by the garbage collector: a million of them are held for
long, and each event changes one. They are written as arrays into checkpoints, so a new field goes
last and has a default.
"""

import msgspec

from firmus.workflow.deadlines import deadline_ms
from firmus_contracts import ids
from firmus_contracts.events import TaskLimits, Timeouts

WorkflowId = str


class Row(msgspec.Struct, array_like=True, gc=False, eq=False):
    """An open task that is queued, timed, or stands for a child workflow.

    `order` is the place in the log that put it where it waits (0: it waits nowhere), `due_ms` when
    it may be handed out. `waits_ms` is the end of a WAIT (0: none). `armed_ms` is where the
    timeline will look at it next (0: nowhere). `def_name` is its task definition's where that is
    not its type; `limits` are those that its workflow brought along. `adopted`: an idempotency key
    led to its child.
    """

    workflow_id: str
    ordinal: int
    task_type: str
    domain: str | None
    queued: bool
    priority: int
    scheduled_ms: int
    first_scheduled_ms: int
    updated_ms: int
    start_delay_s: int
    callback_after_s: int
    timeouts: Timeouts | None
    waits_ms: int
    child_id: str | None
    in_progress: bool = False
    begun: bool = False
    start_ms: int = 0
    order: int = 0
    due_ms: int = 0
    armed_ms: int = 0
    def_name: str | None = None
    limits: TaskLimits | None = None
    adopted: bool = False

    @property
    def task_id(self) -> str:
        return ids.task_id(self.workflow_id, self.ordinal)

    @property
    def is_parent(self) -> bool:
        """Whether its child ends with it; one of a START_WORKFLOW does not, nor one `adopted`."""
        own = self.child_id is not None and not self.adopted
        return own and self.task_type != "START_WORKFLOW"

    def deadline_ms(self) -> int:
        """The earliest deadline, 0 when there is none."""
        if self.timeouts is None:
            return self.waits_ms
        found = deadline_ms(
            self.timeouts,
            in_progress=self.in_progress,
            scheduled_ms=self.scheduled_ms,
            first_scheduled_ms=self.first_scheduled_ms,
            updated_ms=self.updated_ms,
            start_ms=self.start_ms,
            start_delay_s=self.start_delay_s,
            callback_after_s=self.callback_after_s,
            wait_ms=self.waits_ms,
        )
        return min([at for _, at in found]) if found else 0


def gate_name(row: Row) -> str:
    """The task definition whose limits count for a row."""
    return row.def_name or row.task_type


class Flow(msgspec.Struct, array_like=True, gc=False, eq=False):
    """An open workflow. `timeout_s` is 0 where its passing changes nothing (its policy).

    `clock_ms` is where the workflow timeout counts from. `canceled` are the children of rows that
    were canceled and that are to be stopped. `paused`: the deadlines of its tasks wait.
    `gate`: whom it shares its limit of `slots` with; `held`: its place in line, 0 when it does not
    wait. `followers` are tasks of other workflows that hear of its end. `since`: of children that
    ran again, the version of theirs at which that was heard of.
    """

    workflow_id: str
    version: int
    clock_ms: int
    timeout_s: int = 0
    parent_workflow_id: str | None = None
    parent_task_id: str | None = None
    paused: bool = False
    canceled: tuple[str, ...] = ()
    rows: dict[int, Row] = {}
    armed_ms: int = 0
    gate: str | None = None
    slots: int = 0
    held: int = 0
    followers: tuple[str, ...] = ()
    since: dict[str, int] = {}

    @property
    def task_id(self) -> None:
        """A workflow's own timer names no task."""

    def deadline_ms(self) -> int:
        """When the workflow times out, 0 for never (spec 4.3)."""
        return self.clock_ms + self.timeout_s * 1000 if self.timeout_s > 0 else 0


Timed = Row | Flow


class Shard(msgspec.Struct, gc=False, eq=False):
    """The open workflows of one shard. `position` is that of the last commit that was folded.

    `halted` names workflows with a commit that this build could not read: nothing more happens to
    them here, loudly. `begun`: when tasks with a limited rate were handed out lately, by gate.
    """

    position: int = 0
    changes: int = 0
    flows: dict[WorkflowId, Flow] = {}
    halted: set[WorkflowId] = set()
    begun: dict[str, list[int]] = {}


class Moment(msgspec.Struct, frozen=True, gc=False):
    """When an event happened, its version, and its place in the log."""

    now_ms: int
    version: int
    order: int
