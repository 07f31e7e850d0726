"""What Conductor acts on and firmus does not yet: refused at registration, by one table.

A definition that needs any of this is refused whole, with the property named, rather than run
differently. What Conductor itself only stores is accepted and kept. Loop bodies and inline
definitions of sub-workflows are looked at too, for all of it would run.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from firmus.definitions.cache_checks import cache_unsupported
from firmus.definitions.schema_checks import schemas_unsupported
from firmus.definitions.state_change_checks import state_changes_unsupported
from firmus_contracts.bodies import convert_workflow_def
from firmus_contracts.definitions import TaskDef, WorkflowDef, WorkflowTask
from firmus_contracts.errors import Refusal, ValidationError

SINKS = frozenset({"sqs", "kafka", "amqp", "amqp_queue", "amqp_exchange", "nats_stream", "redis"})
"""Kinds of event queue that Conductor knows and this build cannot send to."""


class Rule(msgspec.Struct, frozen=True):
    """`used` tells whether a definition needs the property; `what` says it to the caller."""

    field: str
    used: Callable[[Any], bool]
    what: str


TASK_RULES = (
    Rule(
        "sink",
        lambda t: t.type == "EVENT" and (t.sink or "").partition(":")[0] in SINKS,
        "use conductor, nats:<subject> or jsm:<subject>",
    ),
    Rule(
        "evaluatorType",
        lambda t: t.type == "SWITCH" and t.evaluator_type == "python",
        "use value-param, javascript or graaljs",
    ),
    Rule(
        "inputParameters.evaluatorType",
        lambda t: t.type == "INLINE" and t.input_parameters.get("evaluatorType") == "python",
        "use value-param, javascript or graaljs",
    ),
)


def workflow_unsupported(definition: WorkflowDef) -> tuple[ValidationError, ...]:
    """All that the definition needs and firmus lacks, wherever it stands in the tree."""
    return tuple(_workflow(definition, ""))


def task_def_unsupported(definition: TaskDef) -> tuple[ValidationError, ...]:
    return tuple(_task_def(definition, ""))


def task_unsupported(task: WorkflowTask, path: str = "") -> tuple[ValidationError, ...]:
    """The same of one task and what it holds, for tasks that come as data (dynamic forks)."""
    return tuple(_task(task, path))


def _task_def(definition: TaskDef, prefix: str) -> Iterable[ValidationError]:
    yield from schemas_unsupported(definition, prefix)


def _workflow(definition: WorkflowDef, prefix: str) -> Iterable[ValidationError]:
    yield from schemas_unsupported(definition, prefix)
    for index, task in enumerate(definition.tasks):
        yield from _task(task, f"{prefix}tasks[{index}].")


def _task(task: WorkflowTask, prefix: str) -> Iterable[ValidationError]:
    yield from _apply(TASK_RULES, task, prefix)
    yield from cache_unsupported(task, prefix)
    yield from state_changes_unsupported(task, prefix)
    if task.task_definition is not None:
        yield from _task_def(task.task_definition, f"{prefix}taskDefinition.")
    for place, inner in _children(task):
        yield from _task(inner, f"{prefix}{place}.")
    given = task.sub_workflow_param and task.sub_workflow_param.workflow_definition
    if isinstance(given, dict):
        yield from _inline(given, f"{prefix}subWorkflowParam.workflowDefinition.")


def _children(task: WorkflowTask) -> Iterable[tuple[str, WorkflowTask]]:
    for key, case in task.decision_cases.items():
        for index, inner in enumerate(case):
            yield f"decisionCases[{key}][{index}]", inner
    for index, inner in enumerate(task.default_case):
        yield f"defaultCase[{index}]", inner
    for number, branch in enumerate(task.fork_tasks):
        for index, inner in enumerate(branch):
            yield f"forkTasks[{number}][{index}]", inner
    for index, inner in enumerate(task.loop_over):
        yield f"loopOver[{index}]", inner
    yield from block_tasks(task)


def block_tasks(task: WorkflowTask) -> Iterable[tuple[str, WorkflowTask]]:
    """The tasks directly inside a TRY_CATCH, with their places."""
    for index, inner in enumerate(task.try_tasks):
        yield f"tryTasks[{index}]", inner
    for number, handler in enumerate(task.catch_handlers):
        for index, inner in enumerate(handler.tasks):
            yield f"catchHandlers[{number}].tasks[{index}]", inner
    for index, inner in enumerate(task.finally_tasks):
        yield f"finallyTasks[{index}]", inner


def _inline(given: dict[str, Any], prefix: str) -> Iterable[ValidationError]:
    try:
        definition = convert_workflow_def(given)
    except Refusal as refusal:
        yield ValidationError(path=prefix.rstrip("."), message=refusal.message)
        return
    yield from _workflow(definition, prefix)


def _apply(rules: tuple[Rule, ...], subject: Any, prefix: str) -> Iterable[ValidationError]:
    for rule in rules:
        if rule.used(subject):
            path = f"{prefix}{rule.field}"
            message = f"{path}: not supported by firmus: {rule.what}"
            yield ValidationError(path=path, message=message)
