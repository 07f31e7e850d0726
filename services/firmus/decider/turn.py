"""A turn: one decision while it is being made: the state so far, its events, what to look at next.

Local to one call of decide; nothing of it is seen outside but the finished events.
"""

from collections import deque

from firmus.decider.context import (
    Answers,
    Context,
    Decision,
    ScriptNeed,
    Wanted,
    WantsMore,
)
from firmus.ports import ScriptResult
from firmus.workflow.dynamic import definition_of
from firmus.workflow.evolve import evolve
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts import events as ev
from firmus_contracts.definitions import TaskDef, WorkflowTask

_ENDINGS = (
    ev.TaskCompleted,
    ev.TaskCompletedWithErrors,
    ev.TaskFailed,
    ev.TaskTimedOut,
    ev.TaskCanceled,
)


class Turn:
    """`todo`: ordinals of rows to look at, in the order in which they came to need it."""

    __slots__ = ("answers", "context", "events", "outcome", "settled", "starting", "state", "todo")

    def __init__(self, state: WorkflowState, context: Context, answers: Answers) -> None:
        self.state = state
        self.context = context
        self.answers = answers
        self.events: list[ev.WorkflowEvent] = []
        self.todo: deque[int] = deque()
        self.settled: dict[int, None] = {}  # acted on in this turn
        self.outcome = Decision(state=state)
        self.starting = False

    def emit(self, event: ev.WorkflowEvent) -> None:
        """Appends an event, applies it, and notes which rows must be looked at because of it."""
        self.state = evolve(
            self.state, event, workflow_id=self.state.workflow_id, now_ms=self.context.now_ms
        )
        self.events.append(event)
        if isinstance(event, _ENDINGS):
            self.todo.append(event.ordinal)
            for join in self.state.awaited.get(self.state.tasks[event.ordinal].ref, ()):
                if self.state.missing[join] == 0 or self._is_eager(join):
                    self.todo.append(join)
        elif isinstance(event, ev.TaskScheduled) and not event.queued:
            self.todo.append(event.ordinal)

    def _is_eager(self, join: int) -> bool:
        """Whether a join may end before all that it names have ended."""
        row = self.state.tasks[join]
        if row.made.task_type == "EXCLUSIVE_JOIN":
            return True
        return bool(self.definition_of(row)[0].expression)

    def look_at_everything(self) -> None:
        """Puts every row that is not settled on the list: first those that have ended, oldest
        first, so that a retry is made before any join or loop looks at the failure.
        """
        tasks = self.state.tasks
        self.todo = deque(
            sorted(self.state.pending, key=lambda one: (not tasks[one].status.terminal, one))
        )

    def definition_of(self, row: TaskState) -> tuple[WorkflowTask, TaskDef | None]:
        """The workflow task of a row and the task definition that governs it, if any."""
        return definition_of(self.state, row, self.context.blueprint)

    def script(self, need: ScriptNeed) -> ScriptResult:
        """The answer to a script. Raises WantsMore while it is not there."""
        answer = self.answers.scripts.get(need.key)
        if answer is None:
            raise WantsMore(Wanted(scripts=(need,)))
        return answer
