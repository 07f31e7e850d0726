"""What each type of task must be given (spec 1.4, 1.5), with Conductor's words."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import regex

from firmus.workflow.durations import duration_ms, until_ms
from firmus.workflow.expressions import text_of
from firmus_contracts.definitions import TaskDef, WorkflowTask
from firmus_contracts.errors import ValidationError

CAUGHT_STATUSES = frozenset({"FAILED", "FAILED_WITH_TERMINAL_ERROR", "TIMED_OUT", "CANCELED"})
TERMINATION_STATUSES = frozenset({"COMPLETED", "FAILED", "TERMINATED"})
_TERMINATION = (
    "terminate task must have an terminationStatus parameter and must be set to COMPLETED or FAILED"
)
_EITHER_FORM = (
    "dynamicForkJoinTasksParam or combination of dynamicForkTasksInputParamName and "
    "dynamicForkTasksParam cam be used"
)


class Outside(msgspec.Struct, frozen=True, kw_only=True):
    """What the checks ask of others.

    `script_error`: what is wrong with a text as JavaScript, or None. `compiles`: whether a text
    (without `${}`) is a readable path. `task_def`: the registered task definition of a name.
    """

    script_error: Callable[[str], str | None]
    compiles: Callable[[str], bool]
    task_def: Callable[[str], TaskDef | None]


def error(path: str, message: str, invalid_value: Any = None) -> ValidationError:
    """`invalid_value` is told if it is a text, a number or a truth value."""
    told = text_of(invalid_value) if isinstance(invalid_value, str | int | float) else None
    return ValidationError(path=path, message=message, invalid_value=told)


def task_errors(task: WorkflowTask, path: str, outside: Outside) -> Iterable[ValidationError]:
    """The faults of one task, its children not looked at."""
    if not task.name:
        yield error(f"{path}.name", "WorkflowTask name cannot be empty or null", task.name)
    if not task.task_reference_name:
        yield error(
            f"{path}.taskReferenceName",
            "WorkflowTask taskReferenceName name cannot be empty or null",
            task.task_reference_name,
        )
    if task.start_delay < 0:
        yield error(f"{path}.startDelay", "must be greater than or equal to 0", task.start_delay)
    yield from _block_fields(task, path)
    by_type = _BY_TYPE.get(task.type)
    if by_type is not None:
        for field, message in by_type(task, outside):
            yield error(f"{path}.{field}", message)


Fault = tuple[str, str]
"""The field of a task that is wrong, and Conductor's words for it."""


def _required(task: WorkflowTask, field: str) -> Fault:
    return field, _of(task, f"{field} field is required")


def _of(task: WorkflowTask, words: str) -> str:
    return f"{words} for taskType: {task.type} taskName: {task.name}"


def _event(task: WorkflowTask, _: Outside) -> Iterable[Fault]:
    if task.sink is None:
        yield _required(task, "sink")


def _decision(task: WorkflowTask, outside: Outside) -> Iterable[Fault]:
    if task.case_value_param is None and task.case_expression is None:
        words = _required(task, "caseValueParam or caseExpression")[1]
        yield "caseValueParam", words
    yield from _cases(task)
    if task.case_expression is not None:
        yield from _script(task, "caseExpression", task.case_expression, outside)


def _switch(task: WorkflowTask, outside: Outside) -> Iterable[Fault]:
    if task.evaluator_type is None:
        yield _required(task, "evaluatorType")
    if task.expression is None:
        yield _required(task, "expression")
    yield from _cases(task)
    if task.evaluator_type == "javascript" and task.expression is not None:
        yield from _script(task, "expression", task.expression, outside)


def _cases(task: WorkflowTask) -> Iterable[Fault]:
    if not task.decision_cases:
        yield "decisionCases", _of(task, "decisionCases should have atleast one task")


def _script(task: WorkflowTask, field: str, text: str, outside: Outside) -> Iterable[Fault]:
    problem = outside.script_error(text)
    if problem is not None:
        place = f"taskType: {task.type} taskName {task.name}"
        yield field, f"Expression is not well formatted: {problem}, {place}"


def _dynamic(task: WorkflowTask, _: Outside) -> Iterable[Fault]:
    if task.dynamic_task_name_param is None:
        yield _required(task, "dynamicTaskNameParam")


def _dynamic_fork(task: WorkflowTask, _: Outside) -> Iterable[Fault]:
    if task.input_parameters.get("forkTaskInputs") is not None:
        return
    first, second = task.dynamic_fork_tasks_param, task.dynamic_fork_tasks_input_param_name
    if task.dynamic_fork_join_tasks_param is not None:
        if first is not None or second is not None:
            yield "dynamicForkJoinTasksParam", _of(task, _EITHER_FORM)
        return
    if first is None:
        yield _required(task, "dynamicForkTasksParam")
    if second is None:
        yield _required(task, "dynamicForkTasksInputParamName")


def _http(task: WorkflowTask, outside: Outside) -> Iterable[Fault]:
    given = task.input_parameters
    if any(given.get(key) is not None for key in ("http_request", "uri", "method")):
        return
    if not _in_template(task, "http_request", outside):
        words = "inputParameters.http_request or inputParameters.uri"
        yield "inputParameters", _required(task, words)[1]


def _kafka(task: WorkflowTask, outside: Outside) -> Iterable[Fault]:
    yield from _input(task, "kafka_request", outside)


def _jdbc(task: WorkflowTask, outside: Outside) -> Iterable[Fault]:
    yield from _input(task, "statement", outside)
    names = ("connectionId", "integrationName")
    given = task.input_parameters
    if not any(given.get(key) is not None or _in_template(task, key, outside) for key in names):
        words = "inputParameters.connectionId or inputParameters.integrationName"
        yield "inputParameters.connectionId", _required(task, words)[1]


def _jq(task: WorkflowTask, outside: Outside) -> Iterable[Fault]:
    yield from _input(task, "queryExpression", outside)


def _input(task: WorkflowTask, key: str, outside: Outside) -> Iterable[Fault]:
    if task.input_parameters.get(key) is None and not _in_template(task, key, outside):
        yield _required(task, f"inputParameters.{key}")


def _in_template(task: WorkflowTask, key: str, outside: Outside) -> bool:
    definition = task.task_definition or outside.task_def(task.name or "")
    return definition is not None and definition.input_template.get(key) is not None


def _fork(task: WorkflowTask, _: Outside) -> Iterable[Fault]:
    if not task.fork_tasks:
        yield "forkTasks", _of(task, "forkTasks should have atleast one task")


def _terminate(task: WorkflowTask, _: Outside) -> Iterable[Fault]:
    status = task.input_parameters.get("terminationStatus")
    if not isinstance(status, str) or status not in TERMINATION_STATUSES:
        words = f"{_TERMINATION}, taskName: {task.name}"
        yield "inputParameters.terminationStatus", words
    if task.optional:
        yield "optional", f"terminate task cannot be optional, taskName: {task.name}"


def _loop(task: WorkflowTask, _: Outside) -> Iterable[Fault]:
    if task.loop_condition is None:
        yield _required(task, "loopCondition")
    if not task.loop_over:
        yield _required(task, "loopOver")


def _for_each(task: WorkflowTask, _: Outside) -> Iterable[Fault]:
    given = task.input_parameters
    if task.items is None and given.get("items") is None:
        yield _required(task, "items or inputParameters.items")
    elif task.items is None and not isinstance(given["items"], list | str):
        yield "inputParameters.items", _of(task, "inputParameters.items is not a list")
    if not task.loop_over:
        yield _required(task, "loopOver")
    if not _may_be_positive(given.get("parallel", 1)):
        words = "inputParameters.parallel is not a number from 1"
        yield "inputParameters.parallel", _of(task, words)


def _may_be_positive(given: Any) -> bool:
    """Whether this is a whole number from 1, its text, or text that only a start can resolve."""
    if isinstance(given, str):
        return "${" in given or (given.strip().isdecimal() and int(given) > 0)
    return isinstance(given, int) and not isinstance(given, bool) and given > 0


def _try_catch(task: WorkflowTask, _: Outside) -> Iterable[Fault]:
    if not task.try_tasks:
        yield _required(task, "tryTasks")
    if not task.catch_handlers and not task.finally_tasks:
        yield "catchHandlers", _required(task, "catchHandlers or finallyTasks")[1]
    for number, handler in enumerate(task.catch_handlers):
        place = f"catchHandlers[{number}]"
        problem = pattern_error(handler.reason)
        if problem is not None:
            yield f"{place}.reason", _of(task, f"{place}.reason is not a pattern: {problem}")
        for status in handler.status:
            if status not in CAUGHT_STATUSES:
                yield f"{place}.status", _of(task, f"{place}.status has no failure {status}")


def pattern_error(pattern: str | None) -> str | None:
    """What is wrong with a regular expression; None when nothing is."""
    try:
        regex.compile(pattern or "")
    except regex.error as problem:
        return str(problem)
    return None


def _block_fields(task: WorkflowTask, path: str) -> Iterable[ValidationError]:
    if task.type == "TRY_CATCH":
        return
    for field, given in (
        ("tryTasks", task.try_tasks),
        ("catchHandlers", task.catch_handlers),
        ("finallyTasks", task.finally_tasks),
    ):
        if given:
            yield error(f"{path}.{field}", _of(task, f"{field} belongs to TRY_CATCH, not here"))


def _sub_workflow(task: WorkflowTask, _: Outside) -> Iterable[Fault]:
    if task.sub_workflow_param is None:
        yield _required(task, "subWorkflowParam")


def _wait(task: WorkflowTask, _: Outside) -> Iterable[Fault]:
    duration, until = _text(task, "duration"), _text(task, "until")
    if duration and until:
        yield (
            "inputParameters.until",
            "Both 'duration' and 'until' specified. Please provide only one input",
        )
    elif duration and not duration.startswith("${") and not _parses(duration_ms, duration):
        yield "inputParameters.duration", "Either date or duration is passed as null "
    elif until and not until.startswith("${") and not _parses(until_ms, until):
        yield "inputParameters.until", "Unable to parse date "


def _text(task: WorkflowTask, key: str) -> str:
    given = task.input_parameters.get(key)
    return "" if given is None else str(given).strip()


def _parses(parse: Callable[[str], int], text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


_BY_TYPE: dict[str, Callable[[WorkflowTask, Outside], Iterable[Fault]]] = {
    "EVENT": _event,
    "DECISION": _decision,
    "SWITCH": _switch,
    "DYNAMIC": _dynamic,
    "FORK_JOIN_DYNAMIC": _dynamic_fork,
    "HTTP": _http,
    "HTTP_POLL": _http,
    "FORK_JOIN": _fork,
    "TERMINATE": _terminate,
    "KAFKA_PUBLISH": _kafka,
    "JDBC": _jdbc,
    "DO_WHILE": _loop,
    "FOR_EACH": _for_each,
    "TRY_CATCH": _try_catch,
    "SUB_WORKFLOW": _sub_workflow,
    "JSON_JQ_TRANSFORM": _jq,
    "WAIT": _wait,
}
