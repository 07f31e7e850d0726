"""The hash chain: proof that a workflow's history is whole and unchanged."""

from collections.abc import Iterable

import msgspec

from firmus_contracts.envelope import Record, Unreadable


class Broken(msgspec.Struct, frozen=True):
    """The first place where a history does not hold together."""

    position: int
    problem: str


def verify(records: Iterable[Record], *, version: int = 0, digest: str = "") -> Broken | None:
    """None when versions follow without gaps and every commit names the one before it by its hash.

    `records` are of one workflow, in order, from its beginning, or from after the commit whose last
    `version` and `digest` are given. A change in the last commit shows once another one follows.
    """
    last_position = 0
    workflow_id = None
    for record in records:
        workflow_id = workflow_id or record.workflow_id
        problem = None
        if record.workflow_id != workflow_id:
            problem = f"belongs to workflow {record.workflow_id}, not {workflow_id}"
        elif record.position <= last_position:
            problem = f"position {record.position} after {last_position}"
        elif isinstance(record.body, Unreadable):
            problem = record.body.problem
        elif record.body.first_version != version + 1:
            problem = f"version {record.body.first_version} after {version}"
        elif not record.body.events:
            problem = "a commit without events"
        elif record.body.previous != digest:
            problem = f"names {record.body.previous!r} as the commit before it, which is {digest!r}"
        if problem is not None:
            return Broken(record.position, problem)
        last_position, version, digest = record.position, record.commit.last_version, record.digest
    return None
