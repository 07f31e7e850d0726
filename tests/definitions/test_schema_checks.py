"""Which schemas may be registered: what is to be enforced has to be enforceable."""

import msgspec
import pytest

from firmus.definitions.checks import task_def_errors, workflow_errors
from firmus.definitions.task_checks import Outside
from firmus.definitions.unsupported import task_def_unsupported, workflow_unsupported
from firmus_contracts.definitions import TaskDef, WorkflowDef

OUTSIDE = Outside(script_error=lambda _: None, compiles=lambda _: True, task_def=lambda _: None)
JSON = {"name": "s", "type": "JSON", "data": {"type": "object"}}


def workflow(**fields) -> WorkflowDef:
    task = {"name": "a", "taskReferenceName": "a", **fields.pop("task", {})}
    return msgspec.convert({"name": "w", "tasks": [task], **fields}, WorkflowDef)


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"inputSchema": JSON, "outputSchema": JSON}, None),
        ({"inputSchema": {**JSON, "type": "AVRO"}}, "inputSchema.type"),
        ({"outputSchema": {**JSON, "type": "PROTOBUF"}}, "outputSchema.type"),
        ({"inputSchema": {**JSON, "data": None}}, "inputSchema.data"),
        ({"inputSchema": {**JSON, "externalRef": "s3://x"}}, "inputSchema.externalRef"),
        ({"inputSchema": {**JSON, "type": "AVRO"}, "enforceSchema": False}, None),
    ],
)
def test_a_workflows_schema_that_cannot_be_enforced_is_refused_by_name(
    fields: dict, path: str | None
) -> None:
    assert [e.path for e in workflow_unsupported(workflow(**fields))] == ([path] if path else [])


@pytest.mark.parametrize(("enforce", "refused"), [(True, True), (False, False)])
def test_a_task_definitions_schema_is_looked_at_only_when_it_is_enforced(
    enforce: bool, refused: bool
) -> None:
    given = {"name": "t", "enforceSchema": enforce, "inputSchema": {**JSON, "type": "AVRO"}}
    task_def = msgspec.convert(given, TaskDef)

    assert [e.path for e in task_def_unsupported(task_def)] == ["inputSchema.type"] * refused
    embedded = workflow(task={"taskDefinition": given})
    expected = ["tasks[0].taskDefinition.inputSchema.type"] * refused
    assert [e.path for e in workflow_unsupported(embedded)] == expected


def test_a_text_that_is_no_schema_is_the_callers_mistake() -> None:
    broken = {**JSON, "data": {"type": "nope"}}
    task_def = {"name": "t", "enforceSchema": True, "outputSchema": broken}
    (fault,) = task_def_errors(msgspec.convert(task_def, TaskDef))
    found = workflow_errors(
        workflow(inputSchema=broken, task={"taskDefinition": task_def}), OUTSIDE
    )

    assert fault.path == "outputSchema.data"
    assert [e.path for e in found] == [
        "inputSchema.data",
        "tasks[0].taskDefinition.outputSchema.data",
    ]
