"""What is probably wrong with a definition, although it may be registered.

Conductor says nothing of these: tasks that can never run, expressions that name nothing, joins
that wait for ever, and workflows that lead back to themselves.
"""

import re
from collections.abc import Callable, Iterable, Mapping

import msgspec

from firmus.definitions.reference_checks import INNERMOST, SYSTEM_NAMES, texts_in
from firmus.definitions.task_checks import error
from firmus.workflow.blueprint import child_lists
from firmus.workflow.document import TASK_FIELDS, WORKFLOW_FIELDS
from firmus_contracts.definitions import WorkflowDef, WorkflowTask
from firmus_contracts.errors import ValidationError

Registered = Callable[[str], WorkflowDef | None]
"""The latest definition of a name."""

_UNCHECKED = frozenset({"secrets", "env"})
_OF_A_PASS = frozenset({"item", "index"})
_NAME = re.compile(r"[A-Za-z0-9_]+")


class _Found(msgspec.Struct, frozen=True):
    """A task of the tree: where it stands, in which order, and inside which loops."""

    task: WorkflowTask
    path: str
    order: int
    loops: tuple[str, ...]


def workflow_warnings(
    definition: WorkflowDef, registered: Registered
) -> tuple[ValidationError, ...]:
    """All warnings, those of tasks first, in the order of the text."""
    found: dict[str, _Found] = {}
    warnings: list[ValidationError] = []
    _walk(definition.tasks, "tasks", (), found, warnings)
    for each in found.values():
        warnings += _of_task(each, found)
    for key, text in texts_in(None, definition.output_parameters):
        for problem in _unknown(text, found, None):
            warnings.append(error(f"outputParameters.{key}", problem, text))
    warnings += _cycles(definition, registered)
    return tuple(warnings)


def _walk(
    tasks: list[WorkflowTask],
    path: str,
    loops: tuple[str, ...],
    found: dict[str, _Found],
    warnings: list[ValidationError],
) -> None:
    """Notes every task by its reference, and warns of those behind an end."""
    ended_by: str | None = None
    for index, task in enumerate(tasks):
        ref = task.task_reference_name or ""
        place = f"{path}[{index}]"
        if ended_by is not None:
            message = f"task {ref} can never run: {ended_by} before it always ends the workflow"
            warnings.append(error(place, message, ref))
        found[ref] = _Found(task, place, len(found), loops)
        inside = (*loops, ref) if task.type == "DO_WHILE" else loops
        for number, inner in enumerate(child_lists(task)):
            _walk(inner, f"{place}.<{number}>", inside, found, warnings)
        if ended_by is None and _ends(task):
            ended_by = ref


def _ends(task: WorkflowTask) -> bool:
    """Whether a task ends the workflow whatever happens."""
    if task.type == "TERMINATE":
        return True
    if task.type not in {"SWITCH", "DECISION"}:
        return False
    branches = [*task.decision_cases.values(), task.default_case]
    return all(any(_ends(inner) for inner in branch) for branch in branches)


def _of_task(each: _Found, found: Mapping[str, _Found]) -> Iterable[ValidationError]:
    task = each.task
    texts = [
        *(("inputParameters", key, text) for key, text in texts_in(None, task.input_parameters)),
        *(("items", None, text) for _, text in texts_in(None, task.items)),
    ]
    for field, key, text in texts:
        for problem in _unknown(text, found, each):
            path = f"{each.path}.{field}" if key is None else f"{each.path}.{field}.{key}"
            yield error(path, problem, text)
    if task.type == "JOIN" and _is_dynamic_join(each, found):
        return
    for field, refs in (
        ("joinOn", task.join_on),
        ("defaultExclusiveJoinTask", task.default_exclusive_join_task),
    ):
        for ref in refs:
            if ref not in found:
                message = f"{task.task_reference_name} waits for {ref}, which no task is called"
                yield error(f"{each.path}.{field}", message, ref)
    if task.type == "EXCLUSIVE_JOIN" and not task.join_on:
        message = f"{task.task_reference_name} waits for nothing and so for ever"
        yield error(f"{each.path}.joinOn", message)
    if task.type == "FORK_JOIN" and not all(task.fork_tasks):
        message = f"{task.task_reference_name} has a branch without tasks: no start will succeed"
        yield error(f"{each.path}.forkTasks", message)


def _is_dynamic_join(each: _Found, found: Mapping[str, _Found]) -> bool:
    """A JOIN behind a dynamic fork waits for what was forked, not for its own list."""
    before = [other for other in found.values() if other.order == each.order - 1]
    return bool(before) and before[0].task.type == "FORK_JOIN_DYNAMIC"


def _unknown(text: str, found: Mapping[str, _Found], reader: _Found | None) -> Iterable[str]:
    """What expressions of a text read that is not there, or not there yet."""
    for match in INNERMOST.finditer(text):
        expression = match[1]
        root, _, rest = expression.partition(".")
        if expression in SYSTEM_NAMES or not _NAME.fullmatch(root):
            continue
        field = _first_name(rest)
        if root == "workflow":
            if field and field not in WORKFLOW_FIELDS and field not in _UNCHECKED:
                yield f"${{{expression}}}: a workflow has no {field}"
            continue
        target = found.get(root)
        if target is None:
            yield f"${{{expression}}}: no task is called {root}"
        elif target.task.type == "FOR_EACH" and field in _OF_A_PASS:
            continue
        elif field and field not in TASK_FIELDS:
            yield f"${{{expression}}}: a task has no {field}, only {', '.join(sorted(TASK_FIELDS))}"
        elif reader is not None and target.order > reader.order and not _share_loop(target, reader):
            yield f"${{{expression}}}: task {root} comes later, so this is null"


def _first_name(rest: str) -> str:
    found = _NAME.match(rest)
    return found[0] if found else ""


def _share_loop(one: _Found, other: _Found) -> bool:
    return bool(set(one.loops) & {*other.loops, other.task.task_reference_name})


def _cycles(definition: WorkflowDef, registered: Registered) -> Iterable[ValidationError]:
    """Sub-workflows and failure workflows by whose names one comes back to this definition."""
    for field, name in _leads_to(definition):
        trail = _way_back(name, definition.name, registered)
        if trail:
            shown = " -> ".join([definition.name, *trail])
            yield error(field, f"{shown}: it starts itself, without end unless something stops it")


def _leads_to(definition: WorkflowDef) -> Iterable[tuple[str, str]]:
    pending = [(f"tasks[{index}]", task) for index, task in enumerate(definition.tasks)]
    while pending:
        path, task = pending.pop(0)
        params = task.sub_workflow_param
        if task.type == "SUB_WORKFLOW" and params and params.workflow_definition is None:
            name = params.name or ""
            if name and not name.startswith("${"):
                yield f"{path}.subWorkflowParam.name", name
        for number, inner in enumerate(child_lists(task)):
            pending += [(f"{path}.<{number}>[{i}]", one) for i, one in enumerate(inner)]
    if definition.failure_workflow and not definition.failure_workflow.startswith("$"):
        yield "failureWorkflow", definition.failure_workflow


def _way_back(start: str, goal: str, registered: Registered) -> list[str]:
    """The names from `start` to `goal`, or nothing."""
    trails: list[list[str]] = [[start]]
    seen = {start}
    while trails:
        trail = trails.pop(0)
        if trail[-1] == goal:
            return trail
        definition = registered(trail[-1])
        for _, name in _leads_to(definition) if definition is not None else ():
            if name not in seen:
                seen.add(name)
                trails.append([*trail, name])
    return []
