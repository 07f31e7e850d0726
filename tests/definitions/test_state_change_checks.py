"""Which onStateChange may be registered."""

import msgspec
import pytest

from firmus.decider import state_events
from firmus.definitions.state_change_checks import TRANSITIONS, state_changes_unsupported
from firmus_contracts.definitions import WorkflowTask


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        ({"onStart": [{"type": "nats:x"}]}, []),
        ({"onstart,ONFAILED": [{"type": "jsm:x.y"}, {"type": "conductor:z"}]}, []),
        ({"onStart": [{"type": "kafka:e"}]}, ["onStateChange[onStart][0].type"]),
        ({"onStart": [{"type": "nats:x"}, {}]}, ["onStateChange[onStart][1].type"]),
        ({"onStart,onStop": [{"type": "nats:x"}]}, ["onStateChange[onStart,onStop]"]),
        ({"": []}, ["onStateChange[]"]),
    ],
)
def test_unknown_transitions_and_sinks_are_refused_by_name(given: dict, paths: list[str]) -> None:
    task = msgspec.convert({"name": "t", "onStateChange": given}, WorkflowTask)

    found = list(state_changes_unsupported(task, "tasks[0]."))
    assert [error.path for error in found] == [f"tasks[0].{path}" for path in paths]
    assert all(error.path in error.message for error in found)


def test_registration_and_decider_know_the_same_transitions() -> None:
    assert set(TRANSITIONS) == set(state_events.TRANSITIONS)
