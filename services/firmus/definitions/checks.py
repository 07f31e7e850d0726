"""What a definition must satisfy to be registered (spec 1.3-1.6); all faults are told together.

Pure: what needs an engine or the registry comes in as `Outside`. The rules of one task by its
type stand in `task_checks.py`, those of expressions in `reference_checks.py`.
"""

from collections import Counter
from collections.abc import Iterable

from firmus.definitions.cache_checks import cache_errors
from firmus.definitions.metadata_checks import metadata_errors
from firmus.definitions.reference_checks import reference_errors
from firmus.definitions.schema_checks import schema_errors
from firmus.definitions.task_checks import Outside, error, task_errors
from firmus.definitions.unsupported import block_tasks
from firmus.workflow.blueprint import child_lists
from firmus_contracts.definitions import TaskDef, WorkflowDef, WorkflowTask
from firmus_contracts.errors import ValidationError

SCHEMA_VERSION = 2
_NOT_NEGATIVE = "TaskDef FIELD: 0 must be >= 0"
_SCALE = "Backoff scale factor. Applicable for LINEAR_BACKOFF"
_RESPONSE_TIMEOUT = "TaskDef responseTimeoutSeconds: {} should be minimum 1 second"


def workflow_list_errors(
    definitions: list[WorkflowDef], outside: Outside
) -> tuple[ValidationError, ...]:
    """The faults of a list to be stored as a whole; empty when all may be registered."""
    if not definitions:
        return (error("", "WorkflowDefList is empty"),)
    return tuple(
        fault
        for index, definition in enumerate(definitions)
        for fault in _workflow(definition, outside, f"[{index}].")
    )


def workflow_errors(definition: WorkflowDef, outside: Outside) -> tuple[ValidationError, ...]:
    """The faults of one definition; empty when it may be registered or started."""
    return tuple(_workflow(definition, outside, ""))


def task_def_list_errors(definitions: list[TaskDef]) -> tuple[ValidationError, ...]:
    if not definitions:
        return (error("", "TaskDefList is empty"),)
    return tuple(
        fault
        for index, definition in enumerate(definitions)
        for fault in _task_def(definition, f"[{index}].")
    )


def task_def_errors(definition: TaskDef) -> tuple[ValidationError, ...]:
    return tuple(_task_def(definition, ""))


def _workflow(definition: WorkflowDef, outside: Outside, prefix: str) -> Iterable[ValidationError]:
    if not definition.name:
        yield error(f"{prefix}name", "WorkflowDef name cannot be null or empty", definition.name)
    if not definition.tasks:
        yield error(f"{prefix}tasks", "WorkflowTask list cannot be empty")
    if definition.schema_version != SCHEMA_VERSION:
        yield error(
            f"{prefix}schemaVersion",
            f"workflowDef schemaVersion: {SCHEMA_VERSION} is only supported",
            definition.schema_version,
        )
    yield from schema_errors(definition, prefix)
    yield from metadata_errors(definition, prefix)
    yield from cache_errors(definition, prefix.rstrip("."))
    refs = [task.task_reference_name for task in _all_tasks(definition.tasks)]
    counted = Counter(ref for ref in refs if ref)
    for ref, count in counted.items():
        if count > 1:
            yield error(
                f"{prefix}tasks",
                f"taskReferenceName: {ref} should be unique across tasks for a given "
                f"workflowDefinition: {definition.name}",
                ref,
            )
    for index, task in enumerate(definition.tasks):
        path = f"{prefix}tasks[{index}]"
        yield from _tree(task, path, outside)
        yield from reference_errors(task, path, counted.keys(), outside.compiles)


def _all_tasks(tasks: list[WorkflowTask]) -> Iterable[WorkflowTask]:
    """The whole tree, loops included, in the order of the text."""
    pending = list(reversed(tasks))
    while pending:
        task = pending.pop()
        yield task
        for inner in reversed(child_lists(task)):
            pending.extend(reversed(inner))


def _tree(task: WorkflowTask, path: str, outside: Outside) -> Iterable[ValidationError]:
    """A task and what it holds; like Conductor this does not look into the body of a DO_WHILE."""
    yield from task_errors(task, path, outside)
    yield from cache_errors(task, path)
    if task.task_definition is not None:
        yield from schema_errors(task.task_definition, f"{path}.taskDefinition.")
    for key, case in task.decision_cases.items():
        for index, inner in enumerate(case):
            yield from _tree(inner, f"{path}.decisionCases[{key}][{index}]", outside)
    for index, inner in enumerate(task.default_case):
        yield from _tree(inner, f"{path}.defaultCase[{index}]", outside)
    for number, branch in enumerate(task.fork_tasks):
        for index, inner in enumerate(branch):
            yield from _tree(inner, f"{path}.forkTasks[{number}][{index}]", outside)
    for place, inner in block_tasks(task):
        yield from _tree(inner, f"{path}.{place}", outside)
    if task.type == "FOR_EACH":
        for index, inner in enumerate(task.loop_over):
            yield from _tree(inner, f"{path}.loopOver[{index}]", outside)


def _task_def(definition: TaskDef, prefix: str) -> Iterable[ValidationError]:
    if not definition.name:
        yield error(f"{prefix}name", "TaskDef name cannot be null or empty", definition.name)
    response_s = definition.response_timeout_seconds
    for field, given, least, message in (
        ("retryCount", definition.retry_count, 0, _NOT_NEGATIVE),
        ("backoffScaleFactor", definition.backoff_scale_factor, 1, _SCALE),
        ("maxRetryDelaySeconds", definition.max_retry_delay_seconds, 0, _NOT_NEGATIVE),
        ("backoffJitterMs", definition.backoff_jitter_ms, 0, _NOT_NEGATIVE),
        ("responseTimeoutSeconds", response_s, 1, _RESPONSE_TIMEOUT.format(response_s)),
        ("pollTimeoutSeconds", definition.poll_timeout_seconds or 0, 0, _NOT_NEGATIVE),
        ("totalTimeoutSeconds", definition.total_timeout_seconds, 0, _NOT_NEGATIVE),
    ):
        if given < least:
            yield error(f"{prefix}{field}", message.replace("FIELD", field), given)
    yield from _timeouts(definition, prefix)
    yield from schema_errors(definition, prefix)


def _timeouts(definition: TaskDef, prefix: str) -> Iterable[ValidationError]:
    name, timeout_s = definition.name, definition.timeout_seconds
    response_s, total_s = definition.response_timeout_seconds, definition.total_timeout_seconds
    if 0 < timeout_s < response_s:
        yield error(
            f"{prefix}responseTimeoutSeconds",
            f"TaskDef: {name} responseTimeoutSeconds: {response_s} "
            f"must be less than timeoutSeconds: {timeout_s}",
            response_s,
        )
    if 0 < total_s < timeout_s:
        yield error(
            f"{prefix}timeoutSeconds",
            f"TaskDef: {name} timeoutSeconds: {timeout_s} "
            f"must be less than or equal to totalTimeoutSeconds: {total_s}",
            timeout_s,
        )
