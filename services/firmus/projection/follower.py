"""Follower: takes the log's batches, keeps the states, hands rows and public events on.

The live projection and a rebuild are both one, with and without EVENTS.
"""

import asyncio
import logging

from firmus.eventlog.port import EventLog
from firmus.ports import Stopped
from firmus.projection.cursors import RowsCursor
from firmus.projection.fold import CannotFollow, fold_record
from firmus.projection.publication import DEFAULT_SOURCE
from firmus.projection.publisher import Outgoing, Resumed
from firmus.projection.rows import Classifiers, RowBuffer
from firmus.projection.states import RecentStates
from firmus.workflow.masking import NOTHING
from firmus_contracts.envelope import Commit, Record
from firmus_contracts.events import WorkflowRestarted, WorkflowStarted, WorkflowUpgraded

_PINNING = frozenset({"restart_workflow", "upgrade_workflow"})
CHUNK = 64
"""Commits taken in one go; then the loop gets its turn and public events leave."""

_log = logging.getLogger(__name__)


class Follower:
    """`applied` is the last commit taken. `rows` None collects no rows, else those of commits above
    the position `rows_after`. `resumed` None publishes nothing. `quiet` leaves the log lines about
    stopped workflows to somebody else. `classifiers` know what public events must hide.
    """

    def __init__(
        self,
        log: EventLog,
        *,
        rows: RowBuffer | None,
        resumed: Resumed | None = None,
        source: str = DEFAULT_SOURCE,
        quiet: bool = False,
        classifiers: Classifiers | None = None,
    ) -> None:
        self.rows = rows
        self.rows_after = 0
        self.applied = RowsCursor()
        self.turn = asyncio.Lock()
        self._states = RecentStates(log)
        self._published = None if resumed is None else resumed.cursor
        self._skip = 0 if resumed is None else resumed.skip
        self._source = source
        self._quiet = quiet
        self._classifiers = classifiers
        self._masked: dict[str, frozenset[str]] = {}
        self._stopped: set[str] = set()

    def collect_rows(self, classifiers: Classifiers) -> None:
        """From here on: a read model that reflects all up to `applied` is the one in use."""
        self.rows_after = self.applied.position
        if self.rows is None:
            self.rows = RowBuffer(classifiers)

    async def take(self, chunk: list[Record]) -> list[Outgoing]:
        """Applies records in log order; the public events they are, ready to be sent."""
        out: list[Outgoing] = []
        async with self.turn:
            faults = await self._states.load(chunk)
            if self._published is not None and self._classifiers is not None:
                self._masked = await self._classifiers.masked(self._definitions(chunk))
            for record in chunk:
                self._apply(record, faults, out)
            last = chunk[-1]
            self.applied = RowsCursor(last.position, last.workflow_id, last.digest)
            self._states.trim()
        return out

    def _definitions(self, chunk: list[Record]) -> set[str]:
        """The hashes of the definitions that the workflows of a chunk run."""
        found = set()
        for record in chunk:
            state = self._states.get(record.workflow_id)
            if state is not None:
                found.add(state.definition_hash)
            if isinstance(record.body, Commit):
                found |= _pinned_by(record.body)
        return found

    def _names(self, definition_hash: str) -> frozenset[str]:
        return NOTHING if self._classifiers is None else self._masked[definition_hash]

    def _apply(self, record: Record, faults: dict[str, CannotFollow], out: list[Outgoing]) -> None:
        workflow_id = record.workflow_id
        if workflow_id in self._stopped:
            return
        fault = faults.get(workflow_id)
        if fault is not None:
            self._stop(record, fault)
            return
        try:
            folded = fold_record(
                self._states.get(workflow_id),
                record,
                published=self._published,
                source=self._source,
                masked=self._names,
            )
        except CannotFollow as found:
            self._stop(record, found)
            return
        self._states.put(folded.state)
        if self.rows is not None and record.position > self.rows_after:
            self.rows.add(folded.state, folded.touched)
        for version, event in folded.published:
            if self._skip:
                self._skip -= 1
            else:
                out.append(Outgoing(event, record.position, version))

    def _stop(self, record: Record, fault: CannotFollow) -> None:
        self._stopped.add(record.workflow_id)
        if not self._quiet:
            _log.error(
                "workflow %s cannot be followed past log position %d and stops there: %s",
                record.workflow_id,
                record.position,
                fault,
            )
        if self.rows is not None and record.position > self.rows_after:
            self.rows.stop(Stopped(record.workflow_id, record.position, str(fault)))


def _pinned_by(commit: Commit) -> set[str]:
    """The definitions that a commit's workflow runs from then on: those of a start, a restart or an
    upgrade.
    """
    if commit.first_version > 1 and not any(cause.kind in _PINNING for cause in commit.causes):
        return set()
    return {
        event.definition_hash
        for event in commit.events
        if isinstance(event, WorkflowStarted | WorkflowRestarted | WorkflowUpgraded)
    }
