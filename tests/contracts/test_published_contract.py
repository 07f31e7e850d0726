"""The models agree with the published contract: names, types, examples and templates."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from firmus_contracts import definitions, event_handlers, executions, requests
from firmus_contracts.shape import Model

TESTS = Path(__file__).parents[1]
SCHEMAS = TESTS / "contract" / "json-schema"
EXAMPLES = TESTS / "contract" / "examples"

MODELS: dict[str, type[Model]] = {
    "workflow-def": definitions.WorkflowDef,
    "workflow-task": definitions.WorkflowTask,
    "task-def": definitions.TaskDef,
    "workflow": executions.Workflow,
    "task": executions.Task,
    "task-result": requests.TaskResult,
    "task-exec-log": requests.TaskExecLog,
    "workflow-summary": executions.WorkflowSummary,
    "task-summary": executions.TaskSummary,
    "search-result-workflow-summary": executions.SearchResult,
    "search-result-task-summary": executions.SearchResult,
    "start-workflow-request": requests.StartWorkflowRequest,
    "skip-task-request": requests.SkipTaskRequest,
    "event-handler": event_handlers.EventHandler,
    "event-handler-action": event_handlers.Action,
}

JSON_KINDS: dict[type, str] = {
    inspect.StrType: "string",
    inspect.EnumType: "string",
    inspect.LiteralType: "string",
    inspect.IntType: "integer",
    inspect.BoolType: "boolean",
    inspect.ListType: "array",
    inspect.DictType: "object",
    inspect.StructType: "object",
}


def _kinds(kind: inspect.Type) -> set[str]:
    if isinstance(kind, inspect.UnionType):
        return {name for member in kind.types for name in _kinds(member)}
    return {JSON_KINDS[type(kind)]} if type(kind) in JSON_KINDS else set()


def _properties(model: type[Model]) -> dict[str, inspect.Type]:
    info = inspect.type_info(model)
    assert isinstance(info, inspect.StructType)
    return {field.encode_name: field.type for field in info.fields}


def _schema(name: str) -> dict[str, Any]:
    return json.loads((SCHEMAS / f"conductor-conductor-{name}-schema.json").read_text())


def test_every_schema_of_the_contract_has_a_model() -> None:
    found = {path.name for path in SCHEMAS.glob("conductor-conductor-*-schema.json")}
    assert found == {f"conductor-conductor-{name}-schema.json" for name in MODELS}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_has_every_property_of_its_schema_in_the_same_type(name: str) -> None:
    ours = _properties(MODELS[name])
    for prop, told in _schema(name)["properties"].items():
        assert prop in ours
        assert told["type"] in _kinds(ours[prop]), prop


def _fitting(name: str, prop: str, told: dict[str, Any], example: Any) -> Any:
    """The example's value, or one of the right type where the example holds a placeholder."""
    if told["type"] == "object":
        return {}
    kind = _properties(MODELS[name])[prop]
    members = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    for member in members:
        if isinstance(member, inspect.LiteralType):
            return member.values[0]
        if isinstance(member, inspect.EnumType):
            return next(iter(member.cls)).value
    return example


@pytest.mark.parametrize("name", MODELS)
def test_an_example_of_the_contract_is_read_and_written_without_loss(name: str) -> None:
    example = json.loads((EXAMPLES / f"conductor-conductor-{name}-example.json").read_text())
    told = _schema(name)["properties"]
    given = {prop: _fitting(name, prop, told[prop], example[prop]) for prop in example}
    decoded = msgspec.json.decode(json.dumps(given), type=MODELS[name])
    assert _lacks(given, json.loads(msgspec.json.encode(decoded))) == []


@pytest.mark.parametrize(
    ("schema", "model", "definition"),
    [
        ("workflow-def", definitions.WorkflowDef, None),
        ("workflow-def", definitions.WorkflowTask, "WorkflowTask"),
        ("task-def", definitions.TaskDef, None),
        ("workflow-execution", executions.Workflow, None),
        ("workflow-execution", executions.Task, "Task"),
        ("workflow-execution", requests.TaskExecLog, "TaskExecLog"),
        ("event-handler", event_handlers.EventHandler, None),
        ("event-handler", event_handlers.Action, "EventHandlerAction"),
    ],
)
def test_the_composed_schemas_are_met_too_with_their_enumerations_and_defaults(
    schema: str, model: type[Model], definition: str | None
) -> None:
    whole = json.loads((SCHEMAS / f"{schema}.json").read_text())
    told = whole if definition is None else whole["$defs"][definition]
    ours = _properties(model)
    for prop, wanted in told["properties"].items():
        kind = ours[prop]
        if "enum" in wanted and isinstance(kind, inspect.LiteralType):
            assert set(wanted["enum"]) <= set(kind.values), prop
        if "default" in wanted and prop != "active":
            assert _default(model, prop) == wanted["default"], prop


def _default(model: type[Model], prop: str) -> Any:
    field = next(f for f in msgspec.structs.fields(model) if f.encode_name == prop)
    if field.default is not msgspec.NODEFAULT:
        return field.default
    assert field.default_factory is not msgspec.NODEFAULT
    return field.default_factory()


TEMPLATES: dict[str, Any] = json.loads((TESTS / "fixtures" / "model_templates.json").read_text())[
    "templates"
]
TEMPLATED: dict[str, type[Model]] = {
    "WorkflowDef": definitions.WorkflowDef,
    "WorkflowTask": definitions.WorkflowTask,
    "SubWorkflowParams": definitions.SubWorkflowParams,
    "TaskDef": definitions.TaskDef,
    "SchemaDef": definitions.SchemaDef,
    "RateLimitConfig": definitions.RateLimitConfig,
    "WorkflowTask.CacheConfig": definitions.CacheConfig,
    "StateChangeEvent": definitions.StateChangeEvent,
    "WorkflowDefSummary": definitions.WorkflowDefSummary,
    "Workflow": executions.Workflow,
    "Task": executions.Task,
    "WorkflowStatus": executions.WorkflowStatusView,
    "WorkflowSummary": executions.WorkflowSummary,
    "TaskSummary": executions.TaskSummary,
    "SearchResult": executions.SearchResult,
    "BulkResponse": executions.BulkResponse,
    "PollData": executions.PollData,
    "ExternalStorageLocation": executions.ExternalStorageLocation,
    "TaskResult": requests.TaskResult,
    "TaskExecLog": requests.TaskExecLog,
    "StartWorkflowRequest": requests.StartWorkflowRequest,
    "RerunWorkflowRequest": requests.RerunWorkflowRequest,
    "SkipTaskRequest": requests.SkipTaskRequest,
    "WorkflowTestRequest": requests.WorkflowTestRequest,
    "WorkflowTestRequest.TaskMock": requests.TaskMock,
    "SaveScheduleRequest": requests.WorkflowSchedule,
    "EventHandler": event_handlers.EventHandler,
    "EventHandler.Action": event_handlers.Action,
    "EventHandler.TaskDetails": event_handlers.TaskAction,
    "EventHandler.StartWorkflow": event_handlers.StartWorkflowAction,
    "EventHandler.TerminateWorkflow": event_handlers.TerminateWorkflowAction,
    "EventHandler.UpdateWorkflowVariables": event_handlers.UpdateVariablesAction,
    "EventExecution": event_handlers.EventExecution,
}
_REFERENCE = re.compile(r"\$\{(.+)\}")


def _filled(name: str) -> Any:
    """A template with the ones it refers to, and those it extends, put in."""
    template = TEMPLATES[name]
    content = _resolved(template["content"])
    for parent in template.get("inherits", ()):
        content = {**_filled(parent), **content}
    return content


def _resolved(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _resolved(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolved(item) for item in value]
    reference = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
    return _filled(reference[1]) if reference else value


def _lacks(given: Any, written: Any) -> list[str]:
    """The places of what was given and is not written back."""
    if isinstance(given, dict) and isinstance(written, dict):
        return [
            f"{key}.{place}"
            for key, item in given.items()
            if item is not None
            for place in _lacks(item, written.get(key))
        ]
    if isinstance(given, list) and isinstance(written, list) and len(given) == len(written):
        return [p for one, other in zip(given, written, strict=True) for p in _lacks(one, other)]
    return [] if given == written else [f"{given!r} != {written!r}"]


@pytest.mark.parametrize("name", TEMPLATED)
def test_a_template_of_the_official_sdks_is_read_and_written_without_loss(name: str) -> None:
    given = _filled(name)
    decoded = msgspec.json.decode(json.dumps(given), type=TEMPLATED[name])
    assert _lacks(given, json.loads(msgspec.json.encode(decoded))) == []


FIXTURES = sorted(
    path for path in (TESTS / "fixtures").glob("*.json") if path.name != "model_templates.json"
)


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_a_real_definition_is_read_and_written_without_loss(path: Path) -> None:
    given = json.loads(path.read_text())
    decoded = msgspec.json.decode(path.read_bytes(), type=definitions.WorkflowDef)
    assert _lacks(given, json.loads(msgspec.json.encode(decoded))) == []
