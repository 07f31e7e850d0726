"""Where schemas are kept: a task's input when its row is made, its output when it completes, the
workflow's input at the start and its output at the end. Conductor only stores them.
"""

from firmus.workflow.blueprint import Blueprint
from firmus.workflow.dynamic import definition_of
from firmus.workflow.schemas import enforced, faults, misfit
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts import events as ev
from firmus_contracts.definitions import TaskDef
from firmus_contracts.errors import ValidationError

METADATA = "_systemMetadata"
"""What the server adds to the input of an inline definition; no caller's schema knows of it."""


def input_refused(
    blueprint: Blueprint, given: dict[str, object]
) -> tuple[str, tuple[ValidationError, ...]] | None:
    """Why a workflow must not start with this input, and every place; None when it may."""
    definition = blueprint.definition
    schema = enforced(definition, "input")
    if schema is None:
        return None
    own = {name: value for name, value in given.items() if name != METADATA}
    found = faults(schema, own, "input", hides=bool(definition.masked_fields))
    what = f"The input of workflow {definition.name} does not fit its inputSchema"
    return (misfit(what, schema, found), found) if found else None


def workflow_output_fault(blueprint: Blueprint, output: dict[str, object]) -> str | None:
    """Why a workflow cannot complete with this output; None when it can."""
    definition = blueprint.definition
    schema = enforced(definition, "output")
    if schema is None:
        return None
    found = faults(schema, output, "output", hides=bool(definition.masked_fields))
    what = f"The output of workflow {definition.name} does not fit its outputSchema"
    return misfit(what, schema, found) if found else None


def input_failure(
    state: WorkflowState, row: TaskState, blueprint: Blueprint
) -> ev.TaskFailed | None:
    """The end of a row that was just opened with an input that does not fit; it is never
    retried.
    """
    if row.status.terminal:
        return None
    task_def = definition_of(state, row, blueprint)[1]
    reason = _task_fault(task_def, "input", row.input, blueprint)
    if reason is None:
        return None
    return ev.TaskFailed(ordinal=row.ordinal, reason=reason, terminal_error=True)


def completion(
    state: WorkflowState, event: ev.TaskCompleted, blueprint: Blueprint
) -> ev.TaskCompleted | ev.TaskFailed:
    """The event itself, or the failure that it is because the output does not fit."""
    row = state.tasks[event.ordinal]
    output = row.output if event.output is None else event.output
    task_def = definition_of(state, row, blueprint)[1]
    reason = _task_fault(task_def, "output", output, blueprint)
    if reason is None:
        return event
    return ev.TaskFailed(
        ordinal=event.ordinal,
        output=event.output,
        reason=reason,
        worker_id=event.worker_id,
        terminal_error=True,
    )


def _task_fault(
    task_def: TaskDef | None, side: str, value: dict[str, object], blueprint: Blueprint
) -> str | None:
    schema = enforced(task_def, side)
    if schema is None or task_def is None:
        return None
    found = faults(schema, value, side, hides=bool(blueprint.definition.masked_fields))
    what = f"The {side} of task {task_def.name} does not fit its {side}Schema"
    return misfit(what, schema, found) if found else None
