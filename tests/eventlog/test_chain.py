from collections.abc import Callable

import pytest
from tests.eventlog.contract import append_many, commit, new_workflow

from firmus.eventlog import codec
from firmus.eventlog.chain import verify
from firmus.eventlog.memory import MemoryLog
from firmus_contracts import events as ev
from firmus_contracts.envelope import Commit, Record


async def history(count: int = 4) -> list[Record]:
    log = MemoryLog()
    workflow_id = new_workflow()
    await append_many(log, workflow_id, count)
    return await log.read(workflow_id)


def altered(records: list[Record]) -> list[Record]:
    """The second commit says something else; all else is untouched."""
    old = records[1]
    body = commit(old.workflow_id, 2, ev.WorkflowPaused(), previous=old.commit.previous)
    return [records[0], stored_as(old, body), *records[2:]]


def stored_as(old: Record, body: Commit) -> Record:
    return codec.record(old.position, old.workflow_id, codec.encode(body).stored)


def emptied(records: list[Record]) -> list[Record]:
    old = records[3]
    body = commit(old.workflow_id, 4, previous=old.commit.previous)
    return [*records[:3], stored_as(old, body)]


def unreadable(records: list[Record]) -> list[Record]:
    return [*records[:3], codec.record(9, records[0].workflow_id, b"?")]


async def test_a_whole_history_holds() -> None:
    records = await history()
    assert verify(records) is None
    assert verify([]) is None
    first = records[0]
    assert verify(records[1:], version=1, digest=first.digest) is None


@pytest.mark.parametrize(
    ("change", "broken_at"),
    [
        (altered, 3),
        (emptied, 4),
        (unreadable, 9),
        (lambda records: records[1:], 2),
        (lambda records: [records[0], *records[2:]], 3),
        (lambda records: [records[0], records[0], *records[1:]], 1),
        (lambda records: [records[1], records[0]], 2),
    ],
)
async def test_a_changed_history_is_found_out(
    change: Callable[[list[Record]], list[Record]], broken_at: int
) -> None:
    broken = verify(change(await history()))
    assert broken is not None
    assert broken.position == broken_at


async def test_a_commit_of_another_workflow_breaks_the_chain() -> None:
    ours, theirs = await history(2), await history(2)
    broken = verify([ours[0], theirs[1]])
    assert broken is not None
    assert theirs[1].workflow_id in broken.problem
