"""The document that expressions of a workflow are looked up in (spec 2.2), read off its state.

Nothing is built before it is asked for: `${t1.output.x}` costs two look-ups in persistent maps.
"""

from collections.abc import Callable, Mapping
from typing import Any

from firmus.workflow.expressions.scope import MISSING, NOTHING_ALLOWED
from firmus.workflow.state import TaskState, WorkflowState, base_ref
from firmus_contracts.statuses import WorkflowStatus

_SCHEMA_VERSION = 2


class Document:
    """The scope of a workflow's expressions.

    `status` stands in for the state's own one: outputParameters are resolved when the workflow is
    about to end, and see FAILED then, but RUNNING on completion (spec 2.6).
    """

    __slots__ = ("_rows", "_state", "_status", "environment", "task_id")

    def __init__(
        self,
        state: WorkflowState,
        *,
        task_id: str | None = None,
        environment: Mapping[str, str] = NOTHING_ALLOWED,
        status: WorkflowStatus | None = None,
    ) -> None:
        self._state = state
        self._status = state.status if status is None else status
        self._rows: dict[str, TaskState] | None = None
        self.task_id = task_id
        self.environment = environment

    def root(self, name: str) -> Any:
        if name == "workflow":
            return self._workflow()
        row = self._row(name)
        return MISSING if row is None else self._properties(row)

    def field(self, name: str, key: str) -> Any:
        if name == "workflow":
            if key == "status":
                return self._status.value
            read_workflow = _WORKFLOW.get(key)
            return MISSING if read_workflow is None else read_workflow(self._state)
        row = self._row(name)
        read_task = _TASK.get(key)
        if row is None or read_task is None:
            return MISSING
        return read_task(row, self._state)

    def full(self) -> dict[str, Any]:
        rows = self._newest_rows()
        return {
            "workflow": self._workflow(),
            **{ref: self._properties(row) for ref, row in rows.items()},
        }

    def _row(self, name: str) -> TaskState | None:
        """The newest row by a reference that expressions may use."""
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


def _iteration(row: TaskState, _state: WorkflowState) -> int:
    """Of a loop's own row: the iteration it has reached."""
    reached = row.output.get("iteration") if row.made.task_type == "DO_WHILE" else None
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
