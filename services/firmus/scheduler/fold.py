"""The scheduler's state as a fold of the log: queues, timers, children and what is owed to others.

Only events count, never definitions; so the same commits give the same state, from the first one
or from a checkpoint on.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from firmus.scheduler import children
from firmus.scheduler.children import Effect
from firmus.scheduler.queues import Queues
from firmus.scheduler.rows import Flow, Row, Timed, WorkflowId
from firmus.scheduler.timeline import Timeline
from firmus_contracts import events as ev
from firmus_contracts import ids
from firmus_contracts.envelope import Commit, Record, Unreadable
from firmus_contracts.statuses import TaskStatus, WorkflowStatus

INDEX_BITS = 16
ORDER_MASK = (1 << 63) - 1
"""An order is the position and the index of the event in its commit; the epochs of a position wrap
around, so that it fits a checkpoint's integers.
"""


class Shard(msgspec.Struct, gc=False, eq=False):
    """The open workflows of one shard. `position` is that of the last commit that was folded.

    `halted` names workflows with a commit that this build could not read: nothing more happens to
    them here, loudly.
    """

    position: int = 0
    changes: int = 0
    flows: dict[WorkflowId, Flow] = {}
    halted: set[WorkflowId] = set()


class Fold:
    """All that one scheduler knows. `owed` are effects by command id, in the order of their making,
    `fresh` those not yet looked at by the service; `halts` problems not yet reported. `read_to` is
    the position up to which the log was read, commits of foreign shards included.
    """

    def __init__(self, shard_count: int, owned: Iterable[int]) -> None:
        self._shard_count = shard_count
        self.shards = {number: Shard() for number in owned}
        self.queues = Queues()
        self.children = Queues()
        self.timeline = Timeline(self.deadline_ms)
        self.owed: dict[str, Effect] = {}
        self.fresh: list[Effect] = []
        self.halts: list[str] = []
        self.commits = 0
        self.events = 0
        self.read_to = 0
        self._timeouts: dict[ev.Timeouts, ev.Timeouts] = {}

    def shard_of(self, workflow_id: WorkflowId) -> Shard | None:
        """The shard of a workflow or task id; None when another scheduler has it."""
        return self.shards.get(ids.shard_of(workflow_id, self._shard_count))

    def row(self, task_id: str) -> Row | None:
        """An open task of ours."""
        shard = self.shard_of(task_id)
        flow = shard.flows.get(ids.workflow_of(task_id)) if shard else None
        return flow.rows.get(ids.ordinal_of(task_id)) if flow else None

    def knows_over(self, workflow_id: WorkflowId) -> bool:
        """Whether a workflow is ours and not open: it ended, or never began."""
        shard = self.shard_of(workflow_id)
        return shard is not None and workflow_id not in shard.flows

    def deadline_ms(self, item: Timed) -> int:
        """What counts now; in a paused workflow only its own timeout and the end of a WAIT do."""
        if isinstance(item, Row) and item.timeouts is not None:
            shard = self.shard_of(item.workflow_id)
            flow = shard.flows.get(item.workflow_id) if shard else None
            if flow is None or flow.paused:
                return item.waits_ms
        return item.deadline_ms()

    def counters(self) -> dict[str, int]:
        """What it has read, and how much waits now."""
        lanes = self.queues.lanes.values()
        return {
            "commits_folded": self.commits,
            "events_folded": self.events,
            "tasks_waiting": sum(lane.waiting for lane in lanes),
            "tasks_in_flight": sum(lane.in_flight + lane.handing for lane in lanes),
            "timers_pending": self.timeline.live,
            "effects_owed": len(self.owed),
        }

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
            self._halt(shard, record.workflow_id, body.problem)
            return
        if self.owed:
            for cause in body.causes:
                self.owed.pop(cause.command_id, None)
        flow = self._flow(shard, body)
        if flow is None:
            return
        self.events += len(body.events)
        version = body.first_version
        order = (record.position << INDEX_BITS) & ORDER_MASK
        for event in body.events:
            handler = _HANDLERS.get(type(event))
            if handler is not None:
                handler(self, shard, flow, event, _Moment(body.time_ms, version, order))
            version += 1
            order += 1
        flow.version = version - 1
        if flow.canceled:
            self._stop_canceled(shard, flow, body)

    def _flow(self, shard: Shard, commit: Commit) -> Flow | None:
        """The open workflow that a commit belongs to; None when nothing of it matters here."""
        workflow_id = commit.workflow_id
        flow = shard.flows.get(workflow_id)
        if flow is None:
            first = commit.events[0] if commit.events else None
            if not isinstance(first, ev.WorkflowStarted) or workflow_id in shard.halted:
                return None
            flow = shard.flows[workflow_id] = Flow(workflow_id, 0, commit.time_ms)
        if commit.first_version != flow.version + 1:
            problem = f"version {commit.first_version} follows {flow.version}"
            self._halt(shard, workflow_id, problem)
            return None
        return flow

    def _stop_canceled(self, shard: Shard, flow: Flow, commit: Commit) -> None:
        """A canceled row's child ends with the row, where the workflow goes on without it (a
        TRY_CATCH, say). One that is about to end says why it does when it has.
        """
        if flow.workflow_id not in shard.flows or isinstance(commit.events[-1], ev.DecisionSplit):
            return
        for child_id in dict.fromkeys(flow.canceled):
            reason = children.TASK_CANCELED
            self.owe(children.StopChild(flow.workflow_id, flow.version, child_id, reason))
        flow.canceled = ()

    def owe(self, effect: Effect) -> None:
        self.owed[effect.command_id] = effect
        self.fresh.append(effect)

    def same(self, timeouts: ev.Timeouts | None) -> ev.Timeouts | None:
        """One object for equal timeouts: there are few, in very many rows."""
        return None if timeouts is None else self._timeouts.setdefault(timeouts, timeouts)

    def drop(self, row: Row) -> None:
        """Takes a task out of queues and timeline."""
        if row.queued:
            self.queues.ended(row)
        elif row.child_id is not None:
            self.children.ended(row)
        self.timeline.disarm(row)

    def close(self, shard: Shard, flow: Flow) -> None:
        """Forgets a workflow and its tasks."""
        for row in flow.rows.values():
            self.drop(row)
        flow.rows.clear()
        self.timeline.disarm(flow)
        shard.flows.pop(flow.workflow_id, None)

    def _halt(self, shard: Shard, workflow_id: WorkflowId, problem: str) -> None:
        flow = shard.flows.get(workflow_id)
        if flow is not None:
            self.close(shard, flow)
        shard.halted.add(workflow_id)
        self.halts.append(f"workflow {workflow_id} stops here: {problem}")


class _Moment(msgspec.Struct, frozen=True, gc=False):
    """When an event happened, its version, and its place in the log."""

    now_ms: int
    version: int
    order: int


_Handler = Callable[[Fold, Shard, Flow, Any, _Moment], None]


def _started(fold: Fold, _shard: Shard, flow: Flow, event: ev.WorkflowStarted, at: _Moment) -> None:
    flow.parent_workflow_id = event.parent_workflow_id
    flow.parent_task_id = event.parent_task_id
    flow.clock_ms = at.now_ms
    if event.timeout_s > 0 and event.timeout_policy == "TIME_OUT_WF":
        flow.timeout_s = event.timeout_s
        fold.timeline.arm(flow, flow.deadline_ms())


def _paused(
    _fold: Fold, _shard: Shard, flow: Flow, _event: ev.WorkflowPaused, _at: _Moment
) -> None:
    flow.paused = True


def _resumed(
    fold: Fold, _shard: Shard, flow: Flow, _event: ev.WorkflowResumed, at: _Moment
) -> None:
    """The workflow timeout starts anew (spec 5.2), and deadlines of tasks count again."""
    flow.paused = False
    flow.clock_ms = at.now_ms
    fold.timeline.arm(flow, flow.deadline_ms())
    for row in flow.rows.values():
        fold.timeline.arm(row, row.deadline_ms())


def _workflow_ended(
    fold: Fold,
    shard: Shard,
    flow: Flow,
    event: ev.WorkflowCompleted | ev.WorkflowFailed | ev.WorkflowTimedOut | ev.WorkflowTerminated,
    at: _Moment,
) -> None:
    workflow_id = flow.workflow_id
    open_children = [row.child_id for row in flow.rows.values() if row.child_id and row.is_parent]
    reason = children.reason_to_stop(_ENDS[type(event)], event.reason)
    for child_id in dict.fromkeys([*flow.canceled, *open_children]):
        fold.owe(children.StopChild(workflow_id, at.version, child_id, reason))
    if flow.parent_workflow_id and flow.parent_task_id:
        fold.owe(
            children.ChildEnded(
                workflow_id, at.version, flow.parent_workflow_id, flow.parent_task_id
            )
        )
    if not isinstance(event, ev.WorkflowCompleted) and event.failure_workflow is not None:
        fold.owe(children.StartFailure(workflow_id, at.version, event.failure_workflow))
    fold.close(shard, flow)


def _removed(fold: Fold, shard: Shard, flow: Flow, _event: ev.WorkflowRemoved, at: _Moment) -> None:
    """One removed while it ran: its parent hears of it, its children go on alone (spec 5.9)."""
    if flow.workflow_id not in shard.flows:  # it ended in this very commit
        return
    if flow.parent_workflow_id and flow.parent_task_id:
        told = (flow.parent_workflow_id, flow.parent_task_id)
        fold.owe(children.ChildEnded(flow.workflow_id, at.version, *told))
    fold.close(shard, flow)


def _split(fold: Fold, _shard: Shard, flow: Flow, _event: ev.DecisionSplit, at: _Moment) -> None:
    fold.owe(children.GoOn(flow.workflow_id, at.version))


def _scheduled(fold: Fold, _shard: Shard, flow: Flow, event: ev.TaskScheduled, at: _Moment) -> None:
    if event.retried is not None:
        superseded = flow.rows.pop(event.retried, None)
        if superseded is not None:
            fold.drop(superseded)
    is_child = event.child_id is not None and not event.queued
    waits_ms = event.deadline_ms or 0
    plain = event.timeouts is None and waits_ms == 0 and not is_child and not event.queued
    if plain or event.status.terminal:
        return
    in_progress = event.status is TaskStatus.IN_PROGRESS
    row = Row(
        workflow_id=flow.workflow_id,
        ordinal=event.ordinal,
        task_type=sys.intern(event.task_type),
        domain=sys.intern(event.domain) if event.domain else None,
        queued=event.queued,
        priority=event.priority,
        scheduled_ms=at.now_ms,
        first_scheduled_ms=event.first_scheduled_ms or at.now_ms,
        updated_ms=at.now_ms,
        start_delay_s=event.start_delay_s,
        callback_after_s=event.callback_after_s,
        timeouts=fold.same(event.timeouts),
        waits_ms=waits_ms,
        child_id=event.child_id,
        in_progress=in_progress,
        begun=in_progress,
        start_ms=at.now_ms if in_progress else 0,
    )
    flow.rows[event.ordinal] = row
    if event.queued or is_child:
        queues = fold.queues if event.queued else fold.children
        if in_progress:
            queues.begun(row)
        else:
            due_ms = at.now_ms + event.delay_ms
            queues.enqueue(row, order=at.order, due_ms=due_ms, delayed=event.delay_ms > 0)
    if row.timeouts is not None or waits_ms:
        fold.timeline.arm(row, row.deadline_ms())


def _begun(fold: Fold, _shard: Shard, flow: Flow, event: ev.TaskBegun, at: _Moment) -> None:
    row = flow.rows.get(event.ordinal)
    if row is None:
        return
    if row.order:
        (fold.queues if row.queued else fold.children).begun(row)
    row.in_progress = True
    row.begun = True
    row.start_ms = row.start_ms or at.now_ms
    row.updated_ms = at.now_ms
    row.callback_after_s = 0
    if row.timeouts is not None:
        fold.timeline.arm(row, row.deadline_ms())


def _updated(fold: Fold, _shard: Shard, flow: Flow, event: ev.TaskUpdated, at: _Moment) -> None:
    """Progress of a worker's task puts it back into its queue (spec 4.5 step 5, 9.3)."""
    row = flow.rows.get(event.ordinal)
    if row is None:
        return
    row.updated_ms = at.now_ms
    row.callback_after_s = event.callback_after_s
    if event.requeued:
        row.in_progress = False
        if row.queued:
            fold.queues.put_back(row, at.order, at.now_ms, event.callback_after_s * 1000)
    if row.timeouts is not None:
        fold.timeline.arm(row, row.deadline_ms())


def _requeued(fold: Fold, _shard: Shard, flow: Flow, event: ev.TaskRequeued, at: _Moment) -> None:
    row = flow.rows.get(event.ordinal)
    if row is not None and row.queued:
        fold.queues.put_back(row, at.order, at.now_ms)


def _lease(
    _fold: Fold, _shard: Shard, flow: Flow, event: ev.TaskLeaseExtended, at: _Moment
) -> None:
    """Only makes the response deadline later, which the timeline finds out by itself."""
    row = flow.rows.get(event.ordinal)
    if row is not None:
        row.updated_ms = at.now_ms


def _task_ended(fold: Fold, _shard: Shard, flow: Flow, event: Any, _at: _Moment) -> None:
    row = flow.rows.pop(event.ordinal, None)
    if row is not None:
        fold.drop(row)


def _canceled(fold: Fold, shard: Shard, flow: Flow, event: ev.TaskCanceled, at: _Moment) -> None:
    """A canceled row's child is stopped once it is known whether its parent ends too."""
    row = flow.rows.get(event.ordinal)
    child_id = row.child_id if row is not None and row.is_parent else None
    if row is not None and child_id and not (row.begun and fold.knows_over(child_id)):
        flow.canceled = (*flow.canceled, child_id)
    _task_ended(fold, shard, flow, event, at)


def _state_event(
    fold: Fold, _shard: Shard, flow: Flow, _event: ev.StateEventRaised, at: _Moment
) -> None:
    """Owed until a commit names the effect's command as its cause."""
    fold.owe(children.SendStateEvent(flow.workflow_id, at.version))


_ENDS: Mapping[type[Any], WorkflowStatus] = {
    ev.WorkflowCompleted: WorkflowStatus.COMPLETED,
    ev.WorkflowFailed: WorkflowStatus.FAILED,
    ev.WorkflowTimedOut: WorkflowStatus.TIMED_OUT,
    ev.WorkflowTerminated: WorkflowStatus.TERMINATED,
}

_HANDLERS: Mapping[type[Any], _Handler] = {
    ev.WorkflowStarted: _started,
    ev.WorkflowPaused: _paused,
    ev.WorkflowResumed: _resumed,
    ev.WorkflowCompleted: _workflow_ended,
    ev.WorkflowFailed: _workflow_ended,
    ev.WorkflowTimedOut: _workflow_ended,
    ev.WorkflowTerminated: _workflow_ended,
    ev.WorkflowRemoved: _removed,
    ev.DecisionSplit: _split,
    ev.TaskScheduled: _scheduled,
    ev.TaskBegun: _begun,
    ev.TaskUpdated: _updated,
    ev.TaskLeaseExtended: _lease,
    ev.TaskRequeued: _requeued,
    ev.TaskCompleted: _task_ended,
    ev.TaskCompletedWithErrors: _task_ended,
    ev.TaskFailed: _task_ended,
    ev.TaskTimedOut: _task_ended,
    ev.TaskCanceled: _canceled,
    ev.StateEventRaised: _state_event,
}
