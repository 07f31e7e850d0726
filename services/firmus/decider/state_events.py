"""`onStateChange`: the messages that transitions of a task ask for, resolved where they happen.

Each becomes an event of its own in the same commit, so none is lost; the scheduler sends it and
has that recorded. Conductor stores the property and does nothing with it (spec 6.8).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from firmus.decider import inputs
from firmus.decider.caching import OwnScope
from firmus.decider.context import Context
from firmus.workflow.dynamic import definition_of
from firmus.workflow.expressions import MISSING, Assembled, Scope, compile_template, resolve
from firmus.workflow.masking import masked, masked_value
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts import events as ev
from firmus_contracts.definitions import WorkflowTask
from firmus_contracts.statuses import TaskStatus

SCHEDULED, START, SUCCESS = "onScheduled", "onStart", "onSuccess"
FAILED, CANCELLED = "onFailed", "onCancelled"
TRANSITIONS = (SCHEDULED, START, SUCCESS, FAILED, CANCELLED)

_ENDS: dict[type, str] = {
    ev.TaskCompleted: SUCCESS,
    ev.TaskCompletedWithErrors: SUCCESS,
    ev.TaskFailed: FAILED,
    ev.TaskTimedOut: FAILED,
    ev.TaskCanceled: CANCELLED,
    ev.TaskSkipped: CANCELLED,
}
_BORN: dict[TaskStatus, tuple[str, ...]] = {
    TaskStatus.SCHEDULED: (SCHEDULED,),
    TaskStatus.IN_PROGRESS: (SCHEDULED, START),
    TaskStatus.COMPLETED: (SCHEDULED, START, SUCCESS),
}
MOVES = (
    ev.TaskScheduled,
    ev.TaskReopened,
    ev.TaskBegun,
    ev.TaskCompleted,
    ev.TaskCompletedWithErrors,
    ev.TaskFailed,
    ev.TaskTimedOut,
    ev.TaskCanceled,
    ev.TaskSkipped,
)
"""Events that are transitions of a row."""


def raised(
    before: WorkflowState, state: WorkflowState, context: Context, event: Any
) -> list[ev.StateEventRaised]:
    """The messages that one of MOVES asks for; `before` and `state` are those around it."""
    row = state.tasks[event.ordinal]
    task = definition_of(state, row, context.blueprint)[0]
    if not task.on_state_change:
        return []
    return [
        ev.StateEventRaised(
            ordinal=row.ordinal,
            transition=transition,
            sink=wanted.type or "",
            payload=_payload(state, context, task, row, (transition, place, wanted.payload)),
        )
        for transition in _transitions(before, event)
        for place, wanted in _wanted(task, transition)
    ]


def keys_of(text: str) -> list[str]:
    """The transitions that one key of the property names, lower case."""
    return [name.strip().lower() for name in text.split(",")]


def _transitions(before: WorkflowState, event: Any) -> tuple[str, ...]:
    """A row starts once, however often it is handed out; what was failed and is then forgiven has
    not succeeded.
    """
    if type(event) is ev.TaskScheduled:
        return _BORN.get(event.status, ())
    if type(event) is ev.TaskReopened:
        return _BORN.get(event.row.status, ())
    row = before.tasks[event.ordinal]
    if type(event) is ev.TaskBegun:
        return () if row.start_ms else (START,)
    return () if row.status.terminal else (_ENDS[type(event)],)


def _wanted(task: WorkflowTask, transition: str) -> Iterable[tuple[str, Any]]:
    for key, events in task.on_state_change.items():
        if transition.lower() in keys_of(key):
            yield from ((f"{key}:{number}", one) for number, one in enumerate(events))


def _payload(
    state: WorkflowState,
    context: Context,
    task: WorkflowTask,
    row: TaskState,
    asked: tuple[str, str, dict[str, Any] | None],
) -> dict[str, Any]:
    """The template resolved with the workflow's document and, behind it, the task's own values;
    masked fields are masked on both sides. Without a template it says what happened.
    """
    transition, place, template = asked
    names = context.blueprint.masked
    own = {
        "workflowInstanceId": state.workflow_id,
        "workflowType": state.name,
        "correlationId": state.correlation_id,
        "taskId": state.task_id(row.ordinal),
        "taskType": row.made.task_type,
        "referenceTaskName": row.ref,
        "status": row.status.value,
        "retryCount": row.made.retry_count,
        "reasonForIncompletion": row.reason,
        "transition": transition,
    }
    if template is None:
        return own
    document: Scope = inputs.document(
        state, context.environment, task_id=state.task_id(row.ordinal)
    )
    if names:
        document = _Masked(document, names)
    values = {**own, "input": masked(row.input, names), "output": masked(row.output, names)}
    scope = OwnScope(document, values)
    if row.made.forked_by is None:
        key = f"state:{task.task_reference_name}:{place}"
        compiled = inputs.template_of(context.blueprint, key, template)
    else:
        compiled = compile_template(template)
    resolved: dict[str, Any] = resolve(compiled, scope)
    return masked(resolved, names)


class _Masked:
    """A document in which masked fields are masked."""

    __slots__ = ("_document", "_names", "environment", "task_id")

    def __init__(self, document: Scope, names: frozenset[str]) -> None:
        self._document = document
        self._names = names
        self.environment: Mapping[str, str] = document.environment
        self.task_id = document.task_id

    def root(self, name: str) -> Any:
        found = self._document.root(name)
        return MISSING if found is MISSING else masked_value(found, self._names)

    def field(self, name: str, key: str) -> Any:
        found = self._document.field(name, key)
        if type(found) is Assembled:
            found = found.whole()
        return MISSING if found is MISSING else masked_value(found, self._names)

    def full(self) -> dict[str, Any]:
        return masked(self._document.full(), self._names)
