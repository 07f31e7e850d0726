"""Order and bookkeeping of the task queues (spec 9.1, 9.2, 4.10)."""

from firmus.scheduler.gates import Gates
from firmus.scheduler.queues import Queues
from firmus.scheduler.rows import Row

KEY = (None, "work")
NO_GATES = Gates(lambda _name: (set(), 0, []))


def task(ordinal: int = 1, *, priority: int = 0, domain: str | None = None) -> Row:
    return Row("w", ordinal, "work", domain, True, priority, 0, 0, 0, 0, 0, None, 0, None)


def put(queues: Queues, row: Row, due_ms: int = 0, *, delayed: bool = False) -> Row:
    queues.enqueue(row, order=1000 + row.ordinal, due_ms=due_ms, delayed=delayed)
    return row


def taken(queues: Queues, count: int = 10, now_ms: int = 0) -> list[int]:
    return [row.ordinal for row, _ in queues.take(KEY, count, now_ms)]


def test_priority_then_due_time_then_insertion() -> None:
    queues = Queues(NO_GATES)
    put(queues, task(1), 50)
    put(queues, task(2), 40)
    put(queues, task(3), 50)
    put(queues, task(4, priority=9), 60)
    assert taken(queues) == [4, 2, 1, 3]


def test_a_delayed_task_counts_as_waiting_but_is_not_handed_out_before_it_is_due() -> None:
    queues = Queues(NO_GATES)
    put(queues, task(1), 100, delayed=True)
    assert (taken(queues, now_ms=99), queues.lanes[KEY].waiting) == ([], 1)
    assert queues.next_due_ms() == 100
    assert taken(queues, now_ms=100) == [1]


def test_domains_do_not_see_each_other() -> None:
    queues = Queues(NO_GATES)
    put(queues, task(1, domain="eu"))
    assert taken(queues) == []
    assert [row.ordinal for row, _ in queues.take(("eu", "work"), 1, 0)] == [1]


def test_a_task_being_handed_out_is_not_handed_out_twice() -> None:
    queues = Queues(NO_GATES)
    put(queues, task(1))
    assert taken(queues) == [1]
    assert taken(queues) == []
    assert (queues.lanes[KEY].waiting, queues.lanes[KEY].handing) == (0, 1)


def test_a_task_given_back_stands_where_it_stood() -> None:
    queues = Queues(NO_GATES)
    put(queues, task(1))
    put(queues, task(2))
    (first,) = queues.take(KEY, 1, 0)
    queues.give_back(first)
    queues.give_back(first)
    assert taken(queues) == [1, 2]


def test_a_task_given_back_until_later_waits() -> None:
    queues = Queues(NO_GATES)
    put(queues, task(1))
    (first,) = queues.take(KEY, 1, 0)
    queues.give_back(first, 500)
    assert (taken(queues, now_ms=499), taken(queues, now_ms=500)) == ([], [1])


def test_giving_back_what_the_log_has_moved_changes_nothing() -> None:
    queues = Queues(NO_GATES)
    row = put(queues, task(1))
    (first,) = queues.take(KEY, 1, 0)
    queues.begun(row)
    queues.give_back(first)
    lane = queues.lanes[KEY]
    assert (taken(queues), lane.waiting, lane.handing, lane.in_flight) == ([], 0, 0, 1)


def test_an_ended_task_leaves_wherever_it_is() -> None:
    queues = Queues(NO_GATES)
    waiting, delayed, handing, begun = (task(n) for n in range(1, 5))
    put(queues, handing)
    queues.take(KEY, 1, 0)
    put(queues, waiting)
    put(queues, delayed, 100, delayed=True)
    put(queues, begun)
    queues.begun(begun)
    for row in (waiting, delayed, handing, begun):
        queues.ended(row)
    assert taken(queues, now_ms=200) == []
    assert queues.lanes[KEY].idle
    queues.prune()
    assert queues.lanes == {}


def test_tasks_that_left_leave_nothing_behind() -> None:
    queues = Queues(NO_GATES)
    for ordinal in range(20_000):
        row = put(queues, task(ordinal), ordinal, delayed=ordinal % 2 == 0)
        queues.begun(row)
        queues.ended(row)
    assert len(queues.lanes[KEY].ready) < 1000
    assert len(queues._delayed) < 1000
