"""What expressions see of a workflow (spec 2.2, 2.6)."""

from typing import Any

import pytest

from firmus.workflow.document import Document
from firmus.workflow.evolve import evolve
from firmus.workflow.expressions import compile_path, compile_template, resolve
from firmus.workflow.state import WorkflowState
from firmus_contracts import events as ev
from firmus_contracts import ids
from firmus_contracts.statuses import WorkflowStatus

WORKFLOW_ID = ids.mint_workflow_id(1_700_000_000_000, 5)
START = ev.WorkflowStarted(
    name="w",
    definition_version=3,
    definition_hash="h",
    input={"a": 1},
    variables={"v": 1},
    correlation_id="c-1",
    priority=7,
)


def folded(*events: ev.WorkflowEvent) -> WorkflowState:
    state: WorkflowState | None = None
    for position, event in enumerate((START, *events)):
        state = evolve(state, event, workflow_id=WORKFLOW_ID, now_ms=1000 + position)
    assert state is not None
    return state


def scheduled(ordinal: int, ref: str, **fields: Any) -> ev.TaskScheduled:
    return ev.TaskScheduled(
        ordinal=ordinal, seq=ordinal, ref=ref, **{"task_type": "t", "task_def_name": "t", **fields}
    )


def completed(ordinal: int, **output: Any) -> ev.TaskCompleted:
    return ev.TaskCompleted(ordinal=ordinal, output=output, worker_id="me")


def read(state: WorkflowState, path: str, **more: Any) -> Any:
    return compile_path(path).find(Document(state, **more))


def test_2_2_workflow_fields_and_nothing_else() -> None:
    state = folded()
    expected = {
        "input": {"a": 1},
        "output": {},
        "status": "RUNNING",
        "workflowId": WORKFLOW_ID,
        "parentWorkflowId": None,
        "parentWorkflowTaskId": None,
        "workflowType": "w",
        "version": 3,
        "correlationId": "c-1",
        "reasonForIncompletion": None,
        "schemaVersion": 2,
        "variables": {"v": 1},
    }
    assert read(state, "workflow") == expected
    assert {key: read(state, f"workflow.{key}") for key in expected} == expected
    for key in ("priority", "taskToDomain", "ownerApp", "name", "createTime"):
        assert read(state, f"workflow.{key}") is None


def test_2_2_task_fields_and_nothing_else() -> None:
    state = folded(
        scheduled(1, "a", input={"x": 1}),
        ev.TaskBegun(ordinal=1, worker_id="me"),
        completed(1, y=[1]),
    )
    expected = {
        "input": {"x": 1},
        "output": {"y": [1]},
        "taskType": "t",
        "status": "COMPLETED",
        "referenceTaskName": "a",
        "retryCount": 0,
        "correlationId": "c-1",
        "pollCount": 1,
        "taskDefName": "t",
        "scheduledTime": 1001,
        "startTime": 1002,
        "endTime": 1003,
        "workflowInstanceId": WORKFLOW_ID,
        "taskId": ids.task_id(WORKFLOW_ID, 1),
        "reasonForIncompletion": None,
        "callbackAfterSeconds": 0,
        "workerId": "me",
        "iteration": 0,
    }
    assert read(state, "a") == expected
    assert {key: read(state, f"a.{key}") for key in expected} == expected
    assert type(read(state, "a.status")) is str
    assert [
        read(state, path) for path in ("a.seq", "a.domain", "a.outputs", "b", "b.output.y")
    ] == [None] * 5


def test_2_2_the_latest_attempt_wins() -> None:
    state = folded(
        scheduled(1, "a"),
        ev.TaskFailed(ordinal=1, output={"v": 1, "only": "first"}),
        scheduled(2, "a", retry_count=1, retried=1),
        completed(2, v=2),
    )
    template = compile_template(
        {
            "v": "${a.output.v}",
            "n": "${a.retryCount}",
            "s": "${a.status}",
            "only": "${a.output.only}",
        }
    )
    assert resolve(template, Document(state)) == {"v": 2, "n": 1, "s": "COMPLETED", "only": None}


def looping() -> WorkflowState:
    return folded(
        scheduled(1, "loop", task_type="DO_WHILE"),
        scheduled(2, "a__1", iteration=1, node="a"),
        completed(2, v="a1"),
        scheduled(3, "b__1", iteration=1, node="b"),
        completed(3, v="b1"),
        ev.TaskUpdated(
            ordinal=1,
            output={"iteration": 2, "1": {"a": {"v": "a1"}, "b": {"v": "b1"}}},
            requeued=False,
        ),
        scheduled(4, "a__2", iteration=2, node="a"),
    )


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.referenceTaskName", "a__2"),
        ("a.iteration", 2),
        ("a.output.v", None),
        ("b.output.v", "b1"),
        ("b.iteration", 1),
        ("b__1.output.v", None),
        ("loop.output.1.a.v", "a1"),
        ("loop.output['1'].a.v", "a1"),
        ("loop.output[*].a.v", ["a1"]),
        ("loop.output.iteration", 2),
        ("loop.iteration", 2),
    ],
)
def test_2_2_a_loops_task_goes_by_its_bare_reference_and_the_last_iteration_wins(
    path: str, value: Any
) -> None:
    assert read(looping(), path) == value


def test_2_2_a_scan_goes_over_the_workflow_and_every_task() -> None:
    state = looping()
    assert read(state, "$..v") == [1, "a1", "b1", "b1"]
    assert set(read(state, "$")) == {"workflow", "loop", "a", "b"}


def test_2_6_the_status_can_be_told_that_the_workflow_is_about_to_have() -> None:
    template = compile_template("${workflow.status} ${workflow.reasonForIncompletion}")
    assert resolve(template, Document(folded())) == "RUNNING null"
    assert resolve(template, Document(folded(), status=WorkflowStatus.FAILED)) == "FAILED null"


def test_2_4_the_id_of_the_task_being_scheduled() -> None:
    assert resolve(compile_template("${CPEWF_TASK_ID}"), Document(folded(), task_id="t-1")) == "t-1"
