"""What the log of a run must show, and what must follow from it."""

import sqlite3
from collections import Counter, defaultdict
from contextlib import aclosing, closing
from pathlib import Path

import nats.errors

from firmus.broker.connection import Connection
from firmus.eventlog import chain
from firmus.eventlog.jetstream import JetStreamLog
from firmus.projection.cursors import EventsCursor
from firmus.projection.fold import fold_record
from firmus.projection.folder import ReadModelFolder
from firmus.projection.publication import DEFAULT_SOURCE
from firmus.projection.views import (
    PLAIN_CLASSIFIER,
    TASK_COLUMNS,
    WORKFLOW_COLUMNS,
    Row,
    task_row,
    workflow_row,
)
from firmus.workflow.state import WorkflowState
from firmus_contracts import events as ev
from firmus_contracts.envelope import Record
from firmus_contracts.public_events import PublicEvent
from firmus_contracts.subjects import EVENTS_STREAM

SILENCE_S = 15.0


class Ledger:
    """The whole log, folded while it is read."""

    def __init__(self) -> None:
        self.states: dict[str, WorkflowState] = {}
        self.records: defaultdict[str, list[Record]] = defaultdict(list)
        self.touched: defaultdict[str, dict[int, int]] = defaultdict(dict)
        self.published: list[PublicEvent] = []
        self.position = 0

    async def follow(self, log: JetStreamLog) -> None:
        """Reads from the beginning, for ever."""
        async with aclosing(log.follow(after=0)) as batches:  # type: ignore[type-var]  # a generator
            async for batch in batches:
                for record in batch:
                    self._take(record)

    def _take(self, record: Record) -> None:
        assert record.position > self.position, "the log was not read in order"
        folded = fold_record(
            self.states.get(record.workflow_id),
            record,
            published=EventsCursor(),
            source=DEFAULT_SOURCE,
        )
        self.states[record.workflow_id] = folded.state
        self.records[record.workflow_id].append(record)
        self.touched[record.workflow_id] |= folded.touched
        self.published += [event for _, event in folded.published]
        self.position = record.position

    @property
    def open(self) -> list[str]:
        return [key for key, state in self.states.items() if not state.status.terminal]

    def check_histories(self) -> None:
        """Versions 1..n without a gap, each commit named by the next one's hash, and no attempt at
        a task made, begun or ended twice.
        """
        for workflow_id, records in self.records.items():
            assert chain.verify(records) is None, workflow_id
            events = [event for record in records for event in record.commit.events]
            assert len(events) == self.states[workflow_id].version
            made = [event for event in events if isinstance(event, ev.TaskScheduled)]
            attempts = Counter((it.ref, it.iteration, it.retry_count) for it in made)
            assert set(attempts.values()) == {1}, (workflow_id, attempts)
            for kind in (ev.TaskScheduled, ev.TaskBegun, ev.TaskCompleted, ev.TaskFailed):
                rows = Counter(event.ordinal for event in events if isinstance(event, kind))
                if kind is ev.TaskBegun:  # once more after each time that it was given back
                    back = (event for event in events if isinstance(event, ev.TaskRequeued))
                    rows.subtract(event.ordinal for event in back)
                assert max(rows.values(), default=0) <= 1, (workflow_id, kind)

    def check_children(self) -> None:
        """Each sub-workflow task has one child, each child the task that asked for it."""
        wanted = {
            row.child_id
            for state in self.states.values()
            for row in state.tasks.values()
            if row.made.task_type == "SUB_WORKFLOW"
        }
        born = {key for key, state in self.states.items() if state.parent_workflow_id}
        assert born == wanted


async def stored_events(connection: Connection, number: int) -> list[PublicEvent]:
    """The first `number` messages of EVENTS; fewer when no more come."""
    found: list[PublicEvent] = []
    subscription = await connection.jetstream().subscribe(
        ">",
        stream=EVENTS_STREAM,
        ordered_consumer=True,
        pending_msgs_limit=-1,
        pending_bytes_limit=-1,
    )
    try:
        while len(found) < number:
            message = await subscription.next_msg(SILENCE_S)
            found.append(PublicEvent(message.subject, dict(message.headers or {}), message.data))
    except (TimeoutError, nats.errors.TimeoutError):
        pass
    finally:
        await subscription.unsubscribe()
    return found


def check_events(stored: list[PublicEvent], wanted: list[PublicEvent]) -> None:
    """Every public event once, in log order, as the fold says it."""
    ids = [event.headers["ce-id"] for event in stored]
    assert ids == [event.headers["ce-id"] for event in wanted]
    for found, expected in zip(stored, wanted, strict=True):
        assert (found.subject, bytes(found.body)) == (expected.subject, bytes(expected.body))
        assert {key: found.headers.get(key) for key in expected.headers} == expected.headers


def check_read_model(folder: Path, ledger: Ledger) -> None:
    """The rows are what a fold of the whole log makes them. The projection must have ended."""
    number = ReadModelFolder(folder).current()
    assert number is not None
    with closing(sqlite3.connect(ReadModelFolder(folder).file(number))) as database:
        workflows = database.execute(f"SELECT {', '.join(WORKFLOW_COLUMNS)} FROM workflows")
        tasks = database.execute(f"SELECT {', '.join(TASK_COLUMNS)} FROM tasks")
        check_rows(list(workflows), list(tasks), ledger)


def check_rows(workflows: list[Row], tasks: list[Row], ledger: Ledger) -> None:
    assert {row[0]: row for row in workflows} == {
        key: workflow_row(state, PLAIN_CLASSIFIER) for key, state in ledger.states.items()
    }
    made = [
        task_row(ledger.states[key], ledger.states[key].tasks[ordinal], version)
        for key, touched in ledger.touched.items()
        for ordinal, version in touched.items()
    ]
    assert {row[0]: row for row in tasks} == {row[0]: row for row in made}
