"""The document that expressions of a workflow are looked up in (spec 2.2), read off its state.

Nothing is built before it is asked for: `${t1.output.x}` costs two look-ups in persistent maps.

In the body of a FOR_EACH a reference means the row of the same pass, then that of the pass around
it, and so on outwards; a task of the body that has no row in this pass yet is not there at all,
whatever it did in another pass. `${each.item}` and `${each.index}` (from 0) are the pass's own
element of the FOR_EACH named `each` and its place; outside of its body they are not there.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from firmus.workflow.expressions.scope import MISSING, NOTHING_ALLOWED, Assembled
from firmus.workflow.state import TaskState, WorkflowState, base_ref
from firmus_contracts.events import TaskScheduled
from firmus_contracts.statuses import WorkflowStatus

_SCHEMA_VERSION = 2


class Document:
    """The scope of a workflow's expressions.

    `status` stands in for the state's own one: outputParameters are resolved when the workflow is
    about to end, and see FAILED then, but RUNNING on completion (spec 2.6). `place`: where the
    row stands that the expressions belong to, None outside of loops and blocks.
    """

    __slots__ = ("_passes", "_place", "_rows", "_state", "_status", "environment", "task_id")

    def __init__(
        self,
        state: WorkflowState,
        *,
        task_id: str | None = None,
        environment: Mapping[str, str] = NOTHING_ALLOWED,
        status: WorkflowStatus | None = None,
        place: "Place | None" = None,
    ) -> None:
        self._state = state
        self._place = place
        self._passes: list[_Pass] | None = None
        self._status = state.status if status is None else status
        self._rows: dict[str, TaskState] | None = None
        self.task_id = task_id
        self.environment = environment

    def root(self, name: str) -> Any:
        if name == "workflow":
            return self._workflow()
        row = self._row(name)
        if row is None:
            return MISSING
        own = self._own_pass(name)
        return self._properties(row) if own is None else {**self._properties(row), **own.element()}

    def field(self, name: str, key: str) -> Any:
        if name == "workflow":
            if key == "status":
                return self._status.value
            read_workflow = _WORKFLOW.get(key)
            return MISSING if read_workflow is None else read_workflow(self._state)
        row = self._row(name)
        if row is None:
            return MISSING
        read_task = _TASK.get(key)
        if read_task is None:
            own = self._own_pass(name)
            return MISSING if own is None else own.element().get(key, MISSING)
        if key == "output" and row.passes:
            return Assembled(row.output_field, lambda: row.output)
        return read_task(row, self._state)

    def full(self) -> dict[str, Any]:
        rows = self._newest_rows()
        if self._each_passes():
            found = {ref: self.root(ref) for ref in rows}
            tasks = {ref: value for ref, value in found.items() if value is not MISSING}
        else:
            tasks = {ref: self._properties(row) for ref, row in rows.items()}
        return {"workflow": self._workflow(), **tasks}

    def _each_passes(self) -> "list[_Pass]":
        """The loop passes around the place, innermost first; none unless a FOR_EACH is there."""
        if self._place is None:
            return []
        if self._passes is None:
            around = _passes_around(self._state, self._place)
            self._passes = around if any(one.each is not None for one in around) else []
        return self._passes

    def _own_pass(self, name: str) -> "_Pass | None":
        """The pass of the FOR_EACH of that name that the place is in."""
        for one in self._each_passes():
            if one.each is not None and base_ref(one.each.made) == name:
                return one
        return None

    def _row_of_pass(self, name: str, passes: "list[_Pass]") -> TaskState | None:
        """The row of the innermost pass that has one, unless it is another pass's."""
        state = self._state
        left: set[str] = set()
        for suffix, one in [*((each.suffix, each) for each in passes), ("", None)]:
            ordinal = state.latest.get(name + suffix)
            if ordinal is None:
                ordinal = state.looped.get(name + suffix)
            row = None if ordinal is None else state.tasks.get(ordinal)
            if row is not None and base_ref(row.made) == name:
                return None if left and not left.isdisjoint(_around(state, row.made)) else row
            if one is not None and one.each is not None:
                left.add(base_ref(one.each.made))
        return None

    def _row(self, name: str) -> TaskState | None:
        """The newest row by a reference that expressions may use."""
        passes = self._each_passes()
        if passes:
            return self._row_of_pass(name, passes)
        state = self._state
        ordinal = state.latest.get(name)
        if ordinal is None:
            ordinal = state.looped.get(name)
            if ordinal is None:
                return None
        row = state.tasks.get(ordinal)
        if row is None:
            return self._newest_rows().get(name)
        return row if base_ref(row.made) == name else None

    def _newest_rows(self) -> dict[str, TaskState]:
        """The last row in list order of every reference."""
        if self._rows is None:
            self._rows = {base_ref(row.made): row for row in self._state.rows()}
        return self._rows

    def _workflow(self) -> dict[str, Any]:
        fields = {key: read(self._state) for key, read in _WORKFLOW.items()}
        return {**fields, "status": self._status.value}

    def _properties(self, row: TaskState) -> dict[str, Any]:
        return {key: read(row, self._state) for key, read in _TASK.items()}


class Place(msgspec.Struct, frozen=True):
    """Where a row stands: the innermost loop or block, the pass of it, the suffix of its rows."""

    within: int
    iteration: int
    suffix: str


class _Pass(msgspec.Struct, frozen=True):
    """A pass of a loop: its number, the suffix of its rows, its FOR_EACH row where it is one's."""

    number: int
    suffix: str
    each: TaskState | None

    def element(self) -> dict[str, Any]:
        items = self.each.input.get("items") if self.each is not None else None
        if type(items) is not list or not 0 < self.number <= len(items):
            return {}
        return {"item": items[self.number - 1], "index": self.number - 1}


def _passes_around(state: WorkflowState, place: Place) -> list[_Pass]:
    """The passes of all loops around a place, innermost first."""
    found: list[_Pass] = []
    within: int | None = place.within
    number, suffix = place.iteration, place.suffix
    while within is not None:
        row = state.tasks.get(within)
        if row is None:
            break
        kind = row.made.task_type
        if kind in LOOPS:
            found.append(_Pass(number, suffix, row if kind == "FOR_EACH" else None))
            suffix = suffix.rpartition("__")[0]
        within, number = row.made.within, row.made.iteration
    return found


def _around(state: WorkflowState, made: TaskScheduled) -> set[str]:
    """The names of all loops and blocks that a row is inside of."""
    names: set[str] = set()
    while made.within is not None and made.within in state.tasks:
        made = state.tasks[made.within].made
        names.add(base_ref(made))
    return names


LOOPS = frozenset({"DO_WHILE", "FOR_EACH"})


def _iteration(row: TaskState, _state: WorkflowState) -> int:
    """Of a loop's own row: the iteration it has reached."""
    reached = row.own_output.get("iteration") if row.made.task_type in LOOPS else None
    return reached if type(reached) is int else row.made.iteration


_WORKFLOW: dict[str, Callable[[WorkflowState], Any]] = {
    "input": lambda state: state.input,
    "output": lambda state: state.output,
    "workflowId": lambda state: state.workflow_id,
    "parentWorkflowId": lambda state: state.parent_workflow_id,
    "parentWorkflowTaskId": lambda state: state.parent_task_id,
    "workflowType": lambda state: state.name,
    "version": lambda state: state.definition_version,
    "correlationId": lambda state: state.correlation_id,
    "reasonForIncompletion": lambda state: state.reason,
    "schemaVersion": lambda _state: _SCHEMA_VERSION,
    "variables": lambda state: state.variables,
}
"""What `${workflow.…}` offers besides `status`, and nothing else."""

_TASK: dict[str, Callable[[TaskState, WorkflowState], Any]] = {
    "input": lambda row, _: row.input,
    "output": lambda row, _: row.output,
    "taskType": lambda row, _: row.made.task_type,
    "status": lambda row, _: row.status.value,
    "referenceTaskName": lambda row, _: row.made.ref,
    "retryCount": lambda row, _: row.made.retry_count,
    "correlationId": lambda _, state: state.correlation_id,
    "pollCount": lambda row, _: row.poll_count,
    "taskDefName": lambda row, _: row.made.task_def_name or row.made.task_type,
    "scheduledTime": lambda row, _: row.scheduled_ms,
    "startTime": lambda row, _: row.start_ms,
    "endTime": lambda row, _: row.end_ms,
    "workflowInstanceId": lambda _, state: state.workflow_id,
    "taskId": lambda row, state: state.task_id(row.made.ordinal),
    "reasonForIncompletion": lambda row, _: row.reason,
    "callbackAfterSeconds": lambda row, _: row.callback_after_s,
    "workerId": lambda row, _: row.worker_id,
    "iteration": _iteration,
}
"""What `${ref.…}` offers of a task."""

WORKFLOW_FIELDS = frozenset({*_WORKFLOW, "status"})
TASK_FIELDS = frozenset(_TASK)
