"""The scheduler's state as a fold of the log: queues, timers, children and what is owed to others.

Only events count, never definitions; so the same commits give the same state, from the first one
or from a checkpoint on.
"""

from collections.abc import Callable, Mapping
from typing import Any

from firmus.scheduler import children, fold_again, fold_tasks
from firmus.scheduler.fold_again import beginning
from firmus.scheduler.holdings import Holdings
from firmus.scheduler.rows import Flow, Moment, Shard
from firmus_contracts import events as ev
from firmus_contracts.envelope import Commit, Record, Unreadable
from firmus_contracts.statuses import WorkflowStatus

INDEX_BITS = 16
ORDER_MASK = (1 << 63) - 1
"""An order is the position and the index of the event in its commit; the epochs of a position wrap
around, so that it fits a checkpoint's integers.
"""


class Fold(Holdings):
    """What a scheduler knows, and how commits change it."""

    def apply(self, record: Record) -> None:
        """Folds one commit; one that was folded before changes nothing."""
        self.read_to = max(self.read_to, record.position)
        shard = self.shard_of(record.workflow_id)
        if shard is None or record.position <= shard.position:
            return
        shard.position = record.position
        shard.changes += 1
        self.commits += 1
        body = record.body
        if isinstance(body, Unreadable):
            self.halt(shard, record.workflow_id, body.problem)
            return
        if self.owed:
            for cause in body.causes:
                self.owed.pop(cause.command_id, None)
        flow, first = self._flow(shard, body)
        if flow is None:
            return
        self.events += len(body.events)
        version = body.first_version + first
        order = ((record.position << INDEX_BITS) & ORDER_MASK) + first
        for event in body.events[first:] if first else body.events:
            handler = _HANDLERS.get(type(event))
            if handler is not None:
                handler(self, shard, flow, event, Moment(body.time_ms, version, order))
            version += 1
            order += 1
        flow.version = version - 1
        if flow.canceled:
            self._stop_canceled(shard, flow, body)

    def _flow(self, shard: Shard, commit: Commit) -> tuple[Flow | None, int]:
        """The open workflow that a commit belongs to, and the index of its first event that counts;
        None when nothing of it matters here.
        """
        workflow_id = commit.workflow_id
        flow = shard.flows.get(workflow_id)
        if flow is None:
            first = beginning(commit)
            if first is None or workflow_id in shard.halted:
                return None, 0
            version = commit.first_version + first - 1
            flow = shard.flows[workflow_id] = Flow(workflow_id, version, commit.time_ms)
            return flow, first
        if commit.first_version != flow.version + 1:
            problem = f"version {commit.first_version} follows {flow.version}"
            self.halt(shard, workflow_id, problem)
            return None, 0
        return flow, 0

    def _stop_canceled(self, shard: Shard, flow: Flow, commit: Commit) -> None:
        """A canceled row's child ends with the row, where the workflow goes on without it (a
        TRY_CATCH, say). One that is about to end says why it does when it has.
        """
        if flow.workflow_id not in shard.flows or isinstance(commit.events[-1], ev.DecisionSplit):
            return
        for child_id in dict.fromkeys(flow.canceled):
            reason = children.TASK_CANCELED
            since = flow.since.get(child_id, 0)
            self.owe(children.StopChild(flow.workflow_id, flow.version, child_id, reason, since))
        flow.canceled = ()


_Handler = Callable[[Holdings, Shard, Flow, Any, Moment], None]


def _started(
    known: Holdings, _shard: Shard, flow: Flow, event: ev.WorkflowStarted, at: Moment
) -> None:
    flow.parent_workflow_id = event.parent_workflow_id
    flow.parent_task_id = event.parent_task_id
    flow.clock_ms = at.now_ms
    if event.timeout_s > 0 and event.timeout_policy == "TIME_OUT_WF":
        flow.timeout_s = event.timeout_s
        known.timeline.arm(flow, flow.deadline_ms())
    if event.gate is not None:
        flow.gate, flow.slots = event.gate, event.slots
        flow.held = at.order if event.held else 0
        known.lines.joined(flow)


def _released(
    known: Holdings, _shard: Shard, flow: Flow, _event: ev.WorkflowReleased, _at: Moment
) -> None:
    known.lines.released(flow)


def _paused(
    _known: Holdings, _shard: Shard, flow: Flow, _event: ev.WorkflowPaused, _at: Moment
) -> None:
    flow.paused = True


def _resumed(
    known: Holdings, _shard: Shard, flow: Flow, _event: ev.WorkflowResumed, at: Moment
) -> None:
    """The workflow timeout starts anew (spec 5.2), and deadlines of tasks count again."""
    flow.paused = False
    flow.clock_ms = at.now_ms
    known.timeline.arm(flow, flow.deadline_ms())
    for row in flow.rows.values():
        known.timeline.arm(row, row.deadline_ms())


def _workflow_ended(
    known: Holdings,
    shard: Shard,
    flow: Flow,
    event: ev.WorkflowCompleted | ev.WorkflowFailed | ev.WorkflowTimedOut | ev.WorkflowTerminated,
    at: Moment,
) -> None:
    workflow_id = flow.workflow_id
    open_children = [row.child_id for row in flow.rows.values() if row.child_id and row.is_parent]
    reason = children.reason_to_stop(_ENDS[type(event)], event.reason)
    for child_id in dict.fromkeys([*flow.canceled, *open_children]):
        since = flow.since.get(child_id, 0)
        known.owe(children.StopChild(workflow_id, at.version, child_id, reason, since))
    for told in children.to_tell(flow, at.version):
        known.owe(told)
    if not isinstance(event, ev.WorkflowCompleted) and event.failure_workflow is not None:
        known.owe(children.StartFailure(workflow_id, at.version, event.failure_workflow))
    known.close(shard, flow)


def _removed(
    known: Holdings, shard: Shard, flow: Flow, _event: ev.WorkflowRemoved, at: Moment
) -> None:
    """One removed while it ran: its parent hears of it, its children go on alone (spec 5.9)."""
    if flow.workflow_id not in shard.flows:  # it ended in this very commit
        return
    for told in children.to_tell(flow, at.version):
        known.owe(told)
    known.close(shard, flow)


def _upgraded(
    known: Holdings, _shard: Shard, flow: Flow, event: ev.WorkflowUpgraded, _at: Moment
) -> None:
    flow.timeout_s = event.timeout_s if event.timeout_policy == "TIME_OUT_WF" else 0
    known.timeline.disarm(flow)
    if flow.timeout_s:
        known.timeline.arm(flow, flow.deadline_ms())


def _split(
    known: Holdings, _shard: Shard, flow: Flow, _event: ev.DecisionSplit, at: Moment
) -> None:
    known.owe(children.GoOn(flow.workflow_id, at.version))


def _followed(
    _known: Holdings, _shard: Shard, flow: Flow, event: ev.WorkflowFollowed, _at: Moment
) -> None:
    flow.followers = (*flow.followers, event.task_id)


def _state_event(
    known: Holdings, _shard: Shard, flow: Flow, _event: ev.StateEventRaised, at: Moment
) -> None:
    """Owed until a commit names the effect's command as its cause."""
    known.owe(children.SendStateEvent(flow.workflow_id, at.version))


_ENDS: Mapping[type[Any], WorkflowStatus] = {
    ev.WorkflowCompleted: WorkflowStatus.COMPLETED,
    ev.WorkflowFailed: WorkflowStatus.FAILED,
    ev.WorkflowTimedOut: WorkflowStatus.TIMED_OUT,
    ev.WorkflowTerminated: WorkflowStatus.TERMINATED,
}

_HANDLERS: Mapping[type[Any], _Handler] = {
    **fold_tasks.HANDLERS,
    **fold_again.HANDLERS,
    ev.WorkflowStarted: _started,
    ev.WorkflowReleased: _released,
    ev.WorkflowPaused: _paused,
    ev.WorkflowResumed: _resumed,
    ev.WorkflowCompleted: _workflow_ended,
    ev.WorkflowFailed: _workflow_ended,
    ev.WorkflowTimedOut: _workflow_ended,
    ev.WorkflowTerminated: _workflow_ended,
    ev.WorkflowRemoved: _removed,
    ev.WorkflowUpgraded: _upgraded,
    ev.DecisionSplit: _split,
    ev.WorkflowFollowed: _followed,
    ev.StateEventRaised: _state_event,
}
