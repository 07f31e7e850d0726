"""Payloads too large to be shown within an execution (spec 1.10): where they are found instead.

An execution shows `{}` and a path; whoever wants the value asks for the path. A path names an
execution's own value (`workflow/input/<workflow id>.json`) or one that a client uploaded (any
other name). Expressions always read the values themselves.
"""

import re
from typing import Any, Literal, cast

import msgspec

from firmus.workflow.state import WorkflowState
from firmus_contracts import ids
from firmus_contracts.executions import Task, Workflow

WORKFLOW_SHOWN_MAX_BYTES = 5120 * 1024
TASK_SHOWN_MAX_BYTES = 3072 * 1024

Owner = Literal["workflow", "task"]
Side = Literal["input", "output"]

_PATH = re.compile(r"(workflow|task)/(input|output)/([A-Za-z0-9_-]{1,64})\.json")
_encode = msgspec.json.encode
replace = msgspec.structs.replace


class Place(msgspec.Struct, frozen=True):
    """A path taken apart."""

    owner: Owner
    side: Side
    name: str

    @property
    def path(self) -> str:
        return f"{self.owner}/{self.side}/{self.name}.json"

    @property
    def workflow_id(self) -> str | None:
        """The execution that the value belongs to; None for an upload."""
        of_execution = ids.is_workflow_id if self.owner == "workflow" else ids.is_task_id
        return ids.workflow_of(self.name) if of_execution(self.name) else None


def place_of(path: str) -> Place | None:
    """None for what is no path of a payload."""
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    return Place(cast("Owner", found[1]), cast("Side", found[2]), found[3])


def value_at(state: WorkflowState, place: Place) -> dict[str, Any] | None:
    """The value of an execution that a path names; None when it has no such task."""
    if place.owner == "workflow":
        return state.input if place.side == "input" else state.output
    row = state.tasks.get(ids.ordinal_of(place.name))
    if row is None:
        return None
    return row.input if place.side == "input" else row.output


def shown_task(task: Task) -> Task:
    """The task with `{}` and a path in the place of what is too large to be shown."""
    if task.input_data and _too_large(task.input_data, TASK_SHOWN_MAX_BYTES):
        path = Place("task", "input", task.task_id or "").path
        task = replace(task, input_data={}, external_input_payload_storage_path=path)
    if task.output_data and _too_large(task.output_data, TASK_SHOWN_MAX_BYTES):
        path = Place("task", "output", task.task_id or "").path
        task = replace(task, output_data={}, external_output_payload_storage_path=path)
    return task


def shown_workflow(workflow: Workflow) -> Workflow:
    """The same for a workflow and its tasks; an input that came by a path is shown as that path."""
    came_by = workflow.external_input_payload_storage_path
    if came_by or _too_large(workflow.input, WORKFLOW_SHOWN_MAX_BYTES):
        path = came_by or Place("workflow", "input", workflow.workflow_id).path
        workflow = replace(workflow, input={}, external_input_payload_storage_path=path)
    if _too_large(workflow.output, WORKFLOW_SHOWN_MAX_BYTES):
        path = Place("workflow", "output", workflow.workflow_id).path
        workflow = replace(workflow, output={}, external_output_payload_storage_path=path)
    return replace(workflow, tasks=[shown_task(task) for task in workflow.tasks])


def _too_large(value: Any, limit_bytes: int) -> bool:
    return bool(value) and len(_encode(value)) > limit_bytes
