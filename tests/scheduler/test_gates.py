"""Limits of task definitions at the queues: who may be handed out, and when (spec 4.9)."""

from firmus.scheduler.gates import Gates
from firmus.scheduler.queues import Queues
from firmus.scheduler.rows import Row
from firmus_contracts.events import TaskLimits

ONE = TaskLimits(concurrent=1)
TWO_A_SECOND = TaskLimits(hand_outs=2, window_s=1)


def queues_with(**limits: TaskLimits | None) -> tuple[Gates, Queues]:
    gates = Gates(lambda _name: (set(), 0, []))
    gates.register(limits)
    return gates, Queues(gates)


def put(queues: Queues, ordinal: int, task_type: str = "work", **fields: object) -> Row:
    row = Row("w", ordinal, task_type, None, True, 0, 0, 0, 0, 0, 0, None, 0, None)
    for name, value in fields.items():
        setattr(row, name, value)
    queues.enqueue(row, order=1000 + ordinal, due_ms=0, delayed=False)
    return row


def take(queues: Queues, domain: str | None = None, task_type: str = "work", now_ms: int = 0):
    return [row.ordinal for row, _ in queues.take((domain, task_type), 10, now_ms)]


def begin(gates: Gates, queues: Queues, row: Row, at_ms: int) -> None:
    queues.begun(row)
    gate = gates.of(row)
    assert gate is not None
    gate.handed_out(at_ms)


def test_no_more_than_the_limit_are_handed_out_and_an_end_lets_the_next_one_in() -> None:
    _, queues = queues_with(work=ONE)
    first, _second = put(queues, 1), put(queues, 2)
    assert (take(queues), take(queues)) == ([1], [])
    queues.begun(first)
    assert take(queues) == []
    queues.ended(first)
    queues.promote(0)
    assert queues.woken >= {(None, "work")}
    assert take(queues) == [2]


def test_a_task_in_a_domain_that_nobody_polls_blocks_no_other() -> None:
    _, queues = queues_with(work=ONE)
    put(queues, 1, domain="red")
    put(queues, 2)
    assert take(queues) == [2]
    assert take(queues, "red") == []


def test_the_queue_whose_task_came_first_is_served_first() -> None:
    _, queues = queues_with(work=ONE)
    busy = put(queues, 1)
    take(queues)
    put(queues, 2, domain="red")
    put(queues, 3)
    queues.ended(busy)
    queues.promote(0)
    assert queues.by_age(queues.woken) == [("red", "work"), (None, "work")]


def test_a_closed_gate_in_a_shared_queue_is_passed_by_the_others() -> None:
    """System tasks share the queue of their type, and are limited by their definitions."""
    _, queues = queues_with(slow_api=ONE)
    first = put(queues, 1, "HTTP", def_name="slow_api")
    put(queues, 2, "HTTP", def_name="slow_api")
    put(queues, 3, "HTTP", def_name="other_api")
    assert take(queues, None, "HTTP") == [1, 3]
    assert not queues.has_ready((None, "HTTP"))
    queues.ended(first)
    assert take(queues, None, "HTTP") == [2]


def test_what_is_given_back_gives_its_slot_back() -> None:
    _, queues = queues_with(work=ONE)
    put(queues, 1)
    put(queues, 2)
    (first,) = queues.take((None, "work"), 10, 0)
    queues.give_back(first, 500)
    assert take(queues) == [2]


def test_so_many_hand_outs_in_any_window_and_the_next_when_it_opens() -> None:
    gates, queues = queues_with(work=TWO_A_SECOND)
    rows = [put(queues, number) for number in range(1, 6)]
    assert take(queues, now_ms=0) == [1, 2]
    begin(gates, queues, rows[0], 0)
    begin(gates, queues, rows[1], 400)
    queues.ended(rows[0])
    assert take(queues, now_ms=500) == []
    assert queues.next_due_ms() == 1000
    assert take(queues, now_ms=999) == []
    assert take(queues, now_ms=1000) == [3]
    begin(gates, queues, rows[2], 1000)
    assert take(queues, now_ms=1000) == []
    assert queues.next_due_ms() == 1400
    assert take(queues, now_ms=1400) == [4]


def test_a_raised_limit_lets_more_in_at_once_and_a_lifted_one_all() -> None:
    gates, queues = queues_with(work=ONE)
    for number in range(1, 7):
        put(queues, number)
    assert take(queues) == [1]
    gates.register({"work": TaskLimits(concurrent=3)})
    assert take(queues) == [2, 3]
    gates.register({"work": None})
    assert take(queues) == [4, 5, 6]


def test_a_lowered_limit_waits_until_enough_have_ended() -> None:
    gates, queues = queues_with(work=TaskLimits(concurrent=3))
    rows = [put(queues, number) for number in range(1, 5)]
    assert take(queues) == [1, 2, 3]
    gates.register({"work": ONE})
    for row in rows[:2]:
        queues.ended(row)
        assert take(queues) == []
    queues.ended(rows[2])
    assert take(queues) == [4]


def test_what_is_registered_counts_before_what_a_workflow_brought_along() -> None:
    gates, _ = queues_with(work=ONE, free=None)
    for name in ("work", "free", "unknown"):
        gates.bring(name, TaskLimits(concurrent=7))
    limits = {name: gate.limits.concurrent for name, gate in gates.by_name.items()}
    assert limits == {"work": 1, "unknown": 7}
    gates.register({})
    assert gates.by_name["work"].limits.concurrent == 7


def test_a_higher_priority_comes_first_when_the_gate_opens() -> None:
    _, queues = queues_with(work=ONE)
    first = put(queues, 1)
    assert take(queues) == [1]
    put(queues, 2)
    assert take(queues) == []
    put(queues, 3, priority=9)
    queues.ended(first)
    assert take(queues) == [3]
