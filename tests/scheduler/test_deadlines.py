"""Deadlines of a task row (spec 4.3, 3.6.16)."""

import pytest

from firmus.workflow.deadlines import deadlines_of
from firmus.workflow.evolve import fold
from firmus_contracts import events as ev
from firmus_contracts.envelope import Commit
from firmus_contracts.events import Timeouts
from firmus_contracts.statuses import TaskStatus
from tests.scheduler.world import START_MS, scheduled, started, workflow_id

ALL = Timeouts(response_s=10, task_s=20, poll_s=30, total_s=40)


def row(*events: ev.WorkflowEvent, made: ev.TaskScheduled):
    """The row after its making, and each event a second after the one before."""
    state, version = None, 1
    for index, batch in enumerate([(started(), made), *((event,) for event in events)]):
        commit = Commit(
            commit_id=str(index),
            workflow_id=workflow_id(1),
            first_version=version,
            time_ms=START_MS + index * 1000,
            events=batch,
        )
        version += len(batch)
        state = fold(state, commit)
    return state.tasks[1]


def deadlines(*events: ev.WorkflowEvent, **fields) -> dict[str, int]:
    made = scheduled(1, **{"timeouts": ALL, **fields})
    return {kind: at - START_MS for kind, at in deadlines_of(row(*events, made=made))}


BEGUN = ev.TaskBegun(ordinal=1)


@pytest.mark.parametrize(
    ("rule", "found", "expected"),
    [
        (
            "4.3 scheduled: poll and total count",
            deadlines(),
            {"total": 40_000, "poll": 30_000},
        ),
        (
            "4.3 poll: start delay and callback extend it",
            deadlines(start_delay_s=3, callback_after_s=4),
            {"total": 40_000, "poll": 37_000},
        ),
        (
            "4.3 begun: task from the first start, response from the last update",
            deadlines(BEGUN),
            {"total": 40_000, "task": 21_000, "response": 11_000},
        ),
        (
            "4.3 task: the start delay is added",
            deadlines(BEGUN, start_delay_s=3),
            {"total": 40_000, "task": 24_000, "response": 11_000},
        ),
        (
            "4.3 response: a lease restarts it",
            deadlines(BEGUN, ev.TaskLeaseExtended(ordinal=1)),
            {"total": 40_000, "task": 21_000, "response": 12_000},
        ),
        (
            "9.3 in progress with callback: response stops, poll is extended, task goes on",
            deadlines(BEGUN, ev.TaskUpdated(ordinal=1, callback_after_s=5)),
            {"total": 40_000, "task": 21_000, "poll": 35_000},
        ),
        (
            "4.3 a second hand-out does not restart the task timeout",
            deadlines(BEGUN, ev.TaskUpdated(ordinal=1), BEGUN),
            {"total": 40_000, "task": 21_000, "response": 13_000},
        ),
        (
            "4.3 total counts from the first attempt",
            deadlines(first_scheduled_ms=START_MS - 15_000),
            {"total": 25_000, "poll": 30_000},
        ),
        (
            "3.6.16 the end of a WAIT",
            deadlines(
                timeouts=None, status=TaskStatus.IN_PROGRESS, deadline_ms=START_MS + 7, queued=False
            ),
            {"wait": 7},
        ),
        ("4.3 none for an ended row", deadlines(BEGUN, ev.TaskCompleted(ordinal=1)), {}),
        ("4.3 zero is no timeout", deadlines(BEGUN, timeouts=Timeouts()), {}),
    ],
)
def test_deadlines(rule: str, found: dict[str, int], expected: dict[str, int]) -> None:
    assert found == expected, rule


def test_they_stand_in_the_order_of_their_check() -> None:
    made = scheduled(1, timeouts=ALL, deadline_ms=START_MS + 1)
    kinds = [kind for kind, _ in deadlines_of(row(BEGUN, made=made))]
    assert kinds == ["total", "task", "response", "wait"]
