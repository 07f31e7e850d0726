"""FORK_JOIN_DYNAMIC: as many branches as the input says, begun at once with their JOIN (3.6.8).

What the branches are is read in `fork_inputs.py`, their rows are planned in `dynamic_branch.py`.
Many or large branches are made in parts, one for each commit; the JOIN comes with the last.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from firmus.decider.context import Wanted, WantsMore, WorkflowFault
from firmus.decider.operators import join
from firmus.decider.operators.dynamic_branch import plan_dynamic
from firmus.decider.operators.fork_inputs import Branch, branch_again, branches_of
from firmus.decider.operators.operator import Operator
from firmus.decider.operators.registry import OPERATORS
from firmus.decider.payload_limits import excess, reason
from firmus.decider.plan import Plan
from firmus.decider.turn import Turn
from firmus.definitions.unsupported import task_unsupported
from firmus.workflow.masking import masked
from firmus.workflow.state import TaskState
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

REASON_MAX = 2_000
"""Characters of a reason that quotes its input."""

PART_MAX_BYTES = 1024 * 1024
"""About so much JSON of branches goes into one commit."""


def plan(planned: Plan, task: WorkflowTask) -> None:
    turn = planned.turn
    following = _join_of(turn, task)
    given = planned.input_of(task, with_template=False)
    branches = _branches(planned, task, given)
    _refuse_repeated(planned, task, branches)
    _refuse_unsupported(branches)
    task_defs = _task_defs(planned, branches)
    fork_input = _fork_input(given, branches)
    size = excess(fork_input, turn.payload_max_bytes)
    if size:
        what = f"task: {turn.state.task_id(planned.next_ordinal)}"
        raise WorkflowFault(reason(size, what, turn.payload_max_bytes))
    fork = planned.add(
        task,
        task_type="FORK",
        task_def_name="FORK",
        status=TaskStatus.COMPLETED,
        input=fork_input,
        node=task.task_reference_name,
        task_defs=task_defs,
    )
    refs = [branch.ref for branch in branches]
    _plan_part(planned, _Fork(fork, task, following, refs, task_defs, branches.__getitem__))


def _branches(planned: Plan, task: WorkflowTask, given: dict[str, Any]) -> list[Branch]:
    """The branches. Raises WorkflowFault with a short reason that shows no masked fields."""
    read = partial(
        branches_of,
        task,
        system_types=OPERATORS.keys() - {"SIMPLE"},
        forked_before=_forked_before(planned, task),
    )
    names = planned.turn.context.blueprint.masked
    try:
        return read(given)
    except WorkflowFault as fault:
        told = fault.reason
        if names:
            told = f"The input of dynamic fork {task.task_reference_name} cannot be read"
            try:
                read(masked(given, names))
            except WorkflowFault as shown:
                told = shown.reason
        raise WorkflowFault(told[:REASON_MAX]) from fault


def next_part(turn: Turn, row: TaskState) -> bool:
    """Makes the branches of a FORK row that are not there yet, a part for each commit. False: all
    of them and the JOIN are there, or it is the row of a FORK_JOIN.
    """
    task, _ = turn.definition_of(row)
    if task.type != "FORK_JOIN_DYNAMIC":
        return False
    following = _join_of(turn, task)
    made = row.made
    planned = Plan(
        turn,
        suffix=row.ref.removeprefix(made.node or row.ref),
        iteration=made.iteration,
        within=made.within,
    )
    if planned.exists(planned.ref_of(following)):
        return False
    turn.todo.append(row.ordinal)
    if turn.is_new(row) or row.ordinal in turn.parted:
        turn.cut = True
        return True
    refs, again = row.input["forkedTasks"], partial(branch_again, task, row.input)
    _plan_part(planned, _Fork(row.ordinal, task, following, refs, made.task_defs, again))
    planned.make()
    turn.parted.add(row.ordinal)
    return True


class _Fork(msgspec.Struct, frozen=True):
    """A FORK row whose branches are being made: its ordinal, its task, its JOIN, the references of
    all its branches in order, and each branch by its place.
    """

    ordinal: int
    task: WorkflowTask
    join: WorkflowTask
    refs: list[str]
    task_defs: dict[str, TaskDef]
    branch: Callable[[int], Branch]


def _plan_part(planned: Plan, fork: _Fork) -> None:
    """Plans branches as far as one commit goes; with the last of them the JOIN."""
    turn, size = planned.turn, 0
    last: dict[str, str] = {}
    for index, ref in enumerate(fork.refs):
        if planned.exists(f"{ref}{planned.suffix}"):
            continue
        branch = fork.branch(index)
        if len(planned.rows) >= turn.context.limits.events_max or size >= PART_MAX_BYTES:
            return
        size += len(branch.raw) + branch.own_bytes
        last[ref] = plan_dynamic(
            planned,
            branch.task,
            raw=branch.raw,
            fork=fork.ordinal,
            fork_ref=fork.task.task_reference_name or "",
            template=branch.template,
            task_def=branch.task.task_definition or fork.task_defs.get(branch.task.name or ""),
        )
    known = frozenset(fork.refs)
    joined = [last.get(ref) or _last_ref(planned, ref, fork.ordinal, known) for ref in fork.refs]
    join.plan(planned, fork.join, join_on=joined, extra_input=fork.join.input_parameters)


def _last_ref(planned: Plan, ref: str, fork: int, known: frozenset[str]) -> str:
    """The reference of the last row of a branch that was made before: of a SWITCH that of the case
    it chose, whose row was made right after its own. `known` are the references of all branches.
    """
    state = planned.turn.state
    made = state.tasks[state.latest[f"{ref}{planned.suffix}"]].made
    while made.retried is not None:
        made = state.tasks[made.retried].made
    ordinal = made.ordinal
    while (row := state.tasks.get(ordinal + 1)) is not None and row.made.forked_by == fork:
        inner = row.made.node or row.ref
        if inner in known:
            break
        ref, ordinal = inner, ordinal + 1
    return ref


def _join_of(turn: Turn, task: WorkflowTask) -> WorkflowTask:
    following = next_sibling(turn.context.blueprint, task.task_reference_name or "")
    if following is None or following.type != "JOIN":
        raise WorkflowFault(
            "Dynamic join definition is not followed by a join task.  "
            "Check the workflow definition."
        )
    return following


def _fork_input(given: dict[str, Any], branches: list[Branch]) -> dict[str, Any]:
    return {
        **given,
        "forkedTasks": [branch.ref for branch in branches],
        "forkedTaskDefs": [msgspec.json.decode(branch.raw) for branch in branches],
    }


def _forked_before(planned: Plan, task: WorkflowTask) -> bool:
    """Whether the execution holds a row of a dynamic fork, in this or an earlier pass of a loop;
    the one that is planned once more does not count.
    """
    state = planned.turn.state
    own = task.task_reference_name if planned.instead is not None else None
    return any(
        node.task.type == "FORK_JOIN_DYNAMIC"
        and node.ref != own
        and (node.ref in state.latest or node.ref in state.looped)
        for node in planned.turn.context.blueprint.nodes.values()
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
