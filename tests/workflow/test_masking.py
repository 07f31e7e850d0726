"""Masked fields: hidden wherever they stand, in all that is shown, and nowhere else."""

from typing import Any

import msgspec
import pytest
from tests.flow import START_MS, Flow, op, simple

from firmus.workflow.masking import EVERYTHING, MASK, NOTHING, masked
from firmus.workflow.rest_view import status_view, task_summary, task_view, workflow_view
from firmus.workflow.rest_view import workflow_summary as summary

NAMES = frozenset({"card", "pin"})


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"card": "4711", "a": 1}, {"card": MASK, "a": 1}),
        ({"a": {"card": {"no": 1}}, "pin": [1]}, {"a": {"card": MASK}, "pin": MASK}),
        ({"a": [{"pin": 0}, [{"card": ""}]]}, {"a": [{"pin": MASK}, [{"card": MASK}]]}),
        ({"card": None, "Card": 1}, {"card": None, "Card": 1}),
        ({"a": "card"}, {"a": "card"}),
    ],
)
def test_a_value_is_hidden_by_its_name_at_any_depth(value: Any, shown: Any) -> None:
    before = msgspec.json.encode(value)

    assert masked(value, NAMES) == shown
    assert msgspec.json.encode(value) == before
    assert masked(value, NOTHING) is value


def test_of_a_lost_definition_nothing_is_shown() -> None:
    assert masked({"a": {"b": 1}, "c": None}, EVERYTHING) == {"a": MASK, "c": MASK}


@pytest.fixture
def flow() -> Flow:
    task = simple("pay", inputParameters={"card": "${workflow.input.card}", "n": 1})
    flow = Flow(
        op("keep", "SET_VARIABLE", {"card": "${workflow.input.card}"}),
        task,
        maskedFields=["card"],
        outputParameters={"card": "${pay.output.card}", "n": "${pay.output.n}"},
    )
    flow.start({"card": "4711", "n": 1})
    flow.begin("pay")
    flow.update("pay", output={"card": "4711", "n": 1})
    return flow


def test_no_view_shows_a_masked_field(flow: Flow) -> None:
    state, blueprint = flow.state, flow.blueprint
    row = flow.row("pay")
    views = [
        workflow_view(state, blueprint, now_ms=START_MS, include_tasks=True),
        task_view(state, row, blueprint, now_ms=START_MS),
        status_view(state, include_output=True, include_variables=True, names=blueprint.masked),
        summary(state, names=blueprint.masked),
        task_summary(state, row, names=blueprint.masked),
    ]
    for view in views:
        written = msgspec.json.encode(view).decode()
        assert "4711" not in written
        assert MASK in written


def test_workers_and_the_log_have_the_value(flow: Flow) -> None:
    handed = task_view(flow.state, flow.row("pay"), flow.blueprint, now_ms=START_MS, revealed=True)

    assert handed.input_data == {"card": "4711", "n": 1}
    assert flow.output == {"card": "4711", "n": 1}
