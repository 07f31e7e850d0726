"""Executions as REST shows them, made from folded state."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from firmus.workflow.blueprint import Blueprint
from firmus.workflow.evolve import fold
from firmus.workflow.rest_view import (
    iso_text,
    status_view,
    task_summary,
    task_view,
    workflow_summary,
    workflow_view,
)
from firmus.workflow.state import WorkflowState
from firmus_contracts import events as ev
from firmus_contracts import ids
from firmus_contracts.bodies import convert_workflow_def
from firmus_contracts.definitions import TaskDef
from firmus_contracts.envelope import Commit
from firmus_contracts.statuses import TaskStatus

SCHEMAS = Path(__file__).parents[1] / "contract" / "json-schema"
START_MS = 1_700_000_000_000
ID = ids.mint_workflow_id(START_MS, 7)
CHILD = ids.mint_workflow_id(START_MS, 8)

BLUEPRINT = Blueprint(
    convert_workflow_def(
        {
            "name": "order",
            "version": 3,
            "tasks": [
                {
                    "name": "charge",
                    "taskReferenceName": "pay",
                    "taskDefinition": {"name": "charge", "rateLimitFrequencyInSeconds": 7},
                },
                {"name": "fork", "taskReferenceName": "fork", "type": "FORK_JOIN_DYNAMIC"},
            ],
        }
    ),
    "hash",
)
STARTED = ev.WorkflowStarted(
    name="order",
    definition_version=3,
    definition_hash="hash",
    input={"a": 1, "b": None, "c": [1, "two"], "d": {"e": 2.0}},
    correlation_id="corr",
    priority=4,
    task_to_domain={"*": "blue"},
    created_by="alice",
    owner_app="shop",
)
PAY = ev.TaskScheduled(
    ordinal=1,
    seq=1,
    ref="pay",
    task_type="charge",
    task_def_name="charge",
    input={"n": None},
    queued=True,
    priority=4,
    domain="blue",
    start_delay_s=2,
    timeouts=ev.Timeouts(response_s=60),
)


def after(*steps: tuple[int, ev.WorkflowEvent]) -> WorkflowState:
    """The state after events, each so many milliseconds after the start."""
    state: WorkflowState | None = None
    for number, (after_ms, event) in enumerate(((0, STARTED), *steps), start=1):
        commit = Commit(
            commit_id=str(number),
            workflow_id=ID,
            first_version=number,
            time_ms=START_MS + after_ms,
            events=(event,),
        )
        state = fold(state, commit)
    assert state is not None
    return state


def shown(state: WorkflowState, ordinal: int, *, now_ms: int = START_MS) -> dict[str, Any]:
    view = task_view(state, state.tasks[ordinal], BLUEPRINT, now_ms=now_ms)
    return json.loads(msgspec.json.encode(view))


def schema(name: str) -> Any:
    return json.loads((SCHEMAS / name).read_text())


def test_a_scheduled_task_shows_every_primitive_and_no_null() -> None:
    task = shown(after((10, PAY)), 1)
    assert (
        task.items()
        >= {
            "taskType": "charge",
            "status": "SCHEDULED",
            "referenceTaskName": "pay",
            "inputData": {"n": None},
            "outputData": {},
            "seq": 1,
            "scheduledTime": START_MS + 10,
            "startTime": 0,
            "startDelayInSeconds": 2,
            "responseTimeoutSeconds": 60,
            "workflowInstanceId": ID,
            "taskId": ids.task_id(ID, 1),
            "correlationId": "corr",
            "workflowPriority": 4,
            "domain": "blue",
            "rateLimitPerFrequency": 0,
            "rateLimitFrequencyInSeconds": 7,
            "callbackFromWorker": True,
            "loopOverTask": False,
            "queueWaitTime": 0,
        }.items()
    )
    assert None not in task.values()
    assert task["workflowTask"]["taskReferenceName"] == "pay"


def test_a_task_fits_the_published_schema() -> None:
    state = after((10, PAY), (20, ev.TaskBegun(ordinal=1, worker_id="w")))
    jsonschema.validate(shown(state, 1), schema("conductor-conductor-task-schema.json"))


def test_an_ended_task_shows_its_times_its_worker_and_a_cut_reason() -> None:
    state = after(
        (10, PAY),
        (30, ev.TaskBegun(ordinal=1, worker_id="w1")),
        (90, ev.TaskFailed(ordinal=1, output={"why": "x"}, reason="r" * 501)),
        (90, ev.TasksSettled(ordinals=(1,))),
    )
    task = shown(state, 1)
    assert (task["startTime"], task["endTime"]) == (START_MS + 30, START_MS + 90)
    assert (task["workerId"], task["pollCount"], task["executed"]) == ("w1", 1, True)
    assert task["queueWaitTime"] == 20
    assert task["reasonForIncompletion"] == "r" * 500


def test_a_superseded_row_is_marked_and_the_new_one_names_it() -> None:
    again = msgspec.structs.replace(PAY, ordinal=2, seq=2, retry_count=1, retried=1)
    state = after((10, PAY), (20, ev.TaskFailed(ordinal=1)), (20, again))
    assert shown(state, 1)["retried"]
    assert shown(state, 2)["retriedTaskId"] == ids.task_id(ID, 1)
    assert "retriedTaskId" not in shown(state, 1)


@pytest.mark.parametrize(("now_ms", "wait_ms"), [(1_000, 0), (3_500, 500)])
def test_a_postponed_task_waits_from_when_it_is_due(now_ms: int, wait_ms: int) -> None:
    state = after(
        (0, PAY),
        (500, ev.TaskBegun(ordinal=1)),
        (1_000, ev.TaskUpdated(ordinal=1, callback_after_s=2)),
    )
    task = shown(state, 1, now_ms=START_MS + now_ms)
    assert (task["callbackAfterSeconds"], task["queueWaitTime"]) == (2, wait_ms)


def test_a_sub_workflow_is_named_only_once_it_was_started() -> None:
    planned = msgspec.structs.replace(PAY, task_type="SUB_WORKFLOW", child_id=CHILD)
    waiting = after((0, planned))
    assert "subWorkflowId" not in shown(waiting, 1)
    running = after((0, planned), (5, ev.TaskBegun(ordinal=1)))
    assert shown(running, 1)["subWorkflowId"] == CHILD


def test_a_task_of_a_loop_shows_its_iteration_and_the_definition_without_suffix() -> None:
    second = msgspec.structs.replace(PAY, ref="pay__2", node="pay", iteration=2)
    task = shown(after((0, second)), 1)
    assert (task["referenceTaskName"], task["iteration"]) == ("pay__2", 2)
    assert task["loopOverTask"]
    assert task["workflowTask"]["taskReferenceName"] == "pay"


def test_a_branch_of_a_dynamic_fork_shows_its_own_definition_with_the_task_definition() -> None:
    fork = ev.TaskScheduled(
        ordinal=1,
        seq=1,
        ref="fork",
        task_type="FORK",
        status=TaskStatus.COMPLETED,
        task_defs={"ship": TaskDef(name="ship", retry_count=9)},
    )
    branch = ev.TaskScheduled(
        ordinal=2,
        seq=2,
        ref="b1",
        task_type="ship",
        workflow_task=msgspec.Raw(b'{"name":"ship","taskReferenceName":"b1"}'),
        forked_by=1,
        queued=True,
    )
    task = shown(after((0, fork), (0, branch)), 2)
    assert task["workflowTask"]["taskReferenceName"] == "b1"
    assert task["workflowTask"]["taskDefinition"]["retryCount"] == 9


COMPLETED = after(
    (10, PAY),
    (20, ev.TaskBegun(ordinal=1, worker_id="w")),
    (30, ev.TaskCompleted(ordinal=1, output={"ok": True})),
    (
        40,
        ev.WorkflowCompleted(
            output={"total": 1}, failed_refs=("x", "y"), failed_names=("xn", "yn")
        ),
    ),
)


def test_a_workflow_shows_its_definition_and_its_rows() -> None:
    view = workflow_view(COMPLETED, BLUEPRINT, now_ms=START_MS, include_tasks=True)
    workflow = json.loads(msgspec.json.encode(view))
    assert (workflow["workflowName"], workflow["workflowVersion"]) == ("order", 3)
    assert workflow["startTime"] == workflow["createTime"] == START_MS
    assert workflow["endTime"] == START_MS + 40
    assert workflow["workflowDefinition"]["tasks"][0]["name"] == "charge"
    assert [task["status"] for task in workflow["tasks"]] == ["COMPLETED"]
    assert workflow["failedReferenceTaskNames"] == ["x", "y"]
    assert (workflow["history"], workflow["rateLimited"]) == ([], False)
    jsonschema.validate(workflow, schema("conductor-conductor-workflow-schema.json"))
    jsonschema.validate(workflow, schema("workflow-execution.json"))


def test_a_workflow_without_its_tasks_shows_an_empty_list() -> None:
    view = workflow_view(COMPLETED, BLUEPRINT, now_ms=START_MS, include_tasks=False)
    assert view.tasks == []


def test_the_rows_are_listed_by_seq_with_skipped_ones_first() -> None:
    fork = msgspec.structs.replace(PAY, ordinal=2, seq=5, ref="fork")
    skipped = msgspec.structs.replace(PAY, ordinal=3, seq=0)
    state = after((0, fork), (0, PAY), (0, skipped))
    view = workflow_view(state, BLUEPRINT, now_ms=START_MS, include_tasks=True)
    assert [task.seq for task in view.tasks] == [0, 1, 5]


@pytest.mark.parametrize("include", [True, False])
def test_the_status_shows_output_and_variables_only_when_asked(include: bool) -> None:
    view = status_view(COMPLETED, include_output=include, include_variables=include)
    written = json.loads(msgspec.json.encode(view))
    assert written["status"] == "COMPLETED"
    assert ("output" in written, "variables" in written) == (include, include)


def test_a_summary_is_texts_in_javas_notation() -> None:
    summary = json.loads(msgspec.json.encode(workflow_summary(COMPLETED, classifier="batch")))
    assert summary["input"] == "{a=1, b=null, c=[1, two], d={e=2.0}}"
    assert summary["output"] == "{total=1}"
    assert summary["startTime"] == "2023-11-14T22:13:20.000Z"
    assert summary["endTime"] == "2023-11-14T22:13:20.040Z"
    assert summary["executionTime"] == 40
    assert summary["failedReferenceTaskNames"] == "x,y"
    assert summary["failedTaskNames"] == ["xn", "yn"]
    assert (summary["parentWorkflowId"], summary["classifier"]) == ("", "batch")
    jsonschema.validate(summary, schema("conductor-conductor-workflow-summary-schema.json"))


def test_sizes_are_counted_as_java_does() -> None:
    state = msgspec.structs.replace(after((10, PAY)), input={"a": "ü", "b": "🙂"})
    summary = workflow_summary(state)
    assert (summary.input, summary.input_size) == ("{a=ü, b=🙂}", 11)
    assert (summary.output, summary.output_size) == ("{}", 2)


def test_the_summary_of_a_running_workflow_has_no_end_and_no_duration() -> None:
    summary = workflow_summary(after((10, PAY)))
    assert (summary.end_time, summary.execution_time) == (None, 0)


def test_a_task_summary_reads_the_epoch_for_what_has_not_happened() -> None:
    state = after((10, PAY))
    summary = json.loads(msgspec.json.encode(task_summary(state, state.tasks[1])))
    assert summary["endTime"] == summary["startTime"] == "1970-01-01T00:00:00.000Z"
    assert (summary["executionTime"], summary["input"]) == (0, "{n=null}")
    jsonschema.validate(summary, schema("conductor-conductor-task-summary-schema.json"))


def test_a_task_summary_tells_how_long_it_waited_and_ran() -> None:
    summary = task_summary(COMPLETED, COMPLETED.tasks[1])
    assert (summary.queue_wait_time, summary.execution_time) == (10, 10)
    assert (summary.output, summary.workflow_priority) == ("{ok=true}", 4)


def test_times_are_written_in_greenwich_with_three_digits() -> None:
    assert iso_text(0) == "1970-01-01T00:00:00.000Z"
    assert iso_text(1_700_000_000_007) == "2023-11-14T22:13:20.007Z"
