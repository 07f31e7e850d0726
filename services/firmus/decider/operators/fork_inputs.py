"""What a FORK_JOIN_DYNAMIC is told to fork: three forms, one list of branches (spec 3.6.8).

A. `forkTaskInputs`: a list, one branch of the same kind for each element. It wins over the others.
B. `dynamicForkTasksParam` names a list of tasks, `dynamicForkTasksInputParamName` a map of inputs.
C. `dynamicForkJoinTasksParam` names `{dynamicTasks: [{taskName, referenceName, type, input}]}`.
"""

from collections.abc import Collection
from typing import Any

import msgspec

from firmus.decider.context import WorkflowFault
from firmus_contracts.bodies import convert_workflow_task
from firmus_contracts.definitions import SubWorkflowParams, WorkflowTask
from firmus_contracts.errors import Refusal

replace = msgspec.structs.replace
_encode = msgspec.json.encode
NO_JSON = msgspec.Raw(b"")


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """`raw` is the task's JSON as it travels in events; `own` is laid over its parameters."""

    task: WorkflowTask
    raw: msgspec.Raw
    own: dict[str, Any] = {}

    @property
    def ref(self) -> str:
        return self.task.task_reference_name or ""

    @property
    def own_bytes(self) -> int:
        return len(_encode(self.own)) if self.own else 0

    @property
    def template(self) -> dict[str, Any]:
        """The input before its expressions are resolved."""
        return branch_template(self.task, self.own)


def branch_template(branch: WorkflowTask, own: Any) -> dict[str, Any]:
    """A branch's own parameters with what the fork's map gives it over them."""
    return {**branch.input_parameters, **(own if isinstance(own, dict) else {})}


def own_input(fork: WorkflowTask, given: dict[str, Any], ref: str | None) -> Any:
    """What the fork's map gives a branch; only form B has such a map."""
    if isinstance(given.get("forkTaskInputs"), list):
        return {}
    inputs = given.get(fork.dynamic_fork_tasks_input_param_name or "")
    return inputs.get(ref) if isinstance(inputs, dict) else {}


def branches_of(
    fork: WorkflowTask, given: dict[str, Any], *, system_types: Collection[str], forked_before: bool
) -> list[Branch]:
    """The branches in order. Raises WorkflowFault with Conductor's words.

    Of two with the same reference the later one counts. `forked_before`: the execution holds a row
    of a dynamic fork, so that references made from a name alone might be taken.
    """
    elements = given.get("forkTaskInputs")
    if isinstance(elements, list):
        same = _Same.of(fork, given, system_types, forked_before=forked_before)
        found = [same.branch(index, element) for index, element in enumerate(elements)]
    elif fork.dynamic_fork_tasks_param is not None:
        found = _listed(fork, given, fork.dynamic_fork_tasks_param)
    else:
        found = _legacy(given, fork.dynamic_fork_join_tasks_param)
    return list({branch.ref: branch for branch in found}.values())


def branch_again(fork: WorkflowTask, made: dict[str, Any], index: int) -> Branch:
    """A branch that a FORK row was made for, read from that row's own input."""
    definition = made["forkedTaskDefs"][index]
    return Branch(
        task=_task(definition),
        raw=msgspec.Raw(_encode(definition)),
        own=branch_template(WorkflowTask(), own_input(fork, made, made["forkedTasks"][index])),
    )


class _Same(msgspec.Struct, frozen=True, kw_only=True):
    """Form A: what all branches have in common."""

    prefix: str
    name: str
    kind: str
    child: SubWorkflowParams | None
    optional: bool

    @classmethod
    def of(
        cls,
        fork: WorkflowTask,
        given: dict[str, Any],
        system_types: Collection[str],
        *,
        forked_before: bool,
    ) -> "_Same":
        ref = fork.task_reference_name or ""
        kind = _text(given, "forkTaskType") or "SIMPLE"
        name = _text(given, "forkTaskName") or (kind if kind in system_types else ref)
        workflow = _text(given, "forkTaskWorkflow")
        version = _text(given, "forkTaskWorkflowVersion") or ""
        child = None
        if workflow:
            number = int(version) if version.isascii() and version.isdigit() else None
            child = SubWorkflowParams(name=workflow, version=number)
        return cls(
            prefix=f"_{ref}_{name}" if forked_before else f"_{name}",
            name=name,
            kind=kind if child is None else "SUB_WORKFLOW",
            child=child,
            optional=fork.optional,
        )

    def branch(self, index: int, element: Any) -> Branch:
        entries = element if isinstance(element, dict) else {"input": element}
        task = replace(
            _as_task(element),
            name=self.name,
            task_reference_name=f"{self.prefix}_{index}",
            type=self.kind,
        )
        if self.optional:
            task = replace(task, optional=True)
        if self.child is not None:
            domains = entries.get("taskToDomain")
            child = replace(self.child, task_to_domain=domains if _is_map(domains) else None)
            task = replace(task, name=self.child.name, sub_workflow_param=child)
        inputs = {**task.input_parameters, **entries, "__index": index}
        return _complete(replace(task, input_parameters=inputs))


def _as_task(element: Any) -> WorkflowTask:
    """What of an element reads as properties of a task, such as `optional`."""
    if not isinstance(element, dict):
        return WorkflowTask()
    try:
        return convert_workflow_task(element)
    except Refusal:
        return WorkflowTask()


def _is_map(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())


def _text(given: dict[str, Any], key: str) -> str | None:
    value = given.get(key)
    if value is not None and not isinstance(value, str):
        raise WorkflowFault(f"Input '{key}' of a dynamic fork must be a text, but is {value}")
    return value


def _complete(task: WorkflowTask) -> Branch:
    """A branch that firmus put together itself: its JSON is that of the task."""
    return Branch(task=task, raw=msgspec.Raw(_encode(task)))


def _listed(fork: WorkflowTask, given: dict[str, Any], parameter: str) -> list[Branch]:
    """Form B."""
    value = given.get(parameter)
    try:
        if not isinstance(value, list):
            raise TypeError(parameter)  # noqa: TRY301 - one way out for all that is no list of tasks
        tasks = [_task(item) for item in value]
    except (TypeError, msgspec.ValidationError, Refusal) as problem:
        raise WorkflowFault(
            f"Input '{parameter}' is invalid. Cannot deserialize a list of Workflow Tasks "
            f"from '{value}'"
        ) from problem
    inputs = given.get(fork.dynamic_fork_tasks_input_param_name or "")
    if not isinstance(inputs, dict):
        raise WorkflowFault(
            "Input to the dynamically forked tasks is not a map -> expecting a map of K,V  "
            f"but found {inputs}"
        )
    return [
        Branch(
            task=task,
            raw=msgspec.Raw(_encode(item)),
            own=branch_template(WorkflowTask(), inputs.get(task.task_reference_name)),
        )
        for task, item in zip(tasks, value, strict=True)
    ]


def _task(item: Any) -> WorkflowTask:
    try:
        task = msgspec.convert(item, WorkflowTask, strict=False)
    except msgspec.ValidationError:
        task = convert_workflow_task(item)
    if not task.task_reference_name:
        raise TypeError("a task without taskReferenceName")
    return task


def _legacy(given: dict[str, Any], parameter: str | None) -> list[Branch]:
    """Form C."""
    plan = given.get(parameter) if parameter is not None else None
    listed = plan.get("dynamicTasks") if isinstance(plan, dict) else None
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise WorkflowFault(
            f"Dynamic tasks could not be created. The value of {parameter} from task's input "
            f"{given} has no dynamic tasks to be scheduled"
        )
    return [_legacy_branch(entry, parameter or "") for entry in listed]


def _legacy_branch(entry: dict[str, Any], parameter: str) -> Branch:
    document = {
        "name": entry.get("taskName"),
        "taskReferenceName": entry.get("referenceName"),
        "type": entry.get("type") or "SIMPLE",
        "inputParameters": entry.get("input") or {},
    }
    try:
        return _complete(_task(document))
    except (TypeError, msgspec.ValidationError, Refusal) as problem:
        raise WorkflowFault(
            f"Input '{parameter}' is invalid. Cannot deserialize a dynamic task from '{entry}'"
        ) from problem
