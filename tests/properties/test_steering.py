"""Random workflows steered at random: skips, jumps, pauses, upgrades. None of it may leave one
standing still, and one that is left alone afterwards comes to its end.
"""

from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from firmus_contracts import commands as cmd
from firmus_contracts.statuses import WorkflowStatus
from tests.flow import WORKFLOW, Flow, simple
from tests.properties.definitions import Tasks, workflows
from tests.properties.test_walks import (
    ANSWERS_MAX,
    can_move,
    command_for,
    go_on,
    open_rows,
    walk,
)

STEPS_MAX = 25


def steer(flow: Flow, tasks: Tasks, picks: Random) -> None:
    """One operation, or one answer to an open task; refusals are fine."""
    ref = picks.choice(list(flow.blueprint.nodes))
    match picks.randrange(8):
        case 0 | 1:
            flow.send(cmd.SkipTask, ref=ref, output={"skipped": ref})
        case 2 | 3:
            flow.send(cmd.JumpToTask, ref=ref)
        case 4:
            flow.send(cmd.PauseWorkflow)
            answer(flow, picks)
            flow.send(cmd.ResumeWorkflow)
        case 5:
            upgrade(flow, tasks, picks)
        case _:
            answer(flow, picks)


def upgrade(flow: Flow, tasks: Tasks, picks: Random) -> None:
    """To a version with one task more, somewhere at the top."""
    version = len(flow.commits) + 2
    more = simple(f"more{version}")
    at = picks.randint(0, len(tasks))
    while 0 < at < len(tasks) and tasks[at]["type" if "type" in tasks[at] else "name"] == "JOIN":
        at += 1
    tasks.insert(at, more)
    flow.register(version, *tasks)
    flow.send(cmd.UpgradeWorkflow, name="flow", version=version)
    if flow.rejected is not None:
        tasks.remove(more)


def answer(flow: Flow, picks: Random) -> None:
    movable = [row for row in open_rows(flow) if can_move(row)]
    if movable:
        flow.submit(command_for(picks.choice(movable), flow, picks.randrange(3)))


def finish(flow: Flow) -> None:
    """Answers every task well until nothing is left."""
    for number in range(ANSWERS_MAX):
        go_on(flow)
        movable = [row for row in open_rows(flow) if can_move(row)]
        if not movable:
            return
        row = movable[0]
        named: dict[str, Any] = {"command_id": f"end{number}", "workflow_id": WORKFLOW}
        named["task_id"] = flow.state.task_id(row.ordinal) if flow.state else ""
        if row.made.task_type == "SUB_WORKFLOW":
            done = WorkflowStatus.COMPLETED
            flow.submit(cmd.ReportChildEnded(**named, child_id=row.child_id or "", status=done))
        else:
            flow.submit(cmd.UpdateTask(**named))


@walk
@given(tasks=workflows(), seed=st.integers(0, 2**32), steps=st.integers(0, STEPS_MAX))
def test_a_steered_workflow_never_stands_still(tasks: Tasks, seed: int, steps: int) -> None:
    flow, picks = Flow(*tasks), Random(seed)
    flow.start({"x": 1})
    for _ in range(steps):
        go_on(flow)
        steer(flow, tasks, picks)
        go_on(flow)
        if flow.status != "RUNNING":
            break
        assert any(can_move(row) for row in open_rows(flow)), flow.rows()
    finish(flow)

    assert flow.status not in {"RUNNING", "PAUSED"}, flow.rows()
