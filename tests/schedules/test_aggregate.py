"""What happens to a schedule (spec 8.8)."""

import pytest
from msgspec.structs import replace

from firmus.schedules import aggregate as aggregates
from firmus.schedules.aggregate import EMPTY, Aggregate, Asked, evolve
from firmus_contracts.errors import Refusal
from firmus_contracts.requests import Tag
from tests.schedules.samples import T0, schedule


def saved(at_ms: int = T0) -> Aggregate:
    return evolve(EMPTY, aggregates.save(EMPTY, schedule(), Asked(at_ms)))


def test_saving_stamps_who_and_when_and_keeps_the_time_of_creation() -> None:
    given = replace(schedule(), create_time=5, created_by="me", next_run_time=7)
    first = evolve(EMPTY, aggregates.save(EMPTY, given, Asked(T0)))
    again = evolve(first, aggregates.save(first, given, Asked(T0 + 9)))
    assert again.schedule is not None
    assert (again.schedule.create_time, again.schedule.updated_time) == (T0, T0 + 9)
    assert (again.schedule.created_by, again.schedule.next_run_time) == ("", None)
    assert (again.revision, again.since_ms) == (2, T0 + 9)


def test_a_start_without_input_has_an_empty_one() -> None:
    given = schedule(start={"input": None})
    found = evolve(EMPTY, aggregates.save(EMPTY, given, Asked(T0)))
    assert found.schedule is not None
    assert found.schedule.start_workflow_request is not None
    assert found.schedule.start_workflow_request.input == {}


def test_who_asked_is_noted_when_it_was_said() -> None:
    found = evolve(EMPTY, aggregates.save(EMPTY, schedule(), Asked(T0, "ann")))
    found = evolve(found, aggregates.pause(found, "nightly", None, Asked(T0, "bob")))
    assert found.schedule is not None
    assert (found.schedule.created_by, found.schedule.updated_by) == ("ann", "bob")
    found = evolve(found, aggregates.save(found, schedule(), Asked(T0)))
    assert found.schedule is not None
    assert (found.schedule.created_by, found.schedule.updated_by) == ("ann", "")


def test_pausing_notes_the_reason_and_pausing_again_changes_it() -> None:
    found = saved()
    for reason in ("holiday", None):
        found = evolve(found, aggregates.pause(found, "nightly", reason, Asked(T0 + 1)))
        assert found.schedule is not None
        assert (found.schedule.paused, found.schedule.paused_reason) == (True, reason)


def test_resuming_drops_the_reason_and_what_was_due_meanwhile() -> None:
    found = saved()
    found = evolve(found, aggregates.pause(found, "nightly", "holiday", Asked(T0 + 1)))
    found = evolve(found, aggregates.resume(found, "nightly", Asked(T0 + 99)))
    assert found.schedule is not None
    assert (found.schedule.paused, found.schedule.paused_reason) == (False, None)
    assert found.since_ms == T0 + 99


def test_what_is_not_there_or_not_paused_is_refused() -> None:
    for act in (
        lambda: aggregates.pause(EMPTY, "nope", None, Asked(T0)),
        lambda: aggregates.resume(EMPTY, "nope", Asked(T0)),
        lambda: aggregates.tag(EMPTY, "nope", [], Asked(T0)),
        lambda: aggregates.resume(saved(), "nope", Asked(T0)),
    ):
        with pytest.raises(Refusal, match="Schedule 'nope' not found") as refusal:
            act()
        assert refusal.value.code == "NOT_FOUND"


def test_deleting_leaves_the_count_of_events_and_nothing_else() -> None:
    found = saved()
    event = aggregates.delete(found, "nightly", Asked(T0))
    assert event is not None
    assert evolve(found, event) == Aggregate(revision=2)
    assert aggregates.delete(EMPTY, "nightly", Asked(T0)) is None


def test_tags_stay_when_a_schedule_is_replaced_without_any() -> None:
    found = saved()
    event = aggregates.tag(found, "nightly", [Tag(key="team", value="a")], Asked(T0))
    assert event is not None
    found = evolve(found, event)
    assert aggregates.tag(found, "nightly", [Tag(key="team", value="a")], Asked(T0)) is None
    found = evolve(found, aggregates.save(found, schedule(), Asked(T0)))
    assert found.schedule is not None
    assert found.schedule.tags == [Tag(key="team", value="a")]


def test_all_are_paused_and_resumed_once() -> None:
    event = aggregates.pause_all(EMPTY, Asked(T0))
    assert event is not None
    paused = evolve(EMPTY, event)
    assert aggregates.pause_all(paused, Asked(T0)) is None
    again = aggregates.resume_all(paused, Asked(T0))
    assert again is not None
    assert not evolve(paused, again).all_paused
    assert aggregates.resume_all(EMPTY, Asked(T0)) is None
