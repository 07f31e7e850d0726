"""Families of random workflows, walked at random: no workflow is left without something that will
move it on, children and parents agree in the end, and messages between them may come in any order,
and twice.
"""

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmus_contracts.statuses import TaskStatus, WorkflowStatus
from tests.properties.blocks import check_blocks
from tests.properties.definitions import Tasks, families
from tests.properties.family import Family, told_of
from tests.properties.test_walks import check_join

STEPS_MAX = 600
walk = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=False
)


def check(family: Family) -> None:
    for flow in family.flows.values():
        state = flow.state
        assert state is not None
        rows = state.rows()
        attempts = {(row.ref, row.made.retry_count) for row in rows}
        assert len(attempts) == len(rows), "a row was made twice for one attempt"
        if state.status.terminal:
            assert all(row.status.terminal for row in rows)
        elif state.status is WorkflowStatus.RUNNING:
            assert family.waits(state), f"nothing moves {flow.rows()}"
        assert not family.forgets(state), "a task is over and its child works on"
        check_blocks(flow)
        for row in rows:
            if row.made.task_type == "JOIN" and row.status is TaskStatus.COMPLETED:
                check_join(flow, row)


def check_end(family: Family) -> None:
    """Nobody waits for anybody any more, here and in the scheduler."""
    for state in family.states():
        assert state.status.terminal, [f"{row.ref} {row.status}" for row in state.rows()]
        for row in state.tasks.values():
            child = family.flows.get(row.child_id or "")
            if child is not None and child.state is not None:
                told_of(row, child.state)
    fold = family.fold
    assert not fold.shards[0].flows
    assert not fold.owed
    assert fold.timeline.live == 0
    assert all(
        lane.idle for queues in (fold.queues, fold.children) for lane in queues.lanes.values()
    )


@walk
@given(tasks=families(), seed=st.integers(0, 2**32), events_max=st.sampled_from([20, 500]))
def test_a_family_comes_to_its_end_whatever_the_order_of_its_messages(
    tasks: Tasks, seed: int, events_max: int
) -> None:
    picks = Random(seed)
    family = Family(tasks, picks, events_max=events_max)
    for step in range(STEPS_MAX):
        if step < 40 or step % 10 == 0:
            check(family)
        moves = family.moves()
        if not moves:
            break
        family.step(moves)
        if picks.random() < 0.2:
            family.repeat()
    check_end(family)
