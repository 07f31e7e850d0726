"""What the fold makes of events (spec 3.6.14, 4.3, 4.5, 9)."""

import pytest

from firmus.scheduler.children import ChildEnded, GoOn, StartFailure, StopChild
from firmus.scheduler.fold import Fold
from firmus_contracts import events as ev
from firmus_contracts import ids
from firmus_contracts.envelope import Record, Unreadable
from firmus_contracts.events import Timeouts
from firmus_contracts.statuses import TaskStatus
from tests.scheduler.world import (
    SHARDS,
    START_MS,
    Story,
    child_row,
    scheduled,
    started,
    workflow_id,
)

W, CHILD, HANDLER = workflow_id(1), workflow_id(2), workflow_id(3)
WORK = (None, "work")


def folded(*batches: tuple[ev.WorkflowEvent, ...], workflow: str = W) -> Fold:
    story, fold = Story(), Fold(SHARDS, range(SHARDS))
    for batch in batches:
        fold.apply(story.commit(workflow, *batch))
        story.now_ms += 1000
    return fold


def ready(fold: Fold, now_ms: int = START_MS, key=WORK) -> list[int]:
    return [row.ordinal for row, _ in fold.queues.take(key, 100, now_ms)]


def due(fold: Fold, after_ms: int) -> list[str | None]:
    return [found.task_id for found in fold.timeline.due(START_MS + after_ms, 100)]


def test_a_queued_row_waits_in_the_queue_of_its_type_and_domain() -> None:
    fold = folded((started(), scheduled(1), scheduled(2, domain="eu"), scheduled(3, "HTTP")))
    assert ready(fold) == [1]
    assert ready(fold, key=("eu", "work")) == [2]
    assert ready(fold, key=(None, "HTTP")) == [3]


def test_a_row_with_a_delay_is_due_after_it() -> None:
    fold = folded((started(), scheduled(1, delay_ms=700)))
    assert ready(fold, START_MS + 699) == []
    assert ready(fold, START_MS + 700) == [1]


def test_operators_and_rows_born_ended_are_not_remembered() -> None:
    fold = folded(
        (
            started(),
            scheduled(1, "JOIN", queued=False, status=TaskStatus.IN_PROGRESS),
            scheduled(2, "FORK", status=TaskStatus.COMPLETED),
        )
    )
    assert fold.shard_of(W).flows[W].rows == {}


def test_progress_puts_a_task_back_into_its_queue_after_its_callback() -> None:
    begun, again = ev.TaskBegun(ordinal=1), ev.TaskUpdated(ordinal=1, callback_after_s=5)
    fold = folded((started(), scheduled(1)), (begun,), (again,))
    assert (fold.queues.lanes[WORK].waiting, fold.queues.lanes[WORK].in_flight) == (1, 0)
    assert ready(fold, START_MS + 6_999) == []
    assert ready(fold, START_MS + 7_000) == [1]


@pytest.mark.parametrize(
    "end",
    [
        ev.TaskCompleted(ordinal=1),
        ev.TaskCompletedWithErrors(ordinal=1),
        ev.TaskFailed(ordinal=1),
        ev.TaskTimedOut(ordinal=1),
        ev.TaskCanceled(ordinal=1),
        ev.WorkflowTerminated(),
    ],
)
@pytest.mark.parametrize("begun", [True, False])
def test_any_end_takes_a_task_out_of_queue_and_timeline(end, begun: bool) -> None:
    made = scheduled(1, timeouts=Timeouts(response_s=9, total_s=9))
    middle = (ev.TaskBegun(ordinal=1),) if begun else (ev.TaskLogged(ordinal=1, lines=()),)
    fold = folded((started(), made), middle, (end,))
    assert fold.queues.lanes[WORK].idle
    assert (ready(fold), due(fold, 60_000)) == ([], [])
    assert fold.timeline.live == 0


def test_a_new_attempt_replaces_the_old_row() -> None:
    fold = folded((started(), scheduled(1)), (scheduled(2, retried=1),))
    assert ready(fold) == [2]


def test_the_response_timeout_runs_from_the_last_sign_of_life() -> None:
    made = scheduled(1, timeouts=Timeouts(response_s=10))
    begun, lease = ev.TaskBegun(ordinal=1), ev.TaskLeaseExtended(ordinal=1)
    fold = folded((started(), made), (begun,), (lease,))
    assert due(fold, 11_999) == []
    assert due(fold, 12_000) == [ids.task_id(W, 1)]


def test_a_requeued_task_waits_again_and_its_deadlines_stay() -> None:
    made = scheduled(1, timeouts=Timeouts(response_s=10))
    fold = folded((started(), made), (ev.TaskBegun(ordinal=1),), (ev.TaskRequeued(ordinal=1),))
    lane = fold.queues.lanes[WORK]
    assert (lane.waiting, lane.in_flight) == (1, 0)
    assert ready(fold) == [1]
    assert due(fold, 10_999) == []
    assert due(fold, 11_000) == [ids.task_id(W, 1)]


def test_a_requeued_task_leaves_its_queue_when_the_worker_that_had_it_reports_it() -> None:
    begun, back = ev.TaskBegun(ordinal=1), ev.TaskRequeued(ordinal=1)
    fold = folded((started(), scheduled(1)), (begun,), (back,), (ev.TaskCompleted(ordinal=1),))
    assert fold.queues.lanes[WORK].idle


def test_a_wait_is_due_at_its_deadline() -> None:
    made = scheduled(
        1, "WAIT", queued=False, status=TaskStatus.IN_PROGRESS, deadline_ms=START_MS + 4_321
    )
    fold = folded((started(), made))
    assert due(fold, 4_320) == []
    assert due(fold, 4_321) == [ids.task_id(W, 1)]


@pytest.mark.parametrize(("policy", "fires"), [("TIME_OUT_WF", True), ("ALERT_ONLY", False)])
def test_the_workflow_timeout_fires_if_its_policy_acts(policy: str, fires: bool) -> None:
    fold = folded((started(timeout_s=5, timeout_policy=policy),))
    found = fold.timeline.due(START_MS + 5_000, 10)
    assert [(d.workflow_id, d.task_id) for d in found] == ([(W, None)] if fires else [])


def test_resuming_restarts_the_workflow_timeout() -> None:
    start = started(timeout_s=5, timeout_policy="TIME_OUT_WF")
    fold = folded((start,), (ev.WorkflowPaused(),), (ev.WorkflowResumed(),))
    assert fold.timeline.due(START_MS + 6_999, 10) == []
    assert len(fold.timeline.due(START_MS + 7_000, 10)) == 1


def test_while_a_workflow_is_paused_only_its_own_timeout_counts() -> None:
    start = started(timeout_s=60, timeout_policy="TIME_OUT_WF")
    made = scheduled(1, timeouts=Timeouts(poll_s=5))
    story, fold = Story(), Fold(SHARDS, range(SHARDS))
    fold.apply(story.commit(W, start, made))
    fold.apply(story.commit(W, ev.WorkflowPaused()))
    assert due(fold, 30_000) == []
    assert due(fold, 60_000) == [None]
    fold.apply(story.commit(W, ev.WorkflowResumed()))
    assert ids.task_id(W, 1) in due(fold, 60_000)


def test_a_sub_workflow_waits_for_its_start() -> None:
    fold = folded((started(), child_row(1, CHILD, delay_ms=300)))
    key = (None, "SUB_WORKFLOW")
    assert fold.children.take(key, 1, START_MS + 299) == []
    ((row, _),) = fold.children.take(key, 1, START_MS + 300)
    assert row.child_id == CHILD


def test_a_begun_sub_workflow_is_not_started_again() -> None:
    fold = folded((started(), child_row(1, CHILD)), (ev.TaskBegun(ordinal=1),))
    assert fold.children.take((None, "SUB_WORKFLOW"), 1, START_MS) == []


def test_the_end_of_a_child_is_owed_to_its_parent() -> None:
    parent_task = ids.task_id(W, 1)
    start = started(parent_workflow_id=W, parent_task_id=parent_task)
    fold = folded((start,), (ev.WorkflowCompleted(),), workflow=CHILD)
    assert list(fold.owed.values()) == [ChildEnded(CHILD, 2, W, parent_task)]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (ev.WorkflowTerminated(reason="enough"), "with reason: enough"),
        (ev.WorkflowFailed(), "with status FAILED"),
    ],
)
def test_children_end_with_their_parent(event, reason: str) -> None:
    fold = folded((started(), child_row(1, CHILD)), (ev.TaskBegun(ordinal=1),), (event,))
    (effect,) = fold.owed.values()
    assert effect == StopChild(W, 4, CHILD, f"Parent workflow has been terminated {reason}")


def test_the_child_of_a_canceled_row_ends_with_its_parent_even_in_a_later_commit() -> None:
    """The row was canceled on the way to the end; the child may have been started meanwhile."""
    rows = (started(), child_row(1, CHILD))
    ending = (ev.TaskCanceled(ordinal=1), ev.DecisionSplit())
    fold = folded(rows, ending, (ev.WorkflowTerminated(),))
    assert [e.reason for e in fold.owed.values() if isinstance(e, StopChild)] == [
        "Parent workflow has been terminated with status TERMINATED"
    ]


def test_the_child_of_a_row_that_is_canceled_while_its_workflow_goes_on_ends_with_the_row() -> None:
    fold = folded((started(), child_row(1, CHILD)), (ev.TaskCanceled(ordinal=1), scheduled(2)))
    (effect,) = fold.owed.values()
    assert effect == StopChild(W, 4, CHILD, "The task of the parent workflow was canceled")
    assert fold.shard_of(W).flows[W].canceled == ()


def test_a_failure_workflow_is_owed() -> None:
    target = ev.FailureWorkflow(workflow_id=HANDLER, name="handler", version=2)
    fold = folded((started(),), (ev.WorkflowFailed(failure_workflow=target),))
    assert list(fold.owed.values()) == [StartFailure(W, 2, target)]


def test_a_split_decision_is_owed_its_continuation() -> None:
    fold = folded((started(), scheduled(1), ev.DecisionSplit()))
    assert list(fold.owed.values()) == [GoOn(W, 3)]


def test_an_effect_is_done_when_the_log_names_its_command_as_a_cause() -> None:
    story, fold = Story(), Fold(SHARDS, range(SHARDS))
    fold.apply(story.commit(W, started(), ev.DecisionSplit()))
    (command_id,) = fold.owed
    fold.apply(story.commit(W, scheduled(1), cause=command_id))
    assert fold.owed == {}


def test_an_ended_workflow_is_forgotten_and_what_comes_after_it_ignored() -> None:
    late = ev.TaskLogged(ordinal=1, lines=())
    fold = folded((started(), scheduled(1)), (ev.WorkflowCompleted(),), (late,))
    assert fold.knows_over(W)
    assert fold.halts == []


def test_folding_a_commit_twice_changes_nothing() -> None:
    story, fold = Story(), Fold(SHARDS, range(SHARDS))
    record = story.commit(W, started(), scheduled(1), ev.DecisionSplit())
    fold.apply(record)
    fold.apply(record)
    assert (ready(fold), len(fold.owed), fold.queues.lanes[WORK].handing) == ([1], 1, 1)


def test_commits_of_foreign_shards_are_not_folded() -> None:
    story = Story()
    mine = ids.shard_of(W, SHARDS)
    fold = Fold(SHARDS, [n for n in range(SHARDS) if n != mine])
    fold.apply(story.commit(W, started(), scheduled(1)))
    assert ready(fold) == []


@pytest.mark.parametrize("fault", ["unreadable", "gap"])
def test_a_workflow_whose_log_cannot_be_folded_stops_loudly_and_alone(fault: str) -> None:
    story, fold = Story(), Fold(SHARDS, range(SHARDS))
    fold.apply(story.commit(W, started(), scheduled(1, timeouts=Timeouts(total_s=1))))
    fold.apply(story.commit(CHILD, started(), scheduled(2)))
    if fault == "gap":
        story.commit(W, ev.TasksSettled(ordinals=()))
        fold.apply(story.commit(W, scheduled(3)))
    else:
        body = Unreadable(workflow_id=W, problem="unknown event", stored=b"{}")
        fold.apply(Record(position=9, workflow_id=W, digest="", body=body))
    assert ready(fold) == [2]
    assert (len(fold.halts), due(fold, 60_000)) == (1, [])


def test_nothing_of_a_removed_workflow_waits_any_more_and_its_children_go_on() -> None:
    first = started(timeout_s=60, timeout_policy="TIME_OUT_WF")
    rows = (scheduled(1, timeouts=Timeouts(poll_s=5)), child_row(2, CHILD))
    fold = folded((first, *rows), (ev.WorkflowRemoved(),))
    assert (ready(fold), due(fold, 100_000), fold.owed) == ([], [], {})
    assert fold.shards[ids.shard_of(W, SHARDS)].flows == {}


def test_the_parent_of_a_workflow_removed_while_it_ran_is_to_be_told_once() -> None:
    parent = {"parent_workflow_id": CHILD, "parent_task_id": ids.task_id(CHILD, 1)}
    fold = folded((started(**parent), scheduled(1)), (ev.WorkflowRemoved(),))
    assert list(fold.owed.values()) == [ChildEnded(W, 3, CHILD, ids.task_id(CHILD, 1))]
    both = folded((started(**parent), scheduled(1)),
                  (ev.TaskCanceled(ordinal=1), ev.WorkflowTerminated(), ev.WorkflowRemoved()))  # fmt: skip
    assert list(both.owed.values()) == [ChildEnded(W, 4, CHILD, ids.task_id(CHILD, 1))]


def test_a_skipped_row_waits_no_more_and_its_child_is_stopped() -> None:
    fold = folded(
        (started(), scheduled(1), child_row(2, CHILD)),
        (ev.TaskSkipped(ordinal=1), ev.TaskSkipped(ordinal=2)),
    )
    assert ready(fold) == []
    assert [type(effect) for effect in fold.owed.values()] == [StopChild]


def test_an_upgrade_sets_the_workflow_timeout_of_the_new_version() -> None:
    new = {"definition_version": 2, "definition_hash": "h2"}
    timed = {"timeout_s": 60, "timeout_policy": "TIME_OUT_WF"}
    fold = folded((started(),), (ev.WorkflowUpgraded(**new, **timed),))
    assert due(fold, 60_000) == [None]
    fold = folded((started(**timed),), (ev.WorkflowUpgraded(**new),))
    assert due(fold, 60_000) == []
