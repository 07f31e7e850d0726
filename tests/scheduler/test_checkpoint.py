"""Going on from a checkpoint is the same as reading the whole log (design 5.2)."""

from hypothesis import given, settings
from hypothesis import strategies as st

from firmus.scheduler import checkpoint
from firmus.scheduler.checkpoint import Good
from firmus.scheduler.checkpoints import Checkpoints
from firmus.scheduler.fold import Fold
from firmus_contracts import events as ev
from firmus_contracts import ids
from firmus_contracts.events import Timeouts
from firmus_contracts.statuses import TaskStatus
from tests.scheduler.world import (
    SHARDS,
    START_MS,
    MemoryStore,
    Story,
    child_row,
    scheduled,
    started,
    workflow_id,
)

ALL = range(SHARDS)
KINDS = [
    "queued",
    "timed",
    "wait",
    "child",
    "begin",
    "update",
    "lease",
    "complete",
    "cancel",
    "retry",
    "pause",
    "resume",
    "split",
    "end",
    "fail",
]
STEPS = st.lists(
    st.tuples(st.integers(1, 4), st.sampled_from(KINDS), st.integers(1, 5), st.integers(0, 3000)),
    max_size=60,
)


def events_of(kind: str, pick: int, ordinal: int, target: str) -> tuple[ev.WorkflowEvent, ...]:
    """`ordinal` is free for a new row, `pick` is any earlier one."""
    timeouts = Timeouts(response_s=pick, task_s=7, poll_s=3, total_s=20)
    running = TaskStatus.IN_PROGRESS
    make = {
        "queued": lambda: scheduled(ordinal, priority=pick, domain="eu" if pick > 3 else None),
        "timed": lambda: scheduled(ordinal, timeouts=timeouts, delay_ms=pick * 500),
        "wait": lambda: scheduled(
            ordinal, "WAIT", queued=False, status=running, deadline_ms=START_MS + pick * 999
        ),
        "child": lambda: child_row(ordinal, target),
        "begin": lambda: ev.TaskBegun(ordinal=pick),
        "update": lambda: ev.TaskUpdated(ordinal=pick, callback_after_s=pick - 1),
        "lease": lambda: ev.TaskLeaseExtended(ordinal=pick),
        "complete": lambda: ev.TaskCompleted(ordinal=pick),
        "cancel": lambda: ev.TaskCanceled(ordinal=pick),
        "retry": lambda: scheduled(ordinal, retried=pick, timeouts=timeouts),
        "pause": ev.WorkflowPaused,
        "resume": ev.WorkflowResumed,
        "split": ev.DecisionSplit,
        "end": ev.WorkflowCompleted,
        "fail": lambda: ev.WorkflowFailed(
            failure_workflow=ev.FailureWorkflow(workflow_id=target, name="handler")
        ),
    }
    return (make[kind](),)


def story_of(steps) -> Story:
    story, ordinals = Story(), {}
    for number, kind, pick, later_ms in steps:
        workflow = workflow_id(number)
        story.now_ms += later_ms
        if workflow not in ordinals:
            ordinals[workflow] = 0
            first = started(
                timeout_s=9,
                timeout_policy="TIME_OUT_WF",
                parent_workflow_id=workflow_id(number + 1),
                parent_task_id=ids.task_id(workflow_id(number + 1), 1),
            )
            story.commit(workflow, first)
        ordinals[workflow] += 1
        target = workflow_id(100 + len(story.records))
        story.commit(workflow, *events_of(kind, pick, ordinals[workflow], target))
    return story


def behaviour(fold: Fold, now_ms: int) -> list[object]:
    """All that a scheduler would do from here, in order."""
    seen: list[object] = [sorted(fold.owed), sorted(fold.shards[n].position for n in ALL)]
    sizes = {k: (v.waiting, v.in_flight) for k, v in fold.queues.lanes.items() if not v.idle}
    seen.append(sorted(sizes.items(), key=str))
    for at_ms in range(now_ms, now_ms + 60_000, 1_500):
        due = fold.timeline.due(at_ms, 1000)
        seen.append(sorted((d.workflow_id, d.task_id or "", d.at_ms, d.attempt) for d in due))
        for queues in (fold.queues, fold.children):
            queues.promote(at_ms)
            for key in sorted(queues.lanes, key=str):
                taken = queues.take(key, 100, at_ms)
                seen += [(at_ms, key, row.workflow_id, row.ordinal) for row, _ in taken]
    return seen


def restarted(fold: Fold) -> Fold:
    other = Fold(SHARDS, ALL)
    for number in ALL:
        image = checkpoint.decode_shard(checkpoint.encode_shard(fold, number, SHARDS))
        assert image is not None
        checkpoint.restore(other, number, image)
    return other


@settings(max_examples=150, deadline=None)
@given(STEPS, st.integers(0, 100))
def test_a_restart_from_a_checkpoint_equals_a_full_rebuild(steps, cut_percent: int) -> None:
    story = story_of(steps)
    records = story.records
    cut = len(records) * cut_percent // 100
    whole, first = Fold(SHARDS, ALL), Fold(SHARDS, ALL)
    for record in records:
        whole.apply(record)
    for record in records[:cut]:
        first.apply(record)
    second = restarted(first)
    for record in records:
        second.apply(record)
    assert behaviour(second, story.now_ms) == behaviour(whole, story.now_ms)


@settings(max_examples=50, deadline=None)
@given(STEPS)
def test_delivering_every_commit_twice_changes_nothing(steps) -> None:
    story = story_of(steps)
    records = story.records
    once, twice = Fold(SHARDS, ALL), Fold(SHARDS, ALL)
    for record in records:
        once.apply(record)
        twice.apply(record)
        twice.apply(record)
    assert behaviour(once, story.now_ms) == behaviour(twice, story.now_ms)


async def test_unchanged_shards_are_not_written_again_yet_read_no_old_log() -> None:
    """Otherwise a start would read all that other shards did since this one was quiet."""
    story, store, fold = Story(), MemoryStore(), Fold(SHARDS, ALL)
    checkpoints = Checkpoints(store, fold, ALL, SHARDS)
    fold.apply(story.commit(workflow_id(1), started(), scheduled(1)))
    await checkpoints.write(pause_s=0)
    before = dict(store.values)
    fold.apply(story.commit(workflow_id(1), ev.TaskBegun(ordinal=1)))
    await checkpoints.write(pause_s=0)
    changed = {name for name in before if store.values[name] != before[name]}
    mine = checkpoint.shard_name(ids.shard_of(workflow_id(1), SHARDS))
    assert changed == {mine, checkpoint.INDEX}
    again = Fold(SHARDS, ALL)
    await Checkpoints(store, again, ALL, SHARDS).load(end=2)
    assert checkpoint.follow_from(again) == 2


async def test_schedulers_of_different_shards_keep_each_others_index_entries() -> None:
    story, store = Story(), MemoryStore()
    record = story.commit(workflow_id(1), started(), scheduled(1))
    for shards in (range(2), range(2, SHARDS)):
        fold = Fold(SHARDS, shards)
        fold.apply(record)
        await Checkpoints(store, fold, shards, SHARDS).write(pause_s=0)
    successor = Fold(SHARDS, ALL)
    await Checkpoints(store, successor, ALL, SHARDS).load(end=1)
    assert checkpoint.follow_from(successor) == 1


async def test_a_checkpoint_ahead_of_the_log_is_not_used() -> None:
    story, store, fold = Story(), MemoryStore(), Fold(SHARDS, ALL)
    fold.apply(story.commit(workflow_id(1), started(), scheduled(1)))
    await Checkpoints(store, fold, ALL, SHARDS).write(pause_s=0)
    again = Fold(SHARDS, ALL)
    await Checkpoints(store, again, ALL, SHARDS).load(end=0)
    assert checkpoint.follow_from(again) == 0
    assert again.knows_over(workflow_id(1))


def test_a_damaged_or_foreign_checkpoint_is_left_out() -> None:
    whole = checkpoint.encode_shard(Fold(SHARDS, ALL), 0, SHARDS)
    assert checkpoint.decode_shard(whole) is not None
    assert checkpoint.decode_shard(whole[:-1]) is None
    assert checkpoint.decode_shard(None) is None
    assert checkpoint.decode_index(b"\x00") == {}


def test_an_index_entry_of_another_image_says_nothing() -> None:
    story, fold = Story(), Fold(SHARDS, ALL)
    fold.apply(story.commit(workflow_id(1), started()))
    number = ids.shard_of(workflow_id(1), SHARDS)
    image = checkpoint.decode_shard(checkpoint.encode_shard(fold, number, SHARDS))
    assert image is not None
    again = Fold(SHARDS, ALL)
    checkpoint.restore(again, number, image, Good(position=7, until=50))
    assert again.shards[number].position == 1
