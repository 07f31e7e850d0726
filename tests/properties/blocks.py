"""What must hold of FOR_EACH and TRY_CATCH rows after every step of a walk."""

from firmus.decider.passes import body_refs, own_suffix, pass_of, suffix_of
from firmus.workflow.state import TaskState, WorkflowState
from firmus_contracts.statuses import TaskStatus
from tests.flow import Flow


def check_blocks(flow: Flow) -> None:
    state = flow.state
    assert state is not None
    for row in state.rows():
        if row.made.task_type == "FOR_EACH":
            _check_each(flow, state, row)
        elif row.made.task_type == "TRY_CATCH":
            _check_try(flow, state, row)
        for each, index in (row.input.get("at") or {}).items():
            assert index == _index(state, row, each), f"{row.ref} is given another pass's element"


def _inside(state: WorkflowState, block: TaskState) -> list[TaskState]:
    rows = state.tasks.values()
    return [row for row in rows if pass_of(state, row.made, block.ordinal) is not None]


def _check_each(flow: Flow, state: WorkflowState, row: TaskState) -> None:
    still = [one for one in _inside(state, row) if not one.status.terminal]
    if row.status.terminal:
        assert not still, f"{row.ref} has ended with open tasks"
    else:
        assert (
            len({pass_of(state, one.made, row.ordinal) for one in still}) <= row.input["parallel"]
        )
    if row.status is TaskStatus.COMPLETED:
        node = flow.blueprint.nodes[row.made.node or row.ref]
        refs = body_refs(flow.blueprint, node.task)
        assert row.output["count"] == len(row.input["items"])
        for number, result in enumerate(row.output["results"], 1):
            suffix = suffix_of(row, number)
            rows = {ref: state.task(ref + suffix) for ref in refs}
            made = {ref: one.output for ref, one in rows.items() if one is not None}
            assert {ref: result[ref] for ref in made} == made


def _check_try(flow: Flow, state: WorkflowState, row: TaskState) -> None:
    if not row.status.terminal:
        return
    assert not [one for one in _inside(state, row) if not one.status.terminal]
    task = flow.blueprint.nodes[row.made.node or row.ref].task
    if task.finally_tasks and row.status is not TaskStatus.CANCELED:
        first = task.finally_tasks[0].task_reference_name
        assert state.task(f"{first}{own_suffix(row)}") is not None, (
            f"{row.ref} has left its end out"
        )
    assert (row.status is TaskStatus.COMPLETED) == (
        "error" not in row.output or row.output.get("caught") is True
    ) or row.status is TaskStatus.CANCELED


def _index(state: WorkflowState, row: TaskState, each: str) -> int | None:
    within = row.made.within
    while within is not None:
        loop = state.tasks[within]
        if loop.made.node == each:
            number = pass_of(state, row.made, within)
            return None if number is None else number - 1
        within = loop.made.within
    return None
