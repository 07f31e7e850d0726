"""Rows are the same whatever groups of commits they are written in: a rebuild, which writes large
groups, makes what the live projection made of small ones.
"""

import asyncio
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from firmus.projection.cursors import RowsCursor
from firmus.projection.fold import fold_record
from firmus.projection.port import RowBatch
from firmus.projection.rows import Classifiers, RowBuffer
from firmus.projection.views import Row
from firmus.workflow.state import WorkflowState
from firmus_contracts.envelope import Commit, Record
from tests.flow import Flow
from tests.projection.histories import Definitions
from tests.properties.definitions import Tasks, families, workflows
from tests.properties.revived import Revived
from tests.properties.test_steering import finish, steer
from tests.properties.test_walks import go_on, walk


class Stored:
    """What a store holds after some batches."""

    def __init__(self) -> None:
        self.workflows: dict[object, Row] = {}
        self.tasks: dict[object, Row] = {}

    def put(self, batch: RowBatch) -> None:
        """A row never goes back to an older revision."""
        for rows, held in ((batch.workflows, self.workflows), (batch.tasks, self.tasks)):
            for row in rows:
                before = held.get(row[0])
                if before is None or int(row[1] or 0) >= int(before[1] or 0):
                    held[row[0]] = row
        for task_id in batch.removed_tasks:
            self.tasks.pop(task_id, None)


def stored(commits: list[Commit], sizes: Random | None) -> Stored:
    """Written in groups of some size, or all at once."""
    return asyncio.run(_stored(commits, sizes))


async def _stored(commits: list[Commit], sizes: Random | None) -> Stored:
    buffer, held = RowBuffer(Classifiers(Definitions())), Stored()
    states: dict[str, WorkflowState] = {}
    for position, commit in enumerate(commits, 1):
        record = Record(position=position, workflow_id=commit.workflow_id, digest="", body=commit)
        folded = fold_record(states.get(commit.workflow_id), record, published=None, source="")
        states[commit.workflow_id] = folded.state
        buffer.add(folded.state, folded.touched)
        if sizes is not None and sizes.random() < 0.5:
            held.put(await buffer.take(RowsCursor(position), None))
    held.put(await buffer.take(RowsCursor(len(commits)), None))
    return held


def check(commits: list[Commit], picks: Random) -> None:
    live, rebuilt = stored(commits, picks), stored(commits, None)
    assert live.workflows == rebuilt.workflows
    assert live.tasks == rebuilt.tasks


@walk
@given(tasks=workflows(), seed=st.integers(0, 2**32), steps=st.integers(0, 25))
def test_rows_of_steered_workflows(tasks: Tasks, seed: int, steps: int) -> None:
    flow, picks = Flow(*tasks), Random(seed)
    flow.start({"x": 1})
    for _ in range(steps):
        go_on(flow)
        steer(flow, tasks, picks)
    finish(flow)
    check(flow.commits, picks)


@walk
@given(tasks=families(), seed=st.integers(0, 2**32), steps=st.integers(1, 120))
def test_rows_of_families_that_are_run_again(tasks: Tasks, seed: int, steps: int) -> None:
    picks = Random(seed)
    family = Revived(tasks, picks, events_max=500)
    for _ in range(steps):
        moves = family.moves()
        if picks.random() < 0.1 or not moves:
            family.run_again()
            moves = family.moves()
        if moves:
            family.step(moves)
    check([commit for flow in family.flows.values() for commit in flow.commits], picks)
