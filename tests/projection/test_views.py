"""Rows and summaries of workflows and tasks."""

import msgspec
import pytest
from tests.projection.histories import T0, scheduled, started

from firmus.projection.times import gmt
from firmus.projection.views import (
    TASK_COLUMNS,
    WORKFLOW_COLUMNS,
    classifier_of,
    task_row,
    workflow_row,
)
from firmus.workflow.evolve import evolve
from firmus_contracts import events as ev
from firmus_contracts import ids
from firmus_contracts.definitions import WorkflowDef

WID = ids.mint_workflow_id(T0, 7)


def state_of(*events: ev.WorkflowEvent):
    state = None
    for number, event in enumerate(events):
        state = evolve(state, event, workflow_id=WID, now_ms=T0 + number * 10)
    return state


def test_a_failed_workflow() -> None:
    state = state_of(
        started("flow", {"a": 1, "b": ["x", None]}, correlation_id="c", priority=1),
        ev.WorkflowFailed(
            output={"y": True}, reason="no", failed_refs=("r", "s"), failed_names=("n",)
        ),
    )
    row = dict(zip(WORKFLOW_COLUMNS, workflow_row(state, "workflow"), strict=True))
    assert msgspec.json.decode(row.pop("summary")) == {
        "workflowType": "flow", "version": 1, "workflowId": WID, "correlationId": "c",
        "startTime": "2023-11-14T22:13:20.000Z", "updateTime": "2023-11-14T22:13:20.010Z",
        "endTime": "2023-11-14T22:13:20.010Z", "status": "FAILED", "input": "{a=1, b=[x, null]}",
        "output": "{y=true}", "reasonForIncompletion": "no", "executionTime": 10,
        "failedReferenceTaskNames": "r,s", "failedTaskNames": ["n"], "priority": 1,
        "taskToDomain": {}, "parentWorkflowId": "", "classifier": "workflow",
        "inputSize": 18, "outputSize": 8,
    }  # fmt: skip
    assert row == {
        "workflow_id": WID, "revision": 2, "workflow_type": "flow", "version": 1,
        "status": "FAILED", "correlation_id": "c", "parent_workflow_id": None,
        "classifier": "workflow", "priority": 1, "start_ms": T0, "update_ms": T0 + 10,
        "end_ms": T0 + 10,
    }  # fmt: skip


def test_a_running_workflow_has_no_end() -> None:
    row = dict(zip(WORKFLOW_COLUMNS, workflow_row(state_of(started()), "x"), strict=True))
    shown = msgspec.json.decode(row["summary"])
    assert (row["end_ms"], shown.get("endTime"), shown["executionTime"]) == (None, None, 0)


def test_a_task_row() -> None:
    state = state_of(
        started("flow", correlation_id="c"), scheduled("a", 1, input={"n": 1}, domain="d"),
        ev.TaskBegun(ordinal=1), ev.TaskFailed(ordinal=1, reason="r" * 501),
    )  # fmt: skip
    row = dict(zip(TASK_COLUMNS, task_row(state, state.tasks[1], state.version), strict=True))
    shown = msgspec.json.decode(row.pop("summary"))
    assert row == {
        "task_id": ids.task_id(WID, 1), "revision": 4, "workflow_id": WID,
        "workflow_type": "flow", "correlation_id": "c", "task_type": "a", "task_def_name": "a",
        "status": "FAILED", "domain": "d", "scheduled_ms": T0 + 10, "start_ms": T0 + 20,
        "update_ms": T0 + 30, "end_ms": T0 + 30,
    }  # fmt: skip
    assert (shown["executionTime"], shown["queueWaitTime"]) == (10, 10)
    assert shown["input"] == "{n=1}"
    assert len(shown["reasonForIncompletion"]) == 500


def test_a_task_that_waits_shows_the_epoch() -> None:
    state = state_of(started(), scheduled("a", 1))
    row = dict(zip(TASK_COLUMNS, task_row(state, state.tasks[1], state.version), strict=True))
    shown = msgspec.json.decode(row["summary"])
    assert (row["start_ms"], row["end_ms"]) == (None, None)
    assert shown["startTime"] == shown["endTime"] == "1970-01-01T00:00:00.000Z"


@pytest.mark.parametrize(
    ("metadata", "classifier"),
    [({}, "workflow"), ({"classifier": "batch"}, "batch"), ({"classifier": " "}, "workflow"),
     ({"classifier": 3}, "workflow"), ({"agent_sdk": 1}, "agent"), ({"agentDef": {}}, "agent"),
     ({"agent_sdk": 1, "classifier": "x"}, "x")],
)  # fmt: skip
def test_the_classifier_of_a_definition(metadata: dict, classifier: str) -> None:
    assert classifier_of(WorkflowDef(name="w", metadata=metadata)) == classifier


def test_times_are_gmt_with_milliseconds() -> None:
    assert gmt(T0 + 7) == "2023-11-14T22:13:20.007Z"
    assert gmt(0) == "1970-01-01T00:00:00.000Z"
