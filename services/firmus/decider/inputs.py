"""What a row is given as input: templates compiled once per definition, resolved per row."""

from collections.abc import Mapping
from typing import Any, cast

from firmus.workflow.blueprint import Blueprint
from firmus.workflow.document import Document, Place
from firmus.workflow.expressions import Template, compile_template, resolve, task_input
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts.definitions import TaskDef, WorkflowTask

WITHOUT_TASK_ID = frozenset(
    {"SWITCH", "SET_VARIABLE", "SUB_WORKFLOW", "START_WORKFLOW", "FORK_JOIN", "FORK_JOIN_DYNAMIC"}
)
"""Types for whose inputs `${CPEWF_TASK_ID}` has no value, as in Conductor."""


def template_of(blueprint: Blueprint, key: str, value: Any) -> Template:
    """The compiled form of a template of this definition; `key` names where it stands."""
    found = blueprint.compiled.get(key)
    if found is None:
        found = blueprint.compiled[key] = compile_template(value)
    return cast("Template", found)


def document(
    state: WorkflowState,
    environment: Mapping[str, str],
    *,
    task_id: str | None = None,
    place: Place | None = None,
) -> Document:
    return Document(state, task_id=task_id, environment=environment, place=place)


def place_of(row: TaskState) -> Place | None:
    """Where a row stands among loops and blocks; None when it is in none."""
    made = row.made
    if made.within is None:
        return None
    return Place(made.within, made.iteration, made.ref.removeprefix(made.node or made.ref))


def resolved_input(
    blueprint: Blueprint, task: WorkflowTask, task_def: TaskDef | None, scope: Document
) -> dict[str, Any]:
    """inputParameters, with the task definition's inputTemplate where one is given (spec 2.5)."""
    template = template_of(blueprint, f"input:{task.task_reference_name}", task.input_parameters)
    return task_input(template, task_def.input_template if task_def else None, scope)


def resolved(blueprint: Blueprint, key: str, value: Any, scope: Document) -> Any:
    """Any other template of the definition."""
    return resolve(template_of(blueprint, key, value), scope)
