"""The scheduler's state as a fold of the log: queues, timers, children and what is owed to others.

Only events count, never definitions; so the same commits give the same state, from the first one
or from a checkpoint on.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from firmus.scheduler import children, fold_again, fold_tasks
from firmus.scheduler.children import Effect
from firmus.scheduler.fold_again import beginning
from firmus.scheduler.gates import Count, Gates, counted
from firmus.scheduler.lines import Lines
from firmus.scheduler.queues import Queues
from firmus.scheduler.rows import Flow, Moment, Row, Shard, Timed, WorkflowId
from firmus.scheduler.timeline import Timeline
from firmus_contracts import events as ev
from firmus_contracts import ids
from firmus_contracts.envelope import Commit, Record, Unreadable
from firmus_contracts.statuses import WorkflowStatus

INDEX_BITS = 16
ORDER_MASK = (1 << 63) - 1
"""An order is the position and the index of the event in its commit; the epochs of a position wrap
around, so that it fits a checkpoint's integers.
"""


class Fold:
    """All that one scheduler knows. `owed` are effects by command id, in the order of their making,
    `fresh` those not yet looked at by the service; `halts` problems not yet reported. `read_to` is
    the position up to which the log was read, commits of foreign shards included.
    """

    def __init__(self, shard_count: int, owned: Iterable[int]) -> None:
        self._shard_count = shard_count
        self.shards = {number: Shard() for number in owned}
        self.gates = Gates(self._count)
        self.queues = Queues(self.gates)
        self.children = Queues(self.gates)
        self.lines = Lines(shard_count)
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
            "workflows_held": self.lines.held(),
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
            self._halt(shard, workflow_id, problem)
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

    def _count(self, name: str) -> Count:
        rows = (
            row
            for shard in self.shards.values()
            for flow in shard.flows.values()
            for row in flow.rows.values()
        )
        return counted(name, rows, self.queues.handing, self.children.handing)

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
        if flow.gate is not None:
            self.lines.left(flow)
        self.timeline.disarm(flow)
        shard.flows.pop(flow.workflow_id, None)

    def _halt(self, shard: Shard, workflow_id: WorkflowId, problem: str) -> None:
        flow = shard.flows.get(workflow_id)
        if flow is not None:
            self.close(shard, flow)
        shard.halted.add(workflow_id)
        self.halts.append(f"workflow {workflow_id} stops here: {problem}")


_Handler = Callable[[Fold, Shard, Flow, Any, Moment], None]


def _started(fold: Fold, _shard: Shard, flow: Flow, event: ev.WorkflowStarted, at: Moment) -> None:
    flow.parent_workflow_id = event.parent_workflow_id
    flow.parent_task_id = event.parent_task_id
    flow.clock_ms = at.now_ms
    if event.timeout_s > 0 and event.timeout_policy == "TIME_OUT_WF":
        flow.timeout_s = event.timeout_s
        fold.timeline.arm(flow, flow.deadline_ms())
    if event.gate is not None:
        flow.gate, flow.slots = event.gate, event.slots
        flow.held = at.order if event.held else 0
        fold.lines.joined(flow)


def _released(
    fold: Fold, _shard: Shard, flow: Flow, _event: ev.WorkflowReleased, _at: Moment
) -> None:
    fold.lines.released(flow)


def _paused(_fold: Fold, _shard: Shard, flow: Flow, _event: ev.WorkflowPaused, _at: Moment) -> None:
    flow.paused = True


def _resumed(fold: Fold, _shard: Shard, flow: Flow, _event: ev.WorkflowResumed, at: Moment) -> None:
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
    at: Moment,
) -> None:
    workflow_id = flow.workflow_id
    open_children = [row.child_id for row in flow.rows.values() if row.child_id and row.is_parent]
    reason = children.reason_to_stop(_ENDS[type(event)], event.reason)
    for child_id in dict.fromkeys([*flow.canceled, *open_children]):
        since = flow.since.get(child_id, 0)
        fold.owe(children.StopChild(workflow_id, at.version, child_id, reason, since))
    for told in children.to_tell(flow, at.version):
        fold.owe(told)
    if not isinstance(event, ev.WorkflowCompleted) and event.failure_workflow is not None:
        fold.owe(children.StartFailure(workflow_id, at.version, event.failure_workflow))
    fold.close(shard, flow)


def _removed(fold: Fold, shard: Shard, flow: Flow, _event: ev.WorkflowRemoved, at: Moment) -> None:
    """One removed while it ran: its parent hears of it, its children go on alone (spec 5.9)."""
    if flow.workflow_id not in shard.flows:  # it ended in this very commit
        return
    for told in children.to_tell(flow, at.version):
        fold.owe(told)
    fold.close(shard, flow)


def _upgraded(
    fold: Fold, _shard: Shard, flow: Flow, event: ev.WorkflowUpgraded, _at: Moment
) -> None:
    flow.timeout_s = event.timeout_s if event.timeout_policy == "TIME_OUT_WF" else 0
    fold.timeline.disarm(flow)
    if flow.timeout_s:
        fold.timeline.arm(flow, flow.deadline_ms())


def _split(fold: Fold, _shard: Shard, flow: Flow, _event: ev.DecisionSplit, at: Moment) -> None:
    fold.owe(children.GoOn(flow.workflow_id, at.version))


def _followed(
    _fold: Fold, _shard: Shard, flow: Flow, event: ev.WorkflowFollowed, _at: Moment
) -> None:
    flow.followers = (*flow.followers, event.task_id)


def _state_event(
    fold: Fold, _shard: Shard, flow: Flow, _event: ev.StateEventRaised, at: Moment
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
