"""The checks that stand before every definition, registered or inline (spec 1.3-1.6).

The rules themselves are pure and live in `firmus.definitions`; here they get what they ask for.
"""

from typing import TypeVar

import msgspec

from firmus.definitions.attribute_warnings import attribute_warnings
from firmus.definitions.checks import (
    task_def_errors,
    task_def_list_errors,
    workflow_errors,
    workflow_list_errors,
)
from firmus.definitions.schema_checks import by_name
from firmus.definitions.syntax import javascript_error
from firmus.definitions.task_checks import Outside
from firmus.definitions.unsupported import task_def_unsupported, workflow_unsupported
from firmus.definitions.warnings import workflow_warnings
from firmus.ports import DefinitionsPort
from firmus.workflow.expressions.path import compiles
from firmus_contracts.bodies import invalid
from firmus_contracts.definitions import SchemaDef, TaskDef, WorkflowDef
from firmus_contracts.errors import Refusal, ValidationError

Definition = TypeVar("Definition", TaskDef, WorkflowDef)


class Registration:
    """All methods raise Refusal with every fault found: INVALID for what Conductor refuses too,
    else UNSUPPORTED for what only firmus cannot run.
    """

    def __init__(self, definitions: DefinitionsPort) -> None:
        self._definitions = definitions

    async def with_schemas(self, definition: Definition) -> Definition:
        """The definition with the text of each registered schema that it enforces by name, so
        that it means the same whatever becomes of that schema.
        """
        if not definition.enforce_schema:
            return definition
        return msgspec.structs.replace(
            definition,
            input_schema=await self._written(definition.input_schema),
            output_schema=await self._written(definition.output_schema),
        )

    async def _written(self, schema: SchemaDef | None) -> SchemaDef | None:
        name = by_name(schema)
        if schema is None or name is None:
            return schema
        return await self._definitions.schema(name, schema.version or None) or schema

    async def workflow(self, definition: WorkflowDef) -> None:
        _refuse_invalid(workflow_errors(definition, await self._outside()))
        _refuse_unsupported(workflow_unsupported(definition))

    async def workflows(self, definitions: list[WorkflowDef]) -> None:
        _refuse_invalid(workflow_list_errors(definitions, await self._outside()))
        for definition in definitions:
            _refuse_unsupported(workflow_unsupported(definition))

    async def warnings(self, definition: WorkflowDef) -> tuple[ValidationError, ...]:
        """What is probably wrong with a definition that may be registered."""
        registered = await self._definitions.workflows()
        known = {each.name: each for each in registered}
        found = workflow_warnings(definition, known.get)
        return (*found, *attribute_warnings(definition, registered))

    def task(self, definition: TaskDef) -> None:
        _refuse_invalid(task_def_errors(definition))
        _refuse_unsupported(task_def_unsupported(definition))

    def tasks(self, definitions: list[TaskDef]) -> None:
        _refuse_invalid(task_def_list_errors(definitions))
        for definition in definitions:
            _refuse_unsupported(task_def_unsupported(definition))

    async def _outside(self) -> Outside:
        known = {task.name: task for task in await self._definitions.tasks()}
        return Outside(script_error=javascript_error, compiles=compiles, task_def=known.get)


def _refuse_invalid(errors: tuple[ValidationError, ...]) -> None:
    if errors:
        raise invalid(list(errors))


def _refuse_unsupported(errors: tuple[ValidationError, ...]) -> None:
    if errors:
        raise Refusal("UNSUPPORTED", "; ".join(error.message for error in errors), errors)
