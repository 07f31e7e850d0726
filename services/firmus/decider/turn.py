"""A turn: one decision while it is being made: the state so far, its events, what to look at next.

Local to one call of decide; nothing of it is seen outside but the finished events.
"""

from collections import deque
from typing import Any

import msgspec
from immutables import Map

from firmus.decider import caching, payload_limits, schemas_kept, state_events
from firmus.decider.context import (
    Answers,
    Context,
    Decision,
    ScriptNeed,
    SlotNeed,
    ToCache,
    Wanted,
    WantsMore,
)
from firmus.ports import Cached, ScriptResult
from firmus.workflow.blueprint import Blueprint
from firmus.workflow.dynamic import definition_of
from firmus.workflow.evolve import evolve
from firmus.workflow.secrets import granted
from firmus.workflow.slots import Entry
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts import events as ev
from firmus_contracts.definitions import TaskDef, WorkflowTask
from firmus_contracts.statuses import TaskStatus

_OPENINGS = (ev.TaskScheduled, ev.TaskReopened)
_ENDINGS = (
    ev.TaskCompleted,
    ev.TaskCompletedWithErrors,
    ev.TaskFailed,
    ev.TaskTimedOut,
    ev.TaskCanceled,
)


_NOTHING: Map[int, Map[int, bool]] = Map()


class Turn:
    """`todo`: ordinals of rows to look at, in the order in which they came to need it. `over`: by
    loop or block, the passes that have ended and that it has not taken note of. `parted`: forks
    that made a part of their branches; `cut`: the rest of the decision is for another commit.
    """

    __slots__ = (
        "_closed",
        "_first_ordinal",
        "_gone",
        "answers",
        "context",
        "cut",
        "events",
        "outcome",
        "over",
        "parted",
        "payload_max_bytes",
        "settled",
        "starting",
        "state",
        "to_cache",
        "todo",
    )

    def __init__(self, state: WorkflowState, context: Context, answers: Answers) -> None:
        self.state = state
        self.context = context
        self.answers = answers
        self.events: list[ev.WorkflowEvent] = []
        self.todo: deque[int] = deque()
        self.settled: dict[int, None] = {}  # acted on in this turn
        self.over: dict[int, list[int]] = {}
        self._gone: dict[tuple[int, int], int] = {}  # settled rows, by loop and pass
        self._closed: dict[int, int] = {}  # passes that have ended, by loop
        self.outcome = Decision(state=state)
        self.starting = False
        self.cut = False
        self.parted: set[int] = set()
        self._first_ordinal = state.next_ordinal
        self.payload_max_bytes = payload_limits.limit_of(
            context.blueprint.definition.metadata, context.limits.payload_max_bytes
        )
        self.to_cache: list[ToCache] = []

    def emit(self, event: ev.WorkflowEvent) -> None:
        """Appends an event, applies it, and notes which rows must be looked at because of it.

        A row whose input does not fit its schema fails at once, one whose output does not fails
        instead of completing.
        """
        failure: ev.TaskFailed | None = None
        if type(event) in payload_limits.REPORTS:
            event = payload_limits.kept_report(self.state, event, self.payload_max_bytes)
        elif isinstance(event, _OPENINGS):
            event, failure = payload_limits.kept_row(self.state, event, self.payload_max_bytes)
        if type(event) is ev.TaskCompleted and self._attended(event.ordinal):
            event = schemas_kept.completion(self.state, event, self.context.blueprint)
        before = self.state
        self.state = evolve(
            self.state, event, workflow_id=self.state.workflow_id, now_ms=self.context.now_ms
        )
        self.events.append(event)
        if isinstance(event, state_events.MOVES) and self._attended(event.ordinal):
            failure = self._attend(before, event) or failure
        if isinstance(event, _ENDINGS):
            self.todo.append(event.ordinal)
            self._look_at_joins(self.state.tasks[event.ordinal].ref)
        elif isinstance(event, _OPENINGS):
            row = self.state.tasks[event.ordinal]
            if not row.made.queued:
                self.todo.append(event.ordinal)
            if row.status is TaskStatus.SKIPPED:
                self._look_at_joins(row.ref)
            if failure is not None:
                self.emit(failure)

    def _look_at_joins(self, ref: str) -> None:
        for join in self.state.awaited.get(ref, ()):
            if self.state.missing[join] == 0 or self._is_eager(join):
                self.todo.append(join)

    def _attend(self, before: WorkflowState, event: Any) -> ev.TaskFailed | None:
        """What a definition asks for beyond running the row: messages, an output to be cached.
        Returns the failure of a row whose input does not fit.
        """
        for message in state_events.raised(before, self.state, self.context, event):
            self.emit(message)
        if type(event) is ev.TaskCompleted:
            self.to_cache += caching.to_cache(self.state, event)
        elif isinstance(event, _OPENINGS):
            row = self.state.tasks[event.ordinal]
            return schemas_kept.input_failure(self.state, row, self.context.blueprint)
        return None

    def _attended(self, ordinal: int) -> bool:
        """Whether the definition may ask for more than that a row of it runs."""
        return (
            self.context.blueprint.attends or self.state.tasks[ordinal].made.forked_by is not None
        )

    def _is_eager(self, join: int) -> bool:
        """Whether a join may end before all that it names have ended."""
        row = self.state.tasks[join]
        if row.made.task_type == "EXCLUSIVE_JOIN":
            return True
        return bool(self.definition_of(row)[0].expression)

    def acted_on(self, row: TaskState) -> bool:
        """Whether all that follows from the end of a row has been done."""
        return row.settled or row.ordinal in self.settled

    def settle(self, row: TaskState) -> None:
        """Notes that a row is done with. The last one of a pass has its loop or block looked at,
        and one that failed its loop.
        """
        if row.ordinal in self.settled:
            return
        self.settled[row.ordinal] = None
        within, iteration = row.made.within, row.made.iteration
        if within is None:
            return
        key = (within, iteration)
        self._gone[key] = self._gone.get(key, 0) + 1
        if not self.rows_left(within, iteration):
            self._closed[within] = self._closed.get(within, 0) + 1
            self.over.setdefault(within, []).append(iteration)
            self.todo.append(within)
        elif not row.status.successful and self._is_loop(within):
            self.todo.append(within)

    def _is_loop(self, ordinal: int) -> bool:
        return self.state.tasks[ordinal].made.task_type == "DO_WHILE"

    def rows_left(self, within: int, iteration: int) -> int:
        """How many rows directly in a pass have still to be acted on."""
        rows = self.state.inside.get(within, _NOTHING).get(iteration, ())
        return len(rows) - self._gone.get((within, iteration), 0)

    def passes_open(self, loop: int) -> int:
        """How many passes of a loop have rows left."""
        return len(self.state.inside.get(loop, ())) - self._closed.get(loop, 0)

    def note_settled(self) -> None:
        """Emits what was settled since the last time."""
        if self.settled:
            self.emit(ev.TasksSettled(ordinals=tuple(self.settled)))
            self.settled.clear()
            self._gone.clear()
            self._closed.clear()

    def look_at_everything(self) -> None:
        """Puts every row that is not settled on the list, but for those that wait for a worker:
        first those that have ended, oldest first, so that a retry is made before any join or loop
        looks at the failure.
        """
        tasks, ended, open_ones = self.state.tasks, [], []
        for ordinal in self.state.pending:
            row = tasks[ordinal]
            if row.status.terminal:
                ended.append(ordinal)
            elif not row.made.queued:
                open_ones.append(ordinal)
        self.todo = deque([*sorted(ended), *sorted(open_ones)])

    def is_new(self, row: TaskState) -> bool:
        """Whether the row was made in this turn."""
        return row.ordinal >= self._first_ordinal

    def rewind(self, state: WorkflowState) -> None:
        """Back to `state`, before anything happened; answers from outside are kept."""
        self.state = state
        self.cut = False
        for noted in (self.events, self.todo, self.over, self.settled, self.to_cache):
            noted.clear()
        for counted in (self._gone, self._closed, self.parted):
            counted.clear()

    def run_on(self, blueprint: Blueprint) -> None:
        """Goes on under another definition."""
        self.context = msgspec.structs.replace(self.context, blueprint=blueprint)
        self.payload_max_bytes = payload_limits.limit_of(
            blueprint.definition.metadata, self.context.limits.payload_max_bytes
        )

    def definition_of(self, row: TaskState) -> tuple[WorkflowTask, TaskDef | None]:
        """The workflow task of a row and the task definition that governs it, if any."""
        return definition_of(self.state, row, self.context.blueprint)

    def secrets_of(self, row: TaskState) -> frozenset[str]:
        """The names of the secrets that are bound in the input of a row."""
        return granted(self.state, row, self.context.blueprint)

    def cached(self, keys: list[str]) -> dict[str, Cached | None]:
        """What the cache holds under keys. Raises WantsMore while it is not known."""
        known = self.answers.cache
        unknown = tuple(key for key in keys if key not in known)
        if unknown:
            raise WantsMore(Wanted(cache_keys=unknown))
        return {key: known[key] for key in keys}

    def slot(self, need: SlotNeed) -> Entry:
        """Whether the workflow may run. Raises WantsMore while it is not known."""
        if self.answers.slot is None:
            raise WantsMore(Wanted(slot=need))
        return self.answers.slot

    def script(self, need: ScriptNeed) -> ScriptResult:
        """The answer to a script. Raises WantsMore while it is not there."""
        answer = self.answers.scripts.get(need.key)
        if answer is None:
            raise WantsMore(Wanted(scripts=(need,)))
        return answer
