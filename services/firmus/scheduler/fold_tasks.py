"""What the events of tasks mean to the scheduler's fold."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

from firmus.scheduler import children
from firmus.scheduler.holdings import Holdings
from firmus.scheduler.rows import Flow, Moment, Row, Shard, gate_name
from firmus_contracts import events as ev
from firmus_contracts.statuses import TaskStatus


def scheduled(
    known: Holdings, _shard: Shard, flow: Flow, event: ev.TaskScheduled, at: Moment
) -> None:
    if event.retried is not None:
        superseded = flow.rows.pop(event.retried, None)
        if superseded is not None:
            known.drop(superseded)
    is_child = event.child_id is not None and not event.queued
    waits_ms = event.deadline_ms or 0
    plain = event.timeouts is None and waits_ms == 0 and not is_child and not event.queued
    if plain or event.status.terminal:
        return
    in_progress = event.status is TaskStatus.IN_PROGRESS
    row = Row(
        workflow_id=flow.workflow_id,
        ordinal=event.ordinal,
        task_type=sys.intern(event.queue or event.task_type),
        domain=sys.intern(event.domain) if event.domain else None,
        queued=event.queued,
        priority=event.priority,
        scheduled_ms=at.now_ms,
        first_scheduled_ms=event.first_scheduled_ms or at.now_ms,
        updated_ms=at.now_ms,
        start_delay_s=event.start_delay_s,
        callback_after_s=event.callback_after_s,
        timeouts=known.same(event.timeouts),
        waits_ms=waits_ms,
        child_id=event.child_id,
        in_progress=in_progress,
        begun=in_progress,
        start_ms=at.now_ms if in_progress else 0,
        limits=event.limits,
    )
    if event.task_def_name and event.task_def_name != row.task_type:
        row.def_name = sys.intern(event.task_def_name)
    if event.limits is not None:
        known.gates.bring(gate_name(row), event.limits)
    flow.rows[event.ordinal] = row
    if event.queued or is_child:
        queues = known.queues if event.queued else known.children
        if in_progress:
            queues.begun(row)
        else:
            due_ms = at.now_ms + event.delay_ms
            queues.enqueue(row, order=at.order, due_ms=due_ms, delayed=event.delay_ms > 0)
    if row.timeouts is not None or waits_ms:
        known.timeline.arm(row, row.deadline_ms())


def _begun(known: Holdings, shard: Shard, flow: Flow, event: ev.TaskBegun, at: Moment) -> None:
    row = flow.rows.get(event.ordinal)
    if row is None:
        return
    if row.order:
        (known.queues if row.queued else known.children).begun(row)
        gate = known.gates.of(row) if known.gates.by_name else None
        if gate is not None and gate.limits.hand_outs:
            gate.handed_out(at.now_ms)
            shard.begun.setdefault(gate.name, []).append(at.now_ms)
    if event.child_id is not None:
        row.child_id, row.adopted = event.child_id, event.adopted
        follow = children.FollowChild(flow.workflow_id, at.version, row.task_id, event.child_id)
        known.owe(follow)
    row.in_progress = True
    row.begun = True
    row.start_ms = row.start_ms or at.now_ms
    row.updated_ms = at.now_ms
    row.callback_after_s = 0
    if row.timeouts is not None:
        known.timeline.arm(row, row.deadline_ms())


def _updated(known: Holdings, _shard: Shard, flow: Flow, event: ev.TaskUpdated, at: Moment) -> None:
    """Progress of a worker's task puts it back into its queue (spec 4.5 step 5, 9.3)."""
    row = flow.rows.get(event.ordinal)
    if row is None:
        return
    row.updated_ms = at.now_ms
    row.callback_after_s = event.callback_after_s
    if event.requeued:
        row.in_progress = False
        if row.queued:
            known.queues.put_back(row, at.order, at.now_ms, event.callback_after_s * 1000)
    if row.timeouts is not None:
        known.timeline.arm(row, row.deadline_ms())


def _requeued(
    known: Holdings, _shard: Shard, flow: Flow, event: ev.TaskRequeued, at: Moment
) -> None:
    row = flow.rows.get(event.ordinal)
    if row is not None and row.queued:
        known.queues.put_back(row, at.order, at.now_ms)


def _lease(
    _known: Holdings, _shard: Shard, flow: Flow, event: ev.TaskLeaseExtended, at: Moment
) -> None:
    """Only makes the response deadline later, which the timeline finds out by itself."""
    row = flow.rows.get(event.ordinal)
    if row is not None:
        row.updated_ms = at.now_ms


def _task_ended(known: Holdings, _shard: Shard, flow: Flow, event: Any, _at: Moment) -> None:
    row = flow.rows.pop(event.ordinal, None)
    if row is not None:
        known.drop(row)


def _canceled(
    known: Holdings, shard: Shard, flow: Flow, event: ev.TaskCanceled, at: Moment
) -> None:
    """A canceled row's child is stopped once it is known whether its parent ends too."""
    row = flow.rows.get(event.ordinal)
    child_id = row.child_id if row is not None and row.is_parent else None
    if row is not None and child_id and not (row.begun and known.knows_over(child_id)):
        flow.canceled = (*flow.canceled, child_id)
    _task_ended(known, shard, flow, event, at)


HANDLERS: Mapping[type[Any], Callable[[Holdings, Shard, Flow, Any, Moment], None]] = {
    ev.TaskScheduled: scheduled,
    ev.TaskBegun: _begun,
    ev.TaskUpdated: _updated,
    ev.TaskLeaseExtended: _lease,
    ev.TaskRequeued: _requeued,
    ev.TaskCompleted: _task_ended,
    ev.TaskCompletedWithErrors: _task_ended,
    ev.TaskFailed: _task_ended,
    ev.TaskTimedOut: _task_ended,
    ev.TaskCanceled: _canceled,
    ev.TaskSkipped: _canceled,
}
