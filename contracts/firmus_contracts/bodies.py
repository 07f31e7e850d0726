"""Request bodies read and checked, one function per body. All raise Refusal INVALID.

What bean validation finds in Conductor (spec 1.9) is found here for requests; definitions are
only read here, their registration checks need more than the body (`firmus.definitions.checks`).
"""

from typing import Any

import msgspec

from firmus_contracts.definitions import (
    RateLimitConfig,
    SchemaDef,
    TaskDef,
    WorkflowDef,
    WorkflowTask,
)
from firmus_contracts.errors import Refusal, ValidationError
from firmus_contracts.event_handlers import EventHandler
from firmus_contracts.leniency import Body
from firmus_contracts.requests import (
    CorrelationIdsRequest,
    RerunWorkflowRequest,
    SkipTaskRequest,
    StartWorkflowRequest,
    Tag,
    TaskResult,
    UpgradeWorkflowRequest,
    WorkflowSchedule,
    WorkflowStateUpdate,
    WorkflowTestRequest,
)

VALIDATION_FAILED = "Validation failed, check below errors for detail."
REASON_MAX = 500
PRIORITY_MAX = 99

_WORKFLOW_DEF = Body(WorkflowDef)
_WORKFLOW_DEFS = Body(list[WorkflowDef])
_TASK_DEF = Body(TaskDef)
_TASK_DEFS = Body(list[TaskDef])
_WORKFLOW_TASK = Body(WorkflowTask)
_START = Body(StartWorkflowRequest)
_TEST = Body(WorkflowTestRequest)
_RERUN = Body(RerunWorkflowRequest)
_SKIP = Body(SkipTaskRequest)
_RESULT = Body(TaskResult)
_STATE = Body(WorkflowStateUpdate)
_UPGRADE = Body(UpgradeWorkflowRequest)
_HANDLER = Body(EventHandler)
_HANDLERS = Body(list[EventHandler])
_SCHEDULE = Body(WorkflowSchedule)
_SCHEMA = Body(SchemaDef)
_SCHEMAS = Body(list[SchemaDef])
_CORRELATIONS = Body(CorrelationIdsRequest)
_TAG = Body(Tag)
_RATE_LIMIT = Body(RateLimitConfig)
_TAGS = Body(list[Tag])
_OBJECT = Body(dict[str, Any])
_TEXTS = Body(list[str])


def invalid(errors: list[ValidationError]) -> Refusal:
    """Conductor's answer to a request that reads well and breaks rules: all of them together."""
    return Refusal("INVALID", VALIDATION_FAILED, tuple(errors))


def decode_correlations(body: bytes) -> CorrelationIdsRequest:
    return _CORRELATIONS.read(body)


def decode_schemas(body: bytes) -> list[SchemaDef]:
    """One schema, or a list of them."""
    if body.lstrip()[:1] == b"{":
        return [_SCHEMA.read(body)]
    return _SCHEMAS.read(body)


def decode_workflow_def(body: bytes) -> WorkflowDef:
    return _whole(_WORKFLOW_DEF.read(body))


def decode_workflow_defs(body: bytes) -> list[WorkflowDef]:
    return [_whole(definition) for definition in _WORKFLOW_DEFS.read(body)]


def convert_workflow_def(document: Any) -> WorkflowDef:
    """An inline definition that is decoded already (of a sub-workflow)."""
    return _whole(_WORKFLOW_DEF.convert(document))


def convert_workflow_task(document: Any) -> WorkflowTask:
    """A task that comes as data (of a dynamic fork)."""
    return _WORKFLOW_TASK.convert(document)


def decode_task_def(body: bytes) -> TaskDef:
    return _TASK_DEF.read(body)


def decode_task_defs(body: bytes) -> list[TaskDef]:
    return _TASK_DEFS.read(body)


def decode_start_request(
    body: bytes, *, name: str | None = None, version: int | None = None
) -> StartWorkflowRequest:
    """A start; `name` and `version` of the path, when given, win over the body's."""
    request = _START.read(body)
    if name is not None:
        version = request.version if version is None else version
        request = msgspec.structs.replace(request, name=name, version=version)
    return checked_start_request(request)


def checked_start_request(request: StartWorkflowRequest) -> StartWorkflowRequest:
    """The request itself when nothing is wrong with it; its inline definition is not looked at."""
    errors = []
    if not request.name:
        errors.append(_error("name", "Workflow name cannot be null or empty"))
    if request.priority > PRIORITY_MAX:
        message = f"priority: {request.priority} should be maximum {PRIORITY_MAX}"
        errors.append(_error("priority", message, request.priority))
    if request.priority < 0:
        message = f"priority: {request.priority} should be minimum 0"
        errors.append(_error("priority", message, request.priority))
    if errors:
        raise invalid(errors)
    if request.input is None and not request.external_input_payload_storage_path:
        raise Refusal("INVALID", "input: NULL input passed when starting workflow")
    if request.workflow_def is not None:
        _whole(request.workflow_def)
    return request


def decode_test_request(body: bytes) -> WorkflowTestRequest:
    """A start with mocks. Nothing of a test stays, so a key to find it again by is refused."""
    request = _TEST.read(body)
    checked_start_request(
        StartWorkflowRequest(
            name=request.name,
            priority=request.priority,
            input=request.input,
            external_input_payload_storage_path=request.external_input_payload_storage_path,
            workflow_def=request.workflow_def,
        )
    )
    errors = _mock_errors(request)
    if request.idempotency_key:
        errors.append(_error("idempotencyKey", "a test of a workflow takes no idempotency key"))
    if errors:
        raise invalid(errors)
    return request


def _mock_errors(request: WorkflowTestRequest) -> list[ValidationError]:
    """A mock has to say what its task's output is, in tests of sub-workflows too (spec 5.12)."""
    errors = []
    pending = [("", request)]
    while pending:
        path, test = pending.pop()
        for ref, mocks in test.task_ref_to_mock_output.items():
            for place, mock in enumerate(mocks):
                if mock.output is None:
                    where = f"{path}taskRefToMockOutput.{ref}[{place}].output"
                    errors.append(_error(where, "a mock needs an output, {} for none"))
        pending += [
            (f"{path}subWorkflowTestRequest.{ref}.", inner)
            for ref, inner in test.sub_workflow_test_request.items()
        ]
    return errors


def decode_rerun_request(body: bytes) -> RerunWorkflowRequest:
    return _RERUN.read(body)


def decode_skip_request(body: bytes) -> SkipTaskRequest:
    return _SKIP.read(body)


def decode_state_update(body: bytes) -> tuple[dict[str, Any], dict[str, TaskResult]]:
    """The variables of a state update, and its reports by reference; each says a status."""
    update = _STATE.read(body)
    reports = dict(update.task_results)
    errors = []
    if (update.task_reference_name is None) != (update.task_result is None):
        errors.append(_error("taskResult", "taskReferenceName and taskResult belong together"))
    elif update.task_reference_name is not None and update.task_result is not None:
        reports[update.task_reference_name] = update.task_result
    errors += [
        _error(f"taskResults.{ref}.status", "Task status cannot be null or empty")
        for ref, report in reports.items()
        if report.status is None and not report.extend_lease
    ]
    if errors:
        raise invalid(errors)
    return update.variables or {}, {ref: _cut(report) for ref, report in reports.items()}


def decode_upgrade_request(body: bytes) -> UpgradeWorkflowRequest:
    request = _UPGRADE.read(body)
    errors = [] if request.name else [_error("name", "Workflow name cannot be null or empty")]
    errors += [
        _error(f"taskOutput.{ref}", "The output of a task is an object")
        for ref, output in request.task_output.items()
        if not isinstance(output, dict)
    ]
    if errors:
        raise invalid(errors)
    return request


def decode_task_result(body: bytes) -> TaskResult:
    """A worker's report, whole; its reason is cut to what Conductor keeps."""
    result = _RESULT.read(body)
    if not (
        result.task_id
        and result.workflow_instance_id
        and (result.status is not None or result.extend_lease)
    ):
        raise invalid(_task_result_errors(result))
    return _cut(result)


def _cut(result: TaskResult) -> TaskResult:
    reason = result.reason_for_incompletion
    if reason is not None and len(reason) > REASON_MAX:
        return msgspec.structs.replace(result, reason_for_incompletion=reason[:REASON_MAX])
    return result


def _task_result_errors(result: TaskResult) -> list[ValidationError]:
    errors = []
    if not result.workflow_instance_id:
        errors.append(_error("workflowInstanceId", "Workflow Id cannot be null or empty"))
    if not result.task_id:
        errors.append(_error("taskId", "Task ID cannot be null or empty"))
    if result.status is None and not result.extend_lease:
        errors.append(_error("status", "Task status cannot be null or empty"))
    return errors


def decode_event_handlers(body: bytes) -> list[EventHandler]:
    """One, or a list of them: the official JavaScript SDK adds them so."""
    if body.lstrip()[:1] != b"[":
        return [decode_event_handler(body)]
    return [_checked_handler(handler) for handler in _HANDLERS.read(body)]


def decode_event_handler(body: bytes) -> EventHandler:
    return _checked_handler(_HANDLER.read(body))


def _checked_handler(handler: EventHandler) -> EventHandler:
    errors = []
    if not handler.name:
        errors.append(_error("name", "Missing event handler name"))
    if not handler.event:
        errors.append(_error("event", "Missing event location"))
    if not handler.actions:
        errors.append(_error("actions", "No actions specified. Please specify at-least one action"))
    if errors:
        raise invalid(errors)
    return handler


def decode_schedule(body: bytes) -> WorkflowSchedule:
    return _SCHEDULE.read(body)


def decode_tags(body: bytes) -> list[Tag]:
    return _TAGS.read(body)


def decode_tag_or_tags(body: bytes) -> list[Tag]:
    """One tag, or a list of them."""
    if body.lstrip()[:1] == b"{":
        return [_TAG.read(body)]
    return _TAGS.read(body)


def decode_rate_limit(body: bytes) -> RateLimitConfig:
    return _RATE_LIMIT.read(body)


def decode_object(body: bytes) -> dict[str, Any]:
    """A free JSON object: the input of a start by name, the output of a task update."""
    return _OBJECT.read(body)


def decode_texts(body: bytes) -> list[str]:
    """A list of texts: workflow ids, correlation ids, schedule names."""
    return _TEXTS.read(body)


def _whole(definition: WorkflowDef) -> WorkflowDef:
    """Refuses a sub-workflow definition given as a text that is not exactly one expression."""
    pending = list(definition.tasks)
    while pending:
        task = pending.pop()
        given = task.sub_workflow_param and task.sub_workflow_param.workflow_definition
        if isinstance(given, str) and not (given.startswith("${") and given.endswith("}")):
            raise Refusal(
                "INVALID",
                f"subWorkflowParam.workflowDefinition of task {task.task_reference_name}: "
                "a text must be exactly one ${...} expression",
            )
        for inner in task.decision_cases.values():
            pending.extend(inner)
        pending.extend(task.default_case)
        pending.extend(task.loop_over)
        pending.extend(task.try_tasks)
        pending.extend(task.finally_tasks)
        for handler in task.catch_handlers:
            pending.extend(handler.tasks)
        for branch in task.fork_tasks:
            pending.extend(branch)
    return definition


def _error(path: str, message: str, invalid_value: int | None = None) -> ValidationError:
    told = None if invalid_value is None else str(invalid_value)
    return ValidationError(path=path, message=message, invalid_value=told)
