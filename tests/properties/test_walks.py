"""Random definitions walked at random: what must hold after every step.

Replay equals live is checked by Flow itself after every commit, through the stored bytes.
"""

from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmus.workflow.joins import joined_rows_refs
from firmus.workflow.state import TaskState
from firmus_contracts import commands as cmd
from firmus_contracts.statuses import ResultStatus, TaskStatus, WorkflowStatus
from tests.flow import WORKFLOW, Flow
from tests.properties.blocks import check_blocks
from tests.properties.definitions import Tasks, workflows

STEPS_MAX = 60
ANSWERS_MAX = 1_000
ENDS = [
    ResultStatus.COMPLETED,
    ResultStatus.COMPLETED,
    ResultStatus.COMPLETED,
    ResultStatus.FAILED,
    ResultStatus.FAILED_WITH_TERMINAL_ERROR,
    ResultStatus.IN_PROGRESS,
]
walk = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=False
)


def open_rows(flow: Flow) -> list[TaskState]:
    assert flow.state is not None
    return [row for row in flow.state.rows() if not row.status.terminal]


def can_move(row: TaskState) -> bool:
    """A worker, a timer, a child or a person can move this row on."""
    return row.made.queued or row.made.task_type in {"WAIT", "HUMAN", "SUB_WORKFLOW"}


def command_for(row: TaskState, flow: Flow, pick: int) -> Any:
    """What the outside may say about an open row."""
    task_id = flow.state.task_id(row.ordinal) if flow.state else ""
    name = f"w{len(flow.commits)}-{pick}"
    base = {"command_id": name, "workflow_id": WORKFLOW, "task_id": task_id}
    if row.made.task_type == "SUB_WORKFLOW":
        ended = list(WorkflowStatus)[2 + pick % 4] if pick % 3 == 0 else WorkflowStatus.COMPLETED
        return cmd.ReportChildEnded(**base, child_id=row.child_id or "", status=ended)
    if row.made.task_type == "WAIT":
        flow.clock.advance(5_000)
        return cmd.FireTimer(**base)
    if row.made.queued and row.status is TaskStatus.SCHEDULED and pick % 2:
        return cmd.BeginTask(**base, worker_id="w")
    status = ENDS[pick % len(ENDS)] if row.made.queued else ResultStatus.COMPLETED
    return cmd.UpdateTask(**base, status=status, output={"n": pick})


def go_on(flow: Flow) -> None:
    """Finishes a decision that was split, as decider and scheduler do."""
    while flow.state is not None and flow.state.split and flow.send(cmd.Continue):
        pass


def check_invariants(flow: Flow) -> None:
    state = flow.state
    assert state is not None
    rows = state.rows()
    attempts = [(row.ref, row.made.retry_count) for row in rows]
    assert len(set(attempts)) == len(attempts), "a row was made twice for one attempt"
    if state.status.terminal:
        assert not open_rows(flow), "an ended workflow has open rows"
    elif state.status is WorkflowStatus.RUNNING:
        assert any(can_move(row) for row in open_rows(flow)), f"stuck: {flow.rows()}"
    if state.status is WorkflowStatus.COMPLETED:
        assert len(state.pending) == 0
    check_blocks(flow)
    for row in rows:
        if row.made.task_type == "JOIN" and row.status is TaskStatus.COMPLETED:
            check_join(flow, row)


def check_join(flow: Flow, join: TaskState) -> None:
    assert flow.state is not None
    joined = {ref: flow.state.task(ref) for ref in joined_rows_refs(join.made)}
    assert all(row is not None and row.status.terminal for row in joined.values())
    assert join.output == {ref: row.output for ref, row in joined.items() if row and row.output}


@walk
@given(tasks=workflows(), picks=st.lists(st.integers(0, 10_000), max_size=STEPS_MAX))
def test_a_walk_keeps_every_invariant_and_never_gets_stuck(tasks: Tasks, picks: list[int]) -> None:
    flow = Flow(*tasks)
    flow.start({"x": 1})
    check_invariants(flow)
    for pick in picks:
        movable = [row for row in open_rows(flow) if can_move(row)]
        if not movable:
            break
        flow.submit(command_for(movable[pick % len(movable)], flow, pick))
        check_invariants(flow)


@walk
@given(tasks=workflows(), seed=st.integers(0, 2**32))
def test_a_workflow_whose_tasks_are_all_answered_comes_to_its_end(tasks: Tasks, seed: int) -> None:
    flow = Flow(*tasks, events_max=40)
    flow.start({"x": 1})
    picks = Random(seed)
    for _ in range(ANSWERS_MAX):
        go_on(flow)
        check_invariants(flow)
        movable = [row for row in open_rows(flow) if can_move(row)]
        if not movable:
            break
        flow.submit(command_for(picks.choice(movable), flow, picks.randrange(3)))

    assert flow.status != "RUNNING", flow.rows()


@walk
@given(
    tasks=workflows(),
    picks=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 20)), max_size=40),
)
def test_repeated_and_late_commands_change_nothing(
    tasks: Tasks, picks: list[tuple[int, int]]
) -> None:
    flow = Flow(*tasks)
    flow.start({"x": 1})
    sent: list[Any] = []
    for pick, earlier in picks:
        movable = [row for row in open_rows(flow) if can_move(row)]
        if not movable:
            break
        sent.append(command_for(movable[pick % len(movable)], flow, pick))
        flow.submit(sent[-1])
        before = flow.state
        flow.submit(sent[-1 - earlier % len(sent)])
        assert flow.state == before
        check_invariants(flow)


@walk
@given(tasks=workflows(), picks=st.lists(st.integers(0, 10_000), max_size=30))
def test_pausing_between_steps_loses_nothing(tasks: Tasks, picks: list[int]) -> None:
    flow = Flow(*tasks)
    flow.start({"x": 1})
    for pick in picks:
        movable = [row for row in open_rows(flow) if can_move(row)]
        if not movable:
            break
        flow.send(cmd.PauseWorkflow)
        flow.submit(command_for(movable[pick % len(movable)], flow, pick))
        assert flow.status == "PAUSED"
        flow.send(cmd.ResumeWorkflow)
        check_invariants(flow)
