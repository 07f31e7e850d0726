"""Families of random workflows that are restarted, retried and rerun on the way, from any task, while
messages between them come in any order: each comes to an end, and nothing of a time before is heard.
"""

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmus.scheduler import children
from firmus.scheduler.checkpoint import encode_shard
from firmus.scheduler.fold import Fold
from firmus.workflow.indexes import indexes_of
from firmus.workflow.kinship import kin_of
from firmus.workflow.state import WorkflowState
from firmus_contracts import commands as cmd
from tests.properties.definitions import Tasks, families
from tests.properties.played import Played, story
from tests.properties.revived import OPERATIONS_MAX, Revived

STEPS_MAX = 1_500
walk = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=False
)


def check(family: Revived) -> None:
    for flow in family.flows.values():
        state = flow.state
        assert state is not None
        rows = state.rows()
        attempts = {(row.ref, row.made.retry_count) for row in rows}
        assert len(attempts) == len(rows), "a row was made twice for one attempt"
        if state.status.terminal:
            assert all(row.status.terminal for row in rows)
        check_indexes(state)


def check_indexes(state: WorkflowState) -> None:
    """What events kept up to date is what follows from the rows alone."""
    fresh = indexes_of(state.tasks.values())
    for name in ("latest", "pending", "inside"):
        assert getattr(state, name) == fresh[name], name
    for join, missing in fresh["missing"].items():
        assert state.missing[join] == missing, state.tasks[join].ref
    for ref, joins in fresh["awaited"].items():
        assert set(joins) <= set(state.awaited[ref])
    for name, ordinal in fresh["looped"].items():
        assert state.looped[name] in {ordinal, *(set(state.looped.values()) - set(state.tasks))}


def check_fold(family: Revived) -> None:
    """The scheduler that was there all along knows what one knows that reads the log now."""
    late = Fold(1, [0])
    for record in family.records:
        late.apply(record)
    for fold in (family.fold, late):
        fold.owed.clear()
        for flow in fold.shards[0].flows.values():
            flow.armed_ms = 0
            for row in flow.rows.values():
                row.armed_ms = 0
    assert encode_shard(late, 0, 1) == encode_shard(family.fold, 0, 1)


def check_end(family: Revived) -> None:
    for state in family.states():
        assert state.status.terminal, [f"{row.ref} {row.status}" for row in state.rows()]
    fold = family.fold
    assert not fold.shards[0].flows
    assert not fold.owed
    assert fold.timeline.live == 0
    assert all(
        lane.idle for queues in (fold.queues, fold.children) for lane in queues.lanes.values()
    )


@walk
@given(tasks=families(), seed=st.integers(0, 2**32), events_max=st.sampled_from([20, 500]))
def test_families_that_are_run_again_come_to_their_ends(
    tasks: Tasks, seed: int, events_max: int
) -> None:
    picks = Random(seed)
    family = Revived(tasks, picks, events_max=events_max)
    for step in range(STEPS_MAX):
        if step < 60 or step % 10 == 0:
            check(family)
        moves = family.moves()
        if picks.random() < 0.1 or not moves:
            family.run_again()
            moves = family.moves()
        if not moves:
            if family.operations >= OPERATIONS_MAX:
                break
            continue
        family.step(moves)
        if picks.random() < 0.2:
            family.repeat()
    check(family)
    check_end(family)


@walk
@given(tasks=families(), seed=st.integers(0, 2**32), steps=st.integers(1, 120))
def test_the_fold_after_running_again_is_the_one_read_from_the_log(
    tasks: Tasks, seed: int, steps: int
) -> None:
    picks = Random(seed)
    family = Revived(tasks, picks, events_max=500)
    for _ in range(steps):
        moves = family.moves()
        if picks.random() < 0.1 or not moves:
            family.run_again()
            moves = family.moves()
        if moves:
            family.step(moves)
    check_fold(family)


@walk
@given(tasks=families(), seed=st.integers(0, 2**32))
def test_what_is_asked_of_kin_is_what_the_scheduler_owes(tasks: Tasks, seed: int) -> None:
    picks = Random(seed)
    family = Revived(tasks, picks, events_max=500)
    for _ in range(150):
        moves = family.moves()
        if picks.random() < 0.1 or not moves:
            before = set(family.fold.owed)
            counts = {key: len(flow.commits) for key, flow in family.flows.items()}
            family.run_again()
            for key, count in counts.items():
                flow = family.flows[key]
                for commit in flow.commits[count:]:
                    assert flow.state is not None
                    asked = {one.command_id for one in kin_of(flow.state, commit.events)}
                    owed = {
                        effect.command_id
                        for effect in family.fold.owed.values()
                        if isinstance(effect, children.TellParent | children.AskChild)
                    }
                    assert asked == owed - before
            moves = family.moves()
        if moves:
            family.step(moves)


@walk
@given(tasks=families(), steps=st.integers(0, 40), settles=st.booleans(), seed=st.integers(0, 999))
def test_what_was_terminated_somewhere_and_run_again_ends_as_if_nothing_had_happened(
    tasks: Tasks, steps: int, settles: bool, seed: int
) -> None:
    well, family = Played(tasks, "COMPLETED"), Played(tasks, "COMPLETED")
    well.play()
    family.stop_after(steps)
    if settles:
        family.play()
    picks = Random(seed)
    path = picks.choice(family._paths(family.top) or [()])
    kind, fields = picks.choice(
        [
            (cmd.RestartWorkflow, {}),
            (cmd.RetryWorkflow, {}),
            (cmd.RetryWorkflow, {"resume_subworkflow_tasks": True}),
            (cmd.RerunWorkflow, {}),
            (cmd.RerunWorkflow, {"path": path}),
        ]
    )
    if family.again(kind, **fields) is None:
        family.play()
        assert story(family, family.top) == story(well, well.top)
        assert not family.fold.shards[0].flows
