"""Rows that are shown no more leave the read model: after a restart and a rerun (spec 5.3, 5.5)."""

from typing import Any

import pytest
from tests.flow import Flow, simple

from firmus.projection.fold import Folded, fold_record
from firmus_contracts import commands as cmd
from firmus_contracts.envelope import Record


def folded(flow: Flow) -> Folded:
    """The last commit of a workflow, folded onto those before."""
    state, found = None, None
    for position, commit in enumerate(flow.commits, 1):
        record = Record(position=position, workflow_id=commit.workflow_id, digest="", body=commit)
        found = fold_record(state, record, published=None, source="")
        state = found.state
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("command", "gone"),
    [
        (cmd.RestartWorkflow, {1, 2, 3}),
        (cmd.RerunWorkflow, {1, 2, 3}),
        ("a", {2, 3}),
        ("b", {3}),
        (cmd.RetryWorkflow, set()),
    ],
)
def test_the_rows_that_go_are_touched_by_the_commit(command: Any, gone: set[int]) -> None:
    flow = Flow(simple("a"), simple("b"), simple("c"))
    flow.start()
    flow.update("a")
    flow.update("b")
    flow.fail("c")
    if isinstance(command, str):
        flow.send(cmd.RerunWorkflow, path=(flow.task_id(command),))
    else:
        flow.send(command)

    found = folded(flow)

    assert {ordinal for ordinal in found.touched if ordinal not in found.state.tasks} == gone
    assert flow.state is not None
    assert found.state.tasks == flow.state.tasks
    assert (found.state.ended_ms, found.state.status) == (0, "RUNNING")
