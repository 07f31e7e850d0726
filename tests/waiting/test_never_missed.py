"""Over random families of workflows: whatever can end a wait is told to its waiter, and the open
rows that the search looks at are all that there are.
"""

from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from firmus.workflow.blocking import child_of, ends_a_wait, is_over, stops, waits
from firmus.workflow.state import WorkflowState
from firmus_contracts import commands as cmd
from tests.flow import Flow
from tests.properties.definitions import Tasks, families, workflows
from tests.properties.family import Family
from tests.properties.test_walks import can_move, command_for, open_rows, walk

STEPS_MAX = 60


def endless(task: Any) -> Any:
    """The same tasks, with waits that only somebody's update can end."""
    if isinstance(task, list):
        return [endless(each) for each in task]
    if not isinstance(task, dict):
        return task
    given = {name: endless(value) for name, value in task.items()}
    return {**given, "inputParameters": {}} if task.get("type") == "WAIT" else given


def move(flow: Flow, picks: Random) -> bool:
    """Somebody moves an open row on; False when there is none."""
    movable = [row for row in open_rows(flow) if can_move(row)]
    if flow.state is not None and flow.state.split:
        flow.send(cmd.Continue)
    elif movable:
        row = picks.choice(movable)
        if row.made.task_type == "WAIT" and row.made.deadline_ms is None:
            flow.update(row.ref)
        else:
            flow.submit(command_for(row, flow, picks.randrange(100)))
    return bool(movable)


def seen(state: WorkflowState | None, refs: list[str]) -> set[int]:
    """Ordinals of what a waiter stops at, found by looking at every row."""
    if state is None:
        return set()
    return {
        row.ordinal
        for row in state.rows()
        if (row.made.task_type == "WAIT" and not row.status.terminal and not row.made.deadline_ms)
        or child_of(row)
        or (row.ref in refs and row.status.terminal)
    }


def check(flow: Flow, before: WorkflowState | None, told: int, refs: list[str]) -> None:
    """What the commits since `told` made of `before`."""
    state = flow.state
    assert state is not None
    found = {row.ordinal for row in stops(state, refs)}
    named = {row.ordinal for row in state.rows() if row.ref in refs}
    assert found - named == seen(state, []) - named
    assert {row.ref for row in stops(state, refs) if row.status.terminal} == {
        row.ref for row in state.rows() if row.status.terminal and row.ref in refs
    }
    assert len(waits(state)) == sum(r.made.task_type == "WAIT" for r in open_rows(flow))
    new = seen(state, refs) - seen(before, refs)
    ended = is_over(state) and not (before is not None and is_over(before))
    if new or ended:
        assert any(ends_a_wait(it.events, state, refs) for it in flow.commits[told:])


@walk
@given(tasks=workflows(), seed=st.integers(0, 2**32))
def test_in_one_workflow(tasks: Tasks, seed: int) -> None:
    picks = Random(seed)
    flow, before, told = Flow(*endless(tasks), events_max=40), None, 0
    flow.start({"x": 1})
    for _ in range(STEPS_MAX):
        refs = [row.ref for row in flow.state.rows()][:: picks.randint(1, 4)] if flow.state else []
        check(flow, before, told, refs)
        before, told = flow.state, len(flow.commits)
        if not move(flow, picks):
            break


@walk
@given(tasks=families(), seed=st.integers(0, 2**32))
def test_in_a_family(tasks: Tasks, seed: int) -> None:
    picks = Random(seed)
    family = Family(tasks, picks, events_max=40)
    last: dict[str, tuple[WorkflowState | None, int]] = {}
    for _ in range(STEPS_MAX):
        for workflow_id, flow in family.flows.items():
            before, told = last.get(workflow_id, (None, 0))
            if flow.state is not None and len(flow.commits) > told:
                check(flow, before, told, [row.ref for row in flow.state.rows()][::3])
                last[workflow_id] = (flow.state, len(flow.commits))
        moves = family.moves()
        if not moves:
            break
        family.step(moves)
