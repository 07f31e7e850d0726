"""The timeline: what is due when, and that nothing is left behind."""

from hypothesis import given
from hypothesis import strategies as st

from firmus.scheduler.rows import Flow
from firmus.scheduler.timeline import REPEAT_MS, Timeline
from tests.scheduler.world import START_MS


class World:
    """Items with deadlines that a test sets."""

    def __init__(self) -> None:
        self.deadlines: dict[str, int] = {}
        self.timeline = Timeline(lambda item: self.deadlines.get(item.workflow_id, 0))
        self.items: dict[str, Flow] = {}

    def set(self, name: str, at_ms: int) -> None:
        item = self.items.setdefault(name, Flow(name, 1, 0))
        self.deadlines[name] = at_ms
        self.timeline.arm(item, at_ms)

    def due(self, now_ms: int, limit: int = 1000) -> list[str]:
        return [due.workflow_id for due in self.timeline.due(now_ms, limit)]


def test_due_in_order_and_not_before() -> None:
    world = World()
    world.set("b", START_MS + 500)
    world.set("a", START_MS + 100)
    world.set("c", START_MS + 90_000)
    assert world.due(START_MS + 99) == []
    assert world.due(START_MS + 600) == ["a", "b"]
    assert world.timeline.next_ms() is not None


def test_a_later_deadline_replaces_an_earlier_one() -> None:
    world = World()
    world.set("a", START_MS + 100)
    world.set("a", START_MS + 5_000)
    assert world.due(START_MS + 4_999) == []
    assert world.due(START_MS + 5_000) == ["a"]


def test_an_earlier_deadline_replaces_a_later_one() -> None:
    world = World()
    world.set("a", START_MS + 90_000)
    world.set("a", START_MS + 100)
    assert world.due(START_MS + 100) == ["a"]
    world.set("a", 0)
    assert world.due(START_MS + 90_000) == []


def test_a_deadline_that_does_not_move_comes_up_again_later_and_later() -> None:
    world = World()
    world.set("a", START_MS)
    assert world.due(START_MS) == ["a"]
    assert world.due(START_MS + REPEAT_MS - 1) == []
    assert world.due(START_MS + REPEAT_MS) == ["a"]
    assert world.due(START_MS + REPEAT_MS + 2 * REPEAT_MS - 1) == []
    (again,) = world.timeline.due(START_MS + 3 * REPEAT_MS, 1)
    assert (again.attempt, again.at_ms) == (2, START_MS)


def test_a_limit_leaves_the_rest_for_the_next_time() -> None:
    world = World()
    for name in "abc":
        world.set(name, START_MS)
    assert len(world.due(START_MS, limit=2)) == 2
    assert len(world.due(START_MS, limit=2)) == 1


def test_finished_items_leave_nothing_behind() -> None:
    world = World()
    for number in range(20_000):
        world.set(str(number), START_MS + 3_600_000 + number)
        world.set(str(number), 0)
    assert world.timeline.live == 0
    assert len(world.timeline) < 2_000


@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.one_of(st.just(0), st.integers(1, 6_000))),
        max_size=40,
    ),
    st.lists(st.integers(1, 2_500), max_size=8),
)
def test_every_deadline_comes_up_once_it_has_passed_and_none_before(changes, steps) -> None:
    world = World()
    for name, at_ms in changes:
        world.set(name, at_ms)
    now_ms = 0
    for step in [*steps, 7_000]:
        now_ms += step
        passed = {name for name, at in world.deadlines.items() if 0 < at <= now_ms}
        assert set(world.due(now_ms)) == passed
        for name in passed:
            world.set(name, 0)
    assert world.timeline.live == 0
