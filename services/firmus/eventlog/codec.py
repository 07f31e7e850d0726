"""How a commit is written in the log, and what a reader makes of the stored bytes.

The stored form is JSON. Values above VALUE_MAX_BYTES are taken out of it and named by their
SHA-256 (`Commit.blobs`); a commit's digest is the SHA-256 of its stored bytes, without them.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from firmus_contracts.envelope import BlobRef, Commit, Record, Unreadable
from firmus_contracts.events import WorkflowEvent
from firmus_contracts.upcasts import UPCASTS, Upcast

VALUE_MAX_BYTES = 128 * 1024
SMALLER_VALUES_BYTES = (16 * 1024, 2 * 1024)
"""What else is taken out of a commit that is too large even so: many values that are not small."""
COMMIT_MAX_BYTES = 8 * 1024 * 1024
VALUE_FIELDS = ("input", "output", "variables", "payload", "task_input")

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Commit).decode
_decode_value = msgspec.json.Decoder(dict[str, Any]).decode
_UNDECODABLE = (msgspec.MsgspecError, ValueError, TypeError, KeyError, RecursionError)


class _Named(msgspec.Struct, rename="camel"):
    commit_id: str


_decode_name = msgspec.json.Decoder(_Named).decode


class Encoded(msgspec.Struct, frozen=True):
    """The stored bytes of a commit, their digest, and the values that were taken out of it."""

    stored: bytes
    digest: str
    values: tuple[bytes, ...] = ()


def encode(commit: Commit) -> Encoded:
    """The stored form. Sizes of single values are looked at only when the whole is large."""
    stored = _encode(commit)
    if len(stored) <= VALUE_MAX_BYTES:
        return Encoded(stored, sha256(stored).hexdigest())
    slim, values = _take_out(commit, VALUE_MAX_BYTES)
    stored = _encode(slim)
    for limit in SMALLER_VALUES_BYTES:
        if len(stored) <= COMMIT_MAX_BYTES:
            break
        slim, values = _take_out(commit, limit)
        stored = _encode(slim)
    return Encoded(stored, sha256(stored).hexdigest(), values)


def _take_out(commit: Commit, limit: int) -> tuple[Commit, tuple[bytes, ...]]:
    events: list[WorkflowEvent] = []
    refs: list[BlobRef] = list(commit.blobs)
    values: list[bytes] = []
    for index, event in enumerate(commit.events):
        emptied: dict[str, dict[str, Any]] = {}
        for field in VALUE_FIELDS:
            value = getattr(event, field, None)
            if not value:
                continue
            data = _encode(value)
            if len(data) > limit:
                refs.append(BlobRef(event=index, field=field, sha256=_digest(data), size=len(data)))
                values.append(data)
                emptied[field] = {}
        events.append(msgspec.structs.replace(event, **emptied) if emptied else event)
    slim = msgspec.structs.replace(commit, events=tuple(events), blobs=tuple(refs))
    return slim, tuple(values)


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def put_back(commit: Commit, values: Sequence[bytes]) -> Commit:
    """The commit as it was before its large values were taken out; `values` as in its `blobs`.

    Raises msgspec.MsgspecError or IndexError when a value does not belong there.
    """
    events = list(commit.events)
    for ref, data in zip(commit.blobs, values, strict=True):
        change = {ref.field: _decode_value(data)}
        events[ref.event] = msgspec.structs.replace(events[ref.event], **change)
    return msgspec.structs.replace(commit, events=tuple(events), blobs=())


def record(position: int, workflow_id: str, stored: bytes) -> Record:
    """What stands at a position. Bytes that this build cannot read never raise: see Unreadable."""
    return Record(
        position=position,
        workflow_id=workflow_id,
        digest=sha256(stored).hexdigest(),
        body=decode(workflow_id, stored),
    )


def decode(
    workflow_id: str, stored: bytes, upcasts: Mapping[str, Upcast] = UPCASTS
) -> Commit | Unreadable:
    """The commit in stored bytes; events under retired tags are brought up to date."""
    try:
        commit = _decode(stored)
    except _UNDECODABLE as fault:
        return _decode_old(workflow_id, stored, upcasts, str(fault))
    return _of_its_workflow(workflow_id, stored, commit)


def _of_its_workflow(workflow_id: str, stored: bytes, commit: Commit) -> Commit | Unreadable:
    if commit.workflow_id == workflow_id:
        return commit
    return unreadable(workflow_id, stored, f"a commit of workflow {commit.workflow_id}")


def _decode_old(
    workflow_id: str, stored: bytes, upcasts: Mapping[str, Upcast], fault: str
) -> Commit | Unreadable:
    if upcasts:
        try:
            raw = msgspec.json.decode(stored, type=dict[str, Any])
            raw["events"] = [_upcast(event, upcasts) for event in raw["events"]]
            commit = msgspec.convert(raw, Commit)
        except _UNDECODABLE as old_fault:
            fault = str(old_fault)
        else:
            return _of_its_workflow(workflow_id, stored, commit)
    return unreadable(workflow_id, stored, fault)


def _upcast(event: dict[str, Any], upcasts: Mapping[str, Upcast]) -> dict[str, Any]:
    while (step := upcasts.get(event["type"])) is not None:
        event = step(event)
    return event


def unreadable(workflow_id: str, stored: bytes, problem: str) -> Unreadable:
    return Unreadable(
        workflow_id=workflow_id, problem=f"cannot read a stored commit: {problem}", stored=stored
    )


def commit_id_of(stored: bytes) -> str | None:
    """The id of a stored commit, also of one that this build cannot read otherwise."""
    try:
        return _decode_name(stored).commit_id
    except _UNDECODABLE:
        return None
