"""The history of a workflow in words."""

from typing import Any

from firmus.broker.rejections import Rejection
from firmus.console.audit import refusal_row, rows_of, table
from firmus_contracts import events as ev
from firmus_contracts.envelope import Cause, Commit, Record, Unreadable


def record(first_version: int, *events: Any, causes: tuple[Cause, ...] = ()) -> Record:
    commit = Commit(
        commit_id=f"c{first_version}",
        workflow_id="w",
        first_version=first_version,
        time_ms=1_700_000_000_000 + first_version,
        events=events,
        causes=causes,
    )
    return Record(position=first_version, workflow_id="w", digest="", body=commit)


def scheduled(ordinal: int, ref: str, **more: Any) -> ev.TaskScheduled:
    return ev.TaskScheduled(ordinal=ordinal, seq=ordinal, ref=ref, task_type="charge", **more)


HISTORY = [
    record(
        1,
        ev.WorkflowStarted(name="flow", definition_version=2, definition_hash="h", input={"a": 1}),
        scheduled(1, "pay"),
        causes=(Cause(command_id="x", kind="start_workflow", actor="ann"),),
    ),
    record(3, ev.TaskFailed(ordinal=1, reason="no card"), scheduled(2, "pay", retry_count=1)),
    record(5, ev.TaskCompleted(ordinal=2, output={"ok": True}), ev.TasksSettled(ordinals=(1, 2))),
]


def test_every_event_is_a_row_with_its_version_and_the_reference_of_its_task() -> None:
    rows = rows_of(HISTORY)
    assert [row.version for row in rows] == ["1", "2", "3", "4", "5", "6"]
    assert [row.ref for row in rows] == ["", "pay", "pay", "pay", "pay", ""]
    assert [row.event for row in rows][:2] == ["workflow.started", "task.scheduled"]


def test_a_row_says_what_happened_and_why() -> None:
    what = [row.what for row in rows_of(HISTORY)]
    assert what[0] == 'flow v2 input {"a":1}  [start_workflow by ann]'
    assert what[2] == "no card"
    assert what[3] == "charge retry 1"
    assert what[4] == 'output {"ok":true}'
    assert what[5] == "pay, pay"


def test_a_long_value_is_cut() -> None:
    long = record(1, ev.WorkflowCompleted(output={"a": "x" * 500}))
    assert rows_of([long])[0].what.endswith("…")
    assert len(rows_of([long])[0].what) < 120


def test_a_commit_that_cannot_be_read_is_shown_as_such() -> None:
    body = Unreadable(workflow_id="w", problem="unknown type workflow.flown", stored=b"")
    rows = rows_of([Record(position=1, workflow_id="w", digest="", body=body)])
    assert (rows[0].event, rows[0].what) == ("unreadable", "unknown type workflow.flown")


def test_a_refusal_names_code_command_and_actor() -> None:
    refused = Rejection(
        command_id="c", kind="update_task", code="LATE", message="ended", time_ms=5, actor="w1"
    )
    row = refusal_row(refused)
    assert (row.version, row.event, row.time_ms) == ("", "refused", 5)
    assert row.what == "LATE: ended  [update_task by w1]"


def test_the_columns_of_the_table_are_aligned() -> None:
    lines = table(rows_of(HISTORY))
    column = lines[0].index("EVENT")
    assert all(line[column - 2 : column] == "  " for line in lines)
    assert lines[1][column:].startswith("workflow.started")


def test_who_steers_a_workflow_is_told_with_what_and_why() -> None:
    steered = record(
        1,
        ev.WorkflowJumped(ref="pay", reason="hurry"),
        ev.WorkflowUpgraded(definition_version=3, definition_hash="h"),
        ev.WorkflowRemoved(reason="tidy", actor="ann"),
        causes=(
            Cause(command_id="x", kind="jump_to_task", actor="bob", events=2),
            Cause(command_id="y", kind="remove_workflow", actor="ann", events=1),
        ),
    )
    assert [row.what for row in rows_of([steered])] == [
        "to pay hurry  [jump_to_task by bob]",
        "to v3",
        "tidy  [remove_workflow by ann]",
    ]
