"""FORK_JOIN_DYNAMIC: as many branches as the input says, begun at once with their JOIN (3.6.8).

What the branches are is read in `fork_inputs.py`, their rows are planned in `dynamic_branch.py`.
"""

from typing import Any

import msgspec

from firmus.decider.context import Wanted, WantsMore, WorkflowFault
from firmus.decider.operators import join
from firmus.decider.operators.dynamic_branch import plan_dynamic
from firmus.decider.operators.fork_inputs import Branch, branches_of
from firmus.decider.operators.operator import Operator
from firmus.decider.operators.registry import OPERATORS
from firmus.decider.plan import Plan
from firmus.decider.turn import Turn
from firmus.definitions.unsupported import task_unsupported
from firmus.workflow.walk import next_sibling
from firmus_contracts.definitions import TaskDef, WorkflowTask
from firmus_contracts.statuses import TaskStatus

NEVER_A_BRANCH = {
    "DO_WHILE": "put the loop into a sub-workflow",
    "FOR_EACH": "put the loop into a sub-workflow",
    "TRY_CATCH": "put the block into a sub-workflow",
    "FORK_JOIN": "put the fork into a sub-workflow",
    "FORK_JOIN_DYNAMIC": "put the fork into a sub-workflow",
}
"""Types that live off what follows or lies inside them in the definition."""


def plan(planned: Plan, task: WorkflowTask) -> None:
    turn = planned.turn
    following = next_sibling(turn.context.blueprint, task.task_reference_name or "")
    if following is None or following.type != "JOIN":
        raise WorkflowFault(
            "Dynamic join definition is not followed by a join task.  "
            "Check the workflow definition."
        )
    given = planned.input_of(task, with_template=False)
    branches = branches_of(
        task, given, system_types=OPERATORS.keys() - {"SIMPLE"}, forked_before=_forked_before(turn)
    )
    _refuse_repeated(planned, task, branches)
    _refuse_unsupported(branches)
    task_defs = _task_defs(planned, branches)
    fork = planned.add(
        task,
        task_type="FORK",
        task_def_name="FORK",
        status=TaskStatus.COMPLETED,
        input=_fork_input(given, branches),
        node=task.task_reference_name,
        task_defs=task_defs,
    )
    joined = []
    for branch in branches:
        last = branch.ref
        if not planned.exists(f"{branch.ref}{planned.suffix}"):
            last = plan_dynamic(
                planned,
                branch.task,
                raw=branch.raw,
                fork=fork,
                template=branch.template,
                task_def=branch.task.task_definition or task_defs.get(branch.task.name or ""),
            )
        joined.append(last)
    join.plan(planned, following, join_on=joined, extra_input=following.input_parameters)


def _fork_input(given: dict[str, Any], branches: list[Branch]) -> dict[str, Any]:
    return {
        **given,
        "forkedTasks": [branch.ref for branch in branches],
        "forkedTaskDefs": [msgspec.json.decode(branch.raw) for branch in branches],
    }


def _forked_before(turn: Turn) -> bool:
    """Whether the execution holds a row of a dynamic fork, in this or an earlier pass of a loop."""
    state = turn.state
    return any(
        node.task.type == "FORK_JOIN_DYNAMIC"
        and (node.ref in state.latest or node.ref in state.looped)
        for node in turn.context.blueprint.nodes.values()
    )


def _refuse_repeated(planned: Plan, task: WorkflowTask, branches: list[Branch]) -> None:
    for branch in branches:
        ref = f"{branch.ref}{planned.suffix}"
        known = planned.turn.state.task(ref)
        if known is not None and known.status is not TaskStatus.SCHEDULED:
            raise WorkflowFault(
                "No dynamic tasks could be created for the Workflow: "
                f"{planned.turn.state.workflow_id}, Dynamic Fork Task: "
                f"{task.task_reference_name} attempted to create a duplicate task reference "
                f"name: {ref}"
            )


def _refuse_unsupported(branches: list[Branch]) -> None:
    """What registration refuses in a definition is refused here in data too."""
    for branch in branches:
        problems = task_unsupported(branch.task)
        what = NEVER_A_BRANCH.get(branch.task.type)
        if problems:
            what = problems[0].message
        if what is not None:
            kind = branch.task.type
            raise WorkflowFault(f"Task {branch.ref} ({kind}) of a dynamic fork: {what}")


def _task_defs(planned: Plan, branches: list[Branch]) -> dict[str, TaskDef]:
    """Registered definitions by name; a branch without one has neither retries nor timeouts."""
    tasks = [branch.task for branch in branches]
    names = {task.name for task in tasks if task.name and task.task_definition is None}
    known = planned.turn.answers.task_defs
    unknown = tuple(sorted(names - known.keys()))
    if unknown:
        raise WantsMore(Wanted(task_defs=unknown))
    found = ((name, known[name]) for name in sorted(names))
    return {name: task_def for name, task_def in found if task_def is not None}


OPERATOR = Operator(plan=plan)
