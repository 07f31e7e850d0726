import hashlib
from typing import Any

import msgspec
import pytest
from tests.eventlog.contract import LARGE, commit, new_workflow, started

from firmus.eventlog import codec
from firmus_contracts import events as ev
from firmus_contracts.envelope import ENGINE_VERSION, BlobRef, Commit, Unreadable

WORKFLOW = new_workflow()


def renamed(old: dict[str, Any]) -> dict[str, Any]:
    return {"type": "workflow.paused", "reason": old["why"]}


def first_step(old: dict[str, Any]) -> dict[str, Any]:
    return {"type": "workflow.halted", "why": old["because"]}


UPCASTS = {"workflow.halted": renamed, "workflow.stopped": first_step}


def stored_with(*events: dict[str, Any]) -> bytes:
    raw = msgspec.to_builtins(started(WORKFLOW))
    return msgspec.json.encode(raw | {"events": list(events)})


def test_the_digest_is_the_hash_of_the_stored_bytes() -> None:
    encoded = codec.encode(started(WORKFLOW))
    assert encoded.digest == hashlib.sha256(encoded.stored).hexdigest()
    assert codec.record(7, WORKFLOW, encoded.stored).digest == encoded.digest


def test_the_stored_form_is_the_documented_json() -> None:
    body = Commit(
        commit_id="c",
        workflow_id=WORKFLOW,
        first_version=2,
        time_ms=5,
        events=(ev.WorkflowPaused(),),
    )
    assert msgspec.json.decode(codec.encode(body).stored) == {
        "commitId": "c",
        "workflowId": WORKFLOW,
        "firstVersion": 2,
        "timeMs": 5,
        "engine": ENGINE_VERSION,
        "events": [{"type": "workflow.paused"}],
    }


def test_a_large_value_is_named_by_its_hash_and_put_back() -> None:
    body = started(WORKFLOW, input={"in": LARGE}, variables={"small": 1})
    encoded = codec.encode(body)
    [value] = encoded.values
    slim = codec.decode(WORKFLOW, encoded.stored)
    assert isinstance(slim, Commit)
    digest = hashlib.sha256(value).hexdigest()
    assert slim.blobs == (BlobRef(event=0, field="input", sha256=digest, size=len(value)),)
    assert LARGE not in encoded.stored.decode()
    assert codec.put_back(slim, [value]) == body


def test_many_small_values_stay_in_a_large_commit() -> None:
    change = ev.VariablesSet(variables={"v": "x" * 1000})
    body = commit(WORKFLOW, 1, *[change] * 200)
    encoded = codec.encode(body)
    assert encoded.values == ()
    assert codec.decode(WORKFLOW, encoded.stored) == body


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"\xff\xfe",
        b"{}",
        b"[" * 100_000,
        b'{"commitId": 1}',
        stored_with({"type": "workflow.paused"}, {"type": "workflow.unheard_of"}),
        stored_with({"reason": "no type"}),
        stored_with({"type": "task.in_progress", "ordinal": "one"}),
    ],
)
def test_bytes_that_are_no_commit_are_unreadable_and_kept(stored: bytes) -> None:
    for upcasts in ({}, UPCASTS):
        body = codec.decode(WORKFLOW, stored, upcasts)
        assert isinstance(body, Unreadable)
        assert (body.workflow_id, body.stored) == (WORKFLOW, stored)
        assert body.problem


def test_a_commit_of_another_workflow_is_unreadable() -> None:
    body = codec.decode(new_workflow(), codec.encode(started(WORKFLOW)).stored)
    assert isinstance(body, Unreadable)
    assert WORKFLOW in body.problem


@pytest.mark.parametrize(
    "old",
    [
        {"type": "workflow.halted", "why": "rain"},
        {"type": "workflow.stopped", "because": "rain"},
    ],
)
def test_an_event_under_a_retired_tag_is_brought_up_to_date(old: dict[str, Any]) -> None:
    body = codec.decode(WORKFLOW, stored_with(old, {"type": "workflow.resumed"}), UPCASTS)
    assert isinstance(body, Commit)
    assert body.events == (ev.WorkflowPaused(reason="rain"), ev.WorkflowResumed())


def test_an_upcast_that_fails_makes_the_commit_unreadable() -> None:
    body = codec.decode(WORKFLOW, stored_with({"type": "workflow.halted"}), UPCASTS)
    assert isinstance(body, Unreadable)


def test_a_commit_id_is_found_in_a_commit_that_cannot_be_read() -> None:
    stored = stored_with({"type": "workflow.unheard_of"})
    raw = msgspec.json.decode(stored)
    assert codec.commit_id_of(stored) == raw["commitId"]
    assert codec.commit_id_of(b"nothing") is None


def test_a_commit_of_many_values_that_are_not_small_still_fits_into_a_message() -> None:
    rows = tuple(
        ev.TaskScheduled(ordinal=n, seq=n, ref=f"r{n}", task_type="t", input={"v": f"{n}" * 25_000})
        for n in range(1, 301)
    )
    body = msgspec.structs.replace(started(WORKFLOW), events=rows)
    encoded = codec.encode(body)

    assert len(encoded.stored) <= codec.COMMIT_MAX_BYTES
    slim = codec.decode(WORKFLOW, encoded.stored)
    assert isinstance(slim, Commit)
    assert codec.put_back(slim, encoded.values) == body
