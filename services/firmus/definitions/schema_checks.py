"""What schemas must be to be enforced: registration refuses the others, naming the property.

A schema that its definition does not enforce (`enforceSchema` false) is only kept.
"""

from collections.abc import Iterable

from firmus.definitions.task_checks import error
from firmus.workflow.schemas import enforced, schema_problem
from firmus_contracts.definitions import SchemaDef, TaskDef, WorkflowDef
from firmus_contracts.errors import ValidationError


def schema_errors(definition: TaskDef | WorkflowDef, prefix: str) -> Iterable[ValidationError]:
    """Schemas that are no JSON Schemas, or refer to documents that are not inside them."""
    for side in ("input", "output"):
        schema = enforced(definition, side)
        problem = schema_problem(schema.data) if schema and schema.data else None
        if problem is not None:
            path = f"{prefix}{side}Schema.data"
            yield error(path, f"{path} is no readable JSON Schema: {problem}")


def registration_errors(schema: SchemaDef) -> Iterable[ValidationError]:
    """What a schema must be to be registered by itself."""
    if not (schema.name or "").strip():
        yield error("name", "name: a schema needs a name")
    if schema.version < 1:
        yield error("version", "version: the least is 1", schema.version)
    if schema.type not in (None, "JSON"):
        yield _refused("type", "give type JSON")
    if schema.external_ref is not None:
        yield _refused("externalRef", "give the schema itself in data")
    if not schema.data:
        yield error("data", "data: the schema itself is missing")
    elif (problem := schema_problem(schema.data)) is not None:
        yield error("data", f"data is no readable JSON Schema: {problem}")


def by_name(schema: SchemaDef | None) -> str | None:
    """The name of the registered schema that this one means: it has no text of its own."""
    if schema is None or schema.data or schema.external_ref is not None:
        return None
    return schema.name if schema.type in (None, "JSON") else None


def schemas_unsupported(
    definition: TaskDef | WorkflowDef, prefix: str
) -> Iterable[ValidationError]:
    """Schemas of other types, or without their text, that would have to be enforced."""
    if not definition.enforce_schema:
        return
    for side, schema in (
        ("input", definition.input_schema),
        ("output", definition.output_schema),
    ):
        path = f"{prefix}{side}Schema"
        if schema is None:
            continue
        if schema.type != "JSON":
            yield _refused(f"{path}.type", "give type JSON, or set enforceSchema to false")
        elif schema.external_ref is not None:
            yield _refused(f"{path}.externalRef", "give the schema itself in data")
        elif not schema.data:
            yield _refused(
                f"{path}.data",
                "give the schema itself or one that is registered, or set enforceSchema to false",
            )


def _refused(path: str, what: str) -> ValidationError:
    return error(path, f"{path}: not supported by firmus: {what}")
