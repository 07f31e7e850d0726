"""What a decision is made from besides state and command, and what it may still need.

All that is not pure enters here: time, entropy, the definition, answers of scripts, poll data.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from firmus.ports import Cached, ScriptResult
from firmus.workflow.blueprint import Blueprint
from firmus.workflow.domains import LastPoll
from firmus.workflow.slots import Entry
from firmus.workflow.state import WorkflowState
from firmus_contracts.commands import Rejected, UpdateOutcome
from firmus_contracts.definitions import TaskDef
from firmus_contracts.events import WorkflowEvent
from firmus_contracts.statuses import TaskStatus, WorkflowStatus

EVENTS_MAX = 500
"""After this many events a decision is split (it goes on under a Continue command)."""


def nobody_polled(_task_type: str, _domain: str) -> int:
    return 0


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds that a decision keeps."""

    events_max: int = EVENTS_MAX
    variables_max_bytes: int = 256 * 1024
    depth_max: int = 256
    payload_max_bytes: int = 10240 * 1024
    messages_max: int = 1000
    message_ttl_s: int = 86_400


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """`entropy` is unique to the command: ids and jitter derive from it, so that deciding again
    after a need was met yields the same.
    """

    now_ms: int
    entropy: str
    blueprint: Blueprint
    last_poll: LastPoll = nobody_polled
    environment: Mapping[str, str] = {}
    limits: Limits = Limits()


class ScriptNeed(msgspec.Struct, frozen=True, kw_only=True):
    """A script to run; `key` names the answer. `secrets`: the names that are bound in it."""

    key: str
    evaluator: str
    expression: str
    scope: dict[str, Any]
    secrets: frozenset[str] = frozenset()


class SlotNeed(msgspec.Struct, frozen=True):
    """A new workflow asks whether it may run; where not, `queue` tells that it waits."""

    gate: str
    workflow_id: str
    slots: int
    queue: bool


class Answers(msgspec.Struct, kw_only=True):
    """What the service has obtained so far for one decision."""

    scripts: dict[str, ScriptResult] = {}
    task_defs: dict[str, TaskDef | None] = {}
    definitions: dict[tuple[str, int | None], bool] = {}
    cache: dict[str, Cached | None] = {}
    slot: Entry | None = None
    pins: dict[tuple[str, int | None], Blueprint | Rejected | None] = {}


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision waits for; every part may be empty, not all."""

    scripts: tuple[ScriptNeed, ...] = ()
    task_defs: tuple[str, ...] = ()
    definitions: tuple[tuple[str, int | None], ...] = ()
    cache_keys: tuple[str, ...] = ()
    slot: SlotNeed | None = None
    pins: tuple[tuple[str, int | None], ...] = ()


class ToCache(msgspec.Struct, frozen=True, kw_only=True):
    """An output to be cached once its completion is in the log."""

    key: str
    entry: Cached
    ttl_s: int


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What happens: `events` (none: nothing does), and the state after them.

    `begun`: the ordinal of the row that a BeginTask handed out. `ignored`: why a late or repeated
    update changed nothing; it is answered well all the same (spec 4.5, step 3). `existing`: a start
    found that another command had started the workflow. `again`: the workflow runs again, of which
    its parent and children may have to hear.
    """

    state: WorkflowState
    events: tuple[WorkflowEvent, ...] = ()
    begun: int | None = None
    updated: UpdateOutcome | None = None
    ignored: str | None = None
    existing: bool = False
    again: bool = False
    to_cache: tuple[ToCache, ...] = ()


class WorkflowFault(Exception):
    """Ends the workflow from within an operator (spec 3.2 step 5): status and reason.

    `ref`: the task that cannot be scheduled, where that is known.
    """

    def __init__(self, reason: str, status: WorkflowStatus = WorkflowStatus.FAILED) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.ref: str | None = None


class CannotStart(Exception):
    """A start is refused because of what its first decision found; nothing is stored."""


class WantsMore(Exception):
    """Raised while planning rows when something outside is needed first."""

    def __init__(self, wanted: Wanted) -> None:
        super().__init__("needs an answer from outside")
        self.wanted = wanted


def workflow_status_after(task_status: TaskStatus) -> WorkflowStatus:
    """How a workflow ends because of a task that cannot be retried (spec 3.4)."""
    if task_status is TaskStatus.CANCELED:
        return WorkflowStatus.TERMINATED
    if task_status is TaskStatus.TIMED_OUT:
        return WorkflowStatus.TIMED_OUT
    return WorkflowStatus.FAILED
