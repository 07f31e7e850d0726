"""The seams between services. Each port has a local form (the service object itself) and a form
over core NATS (`firmus.transport`); both behave alike, so a service never knows which it holds.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from firmus.workflow.blueprint import Blueprint
from firmus.workflow.slots import Entry
from firmus.workflow.state import WorkflowState
from firmus_contracts.commands import Answer, Command, Rejected, StartWorkflow
from firmus_contracts.definitions import SchemaDef, TaskDef, WorkflowDef
from firmus_contracts.envelope import Record
from firmus_contracts.event_handlers import EventHandler
from firmus_contracts.executions import Workflow
from firmus_contracts.requests import Tag, WorkflowSchedule, WorkflowTestRequest


class Unavailable(Exception):
    """A service did not answer in time; whether it acted is not known. Trying again is safe when
    the command id stays the same.
    """


class Clock(Protocol):
    def now_ms(self) -> int:
        """Wall-clock time, epoch milliseconds."""
        ...


class DeciderPort(Protocol):
    """The write side of workflows, and reads that are never behind it."""

    async def submit(self, command: Command) -> Answer:
        """Answers after the commit (or the refusal). Raises Unavailable."""
        ...

    async def read(self, workflow_id: str) -> WorkflowState | None:
        """The committed state of a workflow; None when it never existed. One that was removed is
        there (`workflow.state.present` is what users see of it). Raises Unavailable.
        """
        ...

    async def history(self, workflow_id: str) -> list[Record]:
        """All commits of a workflow, from the log. Raises Unavailable."""
        ...


class Started(msgspec.Struct, frozen=True):
    """The workflow that a start led to. `existing`: it was there before, nothing was started."""

    workflow_id: str
    existing: bool = False


class StartsPort(Protocol):
    """Starts of workflows, for everybody who asks for one."""

    async def start(
        self, command: StartWorkflow, strategy: str | None = None
    ) -> Started | Rejected:
        """Starts a workflow once for `command.idempotency_key`, or once for the command without.

        `command.workflow_id` is an id of the caller's own, fresh or derived from what asks; a
        repeated call for the same thing has the same command id, and the same answer. `strategy`
        is IdempotencyStrategy, None for FAIL: what a key means that was used before (spec 4.13):
        FAIL and FAIL_ON_RUNNING refuse with CONFLICT, RETURN_EXISTING gives that workflow. A key
        whose workflow never came to be starts it now. Raises Unavailable, after which the same
        call is safe.
        """
        ...


class Watch(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a waiter has seen of a workflow, and what it waits for.

    `seen` is the version that it has read, 0 while there is no such workflow. `refs` are the tasks
    whose end it waits for.
    """

    workflow_id: str
    seen: int = 0
    refs: tuple[str, ...] = ()


class WatchPort(Protocol):
    """Tells waiters that a workflow is worth another look. Costs nothing while nobody waits."""

    async def changed(self, watch: Watch, *, timeout_s: float) -> bool:
        """True once the workflow is not at the version `seen` any more, or one of its commits may
        have ended a wait (`workflow.blocking.ends_a_wait`); False when the time is up. True may
        come without a reason: the waiter reads the workflow again. Raises Unavailable.
        """
        ...


class QueueSize(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Tasks waiting (delayed ones included) and handed out but not ended; of these `handing` are on
    their way to a worker.
    """

    task_type: str
    domain: str | None
    waiting: int
    in_flight: int
    handing: int = 0


class QueuesPort(Protocol):
    """The task queues, held by the schedulers."""

    async def poll(
        self,
        task_type: str,
        *,
        domain: str | None,
        worker_id: str,
        count: int,
        timeout_s: float,
    ) -> list[msgspec.Raw]:
        """Up to `count` tasks, begun (committed) and whole as REST shows them; waits up to
        `timeout_s` for the first. An empty poll costs no message to another process. When the
        caller is cancelled no further task is begun.
        """
        ...

    async def sizes(self) -> list[QueueSize]: ...

    async def requeue(self, task_type: str) -> int:
        """Offers begun tasks of a worker's type once more, in all domains; how many open ones wait
        now (spec 9.4). Raises Unavailable.
        """
        ...


class PayloadsPort(Protocol):
    """What clients uploaded for others to use: values by path (spec 1.10)."""

    async def put(self, path: str, data: bytes) -> None:
        """Stores bytes under a path; what was there before is replaced. Raises Unavailable."""
        ...

    async def get(self, path: str) -> bytes:
        """Raises KeyError when nothing was uploaded there, Unavailable."""
        ...


class Pinned(msgspec.Struct, frozen=True):
    """A resolved definition: task definitions embedded, stored once by the hash of its bytes."""

    sha256: str
    blueprint: Blueprint


class DefinitionsPort(Protocol):
    """Definitions as registered. Reads see every registration answered before they began."""

    async def workflow(self, name: str, version: int | None = None) -> WorkflowDef | None:
        """A definition; the highest version when none is given."""
        ...

    async def workflows(self) -> list[WorkflowDef]: ...
    async def task(self, name: str) -> TaskDef | None: ...
    async def tasks(self) -> list[TaskDef]: ...

    async def pin(self, name: str, version: int | None = None) -> Pinned | None:
        """The resolved snapshot that a start runs (spec 3.1): task definitions embedded, versions
        of sub-workflows fixed. None when there is no such definition; raises Refusal when a
        sub-workflow without a version is not registered.
        """
        ...

    async def pin_inline(self, definition: WorkflowDef) -> Pinned: ...

    async def pinned(self, sha256: str) -> Blueprint:
        """The snapshot stored under a hash. Raises KeyError when there is none."""
        ...

    async def put_workflow(self, definition: WorkflowDef, *, overwrite: bool) -> None:
        """Raises Refusal CONFLICT when it exists and may not be overwritten. Already validated."""
        ...

    async def delete_workflow(self, name: str, version: int) -> bool: ...

    async def put_task(self, definition: TaskDef, *, must_exist: bool = False) -> None:
        """Raises Refusal NOT_FOUND when it must exist and does not."""
        ...

    async def delete_task(self, name: str) -> bool: ...
    async def schema(self, name: str, version: int | None = None) -> SchemaDef | None: ...
    async def schemas(self) -> list[SchemaDef]: ...
    async def delete_schemas(self, name: str, version: int | None = None) -> bool: ...

    async def put_schema(self, name: str, schema: SchemaDef, *, new_version: bool = False) -> None:
        """Replaces the version in it, or adds one above the highest. Already validated. Without a
        version, `schema` means the highest and `delete_schemas` all of them.
        """
        ...


class EventHandlersPort(Protocol):
    """Event handlers as registered. Reads see every change answered before they began. All raise
    Unavailable.
    """

    async def add(self, handler: EventHandler) -> None:
        """Raises Refusal CONFLICT when there is one of that name, INVALID for what cannot be."""
        ...

    async def update(self, handler: EventHandler) -> None:
        """Raises Refusal NOT_FOUND, INVALID."""
        ...

    async def delete(self, name: str) -> None:
        """Raises Refusal NOT_FOUND."""
        ...

    async def handlers(self) -> list[EventHandler]:
        """All of them, by name."""
        ...

    async def of_event(self, event: str, *, active_only: bool = True) -> list[EventHandler]: ...


class SchedulesPort(Protocol):
    """Starts repeated by the clock, and what became of them. Reads see every change answered before
    they began. `actor` is who asks for a change. All methods but `preview` and `troubles` raise
    Unavailable.
    """

    async def save(self, schedule: WorkflowSchedule, *, actor: str = "") -> WorkflowSchedule:
        """Creates or replaces, and says what it is now. Raises Refusal PAYLOAD_TOO_LARGE."""
        ...

    async def schedule(self, name: str) -> WorkflowSchedule | None: ...

    async def schedules(self, workflow_name: str | None = None) -> list[WorkflowSchedule]:
        """By name; those of one workflow only when it is given."""
        ...

    async def search(
        self, *, workflow_name: str | None, schedule_name: str | None, paused: bool | None
    ) -> list[WorkflowSchedule]:
        """By name; a part of the schedule's name is enough."""
        ...

    async def delete(self, name: str, *, actor: str = "") -> bool: ...

    async def pause(self, name: str, reason: str | None, *, actor: str = "") -> None:
        """Raises Refusal NOT_FOUND."""
        ...

    async def resume(self, name: str, *, actor: str = "") -> None:
        """Raises Refusal NOT_FOUND, also when it is not paused."""
        ...

    async def pause_all(self, *, actor: str = "") -> None: ...
    async def resume_all(self, *, actor: str = "") -> None: ...

    async def add_tags(self, name: str, tags: list[Tag], *, actor: str = "") -> None:
        """Raises Refusal NOT_FOUND."""
        ...

    async def remove_tags(self, name: str, tags: list[Tag], *, actor: str = "") -> None:
        """Raises Refusal NOT_FOUND."""
        ...

    def preview(self, cron: str, *, start_ms: int, end_ms: int | None, limit: int) -> list[int]:
        """The next times in UTC from `start_ms` on. Raises Refusal INVALID for a bad expression."""
        ...

    def troubles(self, schedule: WorkflowSchedule) -> list[str]:
        """Why expressions of it will never run."""
        ...

    async def executions(self, query: str, sort: str) -> Sequence[msgspec.Struct]:
        """The records of runs that match, in order. Raises Refusal INVALID for a bad query."""
        ...

    async def pending(self) -> list[str]:
        """The ids of executions that are claimed and have not ended."""
        ...


class RehearsalPort(Protocol):
    """Tests of workflows by mocked results, in memory (spec 5.12)."""

    async def run(self, request: WorkflowTestRequest, *, timed: bool = False) -> Workflow:
        """The execution at its end or, with the reason, where it stopped. Of it nothing is in the
        log. `timed`: time passes, as it would for real, until nothing happens by itself.

        Raises Refusal when it cannot start, Unavailable when too many run already.
        """
        ...

    async def recall(self, workflow_id: str) -> dict[str, Any] | None:
        """The execution of an earlier test, as it was answered; small ones are kept for a while."""
        ...


LATEST = -1
"""As a position: the log's end at the time of asking."""


class SearchRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """`what` is workflows or tasks. `after` is the `next` of the page before, and stands instead of
    `start`. The answer waits up to `wait_s` seconds until it reflects the log up to `at_least`
    (LATEST: all that was answered before), and comes as it is then.
    """

    what: str
    query: str = ""
    free_text: str = "*"
    start: int = 0
    size: int = 100
    sort: str = ""
    after: str = ""
    at_least: int = 0
    wait_s: float = 0.0


class SearchPage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`results` are summaries as REST shows them; `next` leads to those behind them, empty after
    the last one. `position` is the log position the answer reflects; `lag` how many commits the log
    was ahead of it when it was asked.
    """

    total_hits: int
    results: list[msgspec.Raw]
    position: int = 0
    lag: int = 0
    next: str = ""


class SearchPort(Protocol):
    async def search(self, asked: SearchRequest) -> SearchPage:
        """Raises Refusal INVALID for what cannot be read, saying where; Unavailable when no
        projection answers.
        """
        ...


class ScriptsPort(Protocol):
    """Runs users' scripts off the loop, within time and memory limits."""

    async def run(
        self, evaluator: str, expression: str, scope: Mapping[str, Any]
    ) -> "ScriptResult":
        """`scope` is what the script sees as `$`. Never raises for the script's own faults."""
        ...


class ScriptResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`error` is None when the script ended well. `timed_out`: the time limit cut it."""

    value: Any = None
    error: str | None = None
    timed_out: bool = False


class Cached(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The output of the task or workflow `task_id`, kept for others that ask the same."""

    task_id: str
    output: dict[str, Any]


class CachePort(Protocol):
    """The cache of outputs. It may lose anything at any time; neither method ever raises
    because of it, and storing twice is harmless.
    """

    async def get(self, key: str) -> Cached | None: ...
    async def put(self, key: str, entry: Cached, ttl_s: int) -> None: ...


class SlotsPort(Protocol):
    """Slots of workflows that share a limit (`workflow/slots.py`)."""

    async def enter(self, gate: str, workflow_id: str, limit: int, *, queue: bool) -> Entry:
        """Asks for a slot for a workflow about to start. Where none is free it is to wait with
        `queue`, and to be refused without. Asking again changes nothing. Raises Unavailable.
        """
        ...

    async def leave(self, gate: str, workflow_id: str) -> None:
        """The start came to nothing after all. Raises Unavailable."""
        ...


class SinksPort(Protocol):
    """Where messages of `onStateChange` leave the system."""

    async def send(self, sink: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Returns when the message is out. Raises Unavailable, after which the same call under the
        same `Nats-Msg-Id` is safe; ValueError for what is no sink.
        """
        ...
