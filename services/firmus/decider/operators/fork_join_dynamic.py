"""FORK_JOIN_DYNAMIC with a list of tasks and a map of their inputs (spec 3.6.8, variant B)."""

from typing import Any

import msgspec

from firmus.decider.context import Wanted, WantsMore, WorkflowFault
from firmus.decider.operators import join
from firmus.decider.operators.dynamic_branch import plan_dynamic
from firmus.decider.operators.operator import Operator
from firmus.decider.plan import Plan
from firmus.definitions.unsupported import task_unsupported
from firmus.workflow.walk import next_sibling
from firmus_contracts.definitions import TaskDef, WorkflowTask
from firmus_contracts.statuses import TaskStatus

_encode = msgspec.json.encode


def plan(planned: Plan, task: WorkflowTask) -> None:
    blueprint = planned.turn.context.blueprint
    following = next_sibling(blueprint, task.task_reference_name or "")
    if following is None or following.type != "JOIN":
        raise WorkflowFault(
            "Dynamic join definition is not followed by a join task.  "
            "Check the workflow definition."
        )
    given = planned.input_of(task, with_template=False)
    branches = _branches(given, task.dynamic_fork_tasks_param or "")
    branch_inputs = _inputs(given, task.dynamic_fork_tasks_input_param_name or "")
    _refuse_repeated(planned, task, branches)
    _refuse_unsupported(branches)
    task_defs = _task_defs(planned, [branch for branch, _ in branches])
    fork = planned.add(
        task,
        task_type="FORK",
        task_def_name="FORK",
        status=TaskStatus.COMPLETED,
        input={
            **given,
            "forkedTasks": [branch.task_reference_name for branch, _ in branches],
            "forkedTaskDefs": [raw for _, raw in branches],
        },
        node=task.task_reference_name,
        task_defs=task_defs,
    )
    joined = []
    for branch, raw in branches:
        ref = branch.task_reference_name or ""
        if planned.exists(f"{ref}{planned.suffix}"):
            continue
        joined.append(ref)
        own = branch_inputs.get(ref)
        plan_dynamic(
            planned,
            branch,
            raw=msgspec.Raw(_encode(raw)),
            fork=fork,
            template=branch_template(branch, own),
            task_def=branch.task_definition or task_defs.get(branch.name or ""),
        )
    join.plan(planned, following, join_on=joined, extra_input=following.input_parameters)


def branch_template(branch: WorkflowTask, own: Any) -> dict[str, Any]:
    """A branch's own parameters with what the fork's map gives it over them."""
    return {**branch.input_parameters, **(own if isinstance(own, dict) else {})}


def _branches(given: dict[str, Any], parameter: str) -> list[tuple[WorkflowTask, dict[str, Any]]]:
    value = given.get(parameter)
    try:
        if not isinstance(value, list):
            raise TypeError(parameter)  # noqa: TRY301 - one way out for all that is not a list of tasks
        tasks = [(msgspec.convert(item, WorkflowTask, strict=False), item) for item in value]
        if any(not task.task_reference_name for task, _ in tasks):
            raise TypeError(parameter)  # noqa: TRY301
    except (TypeError, msgspec.ValidationError) as problem:
        raise WorkflowFault(
            f"Input '{parameter}' is invalid. Cannot deserialize a list of Workflow Tasks "
            f"from '{value}'"
        ) from problem
    return tasks


def _inputs(given: dict[str, Any], parameter: str) -> dict[str, Any]:
    value = given.get(parameter)
    if not isinstance(value, dict):
        raise WorkflowFault(
            "Input to the dynamically forked tasks is not a map -> expecting a map of K,V  "
            f"but found {value}"
        )
    return value


def _refuse_repeated(
    planned: Plan, task: WorkflowTask, branches: list[tuple[WorkflowTask, dict[str, Any]]]
) -> None:
    for branch, _ in branches:
        ref = f"{branch.task_reference_name}{planned.suffix}"
        if planned.turn.state.task(ref) is not None:
            raise WorkflowFault(
                "No dynamic tasks could be created for the Workflow: "
                f"{planned.turn.state.workflow_id}, Dynamic Fork Task: "
                f"{task.task_reference_name} attempted to create a duplicate task reference "
                f"name: {ref}"
            )


def _refuse_unsupported(branches: list[tuple[WorkflowTask, dict[str, Any]]]) -> None:
    """What registration refuses in a definition is refused here in data too."""
    for branch, _ in branches:
        problems = task_unsupported(branch)
        if problems:
            ref = branch.task_reference_name
            raise WorkflowFault(f"Task {ref} of a dynamic fork: {problems[0].message}")


def _task_defs(planned: Plan, branches: list[WorkflowTask]) -> dict[str, TaskDef]:
    """Registered definitions by name; a branch without one has neither retries nor timeouts."""
    names = {b.name for b in branches if b.name and b.task_definition is None}
    known = planned.turn.answers.task_defs
    unknown = tuple(sorted(names - known.keys()))
    if unknown:
        raise WantsMore(Wanted(task_defs=unknown))
    found = ((name, known[name]) for name in sorted(names))
    return {name: task_def for name, task_def in found if task_def is not None}


OPERATOR = Operator(plan=plan)
