"""What a gate holds is what the log says, at every moment and after a restart (spec 4.9)."""

from hypothesis import given, settings
from hypothesis import strategies as st

from firmus.scheduler import checkpoint
from firmus.scheduler.fold import Fold
from firmus_contracts import events as ev
from firmus_contracts import ids
from firmus_contracts.events import TaskLimits
from tests.scheduler.world import SHARDS, Story, scheduled, started, workflow_id

LIMITS = {"work": TaskLimits(concurrent=2, hand_outs=3, window_s=5), "other": None}
EVENTS = {
    "begin": ev.TaskBegun,
    "complete": ev.TaskCompleted,
    "fail": ev.TaskFailed,
    "time out": ev.TaskTimedOut,
    "cancel": ev.TaskCanceled,
    "call back": lambda ordinal: ev.TaskUpdated(ordinal=ordinal, callback_after_s=3),
}
STEPS = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(["make", "end", *EVENTS]), st.integers(1, 6)),
    max_size=50,
)


class Hands:
    """Who has what, told by the events alone."""

    def __init__(self) -> None:
        self.open: dict[str, bool] = {}

    def saw(self, task_id: str, kind: str) -> None:
        if kind == "begin":
            self.open[task_id] = True
        elif kind == "call back":
            self.open[task_id] = False
        else:
            self.open.pop(task_id, None)

    def begun(self) -> set[str]:
        return {task_id for task_id, begun in self.open.items() if begun}


def fold_of(story: Story) -> Fold:
    fold = Fold(SHARDS, range(SHARDS))
    fold.gates.register(LIMITS)
    for record in story.records:
        fold.apply(record)
    return fold


def restarted(fold: Fold) -> Fold:
    again = Fold(SHARDS, range(SHARDS))
    again.gates.register(LIMITS)
    for number in range(SHARDS):
        image = checkpoint.decode_shard(checkpoint.encode_shard(fold, number, SHARDS))
        assert image is not None
        checkpoint.restore(again, number, image)
    return again


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_a_gate_holds_what_was_begun_and_has_not_ended(steps: list[tuple[int, str, int]]) -> None:
    story, hands = Story(), Hands()
    made = dict.fromkeys(range(4), 0)
    over: set[int] = set()
    for number in made:
        story.commit(workflow_id(number), started())
    for number, kind, pick in steps:
        workflow = workflow_id(number)
        task_id = ids.task_id(workflow, pick)
        if number in over:
            continue
        if kind == "make":
            made[number] += 1
            story.commit(workflow, scheduled(made[number], "work" if pick % 2 else "other"))
            if pick % 2:
                hands.open[ids.task_id(workflow, made[number])] = False
        elif kind == "end":
            over.add(number)
            story.commit(workflow, ev.WorkflowTerminated())
            hands.open = {t: b for t, b in hands.open.items() if ids.workflow_of(t) != workflow}
        elif pick <= made[number]:
            story.commit(workflow, EVENTS[kind](ordinal=pick))
            if task_id in hands.open:
                hands.saw(task_id, kind)
        story.now_ms += 700
    fold = fold_of(story)
    gate = fold.gates.by_name["work"]
    assert (gate.hands, gate.handing) == (hands.begun(), 0)
    again = restarted(fold).gates.by_name["work"]
    free = [one.free(story.now_ms) for one in (gate, again)]
    assert (again.hands, free[1]) == (gate.hands, free[0])


def test_a_gate_that_comes_late_knows_what_one_from_the_beginning_knows() -> None:
    story = Story()
    for number in range(4):
        story.commit(workflow_id(number), started(), scheduled(1), scheduled(2))
        story.commit(workflow_id(number), ev.TaskBegun(ordinal=1))
    early = fold_of(story)
    late = Fold(SHARDS, range(SHARDS))
    for record in story.records:
        late.apply(record)
    late.gates.register(LIMITS)
    one, other = (fold.gates.by_name["work"] for fold in (early, late))
    assert (one.hands, one.times) == (other.hands, other.times)
