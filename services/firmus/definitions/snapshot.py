"""The definition that a start runs: task definitions embedded, sub-workflow versions fixed.

Spec 3.1; the snapshot is frozen into the execution, so later registrations do not touch it.
"""

from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from firmus.workflow.blueprint import child_lists
from firmus_contracts.definitions import SubWorkflowParams, TaskDef, WorkflowDef, WorkflowTask
from firmus_contracts.errors import Refusal

TaskDefs = Callable[[str], TaskDef | None]
LatestVersion = Callable[[str], int | None]


def resolve(
    definition: WorkflowDef, task_defs: TaskDefs, latest_version: LatestVersion
) -> WorkflowDef:
    """Resolves every task of the tree, inside switches, forks and loops too.

    Inline definitions of sub-workflows are left as they are: their own start resolves them.
    Raises Refusal when a sub-workflow without a version is not registered (corrections, 3.6.14).
    """
    parents_first: list[WorkflowTask] = []
    pending = list(definition.tasks)
    while pending:
        task = pending.pop()
        parents_first.append(task)
        for inner in child_lists(task):
            pending.extend(inner)
    resolved: dict[int, WorkflowTask] = {}
    for task in reversed(parents_first):
        whole = _with_children(task, resolved)
        whole = _with_definition(whole, task_defs)
        resolved[id(task)] = _with_version(whole, latest_version)
    return replace(definition, tasks=[resolved[id(task)] for task in definition.tasks])


def _with_children(task: WorkflowTask, resolved: dict[int, WorkflowTask]) -> WorkflowTask:
    if not any(child_lists(task)):
        return task

    def each(tasks: list[WorkflowTask]) -> list[WorkflowTask]:
        return [resolved[id(inner)] for inner in tasks]

    return replace(
        task,
        decision_cases={case: each(tasks) for case, tasks in task.decision_cases.items()},
        default_case=each(task.default_case),
        fork_tasks=[each(branch) for branch in task.fork_tasks],
        loop_over=each(task.loop_over),
        try_tasks=each(task.try_tasks),
        catch_handlers=[
            replace(handler, tasks=each(handler.tasks)) for handler in task.catch_handlers
        ],
        finally_tasks=each(task.finally_tasks),
    )


def _with_definition(task: WorkflowTask, task_defs: TaskDefs) -> WorkflowTask:
    """An embedded definition wins; a task without a name gets none (spec 0.5, 3.1)."""
    if task.task_definition is not None or task.name is None or not task.name.strip():
        return task
    found = task_defs(task.name)
    return replace(task, task_definition=found or _implicit(task.name, task.type))


def _implicit(name: str, task_type: str) -> TaskDef:
    """What an unregistered task gets: a worker's all the defaults, any other neither retries nor a
    response timeout (spec 0.5).
    """
    if task_type == "SIMPLE":
        return msgspec.convert({"name": name}, TaskDef)
    return msgspec.convert({"name": name, "retryCount": 0, "responseTimeoutSeconds": 0}, TaskDef)


def _with_version(task: WorkflowTask, latest_version: LatestVersion) -> WorkflowTask:
    params = task.sub_workflow_param
    if task.type != "SUB_WORKFLOW" or params is None:
        return task
    pinned = _pin(params, latest_version)
    return task if pinned is params else replace(task, sub_workflow_param=pinned)


def _pin(params: SubWorkflowParams, latest_version: LatestVersion) -> SubWorkflowParams:
    """With an inline definition, name and version are that definition's own (spec 1.4); one given
    by an expression is known only when the task is reached.
    """
    inline = params.workflow_definition
    if isinstance(inline, dict):
        return replace(params, name=inline.get("name"), version=inline.get("version", 1))
    if params.version is not None or inline is not None:
        return params
    version = None if params.name is None else latest_version(params.name)
    if version is None:
        raise Refusal(
            "INVALID",
            f"The Task {'null' if params.name is None else params.name} defined as a sub-workflow"
            " has no workflow definition available ",
        )
    return replace(params, version=version)
